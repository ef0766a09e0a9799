"""Reconciliation totals (R17): what was approved and what was taken back, by business day and currency.

A pre-authorization moves no money: it counts as an authorization, its completion as a debit. A reversal counts on its
original's day (R16). The days are told by DE 15, which has no year; so few are kept that none comes twice.

In balance are two sides whose money agrees: numbers and sums of credits and of debits, each less its reversals.
Reversals by themselves need not agree, since only the issuer has booked a request that the switch gave up on; nor need
inquiries and authorizations, for the same reason.
"""

from typing import Final

from switch.iso8583.codec import View
from switch.issuers.messages import KINDS
from switch.issuers.records import Booked, Figures

MAX_DAYS: Final = 20  # ten business days in two currencies: a partner that asks later settles by other means

SETTLEMENT: Final = 66
NET: Final = 97
_IN_BALANCE, _OUT_OF_BALANCE = "1", "2"
_SUM_DIGITS: Final = 16

# DE → figure.
NUMBERS: Final = {
    74: "credits",
    75: "credits_reversed",
    76: "debits",
    77: "debits_reversed",
    80: "inquiries",
    81: "authorizations",
}
SUMS: Final = {
    86: "credits_amount",
    87: "credits_reversed_amount",
    88: "debits_amount",
    89: "debits_reversed_amount",
}


class Totals:
    """The figures of the last days."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, str], Figures] = {}  # oldest first

    def of(self, day: str, currency: str) -> Figures:
        """What there is of that day; a day without any is all zeros."""
        return self._days.get((day, currency)) or Figures(day, currency)

    def approve(self, booked: Booked) -> None:
        """Count what was booked, if it was approved."""
        if not booked.approved:
            return
        figures, kind = self._figures(booked), booked.asked[:2]
        if not KINDS[kind]:
            figures.inquiries += 1
        elif booked.preauthorised:
            figures.authorizations += 1
        else:
            self._add(figures, KINDS[kind], "", booked.amount)
            if booked.reversed:
                self.take_back(booked, booked.amount)

    def take_back(self, booked: Booked, amount: int) -> None:
        """Count a reversal, whole or partial, of what counts as money."""
        sign = KINDS[booked.asked[:2]]
        if booked.approved and sign and not booked.preauthorised:
            self._add(self._figures(booked), sign, "_reversed", amount)

    def days(self) -> list[Figures]:
        """All of them, oldest first."""
        return list(self._days.values())

    def restore(self, days: list[Figures]) -> None:
        """As `days` gave them."""
        self._days = {(figures.day, figures.currency): figures for figures in days}

    def _figures(self, booked: Booked) -> Figures:
        name = booked.day, booked.asked.rpartition("|")[2]
        if name not in self._days:
            self._days[name] = Figures(*name)
            while len(self._days) > MAX_DAYS:
                del self._days[next(iter(self._days))]
        return self._days[name]

    @staticmethod
    def _add(figures: Figures, sign: int, suffix: str, amount: int) -> None:
        name = ("credits" if sign > 0 else "debits") + suffix
        setattr(figures, name, getattr(figures, name) + 1)
        setattr(figures, f"{name}_amount", getattr(figures, f"{name}_amount") + amount)


def read_figures(view: View, day: str, currency: str) -> Figures:
    """The figures of a 0500 or 0520; what is absent counts as zero."""
    given = {name: int(view.text(field) or "0") for field, name in (NUMBERS | SUMS).items()}
    return Figures(day, currency, **given)


def in_balance(ours: Figures, theirs: Figures) -> bool:
    """Does the money agree?"""
    return _money(ours) == _money(theirs)


def answer(ours: Figures, theirs: Figures) -> dict[int, str | None]:
    """DE 66 and our own figures."""
    return {
        SETTLEMENT: _IN_BALANCE if in_balance(ours, theirs) else _OUT_OF_BALANCE,
        **{field: f"{getattr(ours, name):010d}" for field, name in NUMBERS.items()},
        **{field: f"{getattr(ours, name):0{_SUM_DIGITS}d}" for field, name in SUMS.items()},
        NET: net_text(ours),
    }


def net_text(figures: Figures) -> str:
    """DE 97: credits less debits, each less its reversals.

    >>> net_text(Figures("1122", "978", debits_amount=5_000, debits_reversed_amount=1_000))
    'D0000000000004000'
    """
    _, credited, _, debited = _money(figures)
    net = credited - debited
    return f"{'C' if net >= 0 else 'D'}{abs(net):0{_SUM_DIGITS}d}"


def _money(figures: Figures) -> tuple[int, int, int, int]:
    """Number and sum of credits, number and sum of debits, less what was reversed."""
    return (
        figures.credits - figures.credits_reversed,
        figures.credits_amount - figures.credits_reversed_amount,
        figures.debits - figures.debits_reversed,
        figures.debits_amount - figures.debits_reversed_amount,
    )
