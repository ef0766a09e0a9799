"""What a message is, as a transaction, and whether there was one like it before (R4, R5)."""

from datetime import UTC, datetime

from switch.cards.masking import mask_pan
from switch.core import fields as de
from switch.core import results
from switch.core.checks import pan_of
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
        why = f"a reversal of this request came before it{_at(known)}"
        context.refuse(conn, link, view, results.INVALID_TRANSACTION, "reversed-before", why)
    elif known.mti != tx.mti or (
        (known.token, known.amount, known.de3, known.currency) != (tx.token, tx.amount, tx.de3, tx.currency)
    ):  # fmt: skip
        why = (
            f"{_same_as(known)}, but {_differences(context, known, tx, view)}: a new request needs a new STAN or DE 37"
        )
        context.refuse(conn, link, view, results.DUPLICATE, "duplicate-differs", why)
    elif known.approved and (known.taken_back or known.hold is not HELD):
        why = f"{_same_as(known)}, which was approved and then reversed: nothing is held for it any more"
        context.refuse(conn, link, view, results.TOO_LATE, "reversed-since", why)
    elif known.state is FINISHED:
        context.counters["repeat-answered"] += 1
        _tell(context, link, view, known, "from-memory", "answered from memory, no issuer was asked")
        context.answer(conn, view, known.de39, known, open_extras(context.vault, known.sealed_extras))
    elif known.waiters is not None and len(known.waiters) < MAX_WAITERS:
        context.counters["repeat-attached"] += 1
        _tell(context, link, view, known, "attached", "it gets the answer that the first one waits for")
        known.waiters.append((conn, view))
    else:
        context.counters["repeat-dropped"] += 1
        why = f"dropped, since {MAX_WAITERS} wait for the same answer already: repeat less often"
        _tell(context, link, view, known, "dropped", why)
    return True


# -- words ------------------------------------------------------------------------------------------------------------


def _tell(context: Context, link: AcquirerLink, view: View, known: Transaction, reason: str, why: str) -> None:
    """One line about a message that has been here before; where it does not say so by its MTI, what a new one needs."""
    if view.mti[3] == "0":
        why = f"{why}; a new request needs a new STAN or DE 37"
    context.event(
        "repeat", reason, f"{_same_as(known)}: {why}", link=link.name, mti=view.mti, stan=known.stan, rrn=known.rrn,
        terminal=known.terminal, de39=known.de39,
    )  # fmt: skip


def _same_as(known: Transaction) -> str:
    """What a message shares its key (R4) with."""
    shared = f"STAN {known.stan}, DE 37 = {known.rrn}, DE 41 = {known.terminal}, DE 13 and 32"
    return f"the same {shared} as the {known.mti}{_at(known)}"


def _at(known: Transaction) -> str:
    at = known.decided_at or known.received_at
    return f" of {datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC" if at else ""


def _differences(context: Context, known: Transaction, tx: Transaction, view: View) -> str:
    """In which of the four a message differs from the one whose key it has: MTI, card, amount and currency, kind."""
    differences = [
        f"another {name}: {theirs or 'none'}, before it was {ours or 'none'}"
        for name, theirs, ours in (
            ("MTI", tx.mti, known.mti),
            ("DE 4", tx.amount, known.amount),
            ("DE 3", tx.de3, known.de3),
            ("DE 49", tx.currency, known.currency),
        )
        if theirs != ours
    ]
    if tx.token != known.token:
        before = f", before it was {mask_pan(context.vault.open(known.sealed_pan))}" if _shows_pan(known) else ""
        differences.append(f"another card: {mask_pan(pan_of(view))}{before}")
    return "; ".join(differences)


def _shows_pan(known: Transaction) -> bool:
    """Is its number kept? Of one with a scheme's number it is the card's behind it, which is not to be told."""
    return bool(known.sealed_pan) and not known.mark
