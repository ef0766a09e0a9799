"""What an issuer writes to its log. Its state is the fold of these records, live as after a restart.

An account is named by its masked PAN, so no record holds more of a card number than a receipt does. Each struct is a
MessagePack array that starts with its tag.
"""

from typing import Final, TypeAlias

import msgspec


class Booked(msgspec.Struct, array_like=True, tag=1):
    """One request decided: what it did to the account, and the answer that a repeat gets again."""

    at: float
    key: str  # see `messages.Request.key`
    account: str
    asked: str  # kind, amount, currency: a repeat must ask the same
    effect_cents: int = 0  # negative: held; positive: credited; 0: nothing
    tries: int = 0  # wrong PINs in a row, after this one
    armed: bool = False  # answered by `control arm`, which this used up once
    de38: str = ""
    de39: str = ""
    de54: str = ""
    reversed: bool = False


class Reversed(msgspec.Struct, array_like=True, tag=2):
    """A reversal taken; one that finds no original is remembered against its coming later (R9)."""

    at: float
    origin: str  # see `messages.origin_of`


class Armed(msgspec.Struct, array_like=True, tag=3):
    """The next `count` requests of an account are answered `de39`."""

    account: str
    count: int
    de39: str


class Reset(msgspec.Struct, array_like=True, tag=4):
    """All accounts as new. Requests are still remembered, but there is nothing left to release."""


Record: TypeAlias = Booked | Reversed | Armed | Reset


class Balances(msgspec.Struct, array_like=True):
    """One account in a snapshot; its fields are those of `accounts.Account` that change, and its name."""

    reference: str
    balance_cents: int
    held_cents: int
    spent_cents: int
    day: int
    tries: int
    armed_count: int
    armed_de39: str


class Snapshot(msgspec.Struct, array_like=True):
    """A fold written down, so that older records may be dropped."""

    accounts: list[Balances]
    booked: list[Booked]  # oldest first
    early: dict[str, float]


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Record).decode
decode_snapshot: Final = msgspec.msgpack.Decoder(Snapshot).decode
