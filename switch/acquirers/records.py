"""What an acquirer saw of each transaction: one JSON line when it is final, and another whenever that changes.

The last line of a transaction counts. Every message with a STAN of its own has a record: a pre-authorization, what is
added to it and what completes it are three; a reversal, whole or in part, changes its original's. The PAN is masked; a
reconciliation matches by DE 32, 11, 37 and 41.
"""

from typing import Final, Literal

import msgspec


class AcquirerRecord(msgspec.Struct):
    """One transaction as its acquirer ended it."""

    acquirer_id: str
    terminal: str
    stan: str
    rrn: str
    mti: str
    de3: str
    pan: str  # masked
    amount_cents: int
    currency: str
    sent_at: float
    answered_at: float | None = None
    de39: str | None = None
    reversal: Literal["none", "pending", "acknowledged"] = "none"  # of all of it
    reversal_de39: str | None = None
    kind: str = ""  # as in `switch.profiles.mix`, or "incremental", "completion"
    business_date: str = ""  # DE 15 of the answer (MMDD): the day whose totals it belongs to, its reversal too
    approved_cents: int | None = None  # asked for, or less if it was approved in part (DE 39 = 10); None: not approved
    standing_cents: int | None = None  # of these, what partial reversals that were acknowledged have left
    partial_reversal: Literal["none", "pending", "acknowledged", "refused"] = "none"
    partial_cents: int | None = None  # DE 95 of the last partial reversal: what was to stand after it
    partial_de39: str | None = None
    original_mti: str = ""  # of the pre-authorization that this one adds to or completes, with the next two lines
    original_stan: str = ""
    original_rrn: str = ""


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(AcquirerRecord).decode
