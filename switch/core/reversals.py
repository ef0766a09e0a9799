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
from switch.core.journal import reversal_of
from switch.core.links import AcquirerLink, IssuerLink
from switch.core.saf import Entry
from switch.core.states import Hold, State
from switch.core.transaction import Transaction, reference, unknown_original
from switch.iso8583.codec import View

# The issuer's results that end a reversal: taken, or nothing to take back.
DELIVERED = frozenset({results.APPROVED, results.UNKNOWN_ORIGINAL})

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
        tx = self._original(view)
        if tx is None or not tx.token:
            code = link.code_of[link.spec.unknown_reversal]
            if tx is None:
                self._remember_unknown(link, view, code, now)
        elif tx.token != context.vault.token(checks.pan_of(view)):
            code = link.code_of[link.spec.unknown_reversal]
            self._event(link, view, "reversal-of-another-card", "its original was made with another card: nothing done")
        else:
            code = link.code_of[results.APPROVED]
            self._take_back(tx, link, code, now, withdraw)
        context.answer(conn, view, code, None)

    def _original(self, view: View) -> Transaction | None:
        original = view.text(de.ORIGINAL) or ""
        key = reference(
            view.text(de.ACQUIRER) or "", original[4:10], view.text(de.RRN) or "", view.text(de.TERMINAL) or "",
            original[:4],
        )  # fmt: skip
        return self.context.transactions.find_original(key, original[10:20])

    def _take_back(
        self, tx: Transaction, link: AcquirerLink, code: str, now: float,
        withdraw: Callable[[Transaction, float], None],
    ) -> None:  # fmt: skip
        """Log the reversal, once, and owe the issuer a 0420 where it may hold something (R10)."""
        if tx.taken_back:
            self.context.counters["reversal-repeated"] += 1
            return
        owed_already = tx.hold is Hold.OWED
        if tx.state is not State.FINISHED:
            withdraw(tx, now)
        elif tx.hold is Hold.HELD:
            tx.move_hold(Hold.OWED)
        tx.taken_back = True
        self.context.commit(reversal_of(tx, link.spec.name, now, code))
        if tx.hold is Hold.OWED and not owed_already:
            self.owe(tx, now)

    def _remember_unknown(self, link: AcquirerLink, view: View, code: str, now: float) -> None:
        """R9: an entry without a card refuses the original, should it come after its reversal."""
        context, original = self.context, view.text(de.ORIGINAL) or ""
        tx = unknown_original(
            original[:4], view.text(de.ACQUIRER) or "", original[4:10], view.text(de.RRN) or "",
            view.text(de.TERMINAL) or "",
        )  # fmt: skip
        tx.acquirer_link, tx.de39, tx.decided_at = link.index, code, now
        context.transactions.add(tx)
        context.transactions.finished(tx, now)
        context.commit(reversal_of(tx, link.spec.name, now, code))
        why = "no request with its DE 32, 11, 37 and 41 was ever seen: remembered, to refuse it should it come"
        self._event(link, view, "reversal-without-original", why)

    def _event(self, link: AcquirerLink, view: View, reason: str, why: str) -> None:
        stan, rrn, terminal = (view.text(number) or "" for number in (de.STAN, de.RRN, de.TERMINAL))
        self.context.event("reversal", reason, why, link=link.spec.name, stan=stan, rrn=rrn, terminal=terminal)

    # -- to the issuer ----------------------------------------------------------------------------------------------

    def _fields(self, tx: Transaction, issuer: IssuerLink) -> dict[int, str]:
        """A reversal as the issuer knows its original. One that nobody answered carries the code for "too late"."""
        stan = f"{tx.issuer_stan:06d}"
        fields = {
            de.PAN: self.context.vault.open(tx.sealed_pan),
            de.PROCESSING_CODE: tx.de3,
            de.AMOUNT: tx.amount,
            de.TRANSMITTED: tx.transmitted,
            de.STAN: stan,
            de.ACQUIRER: tx.acquirer_id,
            de.RRN: tx.rrn,
            de.TERMINAL: tx.terminal,
            de.MERCHANT: tx.merchant,
            de.CURRENCY: tx.currency,
            de.ORIGINAL: f"{tx.mti}{stan}{tx.transmitted}{tx.acquirer_id.zfill(11)}{NOTHING_FORWARDED}",
        }
        if not tx.approved:
            fields[de.RESPONSE] = issuer.spec.dialect.response_codes[results.TOO_LATE]
        return fields

    def owe(self, tx: Transaction, now: float) -> None:
        """The issuer of `tx`, which may hold something, must be told; now, if it can hear."""
        issuer = self.context.issuers[tx.issuer_link]
        issuer.saf.owe(tx, self._fields(tx, issuer))
        if issuer.in_service:
            self._send_all(issuer, now)

    def resume(self, issuer: IssuerLink, now: float) -> None:
        """The issuer has signed on: send what is owed, in order, before any new request."""
        issuer.saf.restart()
        self._send_all(issuer, now)

    def _send_all(self, issuer: IssuerLink, now: float) -> None:
        """Everything that the window of the link lets through."""
        for entry in issuer.saf.sendable():
            self._send(issuer, entry, now)

    def _send(self, issuer: IssuerLink, entry: Entry, now: float) -> None:
        mti = "0420" if entry.attempts == 0 else "0421"
        patches: dict[int, str | None] = {**entry.fields}
        self.context.counters[f"sent-{mti}"] += 1
        self.context.effects.append((FORWARD, issuer.conn_for(entry.tx), issuer.layout.emit(mti, (), patches), None))
        spec = self.context.spec
        issuer.saf.sent(entry, now, spec.reversal_repeat_s, spec.reversal_repeat_max_s)

    def response(self, issuer: IssuerLink, view: View, now: float) -> None:
        """0410 or 0430 from the issuer: that reversal is done, unless the issuer could not take it."""
        stan, rrn, terminal = (view.text(number) or "" for number in (de.STAN, de.RRN, de.TERMINAL))
        entry = issuer.saf.find(stan, rrn, terminal)
        code = view.text(de.RESPONSE) or ""
        if entry is None:
            why = f"{view.mti} matched no reversal that is owed: STAN {stan}"
            self.context.event("unmatched", "answer-unmatched", why, link=issuer.spec.name, mti=view.mti, stan=stan)
        elif issuer.result_of.get(code) not in DELIVERED:
            why = f"{issuer.spec.name} did not take the reversal: it is repeated"
            self.context.event(
                "reversal", "reversal-refused", why, link=issuer.spec.name, stan=stan, attempts=entry.attempts
            )
            issuer.saf.refused(entry)
        else:
            issuer.saf.acknowledge(entry)
            entry.tx.move_hold(Hold.REVERSED)
            self.context.commit(records.Delivery(entry.tx.number, now, code))
            self.context.counters["reversal-delivered"] += 1
        if issuer.in_service:
            self._send_all(issuer, now)

    # -- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Repeat what was not acknowledged."""
        for issuer in self.context.issuers.values():
            if issuer.in_service:
                issuer.saf.expire(now)
                self._send_all(issuer, now)

    def next_deadline(self) -> float | None:
        """When the next repeat is due."""
        links = (issuer for issuer in self.context.issuers.values() if issuer.in_service)
        times = (at for issuer in links if (at := issuer.saf.next_deadline()) is not None)
        return min(times, default=None)
