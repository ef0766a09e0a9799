"""What an issuer writes to its log. Its state is the fold of these records, live as after a restart.

An account is named by its masked PAN, so no record holds more of a card number than a receipt does. Each struct is a
MessagePack array that starts with its tag.

Of a `Booked`, the fields from `reversed` to `reductions` are what later records make of it. The fold sets them, so a
record in the log has them as they are by default, and one in a snapshot as they had become. One exception: an advice
whose reversal came first is written with `reversed` set, and never moves money.
"""

from typing import Final, TypeAlias

import msgspec


class Booked(msgspec.Struct, array_like=True, tag=1):
    """One request or advice decided: what it did to the account, and the answer that a repeat gets again."""

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
    reversed: bool = False  # wholly
    live_cents: int = 0  # what the account still carries of the effect: reversals, completions and resets end it
    standing: int = 0  # what reversals have left of `amount`
    completed: bool = False  # a pre-authorization whose completion has released it
    reductions: tuple[int, ...] = ()  # what each partial reversal left standing
    day: str = ""  # MMDD: DE 15, or the issuer's own day (UTC)
    approved: bool = False  # it has effect: not so a decline, nor an advice of one
    amount: int = 0  # approved, in minor units of its currency: less than asked, if only a part was
    advice: bool = False  # 0120 or 0220
    preauthorised: bool = False
    chain: str = ""  # key of the pre-authorization that it adds to or, not being one itself, completes


class Reversed(msgspec.Struct, array_like=True, tag=2):
    """A reversal taken; one that finds no original is remembered against its coming later (R9)."""

    at: float
    origin: str  # see `messages.origin_of`
    standing: int = 0  # minor units that it leaves of the original (DE 95); 0: a whole reversal


class Armed(msgspec.Struct, array_like=True, tag=3):
    """The next `count` requests of an account are answered `de39`."""

    account: str
    count: int
    de39: str


class Reset(msgspec.Struct, array_like=True, tag=4):
    """All accounts as new. Requests are still remembered, but there is nothing left to release."""


class KeyChanged(msgspec.Struct, array_like=True, tag=5):
    """A new zone PIN key, under the LMK (R15)."""

    at: float
    zpk: str


Record: TypeAlias = Booked | Reversed | Armed | Reset | KeyChanged


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
    spent_count: int = 0


class Figures(msgspec.Struct, array_like=True):
    """What was approved and taken back on one business day in one currency (R17): numbers, and sums in minor units."""

    day: str  # MMDD
    currency: str
    credits: int = 0
    credits_reversed: int = 0
    debits: int = 0
    debits_reversed: int = 0
    inquiries: int = 0
    authorizations: int = 0
    credits_amount: int = 0
    credits_reversed_amount: int = 0
    debits_amount: int = 0
    debits_reversed_amount: int = 0


class Snapshot(msgspec.Struct, array_like=True):
    """A fold written down, so that older records may be dropped."""

    accounts: list[Balances]
    booked: list[Booked]  # oldest first
    early: dict[str, float]
    figures: list[Figures] = msgspec.field(default_factory=list)
    keys: list[KeyChanged] = msgspec.field(default_factory=list)  # the last two: oldest first


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Record).decode
decode_snapshot: Final = msgspec.msgpack.Decoder(Snapshot).decode
