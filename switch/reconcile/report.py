"""The verdict for people: a table with a row for each book, then what is open or disagrees.

    book       requests  approved  declined  reversed  open
    acquirer        218       207         5         6     0
    switch          218       213         5         6     0
    issuers         216       213         3         6     -

A book that a foreign acquirer or issuer keeps is not compared, and its row says so instead of showing zeros.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from switch.cards.money import decimal
from switch.terminal import table_lines, wrapped

COLUMNS: Final = ("book", "requests", "approved", "declined", "reversed", "open")
MAX_COLUMNS: Final = 100  # of a sentence
_ALSO: Final = ("stood_in", "advices", "owed", "advices_owed", "exhausted", "unknown_reversals")
_COUNTED: Final = ("unanswered", "double_effects", "orphan_reversals")


def report(result: Mapping[str, Any], columns_wide: int) -> Iterator[str]:
    """Yield the lines of a `reconcile` result, all but the verdict itself, for a screen of that width."""
    rows, yours = _rows(result)
    yield from table_lines(COLUMNS, rows, columns_wide)
    wide = min(columns_wide, MAX_COLUMNS)
    if result["acquirer"].get("reversed"):  # else the row would seem to differ from the others
        yield from wrapped("an acquirer counts a request that it reversed as reversed only", wide, rest="  ")
    for name in yours:
        yield f"{name}: yours, not compared"
    switch, issuer = result["switch"], result["issuer"]
    also = [f"{name.replace('_', ' ')} {switch[name]}" for name in _ALSO if switch.get(name)]
    if also:
        yield from wrapped(f"switch: {', '.join(also)}", wide, rest="  ")
    if issuer["present"]:
        held = f"cardholders' accounts: {issuer['live']} bookings stand, {decimal(issuer['live_cents'])} EUR in all"
        early = f", early reversals {issuer['early_reversals']}" if issuer["early_reversals"] else ""
        yield from wrapped(held + early, wide, rest="  ")
    yield from wrapped(", ".join(f"{name.replace('_', ' ')} {result[name]}" for name in _COUNTED), wide, rest="  ")
    for disagreement in result["disagreements"]:
        yield from wrapped(f"{disagreement['kind']}: {disagreement['why']}", wide, rest="  ")


def _rows(result: Mapping[str, Any]) -> tuple[list[list[object]], list[str]]:
    """The rows of the books that are here, and the names of those who keep their own."""
    acquirer, switch, issuer = result["acquirer"], result["switch"], result["issuer"]
    rows: list[list[object]] = []
    yours: list[str] = []
    if acquirer["present"] and (acquirer["requests"] or not switch.get("requests")):
        rows.append(_row("acquirer", acquirer, acquirer["declined"], acquirer["unanswered"]))
    else:
        yours.append("acquirer")
    if switch["present"]:
        rows.append(_row("switch", switch, switch["declined"] + switch["refused"], switch["open"]))
    if issuer["present"]:
        rows.append(_row("issuers", issuer, issuer["declined"], "-"))
    return rows, yours + list(issuer["absent"])


def _row(name: str, book: Mapping[str, Any], declined: int, still_open: object) -> list[object]:
    return [name, book["requests"], book["approved"], declined, book["reversed"], still_open]
