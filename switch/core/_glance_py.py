"""A glance in Python: the readable twin, which decodes everything; see `switch.core.glance`."""

from typing import NamedTuple

import msgspec

from switch.core import records
from switch.core.transaction import reference_of


class Asked(NamedTuple):
    """Of an intent that becomes an object only if something unusual comes of it."""

    number: int
    link: str
    issuer: str
    issuer_stan: int
    key: str  # its reference
    processing_code: str
    amount: str
    currency: str
    business_date: str
    record: bytes


class Ended(NamedTuple):
    """Of an outcome after which nothing is owed."""

    number: int
    at: float
    approved: bool
    approved_amount: str


class Glance:
    """Reads records, one after the other."""

    def asked(self, record: bytes) -> Asked | None:
        """What an ordinary intent says."""
        intent = _decoded(record)
        if not isinstance(intent, records.Intent) or len(intent.mti) < 2:
            return None
        if intent.preauthorised or intent.original or intent.mark:
            return None
        key = reference_of(intent.acquirer_id, intent.stan, intent.rrn, intent.terminal, intent.mti)
        return Asked(
            intent.number, intent.link, intent.issuer, intent.issuer_stan, key, intent.processing_code, intent.amount,
            intent.currency, intent.business_date, record,
        )  # fmt: skip

    def ended(self, record: bytes) -> Ended | None:
        """What an ordinary outcome says."""
        outcome = _decoded(record)
        if not isinstance(outcome, records.Outcome) or (outcome.reversal_owed and not outcome.approved):
            return None
        return Ended(outcome.number, outcome.at, outcome.approved, outcome.approved_amount)


def _decoded(record: bytes) -> records.Record | None:
    try:
        decoded: records.Record = records.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return decoded
