"""A day's trade, its end and its reconciliation, as the tests of R16 and R17 need them."""

from typing import Any

from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal
from tests.support.foreign import Doc

DAY_S = 86_400.0
FIRST, SECOND, THIRD = "260921", "260922", "260923"  # START is in the afternoon of the first


def dates(bench: Bench) -> dict[str, str]:
    return bench.core.business_dates()


def cut_over(bench: Bench, seconds: float = 0.01) -> str:
    opened = bench.core.cut_over(bench.switch.clock())
    bench.switch.settle()
    bench.world.run(seconds)
    return opened


def until_midnight(bench: Bench) -> float:
    return DAY_S - bench.world.now % DAY_S


def card_of(cards: Any, issuer: str = "issuer-1") -> dict[str, Any]:
    return next(card for card in cards.values() if card["issuer"] == issuer and card["expect"] == "00")


def buy(terminal: Terminal, card: dict[str, Any], cents: int = 10_00, **changes: str) -> Doc:
    request = terminal.foreign.purchase(card, cents, pin=None, **changes)
    answer = terminal.ask(request, seconds=1.0)
    assert answer["39"] == "00"
    return request


def reconciliation(terminal: Terminal, day: str | None = FIRST, mti: str = "0500", **figures: str) -> Doc:
    doc = {"t": mti, "7": "1121120000", "11": f"{next(terminal.foreign.stans):06d}"}
    doc |= {"32": terminal.foreign.link["institution_id"], "50": "978"} | ({"15": day[2:]} if day else {})
    return doc | {name[1:]: value for name, value in figures.items()}


def reconciled(terminal: Terminal, day: str | None = FIRST, mti: str = "0500", **figures: str) -> Doc:
    return terminal.ask(reconciliation(terminal, day, mti, **figures), seconds=1.0)
