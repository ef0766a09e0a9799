"""I9: reconciliation totals, added up from the log once more.

    DE 74, 86   credits: refunds              DE 75, 87   credits reversed
    DE 76, 88   debits: all other money       DE 77, 89   debits reversed
    DE 80       inquiries                     DE 81       pre-authorizations

A transaction counts for its acquirer's link and for its issuer's, on its own business day, and so does its reversal.
The figures that leave the switch must be those of some moment between the question and the answer: what was decided in
memory is durable by the time the answer leaves, and something more may be.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from switch.simulation.wiretap import Doc

if TYPE_CHECKING:
    from switch.simulation.invariants.switch_log import Logged

NUMBERS: Final = (74, 75, 76, 77, 80, 81)
AMOUNTS: Final = (86, 87, 88, 89)
_AMOUNT_OF: Final = {74: 86, 75: 87, 76: 88, 77: 89}
_REVERSED: Final = {74: 75, 76: 77}
_INQUIRIES: Final = ("31", "37")
_REFUND: Final = "20"

Bucket: TypeAlias = tuple[str, str, str]  # link, business day (MMDD), currency
Figures: TypeAlias = tuple[tuple[int, int], ...]  # data element and value, those that are not zero, in order


class Sums:
    """All figures, and what they were after each record."""

    def __init__(self) -> None:
        self._now: dict[Bucket, dict[int, int]] = {}
        self._history: dict[Bucket, list[Figures]] = {}

    def approved(self, logged: "Logged", amount: int) -> None:
        """Count it."""
        self._add(logged, _column(logged), amount)

    def taken_back(self, logged: "Logged", amount: int) -> None:
        """Count its reversal. Inquiries and holds moved nothing to take back."""
        column = _REVERSED.get(_column(logged))
        if column is not None:
            self._add(logged, column, amount)

    def moment(self, bucket: Bucket) -> int:
        """Which moment of that link and day this is, for `since`."""
        return max(0, len(self._history.get(bucket, ())) - 1)

    def moments(self) -> dict[Bucket, int]:
        """The same of all links and days."""
        return {bucket: self.moment(bucket) for bucket in self._history}

    def since(self, bucket: Bucket, moment: int) -> list[Figures]:
        """The figures of that moment and of each one after it."""
        return self._history.get(bucket, [()])[moment:]

    def _add(self, logged: "Logged", column: int, amount: int) -> None:
        for link in (logged.link, logged.issuer):
            bucket = (link, logged.day[2:], logged.asked.currency)
            figures = self._now.setdefault(bucket, {})
            figures[column] = figures.get(column, 0) + 1
            if column in _AMOUNT_OF:
                figures[_AMOUNT_OF[column]] = figures.get(_AMOUNT_OF[column], 0) + amount
            self._history.setdefault(bucket, [()]).append(_nonzero(figures.items()))


def figures_of(doc: Doc) -> Figures:
    """What a message of a reconciliation says; what it lacks counts as zero."""
    return _nonzero((number, int(doc[number])) for number in (*NUMBERS, *AMOUNTS) if number in doc)


def net_of(figures: Figures) -> int:
    """Credits less debits, reversals taken off."""
    value = dict(figures).get
    return value(86, 0) - value(87, 0) - value(88, 0) + value(89, 0)


def net_text(net: int) -> str:
    """DE 97: x + n16."""
    return f"{'D' if net < 0 else 'C'}{abs(net):016d}"


def _nonzero(items: Iterable[tuple[int, int]]) -> Figures:
    return tuple(sorted((number, value) for number, value in items if value))


def _column(logged: "Logged") -> int:
    if logged.asked.kind in _INQUIRIES:
        return 80
    if logged.preauthorised:
        return 81
    return 74 if logged.asked.kind == _REFUND else 76
