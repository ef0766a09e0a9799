"""What the switch writes to its log, and reads back after a crash.

The state is the fold of these records. An `Intent` is durable before its request is forwarded, an `Outcome` before
its answer leaves, a `Refusal` is both at once for what the switch declines by itself, a `StandIn` is the outcome that
the switch decided for an issuer that could not. A `Reversal` is durable before its 0430 leaves, an `Advice` before its
0130 or 0230. What an issuer must be told by store and forward follows from these; a `Delivery` notes that it has
acknowledged one such message, an `Exhausted` that it was given up. `KeyChange`, `Cutover` and `Closing` are of links,
`Totals` stand in snapshots only, an `Instrument` is of a payment scheme. A PAN is kept sealed (AES-GCM) beside a token
(HMAC) to compare and search by; PIN blocks, tracks and CVVs are never kept.

Every record is a msgspec struct encoded as a MessagePack array that starts with its tag. The frequent ones are not
the garbage collector's business: they hold text and numbers only.
"""

from typing import Final, TypeAlias

import msgspec


class Intent(msgspec.Struct, array_like=True, tag=1, gc=False):
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
    business_date: str = ""  # YYMMDD: DE 15 on both legs, and the day whose totals it belongs to (R16)
    preauthorised: bool = False  # DE 25 was 06: held, to be completed by a 0220
    original: int = 0  # number of the pre-authorization that this one adds to; 0: none
    mark: int = 0  # of the scheme's number that it was made with, whose token this is; the sealed PAN is the card's


class Outcome(msgspec.Struct, array_like=True, tag=2, gc=False):
    """How the request of intent `number` ended."""

    number: int
    at: float
    de39: str
    approval: str
    sealed_extras: bytes  # further fields of the issuer's answer, sealed; empty when there were none
    approved: bool
    reversal_owed: bool  # the issuer may hold something that must be released (R7)
    approved_amount: str = ""  # DE 4 of a partial approval; empty: what was asked


class Refusal(msgspec.Struct, array_like=True, tag=3, gc=False):
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
    business_date: str = ""  # YYMMDD: DE 15 of the answer, and of its repeats


class Reversal(msgspec.Struct, array_like=True, tag=4):
    """An acquirer reversed something: transaction `number`, or 0 when nothing like it was ever seen (R9).

    With `amount` (DE 95) only down to that, under an `issuer_stan` of its own; without, wholly. `dropped`: what it
    reverses was an advice that the issuer had not been told of yet, so it never will be (R13). `idle`: a completion had
    taken its place at the issuer, who need not be told.
    """

    number: int
    at: float
    link: str
    original_mti: str
    acquirer_id: str
    stan: str
    rrn: str
    terminal: str
    de39: str  # of our 0430
    amount: str = ""  # DE 95, first part: what stands after it
    issuer_stan: int = 0  # of a partial reversal; a whole one has its original's
    dropped: bool = False
    idle: bool = False


class Delivery(msgspec.Struct, array_like=True, tag=5):
    """The issuer acknowledged what was owed to it of transaction `number`."""

    number: int
    at: float
    de39: str
    mti: str = "0420"  # what it acknowledged: 0420, 0120 or 0220
    issuer_stan: int = 0


class Advice(msgspec.Struct, array_like=True, tag=6):
    """An acquirer advised of what has already happened (R12): the issuer is told by store and forward."""

    number: int
    at: float
    link: str
    mti: str  # 0120 or 0220
    acquirer_id: str
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
    business_date: str
    de39: str  # of our answer
    approved: bool  # it moves money: its own DE 39, if it has one, is an approval
    original: int  # number of the pre-authorization that it completes; 0: none
    sealed_fields: bytes  # its further fields for the issuer, sealed; nothing secret is among them
    mark: int = 0  # as in `Intent`


class StandIn(msgspec.Struct, array_like=True, tag=7):
    """The switch approved intent `number` for its issuer (R12), and owes it a 0120 under `issuer_stan`.

    `reversal_owed`: the request itself may have reached the issuer; its 0420 goes first, under the intent's STAN (R13).
    """

    number: int
    at: float
    de39: str
    approval: str
    issuer_stan: int
    reversal_owed: bool
    sealed_fields: bytes  # of the request, as in `Advice`


class Exhausted(msgspec.Struct, array_like=True, tag=8):
    """The issuer never took what was owed to it of transaction `number`: left to people (R11)."""

    number: int
    at: float
    mti: str
    issuer_stan: int
    attempts: int


class KeyChange(msgspec.Struct, array_like=True, tag=9):
    """A new zone PIN key of a link, under the LMK (R15)."""

    at: float
    link: str
    key: str
    kcv: str


class Cutover(msgspec.Struct, array_like=True, tag=10):
    """The business day of a link, or of all (empty), is `business_date` (YYMMDD) from here on (R16)."""

    at: float
    link: str
    business_date: str
    reference: str = ""  # DE 11 and DE 7 of the acquirer's 0800/201: its repeats begin no further day


class Totals(msgspec.Struct, array_like=True, tag=11):
    """The reconciliation totals of a link, day and currency as a snapshot found them (R17): they replace the fold's."""

    at: float
    link: str
    business_date: str
    currency: str
    counts: tuple[int, ...]  # in the order of `switch.core.totals`
    sums: tuple[int, ...]


class Closing(msgspec.Struct, array_like=True, tag=12):
    """The issuer of `link` has been told of the end of the day `closed` (R16, R17); in a snapshot, is still to be."""

    at: float
    link: str
    closed: str
    opened: str
    done: bool


class Owed(msgspec.Struct, array_like=True, tag=13):
    """What issuers are owed, in the order in which it came to be owed, as a snapshot found it: its own is another."""

    at: float  # when the last of it came to be owed
    entries: tuple[tuple[int, str, int], ...]  # number of the transaction, MTI, STAN of the issuer's leg


class Instrument(msgspec.Struct, array_like=True, tag=14):
    """A number of the payment scheme: what it is, given out once, and what stands of it from here on."""

    mark: int  # ours, ascending
    at: float
    sealed: bytes  # the number, the card behind it, its terms; empty where an earlier record has them
    state: bytes  # in the scheme's own words, nothing secret


Record: TypeAlias = (
    Intent
    | Outcome
    | Refusal
    | Reversal
    | Delivery
    | Advice
    | StandIn
    | Exhausted
    | KeyChange
    | Cutover
    | Totals
    | Closing
    | Owed
    | Instrument
)

encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Record).decode
