"""The onlooker: shows every frame and every durable byte to the models, and compares them in the end."""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Final

from switch.simulation.invariants.acquirer_wire import AcquirerWire, Seen
from switch.simulation.invariants.issuer_log import Account, Card, IssuerLog
from switch.simulation.invariants.issuer_wire import IssuerWire
from switch.simulation.invariants.names import (
    APPROVALS,
    NETWORK,
    RECONCILIATION,
    REVERSAL,
    SWITCH,
    Key,
    Violation,
    key_of,
    named,
    transaction_of_frame,
    transaction_of_origin,
)
from switch.simulation.invariants.network_wire import NetworkWire
from switch.simulation.invariants.numbers import Numbers
from switch.simulation.invariants.switch_log import EXHAUSTED, Logged, SwitchLog
from switch.simulation.wiretap import Doc, read_frame, read_log
from switch.simulation.world import Watch

STOPPED: Final = "stopped"  # no invariant, but as bad: a part's own assertion, or no end
STORY_LINES: Final = 200_000  # the newest, some 50 MB: a violation lies behind what led to it


class Checker(Watch):
    """Watches one run.

    `dialects` is what each part but the switch speaks; `cards` by issuer and masked number; `links` the acquirer link
    of each part that is one; `never_up` the issuers that cannot be told of anything.
    """

    def __init__(
        self, dialects: Mapping[str, str], cards: Mapping[str, Mapping[str, Card]], links: Mapping[str, str],
        never_up: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._dialects = dialects
        self._links = links
        self._never_up = never_up
        self._now = 0.0
        self.requested: Callable[[], None] = lambda: None  # called whenever a request was sent
        self.violations: list[Violation] = []
        self.story: deque[tuple[float, str, str]] = deque(
            maxlen=STORY_LINES
        )  # when, what, of which transaction ("": all)
        self.switch = SwitchLog(self._violate)
        self.issuers = {name: IssuerLog(cards[name], self._violate) for name in cards}
        self._acquirer_wire = AcquirerWire(self.switch, self._violate)
        self._issuer_wire = IssuerWire(self.switch, self.issuers, self._violate)
        self.numbers = Numbers(self.switch, self._violate)
        self._network_wire = NetworkWire(self.switch, links, self._violate)
        self._digests = {name: hashlib.sha256() for name in sorted({SWITCH, *dialects})}
        self._records = dict.fromkeys(self._digests, 0)

    @property
    def seen(self) -> Mapping[Key, Seen]:
        """Requests and advices on the acquirers' wires."""
        return self._acquirer_wire.seen

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
        self._acquirer_wire.died(name)
        self._network_wire.died(name, now)

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
        self._network_wire.sent(sender, receiver, doc, frame, now)
        if sender == SWITCH and receiver in self.issuers:
            self._sent_to_issuer(receiver, doc)
        elif sender == SWITCH:
            self._sent_to_acquirer(receiver, doc)
        elif is_of_transaction(doc):
            if sender in self.issuers:
                self._issuer_wire.answered(sender, doc)
            else:
                self.numbers.sent(doc)
                if self._acquirer_wire.sent(sender, doc):
                    self.requested()

    def _sent_to_issuer(self, issuer: str, doc: Doc) -> None:
        if is_of_transaction(doc):
            self._issuer_wire.forwarded(issuer, doc)
        else:
            self._network_wire.told_issuer(issuer, doc)

    def _sent_to_acquirer(self, acquirer: str, doc: Doc) -> None:
        if not is_of_transaction(doc):
            self._network_wire.answered(self._links[acquirer], doc)
            return
        self._acquirer_wire.answered(doc)
        self.numbers.answered(doc)
        if doc[0][1] != REVERSAL:
            logged = self.switch.by_key.get(key_of(doc))
            self._network_wire.judged(acquirer, logged.issuer if logged is not None else "", doc)

    def arrived(self, sender: str, receiver: str, frame: bytes, now: float) -> None:
        self._now = now
        doc = self._read(sender, receiver, frame)
        self._network_wire.arrived(sender, receiver, doc, frame, now)
        if sender in self.issuers or receiver in self.issuers:
            return
        if not is_of_transaction(doc):
            if receiver == SWITCH:
                self._network_wire.asked(self._links[sender], doc)
            return
        self._tell(f"{receiver} got {named(doc)}", transaction_of_frame(doc))
        if receiver == SWITCH:
            self._acquirer_wire.reached(doc)
        elif (approved := self._acquirer_wire.told(doc)) is not None:
            self._check_told(approved)

    def _read(self, sender: str, receiver: str, frame: bytes) -> Doc:
        return read_frame(self._dialects[receiver if sender == SWITCH else sender], frame)

    def _check_told(self, key: Key) -> None:
        """I1, as soon as an acquirer believes it: an approval that the issuer gave is a booking of what was asked."""
        seen, logged = self.seen[key], self.switch.by_key.get(key)
        if seen.advice or (logged is not None and logged.stand_in_stan):
            return
        booking = self.issuers[logged.issuer].bookings.get(origin_at(logged)) if logged and logged.issuer else None
        if booking is None or booking.asked != seen.asked or booking.de39 not in APPROVALS:
            self._violate("I1", "an acquirer was told an approval of what its issuer has not booked", key.transaction)

    # -- in the end -------------------------------------------------------------------------------------------------

    def finish(self, now: float) -> None:
        """Everybody has had the time to settle: compare what the three sides believe."""
        self._now = now
        for key, seen in self.seen.items():
            if seen.open and not seen.abandoned:
                self._violate("I5", "a request, advice or reversal was never answered", key.transaction)
            self._compare(key, seen)
        for logged in self.switch.by_number.values():
            if not logged.de39:
                self._violate("I5", "an intent has no outcome", logged.key.transaction)
        for debt in self.switch.open_debts():
            if debt.logged.issuer not in self._never_up:
                why = "was given up (exhausted)" if debt.state == EXHAUSTED else "is owed for ever"
                self._violate("I5", f"a {debt.mti} {why}", debt.logged.key.transaction)
        self._check_explained()

    def _check_explained(self) -> None:
        explained = {
            (logged.issuer, origin_at(logged, leg))
            for logged in self.switch.by_number.values()
            for leg in (logged.issuer_stan, logged.stand_in_stan)
            if leg
        }
        for name, issuer in self.issuers.items():
            for origin in (*issuer.bookings, *issuer.early):
                if (name, origin) not in explained:
                    self._violate("I1", "an issuer knows of a request that nobody made", transaction_of_origin(origin))

    def _compare(self, key: Key, seen: Seen) -> None:
        """I1: what stands for an acquirer is what its issuer carries, under the STAN of the leg that stands."""
        logged = self.switch.by_key.get(key)
        wanted_cents, carried_cents, elsewhere_cents = seen.asked.cents(self._acquirer_wire.wanted(key)), 0, 0
        if logged is not None and logged.issuer and logged.issuer not in self._never_up:
            carried_cents = self._carried_cents(logged, logged.leg)
            if logged.leg != logged.issuer_stan:  # the request had left
                elsewhere_cents = self._carried_cents(logged, logged.issuer_stan)
        if elsewhere_cents:
            why = "an issuer carries a request beside the advice that the switch approved it"
            self._violate("I1", why, key.transaction)
        if carried_cents == wanted_cents:
            return
        if not wanted_cents:
            why = "money moved for what was declined, or reversed"
        elif not carried_cents:
            why = "no money moved for what was approved"
        else:
            why = f"another amount moved than stands: {carried_cents} instead of {wanted_cents} cents"
        self._violate("I1", why, key.transaction)

    def _carried_cents(self, logged: Logged, leg: str) -> int:
        booking = self.issuers[logged.issuer].bookings.get(origin_at(logged, leg))
        return booking.live_cents if booking is not None else 0

    def check_account(self, issuer: str, reference: str, held_cents: int, credited_cents: int) -> None:
        """I6: an account as it really is, at a moment when all of its issuer's records are durable."""
        model = self.issuers[issuer].accounts.get(reference, Account())
        if (model.held_cents, model.credited_cents) != (held_cents, credited_cents):
            self._violate("I6", f"account {reference} holds another sum than its bookings and releases make")

    def stopped(self, why: str, now: float) -> None:
        """The run could not go on: a part's own assertion, or no end."""
        self._now = now
        if not self.violations:
            self._violate(STOPPED, why)


def is_of_transaction(doc: Doc) -> bool:
    """Is it about money, rather than about the link or the day?"""
    return doc[0][1] not in (NETWORK, RECONCILIATION)


def origin_at(logged: Logged, leg: str = "") -> str:
    """How its issuer names what the switch sent under the STAN `leg`; without it, the request."""
    key = logged.key
    stan = leg or logged.issuer_stan
    return f"{key.mti_class}|{stan}|{key.acquirer_id.zfill(11)}|{key.rrn}|{key.terminal}"
