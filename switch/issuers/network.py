"""Network management and reconciliation: 08xx and 05xx (R14–R17)."""

from datetime import UTC, datetime
from typing import Final

from switch.core import fields as de
from switch.iso8583.codec import View
from switch.issuers import messages, totals
from switch.issuers.context import Context
from switch.issuers.exchange import KeyExchange
from switch.issuers.messages import RefusedError

SETTLEMENT_CURRENCY: Final = 50
DEFAULT_CURRENCY: Final = "978"

_SIGNED_ON_AFTER: Final = {"001": True, "002": False}  # DE 70 → is the connection signed on then
_ECHO: Final = "301"
_CUTOVER: Final = "201"


class Network:
    """The handler of 0800, 0500, 0520 and their repeats."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.keys = KeyExchange(context)

    def management(self, conn: int, view: View, now: float) -> None:  # noqa: ARG002 - all handlers share a signature
        """Sign-on, sign-off, echo, cutover, or a new key."""
        context = self.context
        messages.require(view, messages.MANDATORY_NETWORK)
        code = view.text(de.NETWORK_CODE) or ""
        if code == context.spec.key_code:
            self.keys.take(conn, view)
            return
        if code in _SIGNED_ON_AFTER:
            context.signed_on[conn] = _SIGNED_ON_AFTER[code]
        elif code == _CUTOVER:
            context.require_sign_on(conn)
            self._note_cutover(view)
        elif code != _ECHO:
            known = f"known are 001 sign-on, 002 sign-off, {context.spec.key_code} key change, 201 cutover, 301 echo"
            raise RefusedError("invalid_transaction", f"DE 70 is {code}; {known}")
        context.approve(conn, view)

    def _note_cutover(self, view: View) -> None:
        """R16: every message says its day itself, so nothing has to change here."""
        day = view.text(de.BUSINESS_DATE)
        self.context.event("cutover", "cutover", f"the business date is {day} (MMDD)" if day else "a new business date")

    # -- reconciliation ---------------------------------------------------------------------------------------------

    def reconciliation(self, conn: int, view: View, now: float) -> None:
        """R17: are their figures of the day ours? Either way ours are told."""
        context = self.context
        context.require_sign_on(conn)
        messages.require(view, messages.MANDATORY_RECONCILIATION)
        day = view.text(de.BUSINESS_DATE) or f"{datetime.fromtimestamp(now, UTC):%m%d}"
        currency = view.text(SETTLEMENT_CURRENCY) or DEFAULT_CURRENCY
        ours, theirs = context.ledger.totals.of(day, currency), totals.read_figures(view, day, currency)
        patches = totals.answer(ours, theirs)
        if not totals.in_balance(ours, theirs):
            why = f"{currency} of {day} (MMDD): net {totals.net_text(ours)} here, {totals.net_text(theirs)} there"
            context.explain("reconciliation", "out-of-balance", why, view, context.code_of["approved"])
        patches |= {de.BUSINESS_DATE: day, SETTLEMENT_CURRENCY: currency, de.RESPONSE: context.code_of["approved"]}
        context.answer(conn, view, patches)
