"""A simulated acquirer: terminals that send sample traffic, and do what shops do about it.

    line.py          the connection, STANs, MACs, the way out
    session.py       sign-on, key changes, reconciliation
    transactions.py  what is open: answers, timers, repeats, reversals
    sales.py         cardholders, and what follows their requests: completions, advices, voids

Sans-IO; the shell dials the switch, calls `connected` each time and carries out the effects. A COMMIT is a line of
`AcquirerRecord`.

Arrivals keep to their Poisson schedule whatever the switch does (open loop). One that finds the link not signed on, or
`max_in_flight` transactions open, is dropped and counted: cardholders do not queue up behind each other's outages.
"""

from collections import Counter
from typing import Final

from switch.acquirers.line import APPROVED, Line
from switch.acquirers.pinpad import PinPad
from switch.acquirers.records import AcquirerRecord
from switch.acquirers.sales import Sale, Sales
from switch.acquirers.session import Session
from switch.acquirers.specs import AcquirerSpec
from switch.acquirers.totals import Totals
from switch.acquirers.transactions import Transaction, Transactions
from switch.core.effects import CLOSE, Effect
from switch.iso8583.codec import FormatError
from switch.profiles.mix import draw, gap_s

_NETWORK_MTIS: Final = frozenset({"0800", "0801", "0810", "0510", "0530"})

# DE 39 to a request with a PIN: what shows that the switch could read its block, and that it could not.
_PIN_READ: Final = frozenset({APPROVED, "10", "51", "55"})
_PIN_UNREAD: Final = "88"


class Acquirer:
    """One acquirer on one connection."""

    def __init__(self, spec: AcquirerSpec, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self._line = Line(spec)
        self._pinpad = PinPad(spec.zpk, spec.zmk)
        self._totals = Totals()
        self._session = Session(self._line, self._pinpad, self._totals, self._resume)
        self._transactions = Transactions(self._line, self)
        self._sales = Sales(self._line, self._transactions, self._pinpad, seed)
        self._traffic = spec.rate_per_s > 0
        self._arrivals = 0
        self._next_arrival: float | None = None

    @property
    def counters(self) -> Counter[str]:
        """How often what happened, by reason."""
        return self._line.counters

    # -- the shell's side -------------------------------------------------------------------------------------------

    def take_effects(self) -> list[Effect]:
        """Return what is to be done since the last call, in order."""
        effects, self._line.effects = self._line.effects, []
        return effects

    def connected(self, conn: int, link: int, now: float) -> None:  # noqa: ARG002 - every part has this signature
        """The connection to the switch is up: sign on."""
        self.spec.dialect.at(now)
        self._session.connected(conn, now)

    def disconnected(self, conn: int, now: float) -> None:  # noqa: ARG002
        """The connection is lost. What is open stays open, and is reversed as soon as there is another."""
        if conn == self._line.conn:
            self._session.disconnected()

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """Take one frame from the switch."""
        try:
            view = self._line.layout.scan(frame)
        except FormatError as error:
            self._line.event("unreadable", "unreadable", str(error))
            self._line.effects.append((CLOSE, conn, str(error)))
            return
        if not self._line.genuine(frame, view):
            return
        if view.mti in _NETWORK_MTIS:
            self._session.receive(view, now)
        else:
            self._transactions.answered(view, now)

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:  # noqa: ARG002
        """Every part has this method; a terminal encrypts its PINs itself and asks no HSM."""
        self.counters["hsm-reply-unmatched"] += 1

    def tick(self, now: float) -> None:
        """Send what is due: arrivals, steps of sales, reversals, repeats, questions that were not answered."""
        self.spec.dialect.at(now)
        self._session.tick(now)
        self._transactions.tick(now)
        self._sales.tick(now)
        while self._next_arrival is not None and self._next_arrival <= now:
            self._arrive(self._next_arrival)

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""
        times = [
            self._session.next_deadline(), self._transactions.next_deadline(), self._sales.next_deadline(),
            self._next_arrival,
        ]  # fmt: skip
        return min((time for time in times if time is not None), default=None)

    # -- control ----------------------------------------------------------------------------------------------------

    def stop_traffic(self) -> None:
        """No more cardholders come; what those who came have still to do is done at once, and brought to its end."""
        self._traffic, self._next_arrival = False, None
        self._sales.close()

    def outstanding(self) -> int:
        """How many transactions are open, unanswered or their reversal unacknowledged, and how many steps to come."""
        return len(self._transactions) + len(self._sales)

    def take_key(self, exchanged: str) -> bool:
        """Use the zone PIN key that the switch has had since an earlier exchange: `U`, 32 digits of the key under the
        zone master key, 6 of its check value. False: it is not that."""
        return self._pinpad.take(exchanged)

    def exchange_key(self, random_bytes: bytes, now: float) -> None:
        """Give the switch a new zone PIN key made of 16 random bytes. Raises ValueError without a zone master key."""
        self._session.exchange_key(random_bytes, now)

    def reconcile(self, now: float, day: str = "", currency: str = "") -> None:
        """Send our figures of a business day (MMDD; default: the newest); an event tells when they do not balance."""
        self._session.reconcile(now, day, currency)

    @property
    def settlement(self) -> dict[tuple[str, str], str]:
        """DE 66 of each day (MMDD) and currency that was reconciled: 1 in balance, 2 not."""
        return self._session.settlement

    # -- arrivals ---------------------------------------------------------------------------------------------------

    def _resume(self, now: float) -> None:
        """Signed on: debts first, then business as usual."""
        self._transactions.resume(now)
        if self._traffic and self._next_arrival is None:
            self._next_arrival = now + self._gap_s()

    def _arrive(self, now: float) -> None:
        """One cardholder comes, at the scheduled time `now`; the next one is scheduled from there."""
        number = self._arrivals
        self._next_arrival = now + self._gap_s()
        if not self._line.signed_on:
            self.counters["arrivals-dropped-signed-off"] += 1
        elif len(self._transactions) >= self.spec.max_in_flight:
            self.counters["arrivals-dropped-busy"] += 1
        else:
            self._sales.begin(number, draw(self.spec.mix, self.seed, self.spec.name, number), now)

    def _gap_s(self) -> float:
        self._arrivals += 1
        return gap_s(self.spec.rate_per_s, self.seed, self.spec.name, self._arrivals)

    # -- what became of transactions ---------------------------------------------------------------------------------

    def ended(self, tx: Transaction, now: float) -> None:
        """A transaction is final, for now."""
        assert isinstance(tx.sale, Sale)
        self._sales.ended(tx.sale, now)

    def approved(self, record: AcquirerRecord) -> None:
        """It counts."""
        self._totals.approved(record)

    def taken_back(self, record: AcquirerRecord, cents: int) -> None:
        """So much of it was taken back."""
        self._totals.taken_back(record, cents)

    def pin_understood(self, generation: int, de39: str) -> None:
        """Which of two keys the switch has (R15)."""
        if de39 in _PIN_READ:
            self._pinpad.understood(generation)
        elif de39 == _PIN_UNREAD and self._pinpad.not_understood(generation):
            why = "a PIN block under the new key was not understood: the other key is in use again"
            self._line.event("key", "key-fallback", why)
