"""What an acquirer saw of each transaction: one JSON line when it is final, and another whenever that changes.

The last line of a transaction counts. The PAN is masked; a reconciliation matches by DE 32, 11, 37 and 41.
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
    reversal: Literal["none", "pending", "acknowledged"] = "none"
    reversal_de39: str | None = None


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(AcquirerRecord).decode
