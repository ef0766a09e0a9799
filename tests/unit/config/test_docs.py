"""docs/test-cards.md says what the shipped data says, and its example works."""

import re
from pathlib import Path

from psec import pin

from switch.config import find_key, issuer_spec, load, switch_spec
from switch.iso8583 import dialect

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "test-cards.md").read_text()
CONFIG = load()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its two head lines."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_table_of_cards_is_true() -> None:
    assert [row[:7] for row in rows("Cards")] == [
        [card.pan, card.expiry, card.cvv2, card.pin, card.issuer or "–", card.behaviour, card.expect]
        for card in CONFIG.card
        if not card.sample
    ]


def test_the_table_of_keys_is_true() -> None:
    assert rows("Keys") == [[key.link, key.type, key.clear, key.kcv] for key in CONFIG.key]


def test_what_the_text_says_of_the_links() -> None:
    acquirers = {link.port: link.institution_id for link in CONFIG.link if link.role == "acquirer"}
    for port, institution_id in acquirers.items():
        assert re.search(rf"{institution_id}\s+on\s+{port}", PAGE)
    assert f"{sum(card.sample for card in CONFIG.card)} cards of its own" in PAGE


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(PAGE.partition("```toml\n")[2].partition("```")[0])
    config = load(file)
    card = config.card[0]
    pvk = bytes.fromhex(find_key(config, "bank", "PVK").clear)
    assert card.pvv == pin.generate_visa_pvv(pvk, card.pvki, card.pin, card.pan)
    assert [spec.pan for spec in issuer_spec(config, "bank").cards] == [card.pan]
    assert {link.name for link in switch_spec(config).links} >= {"shop", "bank"}


def block(page: str, first_words: str) -> str:
    """The TOML example that begins with these words."""
    return first_words + (DOCS / page).read_text().partition(f"```toml\n{first_words}")[2].partition("```")[0]


def test_the_examples_from_nothing_are_right(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(block("integration.md", 'extends = "none"\n'))
    assert [link.name for link in load(file).link] == ["shop", "bank"]
    file.write_text(block("dialects.md", 'extends = "none"'))
    house = dialect.load(file)
    assert (house.name, house.shown) == ("house", {3, 90})
    file.write_text(block("dialects.md", 'extends = "iso87-ascii"'))
    assert dialect.load(file).response_codes["restricted"] == "57"
