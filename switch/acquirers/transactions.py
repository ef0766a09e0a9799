"""Transactions with the switch: what is open, what it waits for, and what happens when it waits in vain.

    ASKED ──answer──▶ ENDED ◀──acknowledged── ADVISED
      │               │  ▲ │                     │
      │      in part  ▼  │ └────wholly────┐      │ wholly, instead
      │            REDUCING               ▼      ▼
      └──timer, connection lost──────▶ REVERSING ──acknowledged──▶ REVERSED

What a terminal does not know it must assume done: a request (0100) whose answer may have been lost is reversed, after
a reconnection at once, and an answer that comes after the reversal changes nothing but a counter. An advice (0120,
0220) and a reversal (0420) tell what is so already: they are repeated (0121, 0221, 0421) until they are taken.
"""

import heapq
from collections import OrderedDict
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol

from switch.acquirers import compose
from switch.acquirers.line import APPROVED, Line
from switch.acquirers.records import AcquirerRecord
from switch.core import fields as de
from switch.iso8583.codec import View

_MAX_REVERSED: Final = 10_000  # remembered to tell a late answer from a stray one: 120 s of 83 reversals a second
_PARTLY_APPROVED: Final = "10"
_APPROVALS: Final = frozenset({APPROVED, _PARTLY_APPROVED})
_TRY_AGAIN: Final = frozenset({"63", "91", "96"})  # DE 39 of an answer that did not take what it answers


class State(Enum):
    """Where a transaction is."""

    ASKED = auto()
    ADVISED = auto()
    REDUCING = auto()
    REVERSING = auto()
    ENDED = auto()
    REVERSED = auto()


class Wait(NamedTuple):
    """What an open transaction does without an answer, after its timer and after a new sign-on alike."""

    repeats: bool  # else it is reversed
    refusals: frozenset[str]  # DE 39 that is as good as no answer


WAITS: Final = {
    State.ASKED: Wait(repeats=False, refusals=frozenset()),
    State.ADVISED: Wait(repeats=True, refusals=_TRY_AGAIN),
    State.REDUCING: Wait(repeats=True, refusals=_TRY_AGAIN),
    State.REVERSING: Wait(repeats=True, refusals=_TRY_AGAIN),
}

MOVES: Final = frozenset(
    {
        (State.ASKED, State.ENDED),
        (State.ASKED, State.REVERSING),
        (State.ADVISED, State.ENDED),
        (State.ADVISED, State.REVERSING),
        (State.ENDED, State.REDUCING),
        (State.REDUCING, State.ENDED),
        (State.ENDED, State.REVERSING),
        (State.REVERSING, State.REVERSED),
    }
)


class Transaction:
    """One request or advice, with all that became of it."""

    __slots__ = ("approval", "attempts", "doc", "due", "message", "pin_generation", "record", "sale", "state")

    def __init__(self, doc: dict[str, str], record: AcquirerRecord, sale: object, pin_generation: int | None) -> None:
        self.doc = doc
        self.record = record
        self.sale = sale  # whose it is; nothing here looks into it
        self.pin_generation = pin_generation  # of the key that its PIN block is under; None: no PIN
        self.state = State.ASKED if doc["t"] == "0100" else State.ADVISED
        self.message = doc  # what an answer is awaited to: itself, or its reversal
        self.attempts = 0  # of `message`
        self.due = 0.0  # when the timer, or the wait for the acknowledgement, runs out
        self.approval = ""  # DE 38

    def move(self, state: State) -> None:
        """Go on to another state, by the table."""
        assert (self.state, state) in MOVES, f"{self.state.name} to {state.name}"
        self.state = state

    @property
    def open(self) -> bool:
        """Is an answer awaited?"""
        return self.state in WAITS

    @property
    def stands(self) -> bool:
        """Was it approved, and not taken back since?"""
        return self.state is State.ENDED and self.record.approved_cents is not None


class Owner(Protocol):
    """Who is told what became of transactions."""

    def ended(self, tx: Transaction, now: float) -> None:
        """It is final, for now: nothing is awaited any more."""

    def approved(self, record: AcquirerRecord) -> None:
        """It was approved."""

    def taken_back(self, record: AcquirerRecord, cents: int) -> None:
        """So much of what was approved was taken back, in part or wholly."""

    def pin_understood(self, generation: int, de39: str) -> None:
        """A request with a PIN block under the key of that generation was answered."""


class Transactions:
    """All that are open, by STAN."""

    def __init__(self, line: Line, owner: Owner) -> None:
        self._line = line
        self._owner = owner
        self._open: dict[str, Transaction] = {}
        self._timers: list[tuple[float, str]] = []  # heap of (due, STAN); stale entries are skipped
        self._reversed: OrderedDict[tuple[str, str, str], float] = OrderedDict()  # STAN, DE 37, 41 → when

    def __len__(self) -> int:
        return len(self._open)

    # -- what a terminal does ----------------------------------------------------------------------------------------

    def begin(self, tx: Transaction, now: float) -> None:
        """Send a request or an advice."""
        self._await(tx, tx.doc, now)

    def reduce(self, tx: Transaction, standing_cents: int, now: float) -> None:
        """Take back a part: `standing_cents` are to remain."""
        tx.move(State.REDUCING)
        tx.record.partial_reversal, tx.record.partial_cents = "pending", standing_cents
        self._line.counters["partial-reversals"] += 1
        self._line.write(tx.record)
        self._await(tx, compose.partial_reversal_of(tx.doc, standing_cents, now), now)

    def reverse(self, tx: Transaction, now: float) -> None:
        """Take it back wholly, as a cashier does; or an advice that was not acknowledged yet, instead of it."""
        self._take_back(tx, now)
        self._await(tx, tx.message, now)

    # -- answers -----------------------------------------------------------------------------------------------------

    def answered(self, view: View, now: float) -> None:
        """0110, 0210, 0130, 0230, 0410 or 0430."""
        tx = self._open.get(view.text(de.STAN) or "")
        if tx is None or not _answers(view, tx.message):
            self._unmatched(view)
            return
        de39 = view.text(de.RESPONSE) or ""
        if de39 in WAITS[tx.state].refusals:
            self._line.counters["reversals-refused" if tx.message is not tx.doc else "advices-refused"] += 1
            return
        del self._open[tx.record.stan]
        match tx.state:
            case State.REVERSING:
                self._reversed_whole(tx, de39)
            case State.REDUCING:
                self._reduced(tx, de39)
            case _:
                self._decided(tx, view, de39, now)
        self._line.write(tx.record)
        self._owner.ended(tx, now)

    def _decided(self, tx: Transaction, view: View, de39: str, now: float) -> None:
        record = tx.record
        advised = tx.state is State.ADVISED
        tx.move(State.ENDED)
        record.answered_at, record.de39, record.business_date = now, de39, view.text(de.BUSINESS_DATE) or ""
        self._line.counters[f"de39-{de39}"] += 1
        if de39 in _APPROVALS:
            partly = view.text(de.AMOUNT) if de39 == _PARTLY_APPROVED else None
            record.approved_cents = record.standing_cents = min(int(partly or record.amount_cents), record.amount_cents)
            tx.approval = view.text(de.APPROVAL) or ""
            self._owner.approved(record)
        elif advised:
            why = f"DE 39 is {de39}: an advice tells what has happened, and this one must be looked into"
            self._line.event("advice", "advice-refused", why, view)
        if tx.pin_generation is not None:
            self._owner.pin_understood(tx.pin_generation, de39)

    def _reduced(self, tx: Transaction, de39: str) -> None:
        record = tx.record
        tx.move(State.ENDED)
        record.partial_de39 = de39
        if de39 != APPROVED:
            record.partial_reversal = "refused"
            why = f"DE 39 is {de39}: all of it stands as before"
            self._line.event("reversal", "partial-reversal-refused", why, record)
            return
        assert record.standing_cents is not None
        assert record.partial_cents is not None
        self._owner.taken_back(record, record.standing_cents - record.partial_cents)
        record.partial_reversal, record.standing_cents = "acknowledged", record.partial_cents

    def _reversed_whole(self, tx: Transaction, de39: str) -> None:
        record = tx.record
        tx.move(State.REVERSED)
        record.reversal, record.reversal_de39 = "acknowledged", de39
        if record.standing_cents is not None and de39 == APPROVED:
            self._owner.taken_back(record, record.standing_cents)

    # -- time --------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Reverse or repeat what waited in vain."""
        while self._timers and self._timers[0][0] <= now:
            due, stan = heapq.heappop(self._timers)
            tx = self._open.get(stan)
            if tx is not None and tx.due == due:
                self._overdue(tx, f"no answer after {now - tx.record.sent_at:.1f} s", now)

    def resume(self, now: float) -> None:
        """There is a session again: what was open on the last one is reversed or repeated."""
        for tx in list(self._open.values()):
            self._overdue(tx, "the connection was lost before its answer", now)

    def next_deadline(self) -> float | None:
        """When the next timer runs out."""
        return self._timers[0][0] if self._timers else None

    def _overdue(self, tx: Transaction, why: str, now: float) -> None:
        if not WAITS[tx.state].repeats:
            self._line.event("reversal", "unanswered", why, tx.record)
            self._take_back(tx, now)
        self._send(tx, now)

    def _take_back(self, tx: Transaction, now: float) -> None:
        tx.move(State.REVERSING)
        tx.message, tx.attempts = compose.reversal_of(tx.doc), 0
        tx.record.reversal = "pending"
        self._remember_reversed(tx.record, now)
        self._line.counters["reversals"] += 1
        self._line.write(tx.record)

    def _await(self, tx: Transaction, message: dict[str, str], now: float) -> None:
        tx.message, tx.attempts = message, 0
        self._open[tx.record.stan] = tx
        self._send(tx, now)

    def _send(self, tx: Transaction, now: float) -> None:
        """Send, or repeat; without a session it waits for the next sign-on."""
        spec = self._line.spec
        if not self._line.signed_on:
            return
        self._line.send(tx.message if tx.attempts == 0 else compose.repeat_of(tx.message))
        repeats = WAITS[tx.state].repeats
        wait_s = min(spec.repeat_s * 2**tx.attempts, spec.repeat_max_s) if repeats else spec.timer_s
        tx.attempts += 1
        tx.due = now + wait_s
        heapq.heappush(self._timers, (tx.due, tx.record.stan))

    # -- strays ------------------------------------------------------------------------------------------------------

    def _remember_reversed(self, record: AcquirerRecord, now: float) -> None:
        self._reversed[record.stan, record.rrn, record.terminal] = now
        oldest = next(iter(self._reversed.values()))
        while oldest < now - self._line.spec.late_watch_s or len(self._reversed) > _MAX_REVERSED:
            self._reversed.popitem(last=False)
            oldest = next(iter(self._reversed.values()))

    def _unmatched(self, view: View) -> None:
        """R8: an answer to what is already reversed is late, and the reversal stands; any other is a stray."""
        stan, rrn, terminal = (view.text(field) or "" for field in (de.STAN, de.RRN, de.TERMINAL))
        late = (stan, rrn, terminal) in self._reversed and view.mti in ("0110", "0210", "0130", "0230")
        reason = "late-answer" if late else "unmatched"
        why = "it came after its reversal, which stands" if late else _difference(view, self._open.get(stan))
        self._line.event("unmatched", reason, why, view)


def _difference(view: View, tx: Transaction | None) -> str:
    """Why an answer answers nothing that is open."""
    if tx is None:
        return "nothing open has its STAN"
    doc = tx.message
    others = [
        f"DE {number} is {text if (text := view.text(number)) is not None else 'absent'}, sent was {doc[str(number)]}"
        for number in (de.RRN, de.TERMINAL)
        if view.text(number) != doc[str(number)]
    ]
    return f"the {doc['t']} with its STAN differs: {', '.join(others) or 'another MTI or DE 12'}"


def _answers(view: View, doc: dict[str, str]) -> bool:
    """R3: does this answer belong to the message sent? MTI class and DE 37 and 41 must agree, not the STAN alone.

    A whole reversal and a partial one share even these: DE 12, which only the partial one has, is echoed (R2). Where
    ISO 8583:1993 wants one of the whole one too, it is made of DE 7.
    """
    return (
        view.mti[:2] == doc["t"][:2]
        and view.mti[2] == str(int(doc["t"][2]) + 1)
        and view.text(de.RRN) == doc["37"]
        and view.text(de.TERMINAL) == doc["41"]
        and view.text(de.LOCAL_TIME) in (None, doc.get("12", doc["7"][4:]))
    )
