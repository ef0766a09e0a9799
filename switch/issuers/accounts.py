"""Accounts: integers in euro cents, holds, PIN tries. Pure: times come with the records that are applied."""

from dataclasses import dataclass
from typing import Final

from switch.issuers.behaviours import Behaviour, behaviour
from switch.issuers.specs import CardSpec

_DAY_S: Final = 86_400
_MAX_DE54_CENTS: Final = 10**12 - 1  # DE 54 has twelve digits
_FRANCS_PER_EURO_E5: Final = 655_957  # 6.55957, fixed on 31 December 1998 (Council Regulation (EC) No 2866/98)
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
    day: int = 0  # days since the epoch, UTC
    tries: int = 0  # wrong PINs in a row
    armed_count: int = 0
    armed_de39: str = ""

    @property
    def available_cents(self) -> int:
        """Balance less holds. Only a reversed refund that was spent, or an armed approval, makes it negative."""
        return self.balance_cents - self.held_cents

    def spendable_cents(self, at: float) -> int:
        """What the limit leaves of the day of `at`."""
        return self.card.limit_cents - (self.spent_cents if self.day == _day(at) else 0)

    def move(self, effect_cents: int, at: float) -> None:
        """Hold (negative) or credit (positive)."""
        if effect_cents >= 0:
            self.balance_cents += effect_cents
            return
        if self.day != _day(at):
            self.day, self.spent_cents = _day(at), 0
        self.held_cents -= effect_cents
        self.spent_cents -= effect_cents

    def undo(self, effect_cents: int, at: float) -> None:
        """Take back what `move(effect_cents, at)` did; the limit of a day gone by needs nothing back."""
        if effect_cents >= 0:
            self.balance_cents -= effect_cents
            return
        self.held_cents += effect_cents
        if self.day == _day(at):
            self.spent_cents += effect_cents
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
    if currency == "978":
        return amount
    if currency == "250":
        return (amount * 200_000 + _FRANCS_PER_EURO_E5) // (2 * _FRANCS_PER_EURO_E5)
    raise ValueError(f"currency {currency} is neither 978 nor 250")


def amounts_text(account: Account) -> str:
    """DE 54: account type 00, amount types 01 (ledger) and 02 (available), 978, credit or debit, twelve digits each."""
    return "".join(
        f"00{kind}978{'C' if cents >= 0 else 'D'}{min(abs(cents), _MAX_DE54_CENTS):012d}"
        for kind, cents in (("01", account.balance_cents), ("02", account.available_cents))
    )


def _day(at: float) -> int:
    return int(at // _DAY_S)
