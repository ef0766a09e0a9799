"""Requests 0100 and 0200 on their way through: checks, duplicate, route, PIN, intent, issuer, outcome, answer.

One transaction walks the table of `switch.core.states`; each method here is one of its moves. What the switch declines
by itself leaves one line with its reason; what the issuer declines is the issuer's business and is only counted.
"""

import re
from operator import attrgetter

from switch.cards.bins import BinTable
from switch.core import checks, hsm_errors, near_misses, results
from switch.core import fields as de
from switch.core.context import Context
from switch.core.deliveries import Deliveries, issuers_original
from switch.core.digits import decimal, is_alphanumeric, is_decimal
from switch.core.duplicates import identify, repeated
from switch.core.effects import FORWARD
from switch.core.endings import Endings
from switch.core.journal import packed_intent, seal_extras
from switch.core.links import AcquirerLink, IssuerLink, Line, zpk_name
from switch.core.results import APPROVED, PARTIALLY_APPROVED
from switch.core.schemes import resolve, weigh
from switch.core.stand_in import StandIns
from switch.core.states import HELD, OWED, TRANSLATING, WAITING
from switch.core.transaction import Transaction
from switch.core.window import LEAST
from switch.iso8583.codec import EncodeError, FieldMask, Patches, View, emit

# CD, error code; with 00 the PIN length (two digits) and the block (16 hexadecimal digits).
TRANSLATED = b"CD00"
NOT_TRANSLATED = re.compile(rb"CD((?!00)[0-9A-Z]{2})")

# What of an issuer's answer is not kept beside the echoed fields: the codes stand apart, the day is ours (R16), DE 90
# speaks of the issuer's leg, the rest is secret.
NOT_EXTRA = FieldMask((*de.ECHOED, *de.NEVER_ANSWERED, de.BUSINESS_DATE, de.APPROVAL, de.RESPONSE, de.ORIGINAL))


TAKEN_AS_ASKED = "taken as an approval of what was asked"


class Translation:
    """A PIN block at the HSM, on its way from the acquirer's key `source` to the issuer's key `target`."""

    __slots__ = ("account", "block", "source", "target", "tx")

    def __init__(self, tx: Transaction, source: str, target: str, block: str, account: str) -> None:
        self.tx = tx
        self.source = source
        self.target = target
        self.block = block
        self.account = account


class Authorizations:
    """The handler of 0100, 0101, 0200, 0201 and their answers."""

    def __init__(self, context: Context, deliveries: Deliveries, ends: Endings, routes: BinTable) -> None:
        self.context = context
        self.vault = context.vault
        self.deliveries = deliveries
        self.ends = ends
        self.routes = routes
        self.stand_in = StandIns(context, ends)
        self._on_reply = self._translated

    # -- from the acquirer ------------------------------------------------------------------------------------------

    def request(self, conn: int, link: AcquirerLink, view: View, now: float) -> None:
        """A request or its repeat."""
        context = self.context
        pan = checks.pan_of(view)
        failure = checks.authorization(view, link, context.spec, pan)
        if failure is not None:
            context.refuse(conn, link, view, *failure)
            return
        tx = identify(link, view, self.vault.token(pan))
        if repeated(context, conn, link, view, tx):
            return
        if context.stalled:
            context.refuse(conn, link, view, results.MALFUNCTION, "log-stalled", context.stalled)
            return
        if context.in_flight >= context.spec.max_in_flight:
            why = f"{context.in_flight} requests are in flight, the limit (max_in_flight)"
            context.refuse(conn, link, view, results.MALFUNCTION, "overload", why)
            return
        route = self.routes.find(pan)
        if context.in_flight >= LEAST and (why := self._busy(route)):
            context.refuse(conn, link, view, results.ISSUER_DOWN, "issuer-busy", why)
            return
        if tx.preauthorised and view.has(de.ORIGINAL) and not self._adds_to(tx, view):
            why = near_misses.of_addition(context, link, view, tx.token, now)
            context.refuse(conn, link, view, results.INVALID_TRANSACTION, "no-preauthorization", why)
            return
        if tx.original is not None:
            tx.adds_to(tx.original)
        tx.number = context.next_number()
        tx.received_at = now
        tx.request = view
        tx.waiters = [(conn, view)]
        context.transactions.add(tx)
        context.in_flight += 1
        if context.scheme is not None and (mark := context.scheme.find(pan)):
            found = resolve(context.scheme, mark, link, view, tx, now)
            if isinstance(found, checks.Failure):
                self.ends.decline(tx, found.result, found.reason, found.why, now)
                return
            tx.resolved, tx.mark, pan = found, mark, found.pan
            route = self.routes.find(pan)
            weigh(context.scheme, tx)
        tx.sealed_pan = self.vault.sealed(pan, context.epoch, tx.number)
        self._send(tx, pan, route, now)

    def _busy(self, route: int | None) -> str:
        """Why no more requests for this card's issuer are taken now; empty if they are."""
        issuer = None if route is None else self.context.issuers[route]
        if issuer is None or issuer.in_flight < issuer.window.limit:
            return ""
        return f"{issuer.in_flight} requests wait for {issuer.spec.name}, as many as it answers in time"

    def _adds_to(self, tx: Transaction, view: View) -> bool:
        """An incremental pre-authorization adds to one that is held."""
        named = self.context.original_of(view)
        if named is None or not named.preauthorised or named.token != tx.token:
            return False
        tx.original = head = named.head
        return named.hold is HELD and head.hold is HELD and not head.released

    def _send(self, tx: Transaction, pan: str, route: int | None, now: float) -> None:
        """On its way to its issuer, by the HSM where it has a PIN."""
        if route is None:
            self.ends.decline(
                tx, results.NO_ROUTE, "no-route", f"no route for BIN {pan[:6]}: add a [[route]] for it", now
            )
            return
        tx.issuer_link = route
        issuer = self.context.issuer_of(tx)
        if not issuer.serves():
            self._without_issuer(tx, "issuer-down", issuer.out_of_service(), now)
            return
        if len(issuer.owed) >= self.context.spec.max_owed:
            why = f"{len(issuer.saf)} messages are owed to {issuer.name}, the limit (max_owed): it must take them first"
            self.ends.decline(tx, results.ISSUER_DOWN, "reversals-owed", why, now)
            return
        assert tx.request is not None
        block = tx.request.text(de.PIN_BLOCK)
        if block is None:
            self._forward(tx, issuer, None, now)
        else:
            self._translate(tx, issuer, pan, block, now)

    # -- PIN translation --------------------------------------------------------------------------------------------

    def _translate(self, tx: Transaction, issuer: IssuerLink, pan: str, block: str, now: float) -> None:
        """Ask the HSM for the PIN block under the issuer's ZPK."""
        tx.move(TRANSLATING)
        tx.hsm_asked_at = now
        acquirer = self.context.acquirer_of(tx)
        account = checks.account_number(pan)
        self._ask_translation(Translation(tx, acquirer.keys.current, issuer.keys.current, block, account))

    def _ask_translation(self, asked: Translation) -> None:
        """Host command CC, ISO-0 to ISO-0."""
        command = f"CC{asked.source}{asked.target}12{asked.block}0101{asked.account}"
        self.context.ask_hsm(command.encode("ascii"), self._on_reply, asked)

    def _translated(self, asked: Translation, reply: bytes | None, now: float) -> None:
        """`CD` error code, length, block, format; None when there is no HSM or it did not answer in time."""
        tx = asked.tx
        if tx.state is not TRANSLATING:
            self.context.counters["hsm-reply-late"] += 1
            return
        tx.hsm_answered_at = now
        if reply is None:
            self.ends.decline(tx, results.MALFUNCTION, "hsm-silent", hsm_errors.SILENT, now)
            return
        block, code = translated(reply)
        if not block and not code:
            why = hsm_errors.MALFORMED.format(command=hsm_errors.TRANSLATION)
            self.ends.decline(tx, results.MALFUNCTION, "hsm-malformed", why, now)
            return
        acquirer, issuer = self.context.acquirer_of(tx), self.context.issuer_of(tx)
        keys = acquirer.keys
        if block and asked.target != issuer.keys.current:  # R15: meanwhile it has given us a new one
            self._ask_translation(Translation(tx, asked.source, issuer.keys.current, asked.block, asked.account))
            return
        if block:
            keys.served(asked.source)
            tx.pin_key = asked.source
            self._forward(tx, issuer, block, now)
            return
        if previous := keys.fallback(asked.source, code, now):  # R15: both are valid for a while
            self._ask_translation(Translation(tx, previous, asked.target, asked.block, asked.account))
            return
        result, source, target = results.of_hsm_error(code), zpk_name(acquirer), zpk_name(issuer)
        why = hsm_errors.pin_sentence(hsm_errors.TRANSLATION, code, asked.block, asked.account, source, target)
        self.ends.decline(tx, result, f"hsm-{code}", why, now)

    # -- to the issuer ----------------------------------------------------------------------------------------------

    def _forward(self, tx: Transaction, issuer: IssuerLink, pin_block: str | None, now: float) -> None:
        """Log the intent; the request leaves under our own STAN as soon as that is durable."""
        context = self.context
        if not issuer.serves():  # it went down while the HSM worked
            self._without_issuer(tx, "issuer-down", issuer.out_of_service(), now)
            return
        taken = issuer.stans.take(tx)
        if taken is None:
            why = f"all 999,999 STANs of link {issuer.spec.name} are taken: answers are awaited for too long"
            self.ends.decline(tx, results.MALFUNCTION, "no-stan", why, now)
            return
        stan = taken
        assert tx.request is not None
        patches = Patches()
        patches.put(de.STAN, f"{stan:06d}")
        if pin_block is not None:
            patches.put(de.PIN_BLOCK, pin_block)
        if tx.business_date:
            patches.put(de.BUSINESS_DATE, context.mmdd(tx.business_date))
        if tx.original is not None:
            patches.put(de.ORIGINAL, issuers_original(tx.original))
        if tx.resolved is not None:
            for number, text in tx.resolved.patches().items():
                patches.put(number, text)
        try:
            frame = emit(issuer.layout, tx.mti, tx.request, issuer.forwarded, patches)
        except EncodeError as error:
            issuer.stans.release(stan)
            why = f"the request does not fit the dialect of {issuer.spec.name}: {error}"
            self.ends.decline(tx, results.FORMAT_ERROR, "does-not-fit-issuer", why, now)
            return
        tx.move(WAITING)
        tx.issuer_stan = stan
        tx.deadline = now + issuer.timeout_s
        issuer.waiting.append(tx)
        issuer.in_flight += 1
        tx.conn = issuer.conn_for(tx)
        acquirer = context.acquirer_of(tx)
        tx.intent_record = context.log(packed_intent(tx, acquirer.name, issuer.name, now))
        context.effects.append((FORWARD, tx.conn, frame, tx))

    def response(self, issuer: IssuerLink, view: View, now: float) -> None:
        """0110 or 0210 from the issuer."""
        stan_text = view.text(de.STAN) or ""
        stan = decimal(stan_text) if is_decimal(stan_text) else 0
        tx = issuer.stans.holder(stan)
        if tx is None or not tx.asked_under(stan) or not answers(view, tx, issuer):
            self._unmatched(issuer, view, stan_text, f": {near_misses.of_answer(issuer, view, tx)}")
            return
        if tx.state is not WAITING:
            late_ms = round((now - tx.deadline) * 1000)
            issuer.stans.release(stan)
            what = "was reversed" if tx.taken_back else "timed out"
            self._unmatched(issuer, view, stan_text, f" {what} {late_ms} ms before", "late-answer", tx)
            return
        code = view.text(de.RESPONSE) or ""
        if not is_alphanumeric(code):
            self._unmatched(
                issuer,
                view,
                stan_text,
                ": it has no DE 39 of two digits or capitals, left to the timer",
                "answer-without-de39",
            )
            return
        issuer.stans.release(stan)
        issuer.in_flight -= 1
        tx.issuer_answered_at = now
        issuer.window.answered(now, now - tx.deadline + issuer.timeout_s)
        self._outcome(tx, issuer, view, code, now)

    def _unmatched(
        self, issuer: IssuerLink, view: View, stan: str, why: str, reason: str = "answer-unmatched",
        tx: Transaction | None = None,
    ) -> None:  # fmt: skip
        """`stan` is ours, of the issuer's leg; what is known of the acquirer's leg stands beside it."""
        why = f"{view.mti} matched nothing pending: {f'STAN {stan}' if stan else 'no STAN'}{why}"
        known = {} if tx is None else {"acquirer_stan": tx.stan, "rrn": tx.rrn, "terminal": tx.terminal}
        self.context.event("unmatched", reason, why, link=issuer.spec.name, mti=view.mti, issuer_stan=stan, **known)

    def _outcome(self, tx: Transaction, issuer: IssuerLink, view: View, code: str, now: float) -> None:
        """Log what the issuer decided, then answer everybody who waits."""
        acquirer = self.context.acquirer_of(tx)
        result = issuer.result_of.get(code)
        if result == PARTIALLY_APPROVED:
            self._partly(tx, acquirer, view, now)
            return
        tx.de39 = code if result is None else acquirer.code_of.get(result, code)
        if result == APPROVED or (result is None and code in results.OTHER_APPROVALS):
            self._approve(tx, view, tx.asked())
            self._compare(tx, issuer, view)
        elif result is None:
            why = (
                f"{issuer.name} answered DE 39 = {code}, which its dialect's [response_codes] lack: passed on as it is"
            )
            self.ends.event("answered", tx, "unknown-code", f"{why}, and taken as a decline")
        self.ends.finish(tx, now, self._extras(tx, view))

    def _partly(self, tx: Transaction, acquirer: AcquirerLink, view: View, now: float) -> None:
        """Partial approval: DE 4 of the answer is what the issuer holds. Who has not asked for that is declined."""
        amount = view.text(de.AMOUNT) or ""
        partly = is_decimal(amount) and 0 < decimal(amount) < tx.asked()
        if partly and acquirer.spec.partial_approval:
            tx.de39, tx.approved_amount = acquirer.code_of[results.PARTIALLY_APPROVED], amount
            self._approve(tx, view, int(amount))
            self.ends.finish(tx, now, self._extras(tx, view))
            return
        tx.de39 = acquirer.code_of[results.INSUFFICIENT_FUNDS]
        tx.move_hold(OWED)
        why = (
            f"approved in part, which link {acquirer.spec.name} does not take (partial_approval): reversed" if partly
            else "approved in part, with a DE 4 that is no part of what was asked: reversed"
        )  # fmt: skip
        self.ends.event("declined", tx, "partial-approval", why)
        self.ends.finish(tx, now)
        self.deliveries.owe(tx.owe_reversal(now), now)

    def _compare(self, tx: Transaction, issuer: IssuerLink, view: View) -> None:
        """An approval of what was asked repeats its amount and currency: one line where it does not."""
        amount, currency = view.text(de.AMOUNT), view.text(de.CURRENCY)
        if amount is not None and amount != tx.amount:
            why = f"{issuer.name} approved with DE 4 = {amount}, asked was {tx.amount or 'none'}: {TAKEN_AS_ASKED}"
            self.ends.event("answered", tx, "amount-differs", f"{why}; a partial approval has a DE 39 of its own")
        if currency is not None and currency != tx.currency:
            why = f"{issuer.name} approved with DE 49 = {currency}, asked was {tx.currency}: {TAKEN_AS_ASKED}"
            self.ends.event("answered", tx, "currency-differs", why)

    def _approve(self, tx: Transaction, view: View, amount: int) -> None:
        tx.approval = view.text(de.APPROVAL) or ""
        tx.approve(amount)
        self.context.totals.approved(tx, amount)

    def _extras(self, tx: Transaction, view: View) -> dict[int, str]:
        """Further fields of the issuer's answer, for the acquirer now and, sealed, for its repeats."""
        numbers = view.beyond(NOT_EXTRA)
        if not numbers:
            return {}
        extras = {number: view.text(number) or "" for number in numbers}
        if tx.resolved is not None:
            extras = {number: tx.resolved.disguised(text) for number, text in extras.items()}
        extras = self._fitting(tx, extras)
        tx.sealed_extras = seal_extras(self.context.vault, extras, self.context.epoch, self.context.next_number())
        return extras

    def _fitting(self, tx: Transaction, extras: dict[int, str]) -> dict[int, str]:
        """Those further fields of an issuer's answer that the acquirer's dialect can carry; one line about the rest."""
        layout = self.context.acquirer_of(tx).layout
        fitting = {}
        for number, text in extras.items():
            try:
                layout.encode({"t": tx.mti, str(number): text})
            except EncodeError as error:
                why = f"left out of the answer, the acquirer's dialect cannot carry it: {error}"
                self.ends.event("answered", tx, "does-not-fit-acquirer", why)
            else:
                fitting[number] = text
        return fitting

    # -- without an answer ------------------------------------------------------------------------------------------

    def time_out(self, tx: Transaction, reason: str, why: str, now: float) -> None:
        """R7: no answer from the issuer: its STAN stays in quarantine for a late one, and it is owed a 0420."""
        issuer = self.context.issuer_of(tx)
        issuer.in_flight -= 1
        issuer.quarantine.append(tx)
        tx.deadline = now
        self._without_issuer(tx, reason, why, now)

    def _without_issuer(self, tx: Transaction, reason: str, why: str, now: float) -> None:
        """The issuer cannot decide: the switch stands in where it may, else the request ends with 91."""
        if self.stand_in.decide(tx, reason, why, now):
            return
        self.ends.give_up(tx, results.ISSUER_DOWN, reason, why, now)

    # -- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Everything whose time has come."""
        for issuer in self.context.issuers.values():
            self._tick_issuer(issuer, now)

    def _tick_issuer(self, issuer: IssuerLink, now: float) -> None:
        waiting, quarantine = issuer.waiting, issuer.quarantine
        while waiting and (waiting[0].state is not WAITING or waiting[0].deadline <= now):
            tx = waiting.popleft()
            if tx.state is WAITING:
                why = f"no answer from {issuer.spec.name} within {issuer.spec.timeout_s:g} s"
                self.time_out(tx, "issuer-timeout", why, now)
        while quarantine and quarantine[0].deadline + self.context.spec.late_watch_s <= now:
            tx = quarantine.popleft()
            if issuer.stans.holder(tx.request_stan()) is tx:
                issuer.stans.release(tx.request_stan())

    def line_lost(self, line: Line, conn: int, now: float) -> None:
        """The line's connection is gone: what waits on it gets no answer any more (R14 → R7)."""
        for tx in sorted(line.issuer.sent_on(conn), key=attrgetter("number")):  # as a snapshot has them
            self.time_out(tx, "issuer-lost", f"the connection to {line.spec.name} was lost", now)

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""
        times = []
        for issuer in self.context.issuers.values():
            waiting = issuer.waiting
            while waiting and waiting[0].state is not WAITING:
                waiting.popleft()
            if waiting:
                times.append(waiting[0].deadline)
            if issuer.quarantine:
                times.append(issuer.quarantine[0].deadline + self.context.spec.late_watch_s)
        return min(times, default=None)


def translated(reply: bytes) -> tuple[str, str]:
    """Block and error code of the HSM's answer to CC, one of which is empty; both where it is no answer.

    >>> translated(b"CD00040123456789ABCDEF01"), translated(b"CD20"), translated(b"CD0004")
    (('0123456789ABCDEF', ''), ('', '20'), ('', ''))
    """
    if reply.startswith(TRANSLATED) and holds_block(reply):
        return reply[6:22].decode("ascii"), ""
    failed = NOT_TRANSLATED.match(reply)
    return "", failed[1].decode("ascii") if failed is not None else ""


def holds_block(reply: bytes) -> bool:
    """Are places 4 and 5 digits, and 6 to 21 hexadecimal digits in capitals?"""
    if len(reply) < 22:
        return False
    for place in range(4, 22):
        digit = reply[place]
        if not (48 <= digit <= 57 or (place >= 6 and 65 <= digit <= 70)):
            return False
    return True


def answers(view: View, tx: Transaction, issuer: IssuerLink) -> bool:
    """R3: does this response belong to `tx`? The MTI's class and the link's `match` must agree, not the STAN alone."""
    return (
        view.mti[1] == tx.mti[1]
        and (not issuer.matches_rrn or view.text(de.RRN) == tx.rrn)
        and (not issuer.matches_terminal or view.text(de.TERMINAL) == tx.terminal)
    )
