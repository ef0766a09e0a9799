"""A simulated acquirer: terminals that send sample traffic and reverse what got no answer.

    idle ─▶ 0100 sent ──answer within the timer──▶ final
                │
                ├── timer ran out ──────────┐
                └── connection was lost ────┴─▶ 0420, then 0421 until 0430 ─▶ final

What a terminal does not know it must assume done: a request whose answer may have been lost is reversed, after a
reconnection at once, and an answer that comes after the reversal changes nothing but a counter. Sans-IO; the shell
dials the switch, calls `connected` each time and carries out the effects. A COMMIT is a line of `AcquirerRecord`.

Arrivals keep to their Poisson schedule whatever the switch does (open loop). One that finds the link not signed on, or
`max_in_flight` transactions open, is dropped and counted: cardholders do not queue up behind each other's outages.
"""

import heapq
from collections import Counter, OrderedDict
from typing import Final

from switch.acquirers import records
from switch.acquirers.compose import Sender, network, repeat_of, request, reversal_of
from switch.acquirers.pinpad import pin_block
from switch.acquirers.records import AcquirerRecord
from switch.acquirers.specs import AcquirerSpec, TerminalCard
from switch.cards.masking import mask_pan
from switch.core import fields as de
from switch.core.effects import CLOSE, COMMIT, EVENT, SEND, Effect
from switch.iso8583.codec import FormatError, View
from switch.profiles.mix import Draw, draw, gap_s

_LAST_STAN: Final = 999_999
_MAX_REVERSED: Final = 10_000  # remembered to tell a late answer from a stray one: 120 s of 83 reversals a second
_TRY_AGAIN: Final = frozenset({"91", "96"})  # DE 39 of a 0430 that did not take the reversal
_APPROVED: Final = "00"
_UNROUTED: Final = TerminalCard(pan="9999990000000006", expiry="3012", pin="1234")  # MII 9: no bank has it


class _Exchange:
    """One open transaction: its request, and its reversal once there is one."""

    __slots__ = ("attempts", "doc", "due", "record", "reversal")

    def __init__(self, doc: dict[str, str], record: AcquirerRecord, due: float) -> None:
        self.doc = doc
        self.record = record
        self.due = due  # when the timer, or the wait for the 0430, runs out
        self.reversal: dict[str, str] | None = None
        self.attempts = 0  # reversals sent


class Acquirer:
    """One acquirer on one connection."""

    def __init__(self, spec: AcquirerSpec, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self.counters: Counter[str] = Counter()
        self._layout = spec.dialect.layout
        self._conn: int | None = None
        self._signed_on = False
        self._sign_on_stan = ""
        self._sign_on_due: float | None = None
        self._sign_on_wait_s = spec.repeat_s
        self._traffic = spec.rate_per_s > 0
        self._arrivals = 0
        self._next_arrival: float | None = None
        self._stan = 0
        self._open: dict[str, _Exchange] = {}  # by STAN
        self._timers: list[tuple[float, str]] = []  # heap of (due, STAN); stale entries are skipped
        self._reversed: OrderedDict[tuple[str, str, str], float] = OrderedDict()  # STAN, DE 37, 41 → when
        self._effects: list[Effect] = []

    # -- the shell's side -------------------------------------------------------------------------------------------

    def take_effects(self) -> list[Effect]:
        """Return what is to be done since the last call, in order."""
        effects, self._effects = self._effects, []
        return effects

    def connected(self, conn: int, link: int, now: float) -> None:  # noqa: ARG002 - every part has this signature
        """The connection to the switch is up: sign on."""
        self._conn = conn
        self._sign_on_wait_s = self.spec.repeat_s
        self._sign_on(now)

    def disconnected(self, conn: int, now: float) -> None:  # noqa: ARG002
        """The connection is lost. What is open stays open, and is reversed as soon as there is another."""
        if conn == self._conn:
            self._conn, self._signed_on, self._sign_on_due = None, False, None

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """Take one frame from the switch."""
        try:
            view = self._layout.scan(frame)
        except FormatError as error:
            self._event("unreadable", "unreadable", str(error))
            self._effects.append((CLOSE, conn, str(error)))
            return
        if view.mti == "0810":
            self._signed(view, now)
        elif view.mti in ("0410", "0430"):
            self._reversal_answered(view, now)
        else:
            self._answered(view, now)

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:  # noqa: ARG002
        """Every part has this method; a terminal encrypts its PINs itself and asks no HSM."""
        self.counters["hsm-reply-unmatched"] += 1

    def tick(self, now: float) -> None:
        """Send what is due: arrivals, reversals, their repeats, a sign-on that was not answered."""
        if self._sign_on_due is not None and self._sign_on_due <= now:
            self._sign_on(now)
        while self._timers and self._timers[0][0] <= now:
            due, stan = heapq.heappop(self._timers)
            exchange = self._open.get(stan)
            if exchange is not None and exchange.due == due:
                self._reverse(stan, exchange, now)
        while self._next_arrival is not None and self._next_arrival <= now:
            self._arrive(self._next_arrival)

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""
        times = [self._sign_on_due, self._next_arrival, self._timers[0][0] if self._timers else None]
        return min((time for time in times if time is not None), default=None)

    # -- control ----------------------------------------------------------------------------------------------------

    def stop_traffic(self) -> None:
        """Send no more requests; what is open is still brought to its end."""
        self._traffic, self._next_arrival = False, None

    def outstanding(self) -> int:
        """How many transactions are open: unanswered, or reversed without a 0430 yet."""
        return len(self._open)

    # -- sign-on ----------------------------------------------------------------------------------------------------

    def _sign_on(self, now: float) -> None:
        self.spec.dialect.at(now)
        self._sign_on_stan = self._next_stan()
        self._sign_on_due = now + self._sign_on_wait_s
        self._sign_on_wait_s = min(2 * self._sign_on_wait_s, self.spec.repeat_max_s)
        self._send(network("sign-on", Sender(self.spec.institution_id), stan=int(self._sign_on_stan), now=now))

    def _signed(self, view: View, now: float) -> None:
        if view.text(de.STAN) != self._sign_on_stan or self._signed_on:
            self._unmatched(view)
            return
        if view.text(de.RESPONSE) != _APPROVED:
            self._event("sign-on", "sign-on-declined", f"DE 39 is {view.text(de.RESPONSE)}; tried again later")
            return
        self._signed_on, self._sign_on_due = True, None
        for stan, exchange in list(self._open.items()):
            self._reverse(stan, exchange, now)
        if self._traffic and self._next_arrival is None:
            self._next_arrival = now + self._gap_s()

    # -- requests ---------------------------------------------------------------------------------------------------

    def _arrive(self, now: float) -> None:
        """One cardholder comes, at the scheduled time `now`; the next one is scheduled from there."""
        number = self._arrivals
        self._next_arrival = now + self._gap_s()
        if not self._signed_on:
            self.counters["arrivals-dropped-signed-off"] += 1
        elif len(self._open) >= self.spec.max_in_flight:
            self.counters["arrivals-dropped-busy"] += 1
        else:
            self._request(draw(self.spec.mix, self.seed, self.spec.name, number), now)

    def _gap_s(self) -> float:
        self._arrivals += 1
        return gap_s(self.spec.rate_per_s, self.seed, self.spec.name, self._arrivals)

    def _request(self, drawn: Draw, now: float) -> None:
        self.spec.dialect.at(now)
        spec, share = self.spec, drawn.share
        card = spec.cards[int(drawn.card * len(spec.cards))] if share.routed else _UNROUTED
        sender = Sender(spec.institution_id, f"TERM{1 + int(drawn.terminal * spec.terminals):04d}", spec.merchant)
        pin = {"right": card.pin, "wrong": _other_than(card.pin), "none": ""}[share.pin]
        stan = self._next_stan()
        doc = request(
            share.kind,
            sender,
            pan=card.pan,
            expiry=card.expiry,
            amount_cents=drawn.amount_cents,
            currency=spec.currency,
            stan=int(stan),
            now=now,
            pin_block=pin_block(pin, card.pan, spec.zpk) if pin else None,
        )
        record = AcquirerRecord(
            acquirer_id=spec.institution_id,
            terminal=sender.terminal,
            stan=stan,
            rrn=doc["37"],
            mti=doc["t"],
            de3=doc["3"],
            pan=mask_pan(card.pan),
            amount_cents=drawn.amount_cents,
            currency=spec.currency,
            sent_at=now,
        )
        self._open[stan] = exchange = _Exchange(doc, record, now + spec.timer_s)
        self._arm(stan, exchange)
        self.counters["requests"] += 1
        self._send(doc)

    def _answered(self, view: View, now: float) -> None:
        stan = view.text(de.STAN) or ""
        exchange = self._open.get(stan)
        if exchange is None or exchange.reversal is not None or not _answers(view, exchange.doc):
            self._unmatched(view)
            return
        del self._open[stan]
        record = exchange.record
        record.answered_at, record.de39 = now, view.text(de.RESPONSE)
        self.counters[f"de39-{record.de39}"] += 1
        self._write(record)

    # -- reversals --------------------------------------------------------------------------------------------------

    def _reverse(self, stan: str, exchange: _Exchange, now: float) -> None:
        """Send the reversal, or repeat it; without a session it waits for the next sign-on."""
        record = exchange.record
        if exchange.reversal is None:
            exchange.reversal = reversal_of(exchange.doc)
            record.reversal = "pending"
            self._remember_reversed(record, now)
            self.counters["reversals"] += 1
            self._event("reversal", "unanswered", f"no answer after {now - record.sent_at:.1f} s", **_named(record))
            self._write(record)
        if not self._signed_on:
            return
        self._send(exchange.reversal if exchange.attempts == 0 else repeat_of(exchange.reversal))
        wait_s = min(self.spec.repeat_s * 2**exchange.attempts, self.spec.repeat_max_s)
        exchange.attempts += 1
        exchange.due = now + wait_s
        self._arm(stan, exchange)

    def _reversal_answered(self, view: View, now: float) -> None:  # noqa: ARG002 - as its siblings
        stan = view.text(de.STAN) or ""
        exchange = self._open.get(stan)
        if exchange is None or exchange.reversal is None or not _answers(view, exchange.reversal):
            self._unmatched(view)
            return
        record, de39 = exchange.record, view.text(de.RESPONSE)
        if de39 in _TRY_AGAIN:
            self.counters["reversals-refused"] += 1
            return
        del self._open[stan]
        record.reversal, record.reversal_de39 = "acknowledged", de39
        self._write(record)

    def _remember_reversed(self, record: AcquirerRecord, now: float) -> None:
        self._reversed[record.stan, record.rrn, record.terminal] = now
        oldest = next(iter(self._reversed.values()))
        while oldest < now - self.spec.late_watch_s or len(self._reversed) > _MAX_REVERSED:
            self._reversed.popitem(last=False)
            oldest = next(iter(self._reversed.values()))

    def _unmatched(self, view: View) -> None:
        """R8: an answer to what is already reversed is late, and the reversal stands; any other is a stray."""
        stan, rrn, terminal = (view.text(field) or "" for field in (de.STAN, de.RRN, de.TERMINAL))
        late = (stan, rrn, terminal) in self._reversed and view.mti in ("0110", "0210")
        reason = "late-answer" if late else "unmatched"
        why = "it came after its reversal, which stands" if late else "nothing open has its STAN, DE 37 and DE 41"
        self._event("unmatched", reason, why, mti=view.mti, stan=stan, rrn=rrn, terminal=terminal)

    # -- out --------------------------------------------------------------------------------------------------------

    def _next_stan(self) -> str:
        """1 to 999999 and round again, past those still open."""
        while True:
            self._stan = self._stan % _LAST_STAN + 1
            stan = f"{self._stan:06d}"
            if stan not in self._open:
                return stan

    def _arm(self, stan: str, exchange: _Exchange) -> None:
        heapq.heappush(self._timers, (exchange.due, stan))

    def _send(self, doc: dict[str, str]) -> None:
        self._effects.append((SEND, self._conn, self._layout.encode(doc)))

    def _write(self, record: AcquirerRecord) -> None:
        self._effects.append((COMMIT, records.encode(record)))

    def _event(self, name: str, reason: str, why: str, **fields: str) -> None:
        self.counters[reason] += 1
        self._effects.append((EVENT, name, {"acquirer": self.spec.name, "reason": reason, "why": why, **fields}))


def _answers(view: View, doc: dict[str, str]) -> bool:
    """R3: does this answer belong to the message sent? MTI class and DE 37 and 41 must agree, not the STAN alone."""
    return (
        view.mti[:2] == doc["t"][:2]
        and view.mti[2] == str(int(doc["t"][2]) + 1)
        and view.text(de.RRN) == doc["37"]
        and view.text(de.TERMINAL) == doc["41"]
    )


def _named(record: AcquirerRecord) -> dict[str, str]:
    return {"mti": record.mti, "stan": record.stan, "rrn": record.rrn, "terminal": record.terminal}


def _other_than(pin: str) -> str:
    """A wrong PIN of the same length: each digit one higher."""
    return pin.translate(str.maketrans("0123456789", "1234567890"))
