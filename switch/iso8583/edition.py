"""What ISO 8583:1993 says otherwise than 1987, as tables: `[conversion]` of a dialect file, and read backwards.

Also what needs no table: message types, and the year that dates of 1987 lack.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

import msgspec

Doc: TypeAlias = dict[str, str]  # a message as text: "t" is its type, "12" its DE 12

Field = Annotated[int, msgspec.Meta(ge=2, le=127)]
Function = Annotated[str, msgspec.Meta(pattern="^[0-9]{3}$", description="a function code of 3 digits")]
ActionCode = Annotated[str, msgspec.Meta(pattern="^[0-9]{3}$", description="an action code of 3 digits")]
ActionCodes = Annotated[
    str,
    msgspec.Meta(pattern="^([0-9]|[0-9]{3})$", description="an action code of 3 digits, or the first digit of several"),
]
ResponseCode = Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]{2}$", description="2 digits or capital letters")]
Reason = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}$", description="a reason code of 4 digits")]
Digit = Annotated[str, msgspec.Meta(pattern="^[0-9]$", description="a digit")]
Character = Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]$", description="a digit or a capital letter")]
EntryMode = Annotated[str, msgspec.Meta(pattern="^[0-9]{2}$", description="2 digits")]

# The second digit of a message type.
AUTHORIZATION: Final = "1"
FINANCIAL: Final = "2"
REVERSAL: Final = "4"
RECONCILIATION: Final = "5"
NETWORK: Final = "8"

OTHER_ORIGIN: Final = 4  # the last digit of 18x4: it comes from neither an acquirer nor an issuer as such


class Functions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """DE 24 of what has no code of its own in 1987."""

    authorization: Function
    financial: Function
    completion: Function
    full_reversal: Function
    partial_reversal: Function
    reconciliation: Function
    reconciliation_in_currency: Function


class Preauthorization(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """DE 24 of pre-authorizations; of each list the first is written."""

    first: Annotated[list[Function], msgspec.Meta(min_length=1)]
    further: Annotated[list[Function], msgspec.Meta(min_length=1)]


class Reasons(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """DE 25 of reversals."""

    too_late: Annotated[list[Reason], msgspec.Meta(min_length=1)]
    otherwise: Reason


class Conversion(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The table `[conversion]` of a dialect file; its comments are in the shipped iso93-ascii."""

    same: list[Field]
    network: dict[Function, Function]
    preauthorization: Preauthorization
    functions: Functions
    reasons: Reasons
    input_modes: dict[Digit, EntryMode]
    pin_entry: dict[Character, Digit]
    accepted: dict[Digit, ActionCode]
    balance: dict[ActionCode, Digit]
    action_codes: dict[ActionCodes, ResponseCode]


class Edition:
    """The tables of one dialect both ways. `codes` and `codes_1987` are DE 39 of the same results of the switch."""

    def __init__(self, tables: Conversion, codes: Mapping[str, str], codes_1987: Mapping[str, str]) -> None:
        self.tables = tables
        if "do_not_honor" not in codes:
            raise ValueError("it stands for all codes without a counterpart - at `$.response_codes.do_not_honor`")
        self.approved, self.too_late = codes_1987["approved"], codes_1987["too_late"]
        self.do_not_honor, self.refused = codes_1987["do_not_honor"], codes["do_not_honor"]
        results = {codes[name]: code for name, code in codes_1987.items() if name in codes}
        self.response_of = tables.action_codes | results
        self.action_of = first_of(results | tables.action_codes)
        self.network_of = first_of(tables.network)
        self.mode_of = first_of(tables.input_modes)
        self.pin_of = first_of(tables.pin_entry)
        self.balance_of = first_of(tables.balance)
        self.reserving = frozenset(tables.preauthorization.first + tables.preauthorization.further)
        self.accepted = frozenset(tables.accepted.values())

    def response(self, code: str) -> str:
        """DE 39 of 1987 for an action code."""
        if code in self.accepted:
            return self.approved
        return self.response_of.get(code) or self.response_of.get(code[:1], self.do_not_honor)

    def action(self, code: str, kind: str) -> str:
        """The action code for DE 39 of 1987, in an answer of this class."""
        if code == self.approved and kind in self.tables.accepted:
            return self.tables.accepted[kind]
        return self.action_of.get(code, self.refused)


def first_of(table: Mapping[str, str]) -> dict[str, str]:
    """The table read backwards; of several entries with the same value the first.

    >>> first_of({"501": "2", "502": "2"})
    {'2': '501'}
    """
    return {value: key for key, value in reversed([*table.items()])}


def is_asking(mti: str) -> bool:
    """Is it a request, advice or notification?"""
    return mti[2] in "024"


def mti_1987(mti: str) -> str:
    """The message type of 1987; who sends it is said of no network message there.

    >>> mti_1987("1421"), mti_1987("1804"), mti_1987("1805")
    ('0421', '0800', '0801')
    """
    last = str(int(mti[3]) & 1) if mti[1] == NETWORK else mti[3]
    return f"0{mti[1:3]}{last}"


def mti_1993(mti: str, asked: str | None) -> str:
    """The reverse; the answer to a network message names the same sender as the one that `asked`.

    >>> mti_1993("0421", None), mti_1993("0800", None), mti_1993("0810", "1804"), mti_1993("0810", "1801")
    ('1421', '1804', '1814', '1810')
    """
    if mti[1] != NETWORK:
        return f"1{mti[1:]}"
    origin = int(asked[3]) & ~1 if asked and asked[1] == NETWORK else OTHER_ORIGIN
    return f"1{mti[1:3]}{origin + (int(mti[3]) & 1)}"


def year_of(mmdd: str, now: float) -> str:
    """The last two digits of the year in which that day is nearest to now; of a day that is none, this year's.

    >>> year_of("1231", 1_000_000_000.0), year_of("0101", 1_009_800_000.0), year_of("1399", 0.0)
    ('01', '02', '70')
    """
    today = datetime.fromtimestamp(now, UTC)
    days = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            day = datetime(year, int(mmdd[:2]), int(mmdd[2:]), 12, tzinfo=UTC)
        except ValueError:
            continue
        days.append((abs((day - today).total_seconds()), year))
    nearest = min(days)[1] if days else today.year
    return f"{nearest % 100:02d}"
