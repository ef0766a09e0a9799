"""What the switch writes to its log, and reads back after a crash.

The state is the fold of these records. An `Intent` is durable before its request is forwarded, an `Outcome` before
its answer leaves, a `Refusal` is both at once for what the switch declines by itself. A `Reversal` is durable before
its 0430 leaves, a `Delivery` notes that the issuer has acknowledged one. A PAN is kept sealed (AES-GCM) beside a token
(HMAC) to compare and search by; PIN blocks, tracks and CVVs are never kept.

Every record is a msgspec struct encoded as a MessagePack array that starts with its tag.
"""

from typing import Final, TypeAlias

import msgspec


class Intent(msgspec.Struct, array_like=True, tag=1):
    """A request is about to go to `issuer` under `issuer_stan`."""

    number: int  # ours, ascending
    at: float
    link: str  # the acquirer's
    mti: str  # first presentation: 0100 or 0200
    acquirer_id: str  # DE 32
    stan: str
    rrn: str
    terminal: str
    local_date: str
    processing_code: str
    amount: str
    currency: str
    transmitted: str
    merchant: str
    token: bytes
    sealed_pan: bytes
    issuer: str
    issuer_stan: int


class Outcome(msgspec.Struct, array_like=True, tag=2):
    """How the request of intent `number` ended."""

    number: int
    at: float
    de39: str
    approval: str
    sealed_extras: bytes  # further fields of the issuer's answer, sealed; empty when there were none
    approved: bool
    reversal_owed: bool  # the issuer may hold something that must be released (R7)


class Refusal(msgspec.Struct, array_like=True, tag=3):
    """A request that the switch declined without forwarding it."""

    number: int
    at: float
    link: str
    mti: str
    acquirer_id: str
    stan: str
    rrn: str
    terminal: str
    local_date: str
    processing_code: str
    amount: str
    currency: str
    transmitted: str
    token: bytes
    de39: str
    reason: str


class Reversal(msgspec.Struct, array_like=True, tag=4):
    """An acquirer reversed something: intent `number`, or 0 when nothing like it was ever seen (R9)."""

    number: int
    at: float
    link: str
    original_mti: str
    acquirer_id: str
    stan: str
    rrn: str
    terminal: str
    de39: str  # of our 0430


class Delivery(msgspec.Struct, array_like=True, tag=5):
    """The issuer acknowledged the reversal of intent `number`."""

    number: int
    at: float
    de39: str


Record: TypeAlias = Intent | Outcome | Refusal | Reversal | Delivery

encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Record).decode
