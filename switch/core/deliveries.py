"""What the switch owes to issuers, as messages: reversals and advices, sent, repeated, acknowledged, given up (R11).

`switch.core.saf` keeps the order; here an entry becomes a 0420, 0120 or 0220, and an issuer's 0430, 0130 or 0230 its
end. The fields are made anew for each sending from what the log keeps of the transaction, so a message after a restart
is the message before it.
"""

from switch.core import fields as de
from switch.core import near_misses, results
from switch.core.context import Context
from switch.core.effects import FORWARD
from switch.core.journal import delivery_of, exhausted_of, open_extras
from switch.core.links import IssuerLink
from switch.core.saf import Entry, Fate, Kind
from switch.core.states import Hold
from switch.core.transaction import Transaction
from switch.iso8583.codec import View

# The issuer's results that end it: taken, or nothing to take back.
DELIVERED = frozenset({results.APPROVED, results.UNKNOWN_ORIGINAL})

NOTHING_FORWARDED = "0" * 11  # DE 90's last part: the forwarding institution, none

# DE 95 behind its first amount: nothing settled, no fees.
NO_FURTHER_AMOUNTS = "0" * 12 + "D00000000" * 2


class Deliveries:
    """The sender of all that is owed, and the handler of 0410, 0430, 0130 and 0230."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def owe(self, entry: Entry, now: float) -> None:
        """The issuer must be told; now, if it can hear. What it rests on is committed already."""
        issuer = self.context.issuer_of(entry.tx)
        issuer.saf.owe(entry)
        if issuer.serves():
            self._send_all(issuer, now)

    def drop(self, entry: Entry) -> None:
        """The issuer need not be told any more of what it has not heard of yet (R13)."""
        self._done(self.context.issuer_of(entry.tx), entry, Fate.DROPPED)
        self.context.counters["advice-dropped"] += 1

    def resume(self, issuer: IssuerLink, now: float) -> None:
        """The issuer has signed on: send what is owed, in order, before any new request."""
        issuer.saf.restart()
        self._send_all(issuer, now)

    # -- messages ---------------------------------------------------------------------------------------------------

    def message(self, entry: Entry, issuer: IssuerLink) -> bytes:
        """The frame that tells `entry`. Raises EncodeError where the issuer's dialect cannot carry it."""
        fields = self._advice(entry, issuer) if entry.kind is Kind.ADVICE else self._reversal(entry, issuer)
        mti = entry.mti if entry.untouched else f"{entry.mti[:3]}1"
        return issuer.layout.emit(mti, None, None, fields)

    def _common(self, entry: Entry) -> dict[int, str | None]:
        tx = entry.tx
        return {
            de.PAN: self.context.vault.open(tx.sealed_pan),
            de.PROCESSING_CODE: tx.de3,
            de.AMOUNT: tx.amount,
            de.TRANSMITTED: tx.transmitted,
            de.STAN: f"{entry.stan:06d}",
            de.BUSINESS_DATE: tx.business_date[2:] or None,
            de.ACQUIRER: tx.acquirer_id,
            de.RRN: tx.rrn,
            de.TERMINAL: tx.terminal,
            de.MERCHANT: tx.merchant,
            de.CURRENCY: tx.currency,
        }

    def _reversal(self, entry: Entry, issuer: IssuerLink) -> dict[int, str | None]:
        """A reversal names the leg that it takes back. One that nobody answered carries the code for "too late"."""
        tx, fields = entry.tx, self._common(entry)
        unanswered = entry.stan == tx.stood_in_for
        fields[de.ORIGINAL] = (
            original_data(tx, tx.mti, entry.stan) if unanswered else original_data(tx, tx.leg_mti, tx.issuer_stan)
        )
        if unanswered or not tx.approved:
            fields[de.RESPONSE] = issuer.spec.dialect.response_codes[results.TOO_LATE]
        if entry.kind is Kind.REDUCTION:
            fields[de.REPLACEMENT] = entry.amount + NO_FURTHER_AMOUNTS
        return fields

    def _advice(self, entry: Entry, issuer: IssuerLink) -> dict[int, str | None]:
        """An advice carries what its acquirer sent, or, where the switch stood in, what the acquirer was answered."""
        tx = entry.tx
        sent = open_extras(self.context.vault, tx.sealed_fields) or {}
        fields = {number: text for number, text in sent.items() if number in issuer.forwarded} | self._common(entry)
        if not tx.is_advice:
            fields[de.APPROVAL], fields[de.RESPONSE] = tx.approval, tx.de39
        if tx.original is not None and tx.original.issuer_link == tx.issuer_link and tx.original.issuer_stan:
            fields[de.ORIGINAL] = issuers_original(tx.original)
        return fields

    # -- sending ----------------------------------------------------------------------------------------------------

    def _send_all(self, issuer: IssuerLink, now: float) -> None:
        """Everything that the window of the link lets through."""
        spec = self.context.spec
        for entry in issuer.saf.sendable():
            frame = self.message(entry, issuer)
            self.context.counters[f"sent-{entry.mti[:3]}{'0' if entry.untouched else '1'}"] += 1
            self.context.effects.append((FORWARD, issuer.conn_for(entry.tx), frame, None))
            issuer.saf.sent(entry, now, spec.reversal_repeat_s, spec.reversal_repeat_max_s)

    def response(self, issuer: IssuerLink, view: View, now: float) -> None:
        """0410, 0430, 0130 or 0230: that entry is done, unless the issuer could not take it."""
        stan, rrn, terminal = (view.text(number) or "" for number in (de.STAN, de.RRN, de.TERMINAL))
        entry = issuer.saf.find(view.mti, stan, rrn, terminal)
        code = view.text(de.RESPONSE) or ""
        if entry is None:
            why = f"{view.mti} matched nothing that is owed: STAN {stan}: {near_misses.of_delivery(issuer, view)}"
            self.context.event("unmatched", "answer-unmatched", why, link=issuer.spec.name, mti=view.mti, stan=stan)
        elif issuer.result_of.get(code) not in DELIVERED:
            what = "reversal" if entry.mti == "0420" else "advice"
            said = f"answered DE 39 = {code}" if code else "gave no DE 39"
            taken = " or ".join(issuer.code_of[result] for result in (results.APPROVED, results.UNKNOWN_ORIGINAL))
            why = f"{issuer.spec.name} {said} to the {what}: it is repeated until the answer is {taken}"
            self.context.event(
                what, f"{what}-refused", why, link=issuer.spec.name, stan=stan, attempts=entry.attempts, de39=code
            )
            issuer.saf.refused(entry)
        else:
            self._delivered(issuer, entry, code, now)
        if issuer.serves():
            self._send_all(issuer, now)

    def _delivered(self, issuer: IssuerLink, entry: Entry, code: str, now: float) -> None:
        tx = entry.tx
        self._done(issuer, entry, Fate.DELIVERED)
        if entry.kind is Kind.REVERSAL and entry.stan == tx.issuer_stan:
            tx.move_hold(Hold.REVERSED)
        self.context.commit(delivery_of(entry, now, code))
        self.context.counters["reversal-delivered" if entry.mti == "0420" else "advice-delivered"] += 1

    def _exhausted(self, issuer: IssuerLink, entry: Entry, now: float) -> None:
        """R11: never taken. It is not sent again; people must look, so it stays to be seen."""
        tx = entry.tx
        self._done(issuer, entry, Fate.EXHAUSTED)
        entry.ended_at = now
        issuer.exhausted.append(entry)
        self.context.commit(exhausted_of(entry))
        why = f"{issuer.spec.name} has not taken this {entry.mti} in {entry.attempts} attempts: tell it by other means"
        self.context.event(
            "exception", "saf-exhausted", why, link=issuer.spec.name, mti=entry.mti, issuer_stan=f"{entry.stan:06d}",
            acquirer_stan=tx.stan, rrn=tx.rrn, terminal=tx.terminal, attempts=entry.attempts,
        )  # fmt: skip

    def _done(self, issuer: IssuerLink, entry: Entry, fate: Fate) -> None:
        tx = entry.tx
        issuer.saf.end(entry, fate)
        if entry.kind is not Kind.REVERSAL and issuer.stans.holder(entry.stan) is tx:
            issuer.stans.release(entry.stan)
        if entry.kind is Kind.ADVICE and not tx.is_advice:
            self.context.exposures.remove(tx)

    # -- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Repeat what was not acknowledged."""
        for issuer in self.context.issuers.values():
            if issuer.serves():
                for entry in issuer.saf.expire(now, self.context.spec.saf_attempts):
                    self._exhausted(issuer, entry, now)
                self._send_all(issuer, now)

    def next_deadline(self) -> float | None:
        """When the next repeat is due."""
        links = (issuer for issuer in self.context.issuers.values() if issuer.serves())
        times = (at for issuer in links if (at := issuer.saf.next_deadline()) is not None)
        return min(times, default=None)


def original_data(tx: Transaction, mti: str, stan: int) -> str:
    """DE 90: MTI, STAN, DE 7, acquiring institution, no forwarding one."""
    return f"{mti}{stan:06d}{tx.transmitted}{tx.acquirer_id.zfill(11)}{NOTHING_FORWARDED}"


def issuers_original(tx: Transaction) -> str:
    """DE 90 that names `tx` as its issuer knows it."""
    return original_data(tx, tx.leg_mti, tx.issuer_stan)
