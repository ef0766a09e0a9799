"""Requests, 0100 and 0200: decided in the order of `rules`, booked, and answered as late as the profile says.

    repeat? ─▶ rules before the HSM ─▶ CVV, CVV2, PIN ─▶ rules after it ─▶ booked
                                                                             │
    answer ◀── the transaction's own latency has passed ◀── record committed ┘

Booking comes first and the latency after it: when the switch gives up on a slow issuer, the money is held, and its
reversal has something to release.
"""

import heapq
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import Final

from switch.core import fields as de
from switch.iso8583.codec import View
from switch.issuers import messages
from switch.issuers.accounts import Account, amounts_text, euro_cents
from switch.issuers.context import Context
from switch.issuers.ledger import origin_of_key
from switch.issuers.messages import BALANCE, RefusedError, Request
from switch.issuers.records import Booked
from switch.issuers.rules import AFTER_HSM, APPROVED, BEFORE_HSM, Case, Verdict, first_objection
from switch.issuers.specs import PROMPT_S, CardSpec
from switch.issuers.verification import (
    CvvCheck,
    could_be_read,
    cvv_checks,
    is_unreadable,
    judge_pin,
    pin_command,
    why_no_pin,
)  # fmt: skip
from switch.profiles.draws import uniform

_ARMED: Final = "armed"  # what `control arm` decides
_MAX_WAITERS: Final = 8  # repeats attached to one request in flight: more than any switch sends within a timer


class Pending:
    """A request being decided, or decided and waiting for its latency to pass. `booked` is filled in on the way."""

    __slots__ = ("booked", "checks", "received_at", "request", "waiters")

    def __init__(self, request: Request, account: str, conn: int, view: View, now: float) -> None:
        self.request = request
        self.booked = Booked(
            at=now,
            key=request.key,
            account=account,
            asked=request.asked,
            day=business_day(request, now),
            preauthorised=request.preauthorised,
        )
        self.checks: deque[CvvCheck] = deque()  # still to be made
        self.waiters = [(conn, view)]
        self.received_at = now


class Requests:
    """The handler of 0100, 0101, 0200 and 0201."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.in_flight: dict[str, Pending] = {}  # by duplicate key
        self._delayed: list[tuple[float, int, Pending]] = []  # heap: due, serial number, pending
        self._serial = 0

    def request(self, conn: int, view: View, now: float) -> None:
        """Take a request, or a repeat of one."""
        context = self.context
        context.require_sign_on(conn)
        request = messages.read_request(view)
        if self._repeated(conn, view, request):
            return
        if len(self.in_flight) >= context.spec.max_in_flight:
            raise RefusedError("malfunction", f"{len(self.in_flight)} requests are in flight, the limit")
        account = context.ledger.account(request.pan)
        pending = Pending(request, context.ledger.reference(request.pan), conn, view, now)
        self.in_flight[request.key] = pending
        if account is None:
            self._book(pending, Verdict("no_such_card", "the issuer has no such card"), now)
        elif account.armed_count:
            self._book(pending, Verdict(_ARMED, "armed by control", account.armed_de39), now)
        else:
            objection = first_objection(BEFORE_HSM, Case.of(request, account, now)) or self._attach(pending)
            pending.checks.extend(cvv_checks(request, context.spec, account.card))
            self._go_on(pending, account, objection, now)

    def tick(self, now: float) -> None:
        """Send the answers whose time has come."""
        while self._delayed and self._delayed[0][0] <= now:
            self._answer_waiters(heapq.heappop(self._delayed)[2])

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""
        return self._delayed[0][0] if self._delayed else None

    # -- deciding ---------------------------------------------------------------------------------------------------

    def _repeated(self, conn: int, view: View, request: Request) -> bool:
        """R5: answer a repeat as the original was answered, or attach it to the original still in flight."""
        ledger = self.context.ledger
        pending = self.in_flight.get(request.key)
        known = pending.booked if pending else ledger.booked.get(request.key)
        if known is None:
            return False
        require_same(known, request, ledger.reference(request.pan), advice=False)
        if known.reversed and known.approved:
            raise RefusedError("too_late", "the request repeated here was approved, and then reversed")
        self.context.counters["repeats"] += 1
        why = "attached: it gets the answer that the first one waits for" if pending else "answered from memory"
        self.context.explain("repeat", "attached" if pending else "from_memory", why, view, known.de39)
        if pending is None:
            if not ledger.behaviour(request.pan).silent:
                self._answer(conn, view, known)
        elif len(pending.waiters) < _MAX_WAITERS:
            pending.waiters.append((conn, view))
        return True

    def _attach(self, pending: Pending) -> Verdict | None:
        """An addition to a pre-authorization must have one that still stands."""
        request = pending.request
        if not (request.preauthorised and request.original):
            return None
        head = self.context.ledger.preauthorization(request.original, pending.booked.account)
        if head is None:
            return Verdict("unknown_original", "no pre-authorization that DE 90 names")
        if head.completed or head.reversed:
            return Verdict("invalid_transaction", "the pre-authorization that DE 90 names is completed or reversed")
        pending.booked.chain = head.key
        return None

    def _go_on(self, pending: Pending, account: Account, objection: Verdict | None, now: float) -> None:
        """The next question to the HSM, or the decision."""
        spec, request = self.context.spec, pending.request
        if objection is not None:
            self._book(pending, objection, now)
        elif pending.checks:
            check = pending.checks.popleft()
            command = check.command(spec, account.card).encode("ascii")
            self.context.ask_hsm(command, lambda reply, at: self._after_cvv(pending, check, reply, at))
        elif request.pin_block:
            self._verify_pin(pending, account.card, self.context.ledger.zone_key.valid(now))
        else:
            self._judge_amount(pending, account, now, account.tries)

    def _after_cvv(self, pending: Pending, check: CvvCheck, reply: bytes | None, now: float) -> None:
        account = self._account_of(pending)
        objection = first_objection(BEFORE_HSM, Case.of(pending.request, account, now)) or check.judge(
            reply, self.context.spec
        )
        self._go_on(pending, account, objection, now)

    def _verify_pin(self, pending: Pending, card: CardSpec, zpks: list[str]) -> None:
        """Ask with the newest key first; a block that it cannot read may have been made under the one before (R15)."""
        command = pin_command(zpks[0], self.context.spec.pvk, card, pending.request.pin_block)

        def verified(reply: bytes | None, now: float) -> None:
            zone_key = self.context.ledger.zone_key
            if could_be_read(reply) and zpks[0] == zone_key.current:
                zone_key.prove()
            if is_unreadable(reply) and len(zpks) > 1:
                self._verify_pin(pending, card, zpks[1:])
            else:
                self._after_pin(pending, reply, now)

        self.context.ask_hsm(command.encode("ascii", "replace"), verified)

    def _after_pin(self, pending: Pending, reply: bytes | None, now: float) -> None:
        account = self._account_of(pending)
        # While the HSM worked, another request may have used up the last try: the rules before it are asked again.
        objection, tries = first_objection(BEFORE_HSM, Case.of(pending.request, account, now)), account.tries
        if objection is None:
            tries, objection = judge_pin(reply, tries, partial(self._why_no_pin, pending, account.card))
        if objection is not None:
            self._book(pending, objection, now, tries=tries)
        else:
            self._judge_amount(pending, account, now, tries)

    def _why_no_pin(self, pending: Pending, card: CardSpec, code: str) -> str:
        ledger = self.context.ledger
        exchanged = bool(ledger.zone_key.changes())
        return why_no_pin(code, self.context.spec, card, pending.request.pin_block, exchanged=exchanged)

    def _judge_amount(self, pending: Pending, account: Account, now: float, tries: int) -> None:
        # While the HSM worked, the pre-authorization may have been completed.
        objection = self._attach(pending) or first_objection(AFTER_HSM, Case.of(pending.request, account, now))
        verdict = objection or APPROVED
        if verdict is APPROVED or verdict.amount:
            verdict = self._declined_by_control(pending.request) or verdict
        self._book(pending, verdict, now, tries=tries)

    def _declined_by_control(self, request: Request) -> Verdict | None:
        """Decline a share of what would be approved, where control has asked for it."""
        context, declining = self.context, self.context.declining
        if declining is None:
            return None
        if not declining.takes(context.seed, context.spec.name, request.latency_key, request.asked):
            return None
        return Verdict("declined_by_control", f"declined by control: {declining}", declining.de39)

    def _account_of(self, pending: Pending) -> Account:
        account = self.context.ledger.account(pending.request.pan)
        assert account is not None  # only then was the HSM asked
        return account

    # -- booking ----------------------------------------------------------------------------------------------------

    def _book(self, pending: Pending, verdict: Verdict, now: float, *, tries: int | None = None) -> None:
        """Make the decision durable and due; `tries` are the wrong PINs in a row after it, None leaves them."""
        context, booked = self.context, pending.booked
        account = context.ledger.account(pending.request.pan)
        if origin_of_key(booked.key) in context.ledger.early:
            verdict = Verdict("invalid_transaction", "its reversal came before it")
        booked.at = now
        booked.de39 = verdict.de39 or context.code_of[verdict.result]
        booked.armed = verdict.result == _ARMED
        if account is not None:
            booked.tries = account.tries if tries is None else tries
            if verdict.amount or booked.de39 == context.code_of["approved"]:
                self._approve(pending, account, verdict.amount)
        context.commit(booked)
        context.counters[f"de39-{booked.de39}"] += 1
        if verdict is not APPROVED:
            name = "approved" if verdict.amount else "declined"
            context.explain(name, verdict.result, verdict.why, pending.waiters[0][1], booked.de39)
        self._schedule(pending, now)

    def _approve(self, pending: Pending, account: Account, amount: int) -> None:
        """Fill in what an approval does: of all that was asked, or of `amount` minor units of it."""
        request, booked, context = pending.request, pending.booked, self.context
        booked.approved = True
        booked.amount = amount or request.amount
        booked.effect_cents = -euro_cents(amount, request.currency) if amount else request.effect_cents
        booked.de38 = f"{int(1e6 * uniform(context.seed, context.spec.name, booked.key, 'approval')):06d}"
        booked.de54 = amounts_text(account) if request.kind == BALANCE else ""

    # -- answering --------------------------------------------------------------------------------------------------

    def _schedule(self, pending: Pending, now: float) -> None:
        """Answer when the transaction's own latency has passed since it was received, or never."""
        context, request = self.context, pending.request
        account, behaviour = context.ledger.account(request.pan), context.ledger.behaviour(request.pan)
        if behaviour.silent:
            context.counters["answers-lost"] += 1
            del self.in_flight[request.key]
            return
        delay_s = context.profile.draw_ms(context.seed, context.spec.name, request.latency_key) / 1000
        if account is not None and account.card.prompt:
            delay_s = min(delay_s, PROMPT_S)
        due = pending.received_at + behaviour.delay_s + delay_s
        if due <= now:
            self._answer_waiters(pending)
        else:
            self._serial += 1
            heapq.heappush(self._delayed, (due, self._serial, pending))

    def _answer_waiters(self, pending: Pending) -> None:
        del self.in_flight[pending.request.key]
        for conn, view in pending.waiters:
            self._answer(conn, view, pending.booked)

    def _answer(self, conn: int, view: View, booked: Booked) -> None:
        """DE 4 says what was approved where that is less than what was asked."""
        amount = f"{booked.amount:012d}"
        partly = booked.approved and amount != booked.asked.split("|")[1]
        patches = {
            de.AMOUNT: amount if partly else "",
            de.APPROVAL: booked.de38,
            de.RESPONSE: booked.de39,
            de.AMOUNTS: booked.de54,
        }
        self.context.answer(conn, view, {field: text for field, text in patches.items() if text})


def require_same(known: Booked, request: Request, account: str, *, advice: bool) -> None:
    """Raise `RefusedError` (94) where a repeat is not one of what is known by its key."""
    if (known.account, known.asked, known.advice) != (account, request.asked, advice):
        names = ("DE 3", "DE 4", "DE 49")
        pairs = zip(names, request.asked.split("|"), known.asked.split("|"), strict=True)
        others = [f"another {name}: {theirs}, before it was {ours}" for name, theirs, ours in pairs if theirs != ours]
        if known.account != account:
            others.append(f"another card: {account}, before it was {known.account}")
        if known.advice != advice:
            others.append(f"another MTI, {'an advice' if advice else 'a request'}")
        why = f"same STAN, DE 32, 37, 41 and 13 as an earlier message, but {'; '.join(others)}"
        raise RefusedError("duplicate", why)


def business_day(request: Request, now: float) -> str:
    """MMDD: what the request says, or the issuer's own day (UTC)."""
    return request.day or f"{datetime.fromtimestamp(now, UTC):%m%d}"
