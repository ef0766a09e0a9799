"""Reconciliation totals (R17): how many, and how much, by link, business day and currency.

They follow the log: what an `Outcome`, a `StandIn`, an `Advice` approves counts in its kind's column, what a reversal
takes back in that column's reversals, on the day of the original, however late it comes. Each transaction counts twice,
once for its acquirer's link and once for its issuer's.

    DE 74, 86   credits: refunds              DE 75, 87   credits reversed
    DE 76, 88   debits: all other money       DE 77, 89   debits reversed
    DE 80       inquiries                     DE 81       authorizations: holds without money
"""

from array import array
from collections.abc import Iterator
from typing import Final

from switch.core.digits import leading_two
from switch.core.transaction import NO_LINK, Transaction

COUNTS: Final = (74, 75, 76, 77, 80, 81)
SUMS: Final = (86, 87, 88, 89)
NET: Final = 97

DEBIT, CREDIT, INQUIRY, AUTHORIZATION = 76, 74, 80, 81
SUMMED: Final = len(SUMS)  # the first columns: 74 to 77 have sums, 86 to 89
REVERSED: Final = {DEBIT: 77, CREDIT: 75}

# By DE 3, first two digits: balance, verification, refund. All else moves money from the card.
_COLUMN_OF: Final = {31: INQUIRY, 37: INQUIRY, 20: CREDIT}

COUNT_DIGITS, SUM_DIGITS = 10, 16

DAYS_KEPT: Final = 10  # of each link: a week of late reversals and questions, and a long weekend


class Figures:
    """One link, day and currency: by data element."""

    def __init__(self, counts: dict[int, int] | None = None, sums: dict[int, int] | None = None) -> None:
        self._counts = array("q", [0] * (AUTHORIZATION - CREDIT + 1))  # by column, from the first one on
        self._sums = array("q", [0] * len(SUMS))
        for number, count in (counts or {}).items():
            self._counts[number - CREDIT] = count
        for number, amount in (sums or {}).items():
            self._sums[number - SUMS[0]] = amount

    @property
    def counts(self) -> dict[int, int]:
        """How many."""
        return {number: self._counts[number - CREDIT] for number in COUNTS}

    @property
    def sums(self) -> dict[int, int]:
        """How much, in minor units."""
        return {number: self._sums[number - SUMS[0]] for number in SUMS}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Figures) and (self.counts, self.sums) == (other.counts, other.sums)

    def __hash__(self) -> int:
        raise TypeError("figures change")

    @property
    def net(self) -> int:
        """Credits less debits, reversals taken off, in minor units."""
        sums = self.sums
        return sums[86] - sums[87] - (sums[88] - sums[89])

    def add(self, column: int, amount: int) -> None:
        """One more in the column of that number, worth `amount`."""
        place = column - CREDIT
        self._counts[place] += 1
        if place < SUMMED:
            self._sums[place] += amount

    def named(self) -> dict[str, int]:
        """For people and programs: how many, and amounts in minor units."""
        counts, sums = self.counts, self.sums
        return {
            "credits": counts[74], "credits_amount": sums[86],
            "credits_reversed": counts[75], "credits_reversed_amount": sums[87],
            "debits": counts[76], "debits_amount": sums[88],
            "debits_reversed": counts[77], "debits_reversed_amount": sums[89],
            "inquiries": counts[INQUIRY], "authorizations": counts[AUTHORIZATION],
        }  # fmt: skip

    def elements(self) -> dict[int, str]:
        """As a message carries them."""
        texts = {number: f"{count:0{COUNT_DIGITS}d}" for number, count in self.counts.items()}
        texts |= {number: f"{amount:0{SUM_DIGITS}d}" for number, amount in self.sums.items()}
        texts[NET] = f"{'D' if self.net < 0 else 'C'}{abs(self.net):0{SUM_DIGITS}d}"
        return texts

    def balances(self, theirs: dict[int, str]) -> bool:
        """Do the figures of a message say the same? What it lacks counts as zero.

        Reversals are set off against what they reverse: of a request whose answer was lost, one side has counted both
        and the other neither, and nothing is owed between them.
        """
        try:
            other = Figures(
                {number: int(theirs.get(number) or 0) for number in COUNTS},
                {number: int(theirs.get(number) or 0) for number in SUMS},
            )
            net = theirs.get(NET)
            stated = other.net if not net else int(net[1:]) * (-1 if net[0] == "D" else 1)
        except ValueError:
            return False
        return stated == self.net and self._standing() == other._standing()

    def _standing(self) -> tuple[int, ...]:
        counts, sums = self.counts, self.sums
        return (
            counts[74] - counts[75], counts[76] - counts[77], sums[86] - sums[87], sums[88] - sums[89],
            counts[INQUIRY], counts[AUTHORIZATION],
        )  # fmt: skip


class _Latest:
    __slots__ = ("business_date", "currency", "figures")

    def __init__(self, business_date: str, currency: str, figures: Figures) -> None:
        self.business_date = business_date
        self.currency = currency
        self.figures = figures


class Totals:
    """All figures, by index of the link, business date (YYMMDD) and currency."""

    def __init__(self) -> None:
        self._of: dict[int, dict[str, dict[str, Figures]]] = {}
        self._latest: dict[int, _Latest] = {}  # of each link, those that were last added to

    def approved(self, tx: Transaction, amount: int) -> None:
        """`tx` moves `amount` minor units, or counts: approved by its issuer, by stand-in, or advised of."""
        column = column_of(tx)
        if tx.business_date:  # a log of before there were days has none
            self._figures_of(tx, tx.acquirer_link).add(column, amount)
            self._figures_of(tx, tx.issuer_link).add(column, amount)

    def taken_back(self, tx: Transaction, amount: int) -> None:
        """A reversal takes back `amount` minor units of `tx`. Inquiries and holds moved nothing to take back."""
        column = REVERSED.get(column_of(tx))
        if column is not None and tx.business_date:
            self._figures_of(tx, tx.acquirer_link).add(column, amount)
            self._figures_of(tx, tx.issuer_link).add(column, amount)

    def replace(self, link: int, business_date: str, currency: str, figures: Figures) -> None:
        """What a snapshot found."""
        self._day(link, business_date)[currency] = figures
        self._latest.clear()

    def of(self, link: int, business_date: str, currency: str) -> Figures:
        """The figures of a day; zeros where there was nothing."""
        return self._of.get(link, {}).get(business_date, {}).get(currency) or Figures()

    def currencies(self, link: int, business_date: str) -> list[str]:
        """Those in which the day has figures."""
        return sorted(self._of.get(link, {}).get(business_date, {}))

    def dates(self, link: int) -> list[str]:
        """The days kept of a link, oldest first."""
        return sorted(self._of.get(link, {}))

    def everything(self) -> Iterator[tuple[int, str, str, Figures]]:
        """All of them, in order."""
        for link in sorted(self._of):
            for business_date in self.dates(link):
                for currency in self.currencies(link, business_date):
                    yield link, business_date, currency, self._of[link][business_date][currency]

    def _figures_of(self, tx: Transaction, link: int) -> Figures:
        """Those of its day and currency, of one of its two links."""
        assert link != NO_LINK, "what moves money has been to an issuer, or goes there"
        latest = self._latest.get(link)
        if latest is not None and latest.business_date == tx.business_date and latest.currency == tx.currency:
            return latest.figures
        day = self._day(link, tx.business_date)
        figures = day.get(tx.currency)
        if figures is None:
            figures = day[tx.currency] = Figures()
        self._latest[link] = _Latest(tx.business_date, tx.currency, figures)
        return figures

    def _day(self, link: int, business_date: str) -> dict[str, Figures]:
        """The currencies of a day; beyond `DAYS_KEPT` the oldest is forgotten, were it this one."""
        days = self._of.setdefault(link, {})
        day = days.get(business_date)
        if day is None:
            day = days[business_date] = {}
            if len(days) > DAYS_KEPT:
                del days[min(days)]
                self._latest.clear()
        return day


def column_of(tx: Transaction) -> int:
    """The column that `tx` counts in, by its data element."""
    column = column_of_kind(tx.de3)
    return AUTHORIZATION if tx.preauthorised and column != INQUIRY else column


def column_of_kind(processing_code: str) -> int:
    """The same of a DE 3 alone."""
    return _COLUMN_OF.get(leading_two(processing_code), DEBIT)
