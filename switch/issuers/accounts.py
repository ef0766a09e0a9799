"""Accounts: integers in euro cents, holds, PIN tries. Pure: times come with the records that are applied."""

from dataclasses import dataclass
from typing import Final

from switch.core.currencies import EURO, FRANCS_PER_EURO_E5, converted
from switch.issuers.behaviours import Behaviour, behaviour
from switch.issuers.specs import CardSpec

_DAY_S: Final = 86_400
_MAX_DE54_CENTS: Final = 10**12 - 1  # DE 54 has twelve digits
MAX_TRIES: Final = 3


@dataclass(slots=True)
class Account:
    """One card's account. `available_cents` is what may be spent."""

    reference: str  # how records name it: masked
    card: CardSpec
    behaviour: Behaviour
    balance_cents: int
    held_cents: int = 0
    spent_cents: int = 0  # on `day`, against the card's limit
    spent_count: int = 0  # debits on `day`, against the card's count
    day: int = 0  # days since the epoch, UTC
    tries: int = 0  # wrong PINs in a row
    armed_count: int = 0
    armed_de39: str = ""

    @property
    def available_cents(self) -> int:
        """Balance less holds. An advice, an armed approval or the reversal of a refund may make it negative."""
        return self.balance_cents - self.held_cents

    def spendable_cents(self, at: float) -> int:
        """What the limit leaves of the day of `at`."""
        return self.card.limit_cents - (self.spent_cents if self.day == _day(at) else 0)

    def uses_left(self, at: float) -> int:
        """How many debits the card's count leaves of the day of `at`."""
        return self.card.max_count - (self.spent_count if self.day == _day(at) else 0)

    def move(self, effect_cents: int, at: float, *, counted: bool) -> None:
        """Hold (negative) or credit (positive); `counted`: against the day's number of debits too."""
        if effect_cents >= 0:
            self.balance_cents += effect_cents
            return
        if self.day != _day(at):
            self.day, self.spent_cents, self.spent_count = _day(at), 0, 0
        self.held_cents -= effect_cents
        self.spent_cents -= effect_cents
        self.spent_count += counted

    def undo(self, effect_cents: int, at: float, *, counted: bool) -> None:
        """Take back what `move` did at `at`, or a part of it; the limits of a day gone by need nothing back."""
        if effect_cents >= 0:
            self.balance_cents -= effect_cents
            return
        self.held_cents += effect_cents
        if self.day == _day(at):
            self.spent_cents += effect_cents
            self.spent_count -= counted
        assert self.held_cents >= 0, f"{self.reference}: released more than was held"


def opened(card: CardSpec, reference: str) -> Account:
    """A new account."""
    return Account(reference, card, behaviour(card.behaviour), card.balance_cents)


def euro_cents(amount: int, currency: str) -> int:
    """Convert an amount in minor units of 978 (euro) or 250 (franc) to euro cents, halves up.

    >>> euro_cents(10_000, "250"), euro_cents(10_000, "978")
    (1524, 10000)

    Raises:
        ValueError: another currency.
    """
    return converted(amount, currency, EURO)


def amount_within(cents: int, currency: str) -> int:
    """The largest amount in minor units of 978 or 250 that `euro_cents` makes no more than `cents`.

    >>> amount_within(1_524, "250"), amount_within(1_524, "978")
    (10000, 1524)
    """
    if currency == "978":
        return cents
    return ((2 * cents + 1) * FRANCS_PER_EURO_E5 - 1) // 200_000


def amounts_text(account: Account) -> str:
    """DE 54: account type 00, amount types 01 (ledger) and 02 (available), 978, credit or debit, twelve digits each."""
    return "".join(
        f"00{kind}978{'C' if cents >= 0 else 'D'}{min(abs(cents), _MAX_DE54_CENTS):012d}"
        for kind, cents in (("01", account.balance_cents), ("02", account.available_cents))
    )


def _day(at: float) -> int:
    return int(at // _DAY_S)
