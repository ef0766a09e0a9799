"""Why a message matched nothing: in what it differs from the one that it probably meant.

Nothing here decides anything. When DE 90 names no request, or an issuer's answer fits none that waits, the rules have
done what they do by then; these functions find the words for the line. They look through what is in reach, newest
first, so they are asked on a failure alone, and `Context.look_through` bounds how often and how far.
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

from switch.core import fields as de
from switch.core.checks import ORIGINAL_ORDER
from switch.core.context import Context, response_mti
from switch.core.links import AcquirerLink, IssuerLink
from switch.core.saf import Entry
from switch.core.transaction import NO_CONNECTION, Transaction
from switch.iso8583.codec import View

MTI: Final = re.compile(r"0[1-9][0-9]{2}")
MMDDHHMMSS: Final = re.compile(
    r"(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
)  # fmt: skip

NO_PREAUTHORIZATION: Final = f"is no pre-authorization: its DE 25 was not {de.PREAUTHORISED}"

# Requests and owed messages of an issuer that are compared with one answer: those that wait longest, which is where a
# stranger's first answers belong. A thousand take less than a tenth of a millisecond.
COMPARED: Final = 1_000

# Of DE 11, 37 and 41, how many an earlier request must share to be taken for the one that was meant.
ENOUGH: Final = 2


# -- DE 90 ------------------------------------------------------------------------------------------------------------


def of_original(context: Context, link: AcquirerLink, view: View, now: float) -> str:
    """Why DE 90 of `view`, 42 digits, names no request."""
    original = view.text(de.ORIGINAL) or ""
    return out_of_order(original) or _nearest(context, link, view, original, now)


def out_of_order(original: str) -> str:
    """What is wrong with the order of DE 90; empty if nothing is seen to be.

    >>> out_of_order("0100" "000123" "1121120000" + "0" * 22)
    ''
    >>> out_of_order("0100" "1121120000" "000123" + "0" * 22)[:69]
    'DE 90 has 112112 where the STAN belongs, which looks like a date: the'
    >>> out_of_order("0001" "230100" "1121120000" + "0" * 22)[:58]
    'DE 90 starts with 0001, which is no message type: the orde'
    """
    if not MTI.fullmatch(original[:4]):
        return f"DE 90 starts with {original[:4]}, which is no message type: {ORIGINAL_ORDER}"
    if MMDDHHMMSS.fullmatch(original[4:14]) and not MMDDHHMMSS.fullmatch(original[10:20]):
        return f"DE 90 has {original[4:10]} where the STAN belongs, which looks like a date: {ORIGINAL_ORDER}"
    return ""


def _nearest(context: Context, link: AcquirerLink, view: View, original: str, now: float) -> str:
    mti, stan = original[:4], original[4:10]
    rrn, terminal = view.text(de.RRN) or "", view.text(de.TERMINAL) or ""
    wanted = (stan, rrn, terminal)
    nearest, most = None, ENOUGH - 1
    for tx in context.look_through((stan, rrn), now):
        if tx.acquirer_link == link.index and tx.token:
            shared = sum(ours == theirs for ours, theirs in zip((tx.stan, tx.rrn, tx.terminal), wanted, strict=True))
            if shared > most:
                nearest, most = tx, shared
    if nearest is None:
        return f"no {mti} from {link.name} has STAN {stan} of DE 90, DE 37 = {rrn} and DE 41 = {terminal} together"
    if nearest.stan != stan:
        own = ", the message's own DE 11" if stan == view.text(de.STAN) else ""
        return f"DE 90 names STAN {stan}{own}, but the {nearest.mti} with its DE 37 and 41 had STAN {nearest.stan}"
    if nearest.rrn != rrn:
        seen = f"STAN {stan} was seen with DE 37 = {nearest.rrn}, this message has {rrn}"
        return f"{seen}: it must repeat DE 37 of its original"
    if nearest.terminal != terminal:
        seen = f"STAN {stan} was seen with DE 41 = {nearest.terminal}, this message has {terminal}"
        return f"{seen}: it must repeat DE 41 of its original"
    if nearest.mti[:2] != mti[:2]:
        return f"STAN {stan} was seen as a {nearest.mti}, DE 90 says {mti}"
    return f"the {mti} that DE 90 names {NO_PREAUTHORIZATION}"


def of_addition(context: Context, link: AcquirerLink, view: View, token: bytes, now: float) -> str:
    """Why DE 90 of a further pre-authorization, of the card with that token, names none that it adds to."""
    named = context.original_of(view)
    if named is None:
        return of_original(context, link, view, now)
    if not named.preauthorised:
        return f"the {named.mti} that DE 90 names {NO_PREAUTHORIZATION}"
    if named.token != token:
        return "DE 90 names a pre-authorization of another card"
    return "the pre-authorization that DE 90 names is not held: it was declined, completed or reversed"


# -- an issuer's answers ----------------------------------------------------------------------------------------------


def of_answer(issuer: IssuerLink, view: View, holder: Transaction | None) -> str:
    """Why an answer of an issuer answers no request; `holder` has its STAN on that link."""
    stan = view.text(de.STAN)
    if stan is None:
        return f"it has no DE 11, which must repeat that of its request{_waiting_under(issuer, view)}"
    if holder is None or holder.conn == NO_CONNECTION or f"{holder.request_stan():06d}" != stan:
        return f"no request has this STAN, or it was answered before{_waiting_under(issuer, view)}"
    awaited = response_mti(holder.mti)
    if view.mti != awaited:
        return f"the {holder.mti} with this STAN is answered by {awaited}"
    return _differing(issuer, view, holder, f"the {holder.mti} with this STAN")


def of_delivery(issuer: IssuerLink, view: View) -> str:
    """Why a 0410, 0430, 0130 or 0230 acknowledges nothing that is owed."""
    stan = view.text(de.STAN)
    if stan is None:
        return "it has no DE 11, which must repeat that of the message it answers"
    owed: Iterable[Entry] = islice(issuer.saf.entries.values(), COMPARED)
    entry = next((entry for entry in owed if f"{entry.stan:06d}" == stan), None)
    if entry is None:
        return "nothing of this STAN is owed, or it was acknowledged before"
    awaited = response_mti(entry.mti)
    if view.mti[1] != awaited[1]:
        return f"the {entry.mti} with this STAN is answered by {awaited}"
    return _differing(issuer, view, entry.tx, f"the {entry.mti} with this STAN")


def _differing(issuer: IssuerLink, view: View, tx: Transaction, what: str) -> str:
    """Which field of the answer is not that of `tx`, and what helps."""
    for number, ours in ((de.RRN, tx.rrn), (de.TERMINAL, tx.terminal)):
        theirs = view.text(number)
        if number in issuer.spec.match and theirs != ours:
            others = [other for other in issuer.spec.match if other != number]
            said = f"has DE {number} = {theirs}" if theirs is not None else f"has no DE {number}"
            return (
                f"it {said}, and {what} has {ours}: the answer must repeat it, unless match = {others} in the "
                f"[[link]] {issuer.spec.name}"
            )
    return "it differs in nothing that is compared"


def _waiting_under(issuer: IssuerLink, view: View) -> str:
    """The STAN of a request that waits and has the answer's DE 37 and 41."""
    rrn, terminal = view.text(de.RRN), view.text(de.TERMINAL)
    for tx in islice(issuer.waiting, COMPARED):
        if (tx.rrn, tx.terminal) == (rrn, terminal):
            return f"; the {tx.mti} with its DE 37 and 41 waits under STAN {tx.request_stan():06d}"
    return ""
