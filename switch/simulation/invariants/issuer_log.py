"""What one issuer has written down, and what that does to its accounts, as an auditor keeps both.

A debit is checked against balance and limit when it is booked, but for advices: those are posted whatever the account
says, since they tell what has happened (R12).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from switch.simulation.invariants.names import (
    APPROVALS,
    ISSUER_RECORDS,
    PARTLY,
    Asked,
    record_of,
    transaction_of_origin,
)
from switch.simulation.invariants.switch_log import Fields, Violate

_DAY_S: Final = 86_400


class Card(NamedTuple):
    """What an account may do, from the configuration."""

    balance_cents: int
    limit_cents: int
    unlimited: bool


@dataclass(eq=False)
class Booking:
    """A request or advice in an issuer's log."""

    key: str
    account: str
    asked: Asked
    de39: str
    advice: bool
    amount: int  # approved, in minor units
    live_cents: int  # what the account carries of it
    day: int
    preauthorised: bool = False
    chain: str = ""  # key of the pre-authorization that it adds to, or completes
    completed: bool = False
    reversed: bool = False
    reductions: set[int] = field(default_factory=set)


@dataclass
class Account:
    """What the checker thinks of one account."""

    held_cents: int = 0
    credited_cents: int = 0
    spent_cents: dict[int, int] = field(default_factory=dict)  # by day

    def move(self, effect_cents: int, day: int, sign: int) -> None:
        """Apply an effect (`sign` 1), or take it back (−1)."""
        if effect_cents >= 0:
            self.credited_cents += sign * effect_cents
            return
        self.held_cents -= sign * effect_cents
        self.spent_cents[day] = self.spent_cents.get(day, 0) - sign * effect_cents


class IssuerLog:
    """The fold of one issuer's durable records."""

    def __init__(self, cards: Mapping[str, Card], violate: Violate) -> None:
        self._cards = cards
        self._violate = violate
        self.bookings: dict[str, Booking] = {}  # by origin: MTI class, our STAN, DE 32, 37, 41
        self.early: dict[str, bool] = {}  # reversed before it came, by origin; once it has come: True
        self.accounts: dict[str, Account] = {}
        self._chains: dict[str, list[Booking]] = {}  # pre-authorization and increments, by key of the first

    def apply(self, row: list[Any]) -> None:
        """Take the next record; nobody arms or resets cards here."""
        kind, record = record_of(ISSUER_RECORDS, row)
        getattr(self, f"_{kind}")(record)

    def _booked(self, record: Fields) -> None:
        origin = record["key"].rpartition("|")[0]
        kind, amount, currency = record["asked"].split("|")
        asked, effect_cents = Asked(kind, int(amount), currency), record["effect_cents"]
        transaction = transaction_of_origin(origin)
        if origin in self.bookings:
            self._violate("I3", "an issuer decided one request twice", transaction)
        booking = Booking(
            record["key"], record["account"], asked, record["de39"], record["advice"], record["amount"], effect_cents,
            int(record["at"] // _DAY_S), record["preauthorised"], record["chain"],
        )  # fmt: skip
        self._check_amount(booking, record, transaction)
        if origin in self.early:
            self.early[origin] = True
            if effect_cents or (booking.de39 in APPROVALS and not booking.advice):
                self._violate("I8", "an issuer approved what had been reversed before it came", transaction)
        self.bookings[origin] = booking
        if effect_cents < 0 and not booking.advice:
            self._check_limits(booking, transaction)
        if record["reversed"]:
            booking.reversed, booking.live_cents = True, 0
        elif record["approved"]:
            self._link(booking)
        self._account(booking).move(booking.live_cents, booking.day, 1)

    def _link(self, booking: Booking) -> None:
        """A completion ends what is held of its chain, and what is added to that chain after it holds nothing."""
        if booking.preauthorised:
            chain = self._chains.setdefault(booking.chain or booking.key, [])
            if chain and chain[0].completed:
                booking.live_cents, booking.completed = 0, True
            chain.append(booking)
        elif booking.advice and booking.chain:
            self._complete(booking.chain)

    def _check_amount(self, booking: Booking, record: Fields, transaction: str) -> None:
        """What moves is what was asked, or, where a part was approved, that part; and nothing for what is void."""
        wanted = booking.amount if record["approved"] and not record["reversed"] else 0
        whole = booking.amount == booking.asked.amount
        if booking.live_cents != booking.asked.cents(wanted) or (
            record["approved"] and whole == (record["de39"] == PARTLY)
        ):
            self._violate("I1", "an issuer booked another amount than was asked", transaction)

    def _check_limits(self, booking: Booking, transaction: str) -> None:
        card, account = self._cards[booking.account], self._account(booking)
        available = card.balance_cents + account.credited_cents - account.held_cents
        spendable = card.limit_cents - account.spent_cents.get(booking.day, 0)
        if -booking.live_cents > min(available, spendable) and not card.unlimited:
            self._violate("I2", "a debit went beyond the balance or the day's limit", transaction)

    def _complete(self, chain: str) -> None:
        """The first completion releases the pre-authorization and its increments; a further one finds nothing."""
        for booking in self._chains.get(chain, ()):
            if not booking.completed and not booking.reversed:
                self._stands(booking, 0)
            booking.completed = True

    def _reversed(self, record: Fields) -> None:
        origin, standing = record["origin"], record["standing"]
        booking = self.bookings.get(origin)
        if booking is None:
            self.early.setdefault(origin, False)
        elif booking.reversed or standing in booking.reductions:
            self._violate("I6", "an issuer released one request twice", transaction_of_origin(origin))
        elif standing:
            if standing >= min((booking.amount, *booking.reductions)):
                self._violate("I6", "a partial reversal released nothing", transaction_of_origin(origin))
            booking.reductions.add(standing)
            if booking.live_cents:
                self._stands(booking, booking.asked.cents(standing))
        else:
            booking.reversed = True
            self._stands(booking, 0)

    def _stands(self, booking: Booking, cents: int) -> None:
        self._account(booking).move(booking.live_cents - cents, booking.day, -1)
        booking.live_cents = cents

    def _account(self, booking: Booking) -> Account:
        return self.accounts.setdefault(booking.account, Account())

    def _key_changed(self, record: Fields) -> None:
        """Nothing follows from a key for the accounts."""
