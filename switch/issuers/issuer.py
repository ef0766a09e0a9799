"""A simulated issuer: it holds accounts, verifies PINs through the HSM, and answers as late as its profile says.

    request ─▶ signed on? ─▶ well-formed? ─▶ repeat? ─▶ rules before the PIN ─▶ HSM ─▶ rules after it ─▶ booked
                                                                                                          │
    answer ◀── the transaction's own latency has passed ◀── record committed ◀────────────────────────────┘

Sans-IO: the shell hands in frames, HSM replies and the time, and carries out the effects (see `switch.core.effects`).
An answer is an ANSWER effect that stands after the COMMIT of its booking, so that no approval leaves before it is
durable. Booking comes first and the latency after it: when the switch gives up on a slow issuer, the money is held, and
its reversal has something to release.
"""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from switch.cards.masking import mask_pan
from switch.core import fields as de
from switch.core.effects import ANSWER, CLOSE, COMMIT, EVENT, HSM, Effect
from switch.iso8583.codec import FormatError, View
from switch.issuers import messages, records
from switch.issuers.accounts import amounts_text
from switch.issuers.ledger import Ledger, origin_of_key
from switch.issuers.messages import BALANCE, RefusedError, Request
from switch.issuers.records import Booked
from switch.issuers.rules import AFTER_PIN, APPROVED, BEFORE_PIN, Case, Verdict, first_objection, judge_pin
from switch.issuers.specs import PROMPT_S, CardSpec, IssuerSpec
from switch.profiles.draws import uniform

_ANSWERS: Final = {
    "0100": "0110",
    "0101": "0110",
    "0200": "0210",
    "0201": "0210",
    "0400": "0410",
    "0401": "0410",
    "0420": "0430",
    "0421": "0430",
    "0800": "0810",
    "0801": "0810",
}
_MAX_WAITERS: Final = 8  # repeats attached to one request in flight: more than any switch sends within a timer
_SIGNED_ON_AFTER: Final = {"001": True, "002": False}  # DE 70 → is the connection signed on then
_ECHO: Final = "301"
_DE39: Final = re.compile(r"[0-9A-Z]{2}")


class _Pending:
    """A request being decided, or decided and waiting for its latency to pass. `booked` is filled in on the way."""

    __slots__ = ("booked", "received_at", "request", "waiters")

    def __init__(self, request: Request, account: str, conn: int, view: View, now: float) -> None:
        self.request = request
        self.booked = Booked(at=now, key=request.key, account=account, asked=request.asked)
        self.waiters = [(conn, view)]
        self.received_at = now


class Issuer:
    """One issuer behind any number of connections from the switch."""

    def __init__(self, spec: IssuerSpec, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self.ledger = Ledger(spec)
        self.counters: Counter[str] = Counter()
        self._layout = spec.dialect.layout
        self._code_of = spec.dialect.response_codes
        self._echoed = self._layout.mask((*de.ECHOED, de.NETWORK_CODE))
        self._signed_on: dict[int, bool] = {}
        self._in_flight: dict[str, _Pending] = {}  # by duplicate key
        self._asked: dict[int, _Pending] = {}  # by HSM tag
        self._last_tag = 0
        self._delayed: list[tuple[float, int, _Pending]] = []  # heap: due, serial number, pending
        self._serial = 0
        self._effects: list[Effect] = []
        self._handlers: dict[str, Callable[[int, View, float], None]] = {
            "01": self._request,
            "02": self._request,
            "04": self._reversal,
            "08": self._network,
        }

    # -- the shell's side -------------------------------------------------------------------------------------------

    def take_effects(self) -> list[Effect]:
        """Return what is to be done since the last call, in order."""
        effects, self._effects = self._effects, []
        return effects

    def connected(self, conn: int, link: int, now: float) -> None:  # noqa: ARG002 - every part has this signature
        """The switch opened a connection; it must sign on."""
        self._signed_on[conn] = False

    def disconnected(self, conn: int, now: float) -> None:  # noqa: ARG002
        """The connection is gone. What is booked stays booked; its answer is lost."""
        self._signed_on.pop(conn, None)

    def restore(self, entries: Iterable[bytes], now: float, snapshot: bytes | None = None) -> None:  # noqa: ARG002
        """Rebuild the state: a snapshot, if there is one, and the log's records after it. Before serving."""
        if snapshot is not None:
            self.ledger.restore(snapshot)
        for entry in entries:
            self.ledger.apply(records.decode(entry))

    def snapshot(self) -> bytes:
        """Return the state for a later `restore`: records before it may then be dropped."""
        return self.ledger.snapshot()

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """Take one frame from the switch."""
        try:
            view = self._layout.scan(frame)
        except FormatError as error:
            self._unreadable(conn, error)
            return
        if view.mti not in _ANSWERS:
            self._event("unexpected", "unexpected-mti", f"an issuer takes no {view.mti}", mti=view.mti)
            return
        try:
            self._handlers[view.mti[:2]](conn, view, now)
        except RefusedError as refused:
            self._refuse(conn, view, refused)

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The HSM answered a PIN verification (`ED` and an error code), or did not (None)."""
        pending = self._asked.pop(tag, None)
        if pending is None:
            self.counters["hsm-reply-unmatched"] += 1
            return
        account = self.ledger.account(pending.request.pan)
        assert account is not None  # only then was the HSM asked
        case, tries = Case.of(pending.request, account, now), account.tries
        # While the HSM worked, another request may have used up the last try: the rules before the PIN are asked again.
        objection = first_objection(BEFORE_PIN, case)
        if objection is None:
            tries, objection = judge_pin(reply, tries)
        self._book(pending, objection or first_objection(AFTER_PIN, case) or APPROVED, now, tries=tries)

    def tick(self, now: float) -> None:
        """Send the answers whose time has come."""
        while self._delayed and self._delayed[0][0] <= now:
            self._answer_waiters(heapq.heappop(self._delayed)[2])

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""
        return self._delayed[0][0] if self._delayed else None

    # -- control ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Make balances, holds, limits and PIN tries as new, and disarm every card."""
        self._commit(records.Reset())

    def arm(self, pan: str, count: int, de39: str) -> None:
        """Answer the next `count` requests of a card with `de39`; 00 approves whatever the account says.

        Raises:
            ValueError: no such card here, a negative count, or a code that is not two digits or capitals.
        """
        account = self.ledger.account(pan)
        if account is None:
            raise ValueError(f"issuer {self.spec.name} has no card {mask_pan(pan)}")
        if count < 0 or not _DE39.fullmatch(de39):
            raise ValueError("to arm a card takes a count of 0 or more and a DE 39 of two digits or capital letters")
        self._commit(records.Armed(account.reference, count, de39))

    # -- requests ---------------------------------------------------------------------------------------------------

    def _request(self, conn: int, view: View, now: float) -> None:
        if not self._signed_on.get(conn):
            raise RefusedError("issuer_down", "the connection is not signed on")
        request = messages.read_request(view)
        if self._repeated(conn, view, request):
            return
        if len(self._in_flight) >= self.spec.max_in_flight:
            raise RefusedError("malfunction", f"{len(self._in_flight)} requests are in flight, the limit")
        account = self.ledger.account(request.pan)
        pending = _Pending(request, self.ledger.reference(request.pan), conn, view, now)
        self._in_flight[request.key] = pending
        if account is None:
            self._book(pending, Verdict("no_such_card", "the issuer has no such card"), now)
        elif account.armed_count:
            self._book(pending, Verdict("armed", "armed by control", account.armed_de39), now)
        elif (objection := first_objection(BEFORE_PIN, Case.of(request, account, now))) is not None:
            self._book(pending, objection, now)
        elif request.pin_block:
            self._verify_pin(pending, account.card)
        else:
            self._book(pending, first_objection(AFTER_PIN, Case.of(request, account, now)) or APPROVED, now)

    def _repeated(self, conn: int, view: View, request: Request) -> bool:
        """R5: answer a repeat as the original was answered, or attach it to the original still in flight."""
        pending = self._in_flight.get(request.key)
        known = pending.booked if pending else self.ledger.booked.get(request.key)
        if known is None:
            return False
        if (known.account, known.asked) != (self.ledger.reference(request.pan), request.asked):
            raise RefusedError("duplicate", "same STAN, DE 32, 37, 41 and 13 as an earlier request for something else")
        if known.reversed and known.de39 == self._code_of["approved"]:
            raise RefusedError("too_late", "the request repeated here was approved, and then reversed")
        self.counters["repeats"] += 1
        if pending is None:
            if not self.ledger.behaviour(request.pan).silent:
                self._answer(conn, view, known)
        elif len(pending.waiters) < _MAX_WAITERS:
            pending.waiters.append((conn, view))
        return True

    def _verify_pin(self, pending: _Pending, card: CardSpec) -> None:
        """Ask the HSM: EC, Visa PVV of an ISO-0 block under the ZPK."""
        self._last_tag += 1
        self._asked[self._last_tag] = pending
        spec, account_number = self.spec, card.pan[-13:-1].rjust(12, "0")
        command = f"EC{spec.zpk}{spec.pvk}{pending.request.pin_block}01{account_number}{card.pvki}{card.pvv}"
        self._effects.append((HSM, self._last_tag, command.encode("ascii", "replace")))

    def _book(self, pending: _Pending, verdict: Verdict, now: float, *, tries: int | None = None) -> None:
        """Make the decision durable and due; `tries` are the wrong PINs in a row after it, None leaves them."""
        request, booked = pending.request, pending.booked
        account = self.ledger.account(request.pan)
        if origin_of_key(booked.key) in self.ledger.early:
            verdict = Verdict("invalid_transaction", "its reversal came before it")
        booked.at = now
        booked.de39 = verdict.armed_de39 or self._code_of[verdict.result]
        booked.armed = bool(verdict.armed_de39)
        if account is not None:
            booked.tries = account.tries if tries is None else tries
        if account is not None and booked.de39 == self._code_of["approved"]:
            booked.effect_cents = request.effect_cents
            booked.de38 = f"{int(1e6 * uniform(self.seed, self.spec.name, booked.key, 'approval')):06d}"
            booked.de54 = amounts_text(account) if request.kind == BALANCE else ""
        self._commit(booked)
        self.counters[f"de39-{booked.de39}"] += 1
        if verdict is not APPROVED:
            self._explain("declined", verdict.result, verdict.why, pending.waiters[0][1], booked.de39)
        self._schedule(pending, now)

    def _schedule(self, pending: _Pending, now: float) -> None:
        """Answer when the transaction's own latency has passed since it was received, or never."""
        account = self.ledger.account(pending.request.pan)
        behaviour = self.ledger.behaviour(pending.request.pan)
        if behaviour.silent:
            self.counters["answers-lost"] += 1
            del self._in_flight[pending.request.key]
            return
        delay_s = self.spec.profile.draw_ms(self.seed, self.spec.name, pending.request.latency_key) / 1000
        if account is not None and account.card.prompt:
            delay_s = min(delay_s, PROMPT_S)
        due = pending.received_at + behaviour.delay_s + delay_s
        if due <= now:
            self._answer_waiters(pending)
        else:
            self._serial += 1
            heapq.heappush(self._delayed, (due, self._serial, pending))

    def _answer_waiters(self, pending: _Pending) -> None:
        del self._in_flight[pending.request.key]
        for conn, view in pending.waiters:
            self._answer(conn, view, pending.booked)

    def _answer(self, conn: int, view: View, booked: Booked) -> None:
        patches = {de.APPROVAL: booked.de38, de.RESPONSE: booked.de39, messages.AMOUNTS: booked.de54}
        self._send(conn, view, {field: text for field, text in patches.items() if text})

    # -- reversals and network management ---------------------------------------------------------------------------

    def _reversal(self, conn: int, view: View, now: float) -> None:
        """R9, R10: release once, acknowledge always. What is still with the HSM counts as not yet come."""
        if not self._signed_on.get(conn):
            raise RefusedError("issuer_down", "the connection is not signed on")
        origin = messages.origin_of(view)
        original = self.ledger.original(origin)
        if original is None and origin not in self.ledger.early:
            why = "no request that DE 90 points at; remembered in case it comes"
            self._explain("reversal", "unknown_original", why, view, self._code_of["approved"])
        if original is None or not original.reversed:
            self._commit(records.Reversed(now, origin))
        else:
            self.counters["reversals-repeated"] += 1
        self._send(conn, view, {de.RESPONSE: self._code_of["approved"]})

    def _network(self, conn: int, view: View, now: float) -> None:  # noqa: ARG002 - all handlers share a signature
        messages.require(view, messages.MANDATORY_NETWORK)
        code = view.text(de.NETWORK_CODE) or ""
        if code in _SIGNED_ON_AFTER:
            self._signed_on[conn] = _SIGNED_ON_AFTER[code]
        elif code != _ECHO:
            raise RefusedError("invalid_transaction", f"DE 70 is {code}")
        self._send(conn, view, {de.RESPONSE: self._code_of["approved"]})

    # -- out --------------------------------------------------------------------------------------------------------

    def _commit(self, record: records.Record) -> None:
        self._effects.append((COMMIT, records.encode(record)))
        self.ledger.apply(record)

    def _send(self, conn: int, view: View, patches: dict[int, str | None]) -> None:
        """Answer `view`: what R2 echoes, and `patches`."""
        if conn not in self._signed_on:
            self.counters["answers-undeliverable"] += 1
            return
        frame = self._layout.emit(_ANSWERS[view.mti], [(view, self._echoed)], patches)
        self._effects.append((ANSWER, conn, frame, None))

    def _refuse(self, conn: int, view: View, refused: RefusedError) -> None:
        """Answer a request that is not decided, and so not remembered."""
        code = self._code_of[refused.result]
        self.counters[f"de39-{code}"] += 1
        self._explain("refused", refused.result, str(refused), view, code)
        self._send(conn, view, {de.RESPONSE: code})

    def _unreadable(self, conn: int, error: FormatError) -> None:
        """R18: what can be told apart is answered 30, the rest costs the connection."""
        view = error.partial
        if view.mti in _ANSWERS and view.has(de.STAN):
            self._refuse(conn, view, RefusedError("format_error", str(error)))
            return
        self._event("unreadable", "unreadable", str(error))
        self._effects.append((CLOSE, conn, str(error)))

    def _explain(self, name: str, result: str, why: str, view: View, de39: str) -> None:
        """Say why a request did not simply pass."""
        reason = result.replace("_", "-")
        stan, rrn, terminal = (view.text(field) or "" for field in (de.STAN, de.RRN, de.TERMINAL))
        self._event(name, reason, why, mti=view.mti, stan=stan, rrn=rrn, terminal=terminal, de39=de39)

    def _event(self, name: str, reason: str, why: str, **fields: str | int | float) -> None:
        self.counters[reason] += 1
        self._effects.append((EVENT, name, {"issuer": self.spec.name, "reason": reason, "why": why, **fields}))
