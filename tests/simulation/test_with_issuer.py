"""A stranger's client, the switch and the simulated issuer together: what is told to the one is true of the other."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from switch.config.tables import Config
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal, terminal_of
from tests.support.foreign import Doc

Cards = dict[str, dict[str, Any]]
PLENTY = 1_000_000_00


@pytest.fixture
def available(terminal: Terminal, cards: Cards) -> Callable[[], int]:
    """What may be spent on the card `plain`, as its issuer has it."""

    def read() -> int:
        card = cards["plain"]
        return int(terminal.bench.issuers[card["issuer"]].part.ledger.account(card["pan"]).available_cents)

    return read


def after(terminal: Terminal, original: Doc, cents: int, **changes: str) -> Doc:
    """An advice, or with a `mti` a request, of the same transaction as `original`."""
    named = terminal.foreign.reversal(original)["90"]
    stan = f"{next(terminal.foreign.stans):06d}"
    kept = {number: text for number, text in original.items() if number not in ("25", "52")}
    fields = {"t" if name == "mti" else name[1:]: text for name, text in changes.items()}
    return kept | {"t": "0220", "11": stan, "4": f"{cents:012d}", "90": named} | fields


def test_the_cards_of_the_table_are_answered_as_it_says(terminal: Terminal, cards: Cards) -> None:
    new = ("partial", "stand-in", "do-not-honor", "not-permitted", "count-limit", "plain", "approve", "limit", "funds")
    for behaviour in new:
        assert terminal.ask(terminal.foreign.purchase(cards[behaviour]))["39"] == cards[behaviour]["expect"], behaviour


def test_r12_a_force_post_is_posted_once(terminal: Terminal, cards: Cards, available: Callable[[], int]) -> None:
    """R12: acknowledged, told to the issuer, and repeats have no second effect."""
    doc = terminal.foreign.purchase(cards["plain"], 30_00, None, mti="0220")
    assert terminal.ask(doc)["39"] == "00"
    assert terminal.ask(terminal.foreign.repeat(doc))["39"] == "00"
    assert available() == PLENTY - 30_00
    assert terminal.ask(terminal.foreign.reversal(doc))["39"] == "00"
    assert available() == PLENTY


@pytest.mark.parametrize("final_cents", [70_00, 120_00, 150_00])
def test_r12_a_stay_from_check_in_to_check_out(
    terminal: Terminal, cards: Cards, available: Callable[[], int], final_cents: int
) -> None:
    """R12, R13: 100.00 pre-authorized, 20.00 added, less, as much or more completed; then all of it taken back."""
    stay = terminal.foreign.purchase(cards["plain"], 100_00, f25="06")
    assert terminal.ask(stay)["39"] == "00"
    assert terminal.ask(after(terminal, stay, 20_00, mti="0100", f25="06"))["39"] == "00"
    assert available() == PLENTY - 120_00
    completion = after(terminal, stay, final_cents)
    assert terminal.ask(completion)["39"] == "00"
    assert available() == PLENTY - final_cents
    assert terminal.ask(terminal.foreign.reversal(completion))["39"] == "00"
    assert available() == PLENTY


def test_r10_a_partial_reversal_then_the_rest(terminal: Terminal, cards: Cards, available: Callable[[], int]) -> None:
    """R10: released down to DE 95, once; a whole reversal releases the rest."""
    doc = terminal.foreign.purchase(cards["plain"], 100_00)
    terminal.ask(doc)
    partial = terminal.foreign.reversal(doc, f95="000000006000" + "0" * 12 + "D00000000" * 2)
    for again in (partial, terminal.foreign.repeat(partial)):
        assert terminal.ask(again)["39"] == "00"
        assert available() == PLENTY - 60_00
    assert terminal.ask(terminal.foreign.reversal(doc))["39"] == "00"
    assert available() == PLENTY


def test_r7_a_late_answer_and_its_stand_in_are_one_effect(
    terminal: Terminal, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R7, R13: the issuer books the request, hears its reversal, then the 0120: the purchase stands once."""
    card = cards["stand-in"]
    issuer = terminal.bench.issuers[card["issuer"]].part
    account = issuer.ledger.account(card["pan"])
    monkeypatch.setattr(account, "behaviour", account.behaviour._replace(silent=True))
    assert terminal.ask(terminal.foreign.purchase(card, 50_00))["39"] == "00"
    assert account.available_cents == PLENTY - 50_00
    figures = issuer.ledger.totals.days()[0]
    assert (figures.debits, figures.debits_reversed) == (2, 1)


def test_a_wrong_cvv2_or_cvv_is_63_and_a_forged_card_costs_no_pin_try(terminal: Terminal, cards: Cards) -> None:
    """DE 48, element 92; DE 35, its last three digits."""
    card = cards["pin-tries"]
    for _ in range(4):
        assert terminal.ask(terminal.foreign.purchase(card, pin="9999", f48="9203000"))["39"] == "63"
    separator = "D" if terminal.link == "acquirer-bcd" else "="
    track = f"{card['pan']}{separator}301220111164000"
    assert terminal.ask(terminal.foreign.purchase(card, f35=track))["39"] == "63"
    assert terminal.ask(terminal.foreign.purchase(card, f35=track[:-3] + "803", f48="9203827"))["39"] == "00"


def test_r1_a_link_with_macs_end_to_end(config: Config) -> None:
    """Switch and issuer seal for each other: sign-on, a purchase, an advice, a reversal."""
    links = tuple(msgspec.structs.replace(link, mac=link.name == "issuer-2") for link in config.link)
    bench = Bench(msgspec.structs.replace(config, link=links), seed=1)
    bench.world.run(1.0)
    assert bench.core.ready()
    terminal = terminal_of(bench, "acquirer")
    card = next(card for card in config.card if card.behaviour == "plain" and card.issuer == "issuer-2")
    facts = {"pan": card.pan, "expiry": card.expiry, "pin": card.pin}
    account = bench.issuers["issuer-2"].part.ledger.account(card.pan)
    assert account is not None
    doc = terminal.foreign.purchase(facts)
    assert terminal.ask(doc)["39"] == "00"
    assert terminal.ask(terminal.foreign.purchase(facts, 30_00, None, mti="0220"))["39"] == "00"
    assert terminal.ask(terminal.foreign.reversal(doc))["39"] == "00"
    assert account.balance_cents - account.available_cents == 30_00
    assert not terminal.said("bad-mac")
