"""What has already happened elsewhere and is only to be recorded: advices (R12) and reversals (R9, R10).

Both are taken whatever the state of the account, and acknowledged at once: no PIN is verified, no latency drawn. Taken
twice they have one effect. What is still with the HSM counts, for a reversal, as not yet come.
"""

from collections.abc import Container
from typing import Final

from switch.core import fields as de
from switch.core import results
from switch.iso8583.codec import View
from switch.issuers import messages
from switch.issuers.context import Context
from switch.issuers.ledger import origin_of_key
from switch.issuers.messages import RefusedError, Request
from switch.issuers.records import Booked, Reversed
from switch.issuers.requests import business_day, require_same

_APPROVED: Final = "approved"


class Postings:
    """The handler of 0120, 0220, 0400, 0420 and their repeats. `in_flight`: duplicate keys of requests undecided."""

    def __init__(self, context: Context, in_flight: Container[str]) -> None:
        self.context = context
        self._in_flight = in_flight
        codes = context.code_of
        self._approvals = results.OTHER_APPROVALS | {codes[name] for name in results.APPROVALS if name in codes}

    # -- advices ----------------------------------------------------------------------------------------------------

    def advice(self, conn: int, view: View, now: float) -> None:
        """R12: post it, whatever the balance, the limits, the PIN tries and the card's status say."""
        context = self.context
        context.require_sign_on(conn)
        request = messages.read_advice(view)
        if request.key in self._in_flight:
            raise RefusedError("duplicate", "same STAN, DE 32, 37, 41 and 13 as a request in flight")
        known = context.ledger.booked.get(request.key)
        if known is not None:
            require_same(known, request, context.ledger.reference(request.pan), advice=True)
            context.counters["repeats"] += 1
        else:
            known = self._posted(request, view, now)
            context.commit(known)
            context.counters[f"de39-{known.de39}"] += 1
        patches = {de.APPROVAL: known.de38, de.RESPONSE: known.de39}
        context.answer(conn, view, {field: text for field, text in patches.items() if text})

    def _posted(self, request: Request, view: View, now: float) -> Booked:
        """The record of an advice. One that tells of a decline moves nothing, nor one whose reversal came first."""
        context, ledger = self.context, self.context.ledger
        account = ledger.account(request.pan)
        booked = Booked(
            at=now,
            key=request.key,
            account=ledger.reference(request.pan),
            asked=request.asked,
            de38=view.text(de.APPROVAL) or "",
            de39=context.code_of[_APPROVED],
            day=business_day(request, now),
            advice=True,
            preauthorised=request.preauthorised,
        )
        if account is None:
            booked.de38, booked.de39 = "", context.code_of["no_such_card"]
            context.explain("declined", "no_such_card", "the issuer has no such card to post to", view, booked.de39)
            return booked
        booked.tries = account.tries
        if view.text(de.RESPONSE) in (None, *self._approvals):
            head = ledger.preauthorization(request.original, booked.account)
            booked.chain = head.key if head is not None else ""
            booked.approved, booked.amount, booked.effect_cents = True, request.amount, request.effect_cents
            booked.reversed = origin_of_key(request.key) in ledger.early
        return booked

    # -- reversals --------------------------------------------------------------------------------------------------

    def reversal(self, conn: int, view: View, now: float) -> None:
        """R9, R10: release once, wholly or down to DE 95; a whole one is always acknowledged."""
        context = self.context
        context.require_sign_on(conn)
        origin, standing = messages.origin_of(view), messages.standing_after(view)
        original = context.ledger.original(origin)
        if standing:
            self._reduce(original, standing, origin, view, now)
        else:
            self._take_back(original, origin, view, now)
        context.approve(conn, view)

    def _take_back(self, original: Booked | None, origin: str, view: View, now: float) -> None:
        context = self.context
        if original is None and origin not in context.ledger.early:
            why = f"{unknown(view)}; remembered in case it comes"
            context.explain("reversal", "unknown_original", why, view, context.code_of[_APPROVED])
        if original is None or not original.reversed:
            context.commit(Reversed(now, origin))
        else:
            context.counters["reversals-repeated"] += 1

    def _reduce(self, original: Booked | None, standing: int, origin: str, view: View, now: float) -> None:
        """A partial reversal is told from another by what it leaves standing.

        Raises:
            RefusedError: no original (25), one that holds nothing (12), or DE 95 not less than what stands of it (13).
        """
        if original is None:
            raise RefusedError("unknown_original", f"{unknown(view)}: nothing to reverse in part")
        if standing in original.reductions:
            self.context.counters["reversals-repeated"] += 1
            return
        if not original.effect_cents or original.reversed or original.completed:
            raise RefusedError("invalid_transaction", "what DE 90 points at holds nothing to reverse in part")
        if standing >= original.standing:
            raise RefusedError("invalid_amount", f"DE 95 lets {standing} minor units stand of {original.standing}")
        self.context.commit(Reversed(now, origin, standing))


def unknown(view: View) -> str:
    """What DE 90 names and nobody has seen."""
    original, rrn, terminal = (view.text(field) or "" for field in (de.ORIGINAL, de.RRN, de.TERMINAL))
    return f"no {original[:4]} has STAN {original[4:10]} of DE 90, DE 37 = {rrn} and DE 41 = {terminal} together"
