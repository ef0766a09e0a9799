"""Reversals: from acquirers (0400, 0420 and repeats), and those the switch itself owes to issuers (R7–R11).

An acquirer's reversal is acknowledged as soon as it is durable, whatever became of its original: an advice is recorded,
never refused on business grounds (R1). If the issuer may hold something, it is told by store and forward, on the same
connection and in the same order as the original, so a balance asked for afterwards is right.
"""

from collections.abc import Callable

from switch.core import checks, records, results
from switch.core import fields as de
from switch.core.context import Context
from switch.core.effects import FORWARD
from switch.core.journal import unknown_reversal_of
from switch.core.links import AcquirerLink, IssuerLink
from switch.core.saf import Entry
from switch.core.states import Hold, State
from switch.core.transaction import Transaction, reference, unknown_original
from switch.iso8583.codec import View

NOTHING_FORWARDED = "0" * 11  # DE 90's last part: the forwarding institution, none


class Reversals:
    """The handler of 0400, 0401, 0420, 0421 and of the issuers' 0410 and 0430."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def request(
        self, conn: int, link: AcquirerLink, view: View, now: float, withdraw: Callable[[Transaction, float], None]
    ) -> None:  # fmt: skip
        """An acquirer takes something back. `withdraw` ends an original that is still in flight."""
        context = self.context
        failure = checks.reversal(view, link)
        if failure is not None:
            context.refuse(conn, link, view, *failure)
            return
        original = view.text(de.ORIGINAL) or ""
        rrn, terminal = view.text(de.RRN) or "", view.text(de.TERMINAL) or ""
        acquirer_id, stan, mti = view.text(de.ACQUIRER) or "", original[4:10], original[:4]
        key = reference(acquirer_id, stan, rrn, terminal, mti)
        tx = context.transactions.find_original(key, original[10:20])
        if tx is not None and tx.token and tx.token != context.vault.token(checks.pan_of(view)):
            tx = None  # another card: not its original
        code = link.code_of[results.APPROVED if tx is not None and tx.token else link.spec.unknown_reversal]
        if tx is None:
            tx = unknown_original(mti, acquirer_id, stan, rrn, terminal)
            tx.acquirer_link, tx.de39, tx.decided_at = link.index, code, now
            context.transactions.add(tx)
            context.transactions.finished(tx, now)
            context.commit(unknown_reversal_of(tx, link.spec.name, now))
            why = "no request with its DE 32, 11, 37 and 41 was ever seen: remembered, to refuse it should it come"
            context.event(
                "reversal-unknown", "reversal-without-original", why,
                link=link.spec.name, stan=stan, rrn=rrn, terminal=terminal,
            )  # fmt: skip
        elif tx.hold in (Hold.OWED, Hold.REVERSED) or not tx.token:
            context.counters["reversal-repeated"] += 1
        else:
            self._reverse(tx, link, view, code, now, withdraw)
        context.answer(conn, view, code, None)

    def _reverse(
        self, tx: Transaction, link: AcquirerLink, view: View, code: str, now: float,
        withdraw: Callable[[Transaction, float], None],
    ) -> None:  # fmt: skip
        """Log the reversal of a known original and, where the issuer may hold something, owe it a 0420."""
        if tx.state is not State.FINISHED:
            withdraw(tx, now)
        elif tx.hold is Hold.HELD:
            tx.move_hold(Hold.OWED)
        self.context.commit(
            records.Reversal(tx.number, now, link.spec.name, tx.mti, tx.acquirer_id, tx.stan, tx.rrn, tx.terminal, code)
        )
        if tx.hold is Hold.OWED:
            texts = {number: view.text(number) or "" for number in de.REVERSED if view.has(number)}
            texts.setdefault(de.PAN, checks.pan_of(view))
            self.owe(tx, self._fields(tx, texts), now)

    # -- to the issuer ----------------------------------------------------------------------------------------------

    def fields_of_request(self, tx: Transaction, request: View) -> dict[int, str]:
        """A reversal's fields, from the request that got no answer; DE 39 = 68, as 1987 links mark a time-out."""
        texts = {number: request.text(number) or "" for number in de.REVERSED if request.has(number)}
        texts.setdefault(de.PAN, checks.pan_of(request))
        return self._fields(tx, texts) | {de.RESPONSE: "68"}

    def fields_of_record(self, tx: Transaction) -> dict[int, str]:
        """The same after a restart, from what the log keeps."""
        texts = {
            de.PAN: self.context.vault.open(tx.sealed_pan),
            de.PROCESSING_CODE: tx.de3,
            de.AMOUNT: tx.amount,
            de.TRANSMITTED: tx.transmitted,
            de.ACQUIRER: tx.acquirer_id,
            de.RRN: tx.rrn,
            de.TERMINAL: tx.terminal,
            de.MERCHANT: tx.merchant,
            de.CURRENCY: tx.currency,
        }
        return self._fields(tx, texts) | {de.RESPONSE: "68"}

    def _fields(self, tx: Transaction, texts: dict[int, str]) -> dict[int, str]:
        stan = f"{tx.issuer_stan:06d}"
        original = f"{tx.mti}{stan}{tx.transmitted}{tx.acquirer_id.zfill(11)}{NOTHING_FORWARDED}"
        return texts | {de.STAN: stan, de.ORIGINAL: original}

    def owe(self, tx: Transaction, fields: dict[int, str], now: float) -> None:
        """The issuer of `tx`, which may hold something, must be told; now, if it can hear."""
        issuer = self.context.issuers[tx.issuer_link]
        entry = issuer.saf.owe(tx, fields)
        if issuer.in_service:
            self._send(issuer, entry, now)

    def resume(self, issuer: IssuerLink, now: float) -> None:
        """The issuer has signed on: send what is owed, in order, before any new request."""
        issuer.saf.forget_timers()
        for entry in list(issuer.saf.entries.values()):
            self._send(issuer, entry, now)

    def _send(self, issuer: IssuerLink, entry: Entry, now: float) -> None:
        mti = "0420" if entry.attempts == 0 else "0421"
        patches: dict[int, str | None] = {**entry.fields}
        self.context.counters[f"sent-{mti}"] += 1
        self.context.effects.append((FORWARD, issuer.conn, issuer.layout.emit(mti, (), patches), None))
        spec = self.context.spec
        issuer.saf.sent(entry, now, spec.reversal_repeat_s, spec.reversal_repeat_max_s)

    def response(self, issuer: IssuerLink, view: View, now: float) -> None:
        """0410 or 0430 from the issuer: that reversal is done, whatever its DE 39."""
        stan = view.text(de.STAN) or ""
        entry = issuer.saf.acknowledge(stan, view.text(de.RRN) or "", view.text(de.TERMINAL) or "")
        code = view.text(de.RESPONSE) or ""
        if entry is None:
            why = f"{view.mti} matched no reversal that is owed: STAN {stan}"
            self.context.event("unmatched", "answer-unmatched", why, link=issuer.spec.name, mti=view.mti, stan=stan)
            return
        entry.tx.move_hold(Hold.REVERSED)
        self.context.commit(records.Delivery(entry.tx.number, now, code))
        self.context.counters["reversal-delivered"] += 1

    # -- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Repeat what was not acknowledged."""
        for issuer in self.context.issuers.values():
            if issuer.in_service:
                for entry in issuer.saf.due(now):
                    self._send(issuer, entry, now)

    def next_deadline(self) -> float | None:
        """When the next repeat is due."""
        links = (issuer for issuer in self.context.issuers.values() if issuer.in_service)
        times = (at for issuer in links if (at := issuer.saf.next_deadline()) is not None)
        return min(times, default=None)
