"""A transaction from its log records: the way back from `switch.core.journal`, for the fold and for the shelf.

Nothing else is touched: what a record does to totals, risks, a scheme's number is the fold's business, once.
"""

from collections.abc import Mapping

from switch.core import records
from switch.core.schemes import weight_of
from switch.core.states import State
from switch.core.transaction import Transaction


def begun(record: records.Intent | records.Refusal | records.Advice, link: int) -> Transaction:
    """What all beginnings say; `link` is the acquirer's."""
    tx = Transaction()
    tx.number, tx.acquirer_id, tx.acquirer_link = record.number, record.acquirer_id, link
    tx.mti = tx.leg_mti = record.mti
    tx.stan, tx.rrn, tx.terminal, tx.local_date = record.stan, record.rrn, record.terminal, record.local_date
    tx.de3, tx.amount, tx.currency = record.processing_code, record.amount, record.currency
    tx.transmitted, tx.token, tx.business_date = record.transmitted, record.token, record.business_date
    return tx


def forwarded(record: records.Intent | records.Advice, link: int, issuer: int) -> Transaction:
    """One that its issuer hears of."""
    tx = begun(record, link)
    tx.merchant, tx.sealed_pan, tx.issuer_stan = record.merchant, record.sealed_pan, record.issuer_stan
    tx.issuer_link, tx.received_at, tx.mark = issuer, record.at, record.mark
    return tx


def asked(record: records.Intent, link: int, issuer: int) -> Transaction:
    """A request that waits for its issuer."""
    tx = forwarded(record, link, issuer)
    tx.preauthorised = record.preauthorised
    tx.move(State.WAITING)
    return tx


def answer(tx: Transaction, record: records.Outcome) -> None:
    """What was answered to it."""
    tx.de39, tx.approval = record.de39, record.approval
    tx.sealed_extras, tx.approved_amount = record.sealed_extras, record.approved_amount
    if record.approved:
        tx.approve(int(record.approved_amount or tx.asked()))


def refused(record: records.Refusal, link: int) -> Transaction:
    """What the switch declined by itself."""
    tx = begun(record, link)
    tx.de39, tx.reason = record.de39, record.reason
    return tx


def finish(tx: Transaction, at: float) -> None:
    """It has ended."""
    tx.move(State.FINISHED)
    tx.decided_at = at


def from_shelf(first: bytes, second: bytes, index_of: Mapping[str, int]) -> Transaction:
    """One that was put on the shelf: an intent and its outcome, or nothing and a refusal."""
    ended = records.decode(second)
    if isinstance(ended, records.Refusal):
        tx = refused(ended, index_of[ended.link])
    else:
        intent = records.decode(first)
        assert isinstance(intent, records.Intent), "the beginning of what an outcome ended"
        assert isinstance(ended, records.Outcome), "the end of what was put on the shelf"
        tx = asked(intent, index_of[intent.link], index_of[intent.issuer])
        answer(tx, ended)
    finish(tx, ended.at)
    if tx.mark:
        tx.weight = weight_of(tx)  # as its scheme has been told
    return tx
