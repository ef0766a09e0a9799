"""The invariants, checked while a simulation runs by code that shares nothing with what it checks.

    I1  debits = credits      an approval that an acquirer was told and did not take back is one effect, of its amount
    I2  limits                no debit beyond what the account has or its card may spend in a day
    I3  duplicates            one decision and one effect per duplicate key
    I5  every request ends    answered, or reversed and acknowledged; nothing is owed in the end
    I6  released once         no hold, and no credit, is taken back twice
    I7  journal first         what leaves rests on records that are durable by then
    I8  final is final        an answer never changes but by a reversal

I4 (one-time codes) and I9 (reconciliation messages) concern rules that there are not yet.

Theory of operation. The checker is an onlooker (`world.Watch`). It reads the frames on the wires and the bytes of the
logs as they become durable (`wiretap`), and keeps three models of its own, each a few dictionaries: what acquirers were
told, what the switch has written down, what the issuers have booked. A record or a frame that contradicts the models
is a violation at once; `finish` compares the three, and the accounts themselves, when all is said and done. An account
may go below zero in one way, a refund that was spent and then reversed; so debits are checked, not balances.

An acquirer that crashed has forgotten what was open: there the switch's log says how it ended.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from switch.simulation.wiretap import Doc, read_frame, read_log
from switch.simulation.world import Watch

SWITCH: Final = "switch"
APPROVED: Final = "00"
STOPPED: Final = "stopped"  # no invariant, but as bad: a part's own assertion, or no end
AGAIN: Final = ("91", "96")  # of a 0430: not taken, to be repeated
AFTER_REVERSAL: Final = ("12", "68")  # what a request gets that was taken back before, or since
STORY_LINES: Final = 200_000  # the newest, some 50 MB: a violation lies behind what led to it
_SIGN: Final = {"00": -1, "01": -1, "09": -1, "20": 1, "31": 0, "37": 0}
_DAY_S: Final = 86_400

# Records by their tags: see `switch.core.records` and `switch.issuers.records`.
_INTENT, _OUTCOME, _REFUSAL, _REVERSAL, _DELIVERY = 1, 2, 3, 4, 5
_BOOKED, _REVERSED = 1, 2


class Violation(NamedTuple):
    """An invariant that did not hold: when, why, and for which transaction (see `transaction_of`; "": for none)."""

    invariant: str
    at: float
    why: str
    transaction: str = ""


class Key(NamedTuple):
    """One transaction as its acquirer names it."""

    mti_class: str
    acquirer_id: str
    rrn: str
    terminal: str
    stan: str

    @property
    def transaction(self) -> str:
        return transaction_of(self.acquirer_id, self.rrn)


class Card(NamedTuple):
    """What an account may do, from the configuration."""

    balance_cents: int
    limit_cents: int
    unlimited: bool


@dataclass
class Seen:
    """A request on an acquirer's wire."""

    sender: str
    asked: str  # kind, amount, currency, as issuers write it
    told: str = ""  # DE 39 that its acquirer got
    answers: set[tuple[str, str]] = field(default_factory=set)  # (DE 39, DE 38) that left the switch before a reversal
    reversal_sent: bool = False
    reversal_reached: bool = False
    reversal_answered: bool = False  # by the switch
    acknowledged: bool = False  # seen by the acquirer
    abandoned: bool = False  # its acquirer crashed before it ended


@dataclass
class Logged:
    """A request in the switch's log."""

    key: Key
    issuer: str = ""
    issuer_stan: str = ""
    de39: str = ""
    approved: bool = False
    owed: bool = False
    taken_back: bool = False
    delivered: bool = False

    @property
    def effective(self) -> bool:
        return self.approved and not self.taken_back


@dataclass
class Booking:
    """A request in an issuer's log."""

    account: str
    asked: str
    de39: str
    effect_cents: int
    day: int
    reversed: bool = False

    @property
    def live(self) -> bool:
        return self.effect_cents != 0 and not self.reversed


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


class SwitchLog:
    """The fold of the switch's durable records."""

    def __init__(self, violate: Callable[[str, str, str], None]) -> None:
        self._violate = violate
        self.by_number: dict[int, Logged] = {}
        self.by_key: dict[Key, Logged] = {}
        self.at_issuer: dict[tuple[str, str, str], Logged] = {}  # issuer, our STAN, DE 37
        self.unknown_reversals: set[Key] = set()

    def apply(self, record: list[Any]) -> None:
        """Take the next record."""
        {
            _INTENT: self._begun,
            _OUTCOME: self._outcome,
            _REFUSAL: self._begun,
            _REVERSAL: self._reversal,
            _DELIVERY: self._delivery,
        }[record[0]](record)

    def _begun(self, record: list[Any]) -> None:
        number, mti, acquirer_id, stan, rrn, terminal = record[1], *record[4:9]
        key = Key(mti[1], acquirer_id, rrn, terminal, stan)
        if number in self.by_number or key in self.by_key:
            self._violate("I3", "one duplicate key was decided twice", key.transaction)
        logged = self.by_number[number] = self.by_key[key] = Logged(key)
        if record[0] == _REFUSAL:
            logged.de39 = record[15]
            return
        logged.issuer, logged.issuer_stan = record[17], f"{record[18]:06d}"
        if key in self.unknown_reversals:
            self._violate("I8", "a request was forwarded although its reversal had come before it", key.transaction)
        self.at_issuer[logged.issuer, logged.issuer_stan, rrn] = logged

    def _outcome(self, record: list[Any]) -> None:
        _, number, _, de39, _, _, approved, owed, *_ = record
        logged = self.by_number[number]
        if logged.de39:
            self._violate("I8", "a request that had ended ended again", logged.key.transaction)
        logged.de39, logged.approved, logged.owed = de39, approved, owed

    def _reversal(self, record: list[Any]) -> None:
        _, number, _, _, mti, acquirer_id, stan, rrn, terminal, *_ = record
        if number == 0:
            self.unknown_reversals.add(Key(mti[1], acquirer_id, rrn, terminal, stan))
            return
        logged = self.by_number[number]
        if logged.taken_back:
            self._violate("I6", "the switch took back one request twice", logged.key.transaction)
        logged.taken_back = True
        logged.owed = logged.owed or logged.approved

    def _delivery(self, record: list[Any]) -> None:
        logged = self.by_number[record[1]]
        if logged.delivered or not logged.owed:
            self._violate("I6", "a reversal was delivered that was not owed", logged.key.transaction)
        logged.delivered = True


class IssuerLog:
    """The fold of one issuer's durable records, and of what they do to accounts."""

    def __init__(self, cards: Mapping[str, Card], violate: Callable[[str, str, str], None]) -> None:
        self._cards = cards
        self._violate = violate
        self.bookings: dict[str, Booking] = {}  # by origin: MTI class, our STAN, DE 32, 37, 41
        self.early: set[str] = set()
        self.accounts: dict[str, Account] = {}

    def apply(self, record: list[Any]) -> None:
        """Take the next record; nobody arms or resets cards here."""
        {_BOOKED: self._booked, _REVERSED: self._reversed}[record[0]](record)

    def _booked(self, record: list[Any]) -> None:
        at, key, account, asked, effect_cents, de39 = record[1], *record[2:6], record[9]
        origin = key.rpartition("|")[0]
        transaction, day = transaction_of_origin(origin), int(at // _DAY_S)
        if origin in self.bookings:
            self._violate("I3", "an issuer decided one request twice", transaction)
        if origin in self.early and de39 == APPROVED:
            self._violate("I8", "an issuer approved what had been reversed before it came", transaction)
        kind, amount, _ = asked.split("|")
        if effect_cents != (_SIGN[kind] * int(amount) if de39 == APPROVED else 0):
            self._violate("I1", "an issuer booked another amount than was asked", transaction)
        if effect_cents < 0:
            self._check_limits(account, -effect_cents, day, transaction)
        self.accounts.setdefault(account, Account()).move(effect_cents, day, 1)
        self.bookings[origin] = Booking(account, asked, de39, effect_cents, day)

    def _check_limits(self, reference: str, cents: int, day: int, transaction: str) -> None:
        card, account = self._cards[reference], self.accounts.get(reference, Account())
        available = card.balance_cents + account.credited_cents - account.held_cents
        spendable = card.limit_cents - account.spent_cents.get(day, 0)
        if cents > min(available, spendable) and not card.unlimited:
            self._violate("I2", "a debit went beyond the balance or the day's limit", transaction)

    def _reversed(self, record: list[Any]) -> None:
        origin = record[2]
        booking = self.bookings.get(origin)
        if booking is None:
            self.early.add(origin)
            return
        if booking.reversed:
            self._violate("I6", "an issuer released one request twice", transaction_of_origin(origin))
            return
        booking.reversed = True
        self.accounts[booking.account].move(booking.effect_cents, booking.day, -1)


class Checker(Watch):
    """Watches one run. `dialects` is what each part but the switch speaks; `cards` by issuer and masked number."""

    def __init__(self, dialects: Mapping[str, str], cards: Mapping[str, Mapping[str, Card]]) -> None:
        self._dialects = dialects
        self._now = 0.0
        self.requested: Callable[[], None] = lambda: None  # called whenever a request was sent
        self.violations: list[Violation] = []
        self.story: deque[tuple[float, str, str]] = deque(
            maxlen=STORY_LINES
        )  # when, what, of which transaction ("": all)
        self.switch = SwitchLog(self._violate)
        self.issuers = {name: IssuerLog(cards[name], self._violate) for name in cards}
        self.seen: dict[Key, Seen] = {}
        self._digests = {name: hashlib.sha256() for name in sorted({SWITCH, *dialects})}
        self._records = dict.fromkeys(self._digests, 0)

    @property
    def log_sha256(self) -> str:
        """Of all parts' durable logs, in the order of their names."""
        return hashlib.sha256(b"".join(digest.digest() for digest in self._digests.values())).hexdigest()

    def _violate(self, invariant: str, why: str, transaction: str = "") -> None:
        self.violations.append(Violation(invariant, self._now, why, transaction))
        self._tell(f"{invariant} violated: {why}", transaction)

    def _tell(self, text: str, transaction: str = "") -> None:
        self.story.append((self._now, text, transaction))

    # -- what is shown to us ----------------------------------------------------------------------------------------

    def fault(self, text: str, now: float) -> None:
        self._now = now
        self._tell(text)

    def died(self, name: str, now: float) -> None:
        self._now = now
        for seen in self.seen.values():
            if seen.sender == name and not seen.told and not seen.acknowledged:
                seen.abandoned = True

    def durable(self, name: str, data: bytes, now: float) -> None:
        self._now = now
        self._digests[name].update(data)
        if name == SWITCH or name in self.issuers:
            apply = self.switch.apply if name == SWITCH else self.issuers[name].apply
            for record in read_log(data, self._records[name] + 1):
                self._records[name] += 1
                apply(record)

    def sent(self, sender: str, receiver: str, frame: bytes, now: float) -> None:
        self._now = now
        doc = self._read(sender, receiver, frame)
        self._tell(f"{sender} → {receiver} {named(doc)}", transaction_of_frame(doc))
        if sender == SWITCH and receiver in self.issuers:
            self._check_forwarded(receiver, doc)
        elif sender == SWITCH:
            self._check_answered(doc)
        elif sender in self.issuers:
            self._check_issuer_answered(sender, doc)
        else:
            self._note_request(sender, doc)

    def arrived(self, sender: str, receiver: str, frame: bytes, now: float) -> None:
        self._now = now
        if sender in self.issuers or receiver in self.issuers:
            return
        doc = self._read(sender, receiver, frame)
        if doc[0][1] == "8":
            return
        self._tell(f"{receiver} got {named(doc)}", transaction_of_frame(doc))
        seen = self.seen[key_of(doc)]
        if receiver == SWITCH:
            seen.reversal_reached = seen.reversal_reached or doc[0][1] == "4"
        elif doc[0][1] == "4":
            seen.acknowledged = seen.acknowledged or doc[39] not in AGAIN
        elif not seen.told and not seen.reversal_sent and not seen.abandoned:
            seen.told = doc[39]
            self._check_told(key_of(doc), seen)

    def _read(self, sender: str, receiver: str, frame: bytes) -> Doc:
        return read_frame(self._dialects[receiver if sender == SWITCH else sender], frame)

    # -- frames -----------------------------------------------------------------------------------------------------

    def _note_request(self, sender: str, doc: Doc) -> None:
        if doc[0][1] == "8":
            return
        if doc[0][1] == "4":
            self.seen[key_of(doc)].reversal_sent = True
            return
        self.seen.setdefault(key_of(doc), Seen(sender, f"{doc[3][:2]}|{doc[4]}|{doc[49]}"))
        self.requested()

    def _check_forwarded(self, issuer: str, doc: Doc) -> None:
        """I7 towards issuers: the intent of a request, the debt of a reversal."""
        if doc[0][1] == "8":
            return
        stan = doc[90][4:10] if doc[0][1] == "4" else doc[11]
        logged = self.switch.at_issuer.get((issuer, stan, doc[37]))
        if logged is None:
            self._violate("I7", "a request went to its issuer before its intent was durable", transaction_of_frame(doc))
        elif doc[0][1] == "4" and not logged.owed:
            self._violate(
                "I7", "a reversal went to its issuer before it was durable that it is owed", transaction_of_frame(doc)
            )

    def _check_answered(self, doc: Doc) -> None:
        """I7 and I8 towards acquirers."""
        if doc[0][1] == "8":
            return
        key, code = key_of(doc), doc[39]
        logged, seen = self.switch.by_key.get(key), self.seen[key]
        if doc[0][1] == "4":
            known = key in self.switch.unknown_reversals or (logged is not None and logged.taken_back)
            if code == APPROVED and not known:
                self._violate("I7", "a reversal was acknowledged before it was durable", key.transaction)
            seen.reversal_answered = True
            return
        if code == APPROVED and (logged is None or not logged.approved):
            self._violate("I7", "an approval left before its outcome was durable", key.transaction)
        if code == APPROVED and seen.reversal_answered:
            self._violate("I8", "an approval left after its reversal was acknowledged", key.transaction)
        answer = (code, doc.get(38, ""))
        if seen.reversal_reached and code in AFTER_REVERSAL:
            return
        seen.answers.add(answer)
        if len(seen.answers) > 1:
            self._violate("I8", "one request was answered in two ways", key.transaction)

    def _check_issuer_answered(self, issuer: str, doc: Doc) -> None:
        """I7 of issuers: an approval rests on a booking, an acknowledgement on a reversal."""
        if doc[0][1] == "8" or doc[39] != APPROVED:
            return
        log = self.issuers[issuer]
        booking = log.bookings.get(origin_of(doc))
        if doc[0][1] == "4":
            # The 0430 echoes no DE 90: the switch's reversals carry the STAN of their original, of class 1.
            origin = origin_of(doc, "1")
            booking = log.bookings.get(origin)
            if not (origin in log.early or (booking is not None and booking.reversed)):
                self._violate(
                    "I7", "an issuer acknowledged a reversal before it was durable", transaction_of_frame(doc)
                )
        elif booking is None or booking.de39 != APPROVED:
            self._violate("I7", "an issuer's approval left before it was durable", transaction_of_frame(doc))

    def _check_told(self, key: Key, seen: Seen) -> None:
        """I1, as soon as an acquirer believes it: an approval is a booking of what was asked."""
        if seen.told != APPROVED:
            return
        booking = self._booking(self.switch.by_key.get(key))
        if booking is None or booking.asked != seen.asked or booking.de39 != APPROVED:
            self._violate("I1", "an acquirer was told 00 of what its issuer has not booked", key.transaction)

    def _booking(self, logged: Logged | None) -> Booking | None:
        if logged is None or not logged.issuer:
            return None
        return self.issuers[logged.issuer].bookings.get(origin_at_issuer(logged))

    # -- in the end -------------------------------------------------------------------------------------------------

    def finish(self, now: float) -> None:
        """Everybody has had the time to settle: compare what the three sides believe."""
        self._now = now
        explained: set[tuple[str, str]] = set()
        for key, seen in self.seen.items():
            if not (seen.told or seen.acknowledged or seen.abandoned):
                self._violate("I5", "a request was neither answered nor reversed", key.transaction)
            logged = self.switch.by_key.get(key)
            booking = self._booking(logged)
            if logged is not None and logged.issuer:
                explained.add((logged.issuer, origin_at_issuer(logged)))
            self._compare(key, seen, logged, booking)
        for logged in self.switch.by_number.values():
            if not logged.de39:
                self._violate("I5", "an intent has no outcome", logged.key.transaction)
            if logged.owed and not logged.delivered:
                self._violate("I5", "a reversal is owed for ever", logged.key.transaction)
        for name, issuer in self.issuers.items():
            for origin in (*issuer.bookings, *issuer.early):
                if (name, origin) not in explained:
                    self._violate("I1", "an issuer knows of a request that nobody made", transaction_of_origin(origin))

    def _compare(self, key: Key, seen: Seen, logged: Logged | None, booking: Booking | None) -> None:
        by_the_log = logged is not None and logged.effective
        wanted = by_the_log if seen.abandoned else seen.told == APPROVED
        moves = wanted and _SIGN[seen.asked[:2]] != 0
        live = booking is not None and booking.live
        if live and not moves:
            self._violate("I1", "money moved for what was declined, or reversed", key.transaction)
        elif moves and not live:
            self._violate("I1", "no money moved for what was approved", key.transaction)

    def check_account(self, issuer: str, reference: str, held_cents: int, credited_cents: int) -> None:
        """An account as it really is, at a moment when all of its issuer's records are durable."""
        model = self.issuers[issuer].accounts.get(reference, Account())
        if (model.held_cents, model.credited_cents) != (held_cents, credited_cents):
            self._violate("I6", f"account {reference} holds another sum than its bookings and releases make")

    def stopped(self, why: str, now: float) -> None:
        """The run could not go on: a part's own assertion, or no end."""
        self._now = now
        if not self.violations:
            self._violate(STOPPED, why)


def key_of(doc: Doc) -> Key:
    """Which transaction a frame of an acquirer's link is about; a reversal names it in DE 90.

    Answers to reversals carry no DE 90; the bench's reversals have the STAN of their original, of class 1.
    """
    original = doc.get(90)
    mti_class, stan = (original[1], original[4:10]) if original else ("1", doc[11])
    return Key(mti_class, doc[32], doc[37], doc[41], stan)


def transaction_of(acquirer_id: str, rrn: str) -> str:
    """What a transaction is called in a story: DE 32 and DE 37, the same on every wire."""
    return f"{acquirer_id.zfill(11)} {rrn}"


def transaction_of_frame(doc: Doc) -> str:
    """The same for a frame; "" for network management."""
    return transaction_of(doc[32], doc[37]) if 37 in doc else ""


def transaction_of_origin(origin: str) -> str:
    """The same for an issuer's name of a request."""
    _, _, acquirer_id, rrn, _ = origin.split("|")
    return transaction_of(acquirer_id, rrn)


def origin_of(doc: Doc, mti_class: str = "") -> str:
    """How an issuer names the request of a frame."""
    return f"{mti_class or doc[0][1]}|{doc[11]}|{doc[32].zfill(11)}|{doc[37]}|{doc[41]}"


def origin_at_issuer(logged: Logged) -> str:
    """How its issuer names what the switch forwarded."""
    key = logged.key
    return f"{key.mti_class}|{logged.issuer_stan}|{key.acquirer_id.zfill(11)}|{key.rrn}|{key.terminal}"


def named(doc: Doc) -> str:
    """A frame in a few words, none of them secret."""
    words = [doc[0], *(f"DE {number} {doc[number]}" for number in (11, 37, 41, 70, 38, 39) if number in doc)]
    return ", ".join(words)
