"""The acquirer's own reconciliation figures (R17), by business day and currency, out of what it was answered.

    DE 74, 86   credits: refunds              DE 75, 87   credits reversed
    DE 76, 88   debits: all other money       DE 77, 89   debits reversed
    DE 80       inquiries                     DE 81       authorizations: holds without money

A reversal counts on its original's day, as the switch counts it. What got no answer is not here, neither it nor its
reversal: the switch, which may have both, sets one off against the other.
"""

from datetime import UTC, datetime
from typing import Final

from switch.acquirers.records import AcquirerRecord

_COUNTS: Final = (74, 75, 76, 77, 80, 81)
_SUM_OF: Final = {74: 86, 75: 87, 76: 88, 77: 89}
_NET: Final = 97
_CREDIT, _DEBIT, _INQUIRY, _AUTHORIZATION = 74, 76, 80, 81
_REVERSED: Final = {_CREDIT: 75, _DEBIT: 77}  # of the others nothing was moved that could come back
_COLUMN: Final = {"20": _CREDIT, "31": _INQUIRY, "37": _INQUIRY}  # DE 3, first two digits; all else is debits
_HELD: Final = frozenset({"preauth", "incremental"})
_DAYS_KEPT: Final = 10  # a week of late reversals, and a long weekend


class Figures:
    """Of one day and currency."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.sums = dict.fromkeys(_SUM_OF.values(), 0)

    def add(self, column: int, cents: int) -> None:
        """One more in a column, by its data element."""
        self.counts[column] += 1
        if column in _SUM_OF:
            self.sums[_SUM_OF[column]] += cents

    def elements(self) -> dict[str, str]:
        """As an 0500 carries them."""
        net = self.sums[86] - self.sums[87] - self.sums[88] + self.sums[89]
        texts = {str(number): f"{count:010d}" for number, count in self.counts.items()}
        texts |= {str(number): f"{cents:016d}" for number, cents in self.sums.items()}
        return texts | {str(_NET): f"{'D' if net < 0 else 'C'}{abs(net):016d}"}


class Totals:
    """All days that are kept."""

    def __init__(self) -> None:
        self._days: dict[str, dict[str, Figures]] = {}  # by MMDD in the order of their first transaction, by currency

    def approved(self, record: AcquirerRecord) -> None:
        """Count what was approved, in its column."""
        assert record.approved_cents is not None
        self._of_record(record).add(_column(record), record.approved_cents)

    def taken_back(self, record: AcquirerRecord, cents: int) -> None:
        """Count what was taken back of it."""
        column = _REVERSED.get(_column(record))
        if column is not None:
            self._of_record(record).add(column, cents)

    def of(self, day: str, currency: str) -> Figures:
        """The figures of a day; zeros where there was nothing."""
        return self._days.get(day, {}).get(currency) or Figures()

    def newest_day(self, now: float) -> str:
        """The last business day that began here; without any, the calendar's."""
        return next(reversed(self._days), f"{datetime.fromtimestamp(now, UTC):%m%d}")

    def _of_record(self, record: AcquirerRecord) -> Figures:
        day = record.business_date or f"{datetime.fromtimestamp(record.sent_at, UTC):%m%d}"
        figures = self._days.setdefault(day, {}).setdefault(record.currency, Figures())
        if len(self._days) > _DAYS_KEPT:
            del self._days[next(iter(self._days))]
        return figures


def _column(record: AcquirerRecord) -> int:
    return _AUTHORIZATION if record.kind in _HELD else _COLUMN.get(record.de3[:2], _DEBIT)
