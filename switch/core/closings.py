"""The end of a business day, told to each issuer: our cutover, then our totals of the day that is over (R16, R17).

    cutover ─▶ 0800/201, DE 15 = the new day ─▶ what was in flight is decided ─▶ 0520 a currency ─▶ closed
                  0801 until its 0810               and delivered                 0521 until its 0530

One message at a time. Where an issuer is not in service they wait for it; the log knows which days it has not been told
of, so they survive a restart, after which a day is told from its beginning.
"""

from typing import Final

from switch.core import fields as de
from switch.core import records, results
from switch.core.context import Context
from switch.core.links import Closing, IssuerLink
from switch.core.questions import Questions
from switch.core.reconciliation import IN_BALANCE, differences
from switch.iso8583.codec import View

CUTOVER: Final = "201"

# Reversals and advices of the day may still be on their way; so long totals wait for the queue to be empty.
DELIVERY_S: Final = 60.0
LOOK_AGAIN_S: Final = 1.0


class Closings:
    """What issuers are told by themselves."""

    def __init__(self, context: Context, questions: Questions) -> None:
        self.context = context
        self.questions = questions

    def tick(self, now: float) -> None:
        """Go on wherever it is time."""
        for issuer, closing in self._open():
            if closing.next_at <= now:
                self._go_on(issuer, closing, now)

    def next_deadline(self) -> float | None:
        """When to go on."""
        return min((closing.next_at for _, closing in self._open()), default=None)

    def _open(self) -> list[tuple[IssuerLink, Closing]]:
        """The first day of each issuer that hears us, where it is our turn to speak."""
        firsts = [(issuer, issuer.closings[0]) for issuer in self.context.issuers.values() if issuer.closings]
        return [(issuer, closing) for issuer, closing in firsts if issuer.serves() and not closing.asking]

    def _go_on(self, issuer: IssuerLink, closing: Closing, now: float) -> None:
        if not closing.cutover_told:
            self._send(issuer, closing, "08", {de.NETWORK_CODE: CUTOVER, de.BUSINESS_DATE: closing.opened[2:]}, now)
        elif now < closing.settle_at:
            closing.next_at = closing.settle_at
        elif issuer.saf and now < closing.settle_at + DELIVERY_S:
            closing.next_at = now + LOOK_AGAIN_S
        else:
            self._reconcile(issuer, closing, now)

    def _reconcile(self, issuer: IssuerLink, closing: Closing, now: float) -> None:
        """The next currency's totals; a day without any transaction is told as zeros, to be known as over."""
        context = self.context
        if closing.currencies is None:
            found = context.totals.currencies(issuer.index, closing.closed)
            closing.currencies = found or [context.spec.currencies[0]]
        if not closing.currencies:
            self._done(issuer, closing, now)
            return
        patches = {
            de.BUSINESS_DATE: closing.closed[2:],
            de.ACQUIRER: issuer.spec.institution_id,
            de.SETTLEMENT_CURRENCY: closing.currencies[0],
            **context.totals.of(issuer.index, closing.closed, closing.currencies[0]).elements(),
        }
        self._send(issuer, closing, "052", patches, now)

    def _send(self, issuer: IssuerLink, closing: Closing, kind: str, patches: dict[int, str], now: float) -> None:
        """The message or, when it went unanswered, the same as a repeat (R1)."""
        closing.asking = True
        if closing.message is None:
            closing.message = {de.STAN: self.questions.next_stan(), **patches}
        mti = kind.ljust(3, "0") + ("1" if closing.attempts else "0")
        conn, within_s = issuer.conn_in_service(), issuer.spec.timeout_s

        def told(answer: View | None, at: float) -> None:
            self._told(issuer, closing, answer, at)

        self.questions.ask(conn, issuer.layout, mti, closing.message, within_s, now, told)

    def _told(self, issuer: IssuerLink, closing: Closing, answer: View | None, now: float) -> None:
        closing.asking = False
        if answer is None:
            self._unanswered(issuer, closing, now)
            return
        closing.attempts, closing.message, closing.next_at = 0, None, now
        if closing.cutover_told:
            self._reconciled(issuer, closing, answer)
        else:
            closing.cutover_told = True
            code = answer.text(de.RESPONSE)
            if code != issuer.code_of[results.APPROVED]:
                why = f"{issuer.spec.name} answered {code} to our cutover to {closing.opened}"
                self._event(issuer, "cutover-refused", why)

    def _reconciled(self, issuer: IssuerLink, closing: Closing, answer: View) -> None:
        assert closing.currencies
        currency = closing.currencies.pop(0)
        code, settlement = answer.text(de.RESPONSE), answer.text(de.SETTLEMENT_CODE)
        name, day = issuer.spec.name, f"{closing.closed} in {currency}"
        if code != issuer.code_of[results.APPROVED]:
            self._event(issuer, "reconciliation-refused", f"{name} answered {code} to our totals of {day}")
        elif settlement != IN_BALANCE:
            ours = self.context.totals.of(issuer.index, closing.closed, currency).elements()
            theirs = {number: text for number in ours if (text := answer.text(number)) is not None}
            others = f"its DE 66 is {settlement or 'absent'}" + (f", {differences(ours, theirs)}" if theirs else "")
            self._event(issuer, "out-of-balance", f"{name} has other totals of {day}: {others}")
        else:
            self._event(issuer, "in-balance", f"{name} has the same totals of {day}")

    def _unanswered(self, issuer: IssuerLink, closing: Closing, now: float) -> None:
        """Wait, longer each time; a line that is lost meanwhile costs an attempt too."""
        spec = self.context.spec
        closing.attempts += 1
        closing.next_at = now + min(
            spec.reversal_repeat_max_s, spec.reversal_repeat_s * 2 ** (closing.attempts - 1)
        )  # fmt: skip
        if closing.attempts >= spec.saf_attempts:
            why = f"{issuer.spec.name} answers nothing about the end of {closing.closed}: left to people"
            self._event(issuer, "closing-exhausted", why)
            self._done(issuer, closing, now)

    def _done(self, issuer: IssuerLink, closing: Closing, now: float) -> None:
        if closing not in issuer.closings:  # its figures were forgotten while the issuer was asked
            return
        issuer.closings.remove(closing)
        self.context.commit(records.Closing(now, issuer.spec.name, closing.closed, closing.opened, done=True))

    def _event(self, issuer: IssuerLink, reason: str, why: str) -> None:
        self.context.event("day", reason, why, link=issuer.spec.name)
