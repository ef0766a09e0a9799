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

    @property
    def live(self) -> bool:
        """Does it move money still?"""
        return self.effect_cents != 0 and not self.reversed


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
        self._newest: dict[str, Booking] = {}  # by origin: what a reversal means

    def restore(self, snapshot: issuer_records.Snapshot, sequence: int) -> None:
        """Begin with a snapshot, where the log does not go back to its first record."""
        self.since = min((booked.at for booked in snapshot.booked), default=0.0)
        for booked in snapshot.booked:
            if is_approval(booked.de39):  # a reset has zeroed the effect: what was approved is what was asked
                booked.effect_cents = expected_cents(*booked.asked.split("|"))
            self._book(booked, sequence)
        for origin, at in snapshot.early.items():
            self.early[origin] = EarlyReversal(self.name, origin, at, sequence)

    def apply(self, sequence: int, record: issuer_records.Record) -> None:
        """Take the next record of the log."""
        if isinstance(record, issuer_records.Booked):
            self._book(record, sequence)
        elif isinstance(record, issuer_records.Reversed):
            booking = self._newest.get(record.origin)
            if booking is None:
                self.early.setdefault(record.origin, EarlyReversal(self.name, record.origin, record.at, sequence))
            else:
                booking.reversed, booking.sequence = True, sequence

    def _book(self, booked: issuer_records.Booked, sequence: int) -> None:
        booking = Booking(
            self.name, booked.key, booked.de39, booked.effect_cents, booked.at, sequence, booked.reversed
        )  # fmt: skip
        self.bookings.setdefault(booked.key, []).append(booking)
        self._newest[origin_of_key(booked.key)] = booking


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

    def booked(self, authorization: Authorization) -> list[Booking]:
        """What the issuer of `authorization` booked for it."""
        key = booking_key(authorization)
        return [found for found in self.bookings if (found.issuer, found.key) == (authorization.issuer, key)]


APPROVED: Final = "approved"
OPEN: Final = "open"
NONE: Final = "none"
OWED: Final = "owed"
DELIVERED: Final = "delivered"
ACKNOWLEDGED: Final = "acknowledged"


def key_of_record(record: AcquirerRecord) -> Key:
    """The key of what an acquirer saw."""
    return Key(record.acquirer_id, record.terminal, record.rrn, record.stan, record.mti[1])


def key_of(authorization: Authorization) -> Key:
    """The key of what the switch logged."""
    found = authorization
    return Key(found.acquirer_id, found.terminal, found.rrn, found.stan, found.mti[1])


def booking_key(authorization: Authorization) -> str:
    """The key under which the issuer books what the switch forwarded, under the STAN that the switch gave it."""
    found = authorization
    stan, acquirer_id = f"{found.issuer_stan or 0:06d}", found.acquirer_id.zfill(11)
    return f"{found.mti[1]}|{stan}|{acquirer_id}|{found.rrn}|{found.terminal}|{found.local_date}"


def key_at_issuer(origin: str) -> Key:
    """An issuer's origin as a key; its STAN is the switch's.

    >>> key_at_issuer("1|000007|10000000001|300061000042|TERM0001")
    Key(acquirer_id='10000000001', terminal='TERM0001', rrn='300061000042', stan='000007', mti_class='1')
    """
    mti_class, stan, acquirer_id, rest = origin.split("|", 3)
    rrn, _, terminal = rest.partition("|")
    return Key(acquirer_id, terminal, rrn, stan, mti_class)


def is_approval(de39: str) -> bool:
    """All zeros, in two digits or three, is approval in every edition of ISO 8583.

    >>> is_approval("00"), is_approval("000"), is_approval("05"), is_approval("")
    (True, True, False, False)
    """
    return bool(de39) and not de39.strip("0")


def expected_cents(de3: str, amount: str | int, currency: str) -> int:
    """What an approval moves, in euro cents: negative to hold, positive to credit, 0 where DE 3 moves no money.

    >>> expected_cents("000000", 10_000, "978"), expected_cents("200000", 10_000, "250"), expected_cents("31", 0, "978")
    (-10000, 1524, 0)
    """
    return KINDS.get(de3[:2], 0) * euro_cents(int(amount), currency)
