"""Acquirers' reconciliation requests, 0500, 0520 and their repeats (R17).

They tell what they have counted on their link, in a business day (DE 15) and a currency (DE 50); we say by DE 66
whether that is what we have, and what we have. Nothing changes, so a repeat is answered like its original.
"""

from switch.core import checks, results
from switch.core import fields as de
from switch.core.context import Context, response_mti
from switch.core.days import recent
from switch.core.effects import ANSWER
from switch.core.links import AcquirerLink
from switch.core.totals import COUNTS, NET, SUMS
from switch.iso8583.codec import FieldMask, View

MANDATORY = FieldMask((de.TRANSMITTED, de.STAN, de.ACQUIRER))
ECHOED = (de.TRANSMITTED, de.STAN, de.ACQUIRER)
IN_BALANCE, OUT_OF_BALANCE = "1", "2"  # DE 66


class Reconciliation:
    """The handler of 0500, 0501, 0520, 0521."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def request(self, conn: int, link: AcquirerLink, view: View) -> None:
        """An acquirer compares its figures with ours."""
        context = self.context
        failure = checks.absent(view, MANDATORY) or checks.foreign_acquirer(view, link)
        if failure is not None:
            context.refuse(conn, link, view, *failure)
            return
        mmdd, currency = view.text(de.BUSINESS_DATE), view.text(de.SETTLEMENT_CURRENCY) or context.spec.currencies[0]
        business_date = link.business_date if mmdd is None else recent(mmdd, link.business_date)
        if business_date is None:
            why = f"DE 15 is {mmdd}: no totals of that day are kept; the day of this link is {link.business_date}"
            context.refuse(conn, link, view, results.INVALID_TRANSACTION, "day-not-kept", why)
        elif currency not in context.spec.currencies:
            why = f"DE 50 is {currency}; this switch takes {' and '.join(context.spec.currencies)} (currencies)"
            context.refuse(conn, link, view, results.INVALID_TRANSACTION, "unknown-currency", why)
        else:
            self._compare(conn, link, view, business_date, currency)

    def _compare(self, conn: int, link: AcquirerLink, view: View, business_date: str, currency: str) -> None:
        context = self.context
        figures = context.totals.of(link.index, business_date, currency)
        theirs = {number: text for number in (*COUNTS, *SUMS, NET) if (text := view.text(number)) is not None}
        in_balance = figures.balances(theirs)
        if not in_balance:
            others = differences(figures.elements(), theirs)
            why = f"{link.spec.name} has other totals of {business_date} in {currency}, and is told ours: {others}"
            context.event("reconciliation", "out-of-balance", why, link=link.spec.name, mti=view.mti)
        patches: dict[int, str | None] = {
            de.BUSINESS_DATE: business_date[2:],
            de.RESPONSE: link.code_of[results.APPROVED],
            de.SETTLEMENT_CURRENCY: currency,
            de.SETTLEMENT_CODE: IN_BALANCE if in_balance else OUT_OF_BALANCE,
            **figures.elements(),
        }
        context.counters[f"de39-{patches[de.RESPONSE]}"] += 1
        frame = link.layout.emit(response_mti(view.mti), view, link.layout.mask(ECHOED), patches)
        context.effects.append((ANSWER, conn, frame, None))


def differences(ours: dict[int, str], theirs: dict[int, str]) -> str:
    """The elements that differ, as both sides have them; one that is absent counts as zero.

    >>> differences({74: "0000000001", 76: "0000000000"}, {})
    'DE 74 is absent, ours is 0000000001'
    """
    return ", ".join(
        f"DE {number} is {theirs.get(number, 'absent')}, ours is {text}"
        for number, text in ours.items()
        if (theirs.get(number) or "").lstrip("C0") != text.lstrip("C0")
    )
