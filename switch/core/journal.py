"""What of a transaction goes to the log: from the core's state to `switch.core.records`."""

from typing import Any, Final

import msgspec

from switch.cards.vault import Vault
from switch.core import records
from switch.core.packing import pack
from switch.core.saf import Entry
from switch.core.states import NO_HOLD
from switch.core.transaction import Transaction

INTENT: Final = 1  # their tags in `switch.core.records`
OUTCOME: Final = 2


def _intent(tx: Transaction, link: str, issuer: str, at: float) -> tuple[Any, ...]:
    return (
        INTENT, tx.number, at, link, tx.mti, tx.acquirer_id, tx.stan, tx.rrn, tx.terminal, tx.local_date, tx.de3,
        tx.amount, tx.currency, tx.transmitted, tx.merchant, tx.token, tx.sealed_pan, issuer,
        tx.request_stan(), tx.business_date, tx.preauthorised,
        tx.original.number if tx.original is not None else 0, tx.mark,
    )  # fmt: skip


def _outcome(tx: Transaction, at: float) -> tuple[Any, ...]:
    reversal_owed = not tx.approved and tx.hold is not NO_HOLD
    return (
        OUTCOME, tx.number, at, tx.de39, tx.approval, tx.sealed_extras, tx.approved, reversal_owed, tx.approved_amount,
    )  # fmt: skip


def intent_of(tx: Transaction, link: str, issuer: str, at: float) -> records.Intent:
    """`tx` is about to leave for `issuer`, or would have, had the switch not stood in."""
    return records.Intent(*_intent(tx, link, issuer, at)[1:])


def packed_intent(tx: Transaction, link: str, issuer: str, at: float) -> bytes:
    """The same as it is logged."""
    return pack(_intent(tx, link, issuer, at))


def outcome_of(tx: Transaction, at: float) -> records.Outcome:
    """How `tx`, which had left, ended."""
    return records.Outcome(*_outcome(tx, at)[1:])


def packed_outcome(tx: Transaction, at: float) -> bytes:
    """The same as it is logged."""
    return pack(_outcome(tx, at))


def stand_in_of(tx: Transaction, at: float) -> records.StandIn:
    """The switch approved `tx` for its issuer."""
    return records.StandIn(
        tx.number, at, tx.de39, tx.approval, tx.issuer_stan, tx.stood_in_for != 0, tx.sealed_fields
    )  # fmt: skip


def advice_of(tx: Transaction, link: str, issuer: str, at: float) -> records.Advice:
    """The acquirer advised of `tx`."""
    return records.Advice(
        tx.number, at, link, tx.mti, tx.acquirer_id, tx.stan, tx.rrn, tx.terminal, tx.local_date, tx.de3, tx.amount,
        tx.currency, tx.transmitted, tx.merchant, tx.token, tx.sealed_pan, issuer, tx.issuer_stan, tx.business_date,
        tx.de39, tx.approved, tx.original.number if tx.original is not None else 0, tx.sealed_fields, tx.mark,
    )  # fmt: skip


def refusal_of(tx: Transaction, link: str, at: float) -> records.Refusal:
    """The switch declined `tx` by itself."""
    return records.Refusal(
        tx.number, at, link, tx.mti, tx.acquirer_id, tx.stan, tx.rrn, tx.terminal, tx.local_date, tx.de3, tx.amount,
        tx.currency, tx.transmitted, tx.token, tx.de39, tx.reason, tx.business_date,
    )  # fmt: skip


def reversal_of(
    tx: Transaction, link: str, at: float, de39: str, *, amount: str = "", issuer_stan: int = 0, dropped: bool = False,
    idle: bool = False,
) -> records.Reversal:  # fmt: skip
    """An acquirer took `tx` back, or reduced it to `amount`; with number 0, something that was never seen (R9)."""
    return records.Reversal(
        tx.number, at, link, tx.mti, tx.acquirer_id, tx.stan, tx.rrn, tx.terminal, de39, amount, issuer_stan, dropped,
        idle,
    )  # fmt: skip


def delivery_of(entry: Entry, at: float, de39: str) -> records.Delivery:
    """The issuer took `entry`."""
    return records.Delivery(entry.tx.number, at, de39, entry.mti, entry.stan)


def exhausted_of(entry: Entry) -> records.Exhausted:
    """The issuer never took `entry`."""
    return records.Exhausted(entry.tx.number, entry.ended_at, entry.mti, entry.stan, entry.attempts)


def seal_extras(vault: Vault, extras: dict[int, str], epoch: int, sequence: int) -> bytes:
    """Further fields of an issuer's answer; they may hold codes, so they are sealed like a card number."""
    return vault.seal_bytes(msgspec.json.encode(extras), epoch, sequence)


def open_extras(vault: Vault, sealed: bytes) -> dict[int, str] | None:
    """What `seal_extras` sealed; None where there was nothing."""
    return msgspec.json.decode(vault.open_bytes(sealed), type=dict[int, str]) if sealed else None
