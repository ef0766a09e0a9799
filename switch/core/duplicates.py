"""What a message is, as a transaction, and whether there was one like it before (R4, R5)."""

from switch.core import fields as de
from switch.core import results
from switch.core.context import Context
from switch.core.fields import PREAUTHORISED
from switch.core.journal import open_extras
from switch.core.links import AcquirerLink
from switch.core.states import FINISHED, HELD
from switch.core.transaction import Transaction, reference_of
from switch.iso8583.codec import View

# Who waits for one answer: the request and its repeats, on as many connections. A terminal repeats three or four times.
MAX_WAITERS = 8

# What a transaction keeps of its request, in the order in which `identify` takes it.
IDENTITY = (
    de.PROCESSING_CODE, de.AMOUNT, de.TRANSMITTED, de.STAN, de.LOCAL_DATE, de.CONDITION, de.ACQUIRER, de.RRN,
    de.TERMINAL, de.MERCHANT, de.CURRENCY,
)  # fmt: skip


def identify(link: AcquirerLink, view: View, token: bytes) -> Transaction:
    """A new transaction from what `checks` has proved to be there."""
    tx = Transaction()
    tx.acquirer_link = link.index
    tx.business_date = link.business_date
    mti = view.mti
    tx.mti = tx.leg_mti = mti if mti[3] == "0" else mti[:3] + "0"
    (
        tx.de3, tx.amount, tx.transmitted, tx.stan, tx.local_date, condition, tx.acquirer_id, tx.rrn, tx.terminal,
        tx.merchant, tx.currency,
    ) = view.texts(IDENTITY)  # fmt: skip
    tx.key = reference_of(tx.acquirer_id, tx.stan, tx.rrn, tx.terminal, mti)
    tx.preauthorised = tx.mti == "0100" and condition == PREAUTHORISED
    tx.token = token
    return tx


def repeated(context: Context, conn: int, link: AcquirerLink, view: View, tx: Transaction) -> bool:
    """Was there `tx` before? Then it is answered, or will be with the first one."""
    known = context.transactions.find(tx.key, tx.local_date)
    if known is None:
        return False
    if not known.token:  # its reversal came first (R9)
        why = "a reversal of this request came before it"
        context.refuse(conn, link, view, results.INVALID_TRANSACTION, "reversed-before", why)
    elif known.mti != tx.mti or (
        (known.token, known.amount, known.de3, known.currency) != (tx.token, tx.amount, tx.de3, tx.currency)
    ):  # fmt: skip
        why = "same DE 32, 11, 37, 41 and 13 as an earlier message, but another MTI, card, amount or kind"
        context.refuse(conn, link, view, results.DUPLICATE, "duplicate-differs", why)
    elif known.approved and (known.taken_back or known.hold is not HELD):
        why = "it was approved and then reversed: nothing is held for it any more"
        context.refuse(conn, link, view, results.TOO_LATE, "reversed-since", why)
    elif known.state is FINISHED:
        context.counters["repeat-answered"] += 1
        context.answer(conn, view, known.de39, known, open_extras(context.vault, known.sealed_extras))
    elif known.waiters is not None and len(known.waiters) < MAX_WAITERS:
        context.counters["repeat-attached"] += 1
        known.waiters.append((conn, view))
    else:
        context.counters["repeat-dropped"] += 1
    return True
