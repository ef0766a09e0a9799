"""Card numbers that keep out of the process list: from standard input, from a file, by a test card's name."""

import io
from pathlib import Path

import pytest

from switch.config import load

CARDS = {card.behaviour: card for card in load().card}
PAN = CARDS["approve"].pan


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The number on standard input and in a file."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PAN}\nmore\n"))
    (tmp_path / "number").write_text(f" {PAN} \nmore\n")


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("wanted", ["-", "@number", "approve", PAN])
@pytest.mark.parametrize("option", [["--card"], ["--card", "funds", "--de"]], ids=["card", "de"])
def test_send(monetique, fake_switch, option: list[str], wanted: str) -> None:
    value = f"2={wanted}" if option[-1] == "--de" else wanted
    assert monetique("send", "purchase", "--no-pin", *option, value, "--port", str(fake_switch.port)).status == 0
    assert fake_switch.received[-1].text(2) == PAN


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("wanted", ["-", "@number", "approve", PAN])
@pytest.mark.parametrize("words", [["control", "arm", "--de39", "05", "--card"], ["ocard", "issue", "--max", "10", "--site", "demo-shop", "--card"]])  # fmt: skip # noqa: E501
def test_control_and_ocard(monetique, monkeypatch: pytest.MonkeyPatch, words: list[str], wanted: str) -> None:
    asked = []

    def answer(args, *asking):
        asked.append(asking)
        raise SystemExit(0)

    monkeypatch.setattr("switch.commands.control.ask", answer)
    monkeypatch.setattr("switch.commands.ocard.act", answer)
    monetique(*words, wanted)
    assert PAN in str(asked)


@pytest.mark.parametrize("wanted", ["@none", "-", "@empty", "@binary"])
def test_where_there_is_none(monetique, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xff")
    result = monetique("ocard", "show", wanted)
    assert result.status == 2
    assert "argument VPAN: " in result.err


def test_other_fields_are_taken_as_they_are(monetique, fake_switch) -> None:
    port = str(fake_switch.port)
    assert monetique("send", "purchase", "--no-pin", "--de", "48=@ -", "--port", port).status == 0
    assert fake_switch.received[-1].text(48) == "@ -"
