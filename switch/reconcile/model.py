"""What the three sides say, as the rules see it. Amounts in minor units, effects in euro cents."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from switch.acquirers.records import AcquirerRecord
from switch.issuers import records as issuer_records
from switch.issuers.accounts import euro_cents
from switch.issuers.ledger import origin_of_key
from switch.issuers.messages import KINDS
from switch.store.book import Authorization


class Key(NamedTuple):
    """What names a transaction on the acquirer's side: DE 32, 41, 37, 11 and the MTI's class."""

    acquirer_id: str
    terminal: str
    rrn: str
    stan: str
    mti_class: str


@dataclass(slots=True)
class Booking:
    """A request that an issuer decided. `sequence` is the record of its log that changed it last."""

    issuer: str
    key: str  # see `switch.issuers.messages`
    de39: str
    effect_cents: int  # negative: held; positive: credited; 0: nothing
    at: float
    sequence: int
    reversed: bool = False
    completed: bool = False  # a pre-authorization, or what was added to it, in whose place a completion stands

    @property
    def live(self) -> bool:
        """Does it move money still?"""
        return self.effect_cents != 0 and not self.reversed and not self.completed


@dataclass(slots=True)
class EarlyReversal:
    """A reversal that an issuer took before, or without, its request. `origin` as in `switch.issuers.messages`."""

    issuer: str
    origin: str
    at: float
    sequence: int


class IssuerBook:
    """The fold of one issuer's log into bookings and reversals.

    It follows what was booked, not balances: `control reset` makes the accounts as new, but what was approved before
    it stays approved. The log is complete from `since` on; records after number `settled` came while the books were
    being read.
    """

    def __init__(self, name: str, settled: int) -> None:
        self.name = name
        self.settled = settled
        self.since = 0.0
        self.bookings: dict[str, list[Booking]] = {}  # by key; more than one is the issuer's mistake
        self.early: dict[str, EarlyReversal] = {}  # by origin
        self._newest: dict[str, tuple[Booking, str]] = {}  # by origin: what a reversal means, and what it asked
        self._chains: dict[str, list[Booking]] = {}  # pre-authorization and what was added, by key of the first

    def restore(self, snapshot: issuer_records.Snapshot, sequence: int) -> None:
        """Begin with a snapshot, where the log does not go back to its first record."""
        self.since = min((booked.at for booked in snapshot.booked), default=0.0)
        for booked in snapshot.booked:
            self._book(booked, sequence)
        for origin, at in snapshot.early.items():
            self.early[origin] = EarlyReversal(self.name, origin, at, sequence)

    def apply(self, sequence: int, record: issuer_records.Record) -> None:
        """Take the next record of the log."""
        if isinstance(record, issuer_records.Booked):
            self._book(record, sequence)
        elif isinstance(record, issuer_records.Reversed):
            self._reverse(record, sequence)

    def _book(self, booked: issuer_records.Booked, sequence: int) -> None:
        booking = Booking(
            self.name, booked.key, booked.de39, booked.effect_cents, booked.at, sequence, booked.reversed,
            booked.completed,
        )  # fmt: skip
        if booked.reductions:
            _stands(booking, booked.asked, booked.standing)
        self.bookings.setdefault(booked.key, []).append(booking)
        self._newest[origin_of_key(booked.key)] = booking, booked.asked
        if booked.approved and booked.preauthorised:
            chain = self._chains.setdefault(booked.chain or booked.key, [])
            booking.completed = booking.completed or any(held.completed for held in chain)
            chain.append(booking)
        elif booked.approved and booked.chain:
            for held in self._chains.get(booked.chain, ()):
                held.completed, held.sequence = True, sequence

    def _reverse(self, reversal: issuer_records.Reversed, sequence: int) -> None:
        if reversal.origin not in self._newest:
            early = EarlyReversal(self.name, reversal.origin, reversal.at, sequence)
            self.early.setdefault(reversal.origin, early)
            return
        booking, asked = self._newest[reversal.origin]
        booking.sequence = sequence
        if reversal.standing:
            _stands(booking, asked, reversal.standing)
        else:
            booking.reversed = True


def _stands(booking: Booking, asked: str, amount: int) -> None:
    """Only `amount` minor units of it stand; `asked` is its kind, amount and currency."""
    kind, _, currency = asked.split("|")
    booking.effect_cents = euro_effect(kind, amount, currency)


@dataclass(slots=True)
class SwitchBook:
    """The switch's side, complete from `since` on."""

    authorizations: Sequence[Authorization]
    unknown_reversals: frozenset[Key] = frozenset()  # reversals without original (R9)
    since: float = 0.0


@dataclass(slots=True)
class Books:
    """All sides. None or missing: keeps no book here."""

    acquirer: Sequence[AcquirerRecord] | None
    switch: SwitchBook | None
    issuers: dict[str, IssuerBook]


@dataclass(slots=True)
class Case:
    """Everything that the books say about one transaction."""

    key: Key
    seen: AcquirerRecord | None = None
    authorizations: list[Authorization] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    early: list[EarlyReversal] = field(default_factory=list)  # only what no authorization explains

    def booked(self, authorization: Authorization, stan: int | None) -> list[Booking]:
        """What the issuer of `authorization` booked for it under the switch's STAN `stan`."""
        key = booking_key(authorization, stan)
        return [found for found in self.bookings if (found.issuer, found.key) == (authorization.issuer, key)]


_OF_A_PART: Final = ("10", "002")

APPROVED: Final = "approved"
OPEN: Final = "open"
NONE: Final = "none"
OWED: Final = "owed"
DELIVERED: Final = "delivered"
EXHAUSTED: Final = "exhausted"
DROPPED: Final = "dropped"
ACKNOWLEDGED: Final = "acknowledged"


def key_of_record(record: AcquirerRecord) -> Key:
    """The key of what an acquirer saw."""
    return Key(record.acquirer_id, record.terminal, record.rrn, record.stan, record.mti[1])


def key_of(authorization: Authorization) -> Key:
    """The key of what the switch logged."""
    found = authorization
    return Key(found.acquirer_id, found.terminal, found.rrn, found.stan, found.mti[1])


def legs_of(authorization: Authorization) -> list[int]:
    """The STANs under which its issuer may know it: of the request, and of the advice that the switch approved it."""
    stans = (authorization.issuer_stan, authorization.stand_in_stan)
    return list(dict.fromkeys(stan for stan in stans if stan is not None))


def booking_key(authorization: Authorization, stan: int | None = None) -> str:
    """The key under which the issuer books what the switch told it under `stan`: by default, the request's."""
    found = authorization
    number, acquirer_id = stan or found.issuer_stan or 0, found.acquirer_id.zfill(11)
    return f"{found.mti[1]}|{number:06d}|{acquirer_id}|{found.rrn}|{found.terminal}|{found.local_date}"


def is_reversed(authorization: Authorization) -> bool:
    """Has the switch told its issuer, or will it, that nothing stands under one of its STANs?"""
    whole = (message for message in authorization.owed if message.mti == "0420" and message.amount is None)
    return authorization.reversal != NONE or any(whole)


def key_at_issuer(origin: str) -> Key:
    """An issuer's origin as a key; its STAN is the switch's.

    >>> key_at_issuer("1|000007|10000000001|300061000042|TERM0001")
    Key(acquirer_id='10000000001', terminal='TERM0001', rrn='300061000042', stan='000007', mti_class='1')
    """
    mti_class, stan, acquirer_id, rest = origin.split("|", 3)
    rrn, _, terminal = rest.partition("|")
    return Key(acquirer_id, terminal, rrn, stan, mti_class)


def is_advice(mti: str) -> bool:
    """0120 or 0220: the third digit tells."""
    return mti[1] in "12" and mti[2] == "2"


def is_approval(de39: str) -> bool:
    """All zeros, in two digits or three, is approval in every edition of ISO 8583; 10, and 002, of a part.

    >>> is_approval("00"), is_approval("000"), is_approval("10"), is_approval("05"), is_approval("")
    (True, True, True, False, False)
    """
    return bool(de39) and (not de39.strip("0") or de39 in _OF_A_PART)


def euro_effect(de3: str, amount: int, currency: str) -> int:
    """What an approval of so many minor units moves, in euro cents: negative to hold, positive to credit.

    Nothing where DE 3 moves no money.

    >>> euro_effect("000000", 10_000, "978"), euro_effect("200000", 10_000, "250"), euro_effect("31", 0, "978")
    (-10000, 1524, 0)
    """
    return KINDS.get(de3[:2], 0) * euro_cents(amount, currency)
