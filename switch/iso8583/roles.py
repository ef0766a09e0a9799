"""What ISO 8583:1993 and 1987 say in different fields: each role reads it from one edition and writes it in the other.

    1993                                1987
    DE 12 YYMMDDhhmmss                  DE 13 MMDD, DE 12 hhmmss
    DE 15, in 15xx DE 28, YYMMDD        DE 15 MMDD
    DE 22 twelve characters             DE 22 three digits
    DE 24 function code                 DE 70 in 08xx, DE 25 = 06 in 01xx
    DE 25 in 14xx                       DE 39 = 68 or none in 04xx
    DE 39 action code                   DE 39, in 05xx with DE 66
    DE 43 up to 99 characters           DE 43, 40 characters
    DE 56 originals                     DE 90
    DE 4 what stands, DE 30 original    DE 95 what stands, DE 4 original, in a partial reversal

Two dates are only derived. DE 90 holds DE 7 (UTC) and DE 56 the local date and time: each becomes the other as it is,
because neither message has both. The rules use it to choose between originals that agree in all else. And a request of
1987 without DE 12 and 13 (0400, 0800) gets its DE 12 from DE 7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from switch.iso8583.dates import is_month_day, is_time
from switch.iso8583.edition import (
    AUTHORIZATION,
    FINANCIAL,
    NETWORK,
    RECONCILIATION,
    REVERSAL,
    Doc,
    Edition,
    is_asking,
    mti_1987,
    mti_1993,
    year_of,
)

EVERY_CLASS: Final = "0123456789"
NOT_RECONCILIATION: Final = "012346789"

PREAUTHORIZATION: Final = "06"  # DE 25 of 1987
NAME_CHARACTERS: Final = 40  # DE 43 of 1987
ID_DIGITS: Final = 11  # an institution in DE 90
NO_FORWARDER: Final = "0" * ID_DIGITS
ORIGINAL_DIGITS: Final = 22  # DE 56 before its acquirer: MTI, STAN, date and time
REST_OF_95: Final = "0" * 12 + "D00000000" * 2  # no other amount of the replacement is known
NO_AMOUNT: Final = "0" * 12

# DE 22: attended terminal, cardholder present; the PIN was given, or none.
ATTENDED: Final = "1"
PIN_BY_ISSUER: Final = "13"
NO_METHOD: Final = "00"
UNKNOWN: Final = "0"
UNKNOWN_PIN_ENTRY: Final = "1"
WITH_CARD: Final = frozenset("25")  # read from stripe or chip, so the card was there


class MisfitError(ValueError):
    """A field of 1993 that does not hold what the edition says it does: its key, and what was expected."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.reason = reason


class Message(NamedTuple):
    """What a role looks at: a document of one of the editions."""

    edition: Edition
    doc: Doc
    now: float = 0.0  # for the year; a message of 1993 knows its own

    @property
    def kind(self) -> str:
        """Its class, the second digit of the message type."""
        return self.doc["t"][1]

    @property
    def asking(self) -> bool:
        """See `is_asking`."""
        return is_asking(self.doc["t"])

    @property
    def is_reversal(self) -> bool:
        """Is it one, not the answer to one? In 1987 its DE 39 says why, in 1993 its DE 25."""
        return self.kind == REVERSAL and self.asking

    def dated(self, mmdd: str) -> str:
        """A date of 1987, and what stands behind it, with its year in front."""
        return year_of(mmdd[:4], self.now) + mmdd


@dataclass(frozen=True)
class Role:
    """What both editions say, each in its own fields: `keys` in 1993, `said` in 1987.

    `read` takes a message of 1993 and gives what it says in 1987, `write` the reverse. A role is played in messages of
    some `classes`, and in the answers of some.
    """

    keys: tuple[str, ...]
    said: tuple[str, ...]
    read: Callable[[Message], Doc]
    write: Callable[[Message], Doc]
    classes: str = EVERY_CLASS
    answers: str = ""


def read_time(message: Message) -> Doc:
    """DE 12 → DE 12 and 13. Raises `MisfitError`, but for a reversal: it is processed whatever its date."""
    when = message.doc.get("12")
    if when is None:
        return {}
    if message.asking and not message.is_reversal and not (is_month_day(when, 2) and is_time(when, 6)):
        raise MisfitError("12", "expected a date and time, YYMMDDhhmmss")
    return {"12": when[6:], "13": when[2:6]}


def write_time(message: Message) -> Doc:
    """DE 12 and 13 → DE 12; a request without them takes the time of transmission."""
    doc = message.doc
    if "12" in doc and "13" in doc:
        return {"12": message.dated(doc["13"]) + doc["12"]}
    sent = doc.get("7", "")
    return {"12": message.dated(sent)} if sent and message.asking else {}


def read_date(message: Message) -> Doc:
    """DE 15, or in a reconciliation DE 28 → DE 15. Raises `MisfitError` as `read_time` does."""
    key = "28" if message.kind == RECONCILIATION and "28" in message.doc else "15"
    date = message.doc.get(key)
    if date is None:
        return {}
    if message.asking and not message.is_reversal and not is_month_day(date, 2):
        raise MisfitError(key, "expected a date, YYMMDD")
    return {"15": date[2:]}


def write_date(message: Message) -> Doc:
    """The reverse."""
    if "15" not in message.doc:
        return {}
    return {"28" if message.kind == RECONCILIATION else "15": message.dated(message.doc["15"])}


def read_entry(message: Message) -> Doc:
    """DE 22: how the card was read, and whether a PIN can be entered."""
    code = message.doc.get("22")
    if code is None:
        return {}
    tables = message.edition.tables
    some = next(iter(tables.pin_entry.values()))
    return {"22": tables.input_modes.get(code[6:7], "00") + tables.pin_entry.get(code[-1:], some)}


def write_entry(message: Message) -> Doc:
    """The plain cases: an attended terminal, the card there if it was read, the PIN verified by its issuer."""
    code = message.doc.get("22")
    if code is None:
        return {}
    edition = message.edition
    mode, pin = edition.mode_of.get(code[:2], UNKNOWN), edition.pin_of.get(code[2], UNKNOWN_PIN_ENTRY)
    able = int(pin not in (UNKNOWN, UNKNOWN_PIN_ENTRY))
    method = PIN_BY_ISSUER if "52" in message.doc else NO_METHOD
    return {"22": f"{mode}{able}0{ATTENDED}0{int(mode in WITH_CARD)}{mode}{method}00{pin}"}


def read_function(message: Message) -> Doc:
    """DE 24: what a network message is for, whether an amount is only reserved. What is unknown stays itself.

    Raises `MisfitError`: the rules would speak of a missing DE 70.
    """
    code = message.doc.get("24", "")
    if message.kind == NETWORK:
        if not code and message.asking:
            raise MisfitError("24", "a network message needs its function code")
        return {"70": message.edition.network_of.get(code, code)} if code else {}
    reserves = message.kind == AUTHORIZATION and code in message.edition.reserving
    return {"25": PREAUTHORIZATION} if reserves else {}


def write_function(message: Message) -> Doc:
    """The reverse; elsewhere what the other fields of the message tell."""
    doc, tables = message.doc, message.edition.tables
    functions, reserving = tables.functions, tables.preauthorization
    if message.kind == NETWORK:
        code = doc.get("70", "")
        return {"24": tables.network.get(code, code)} if code else {}
    if message.kind == AUTHORIZATION and doc.get("25") == PREAUTHORIZATION:
        return {"24": (reserving.further if "90" in doc else reserving.first)[0]}
    plain, telling, special = {
        AUTHORIZATION: (functions.authorization, "90", functions.authorization),
        FINANCIAL: (functions.financial, "90", functions.completion),
        REVERSAL: (functions.full_reversal, "95", functions.partial_reversal),
        RECONCILIATION: (functions.reconciliation, "50", functions.reconciliation_in_currency),
    }.get(message.kind, ("", "", ""))
    return {"24": special if telling in doc else plain} if plain else {}


def read_reason(message: Message) -> Doc:
    """DE 25 of a reversal whose original was never answered in time → DE 39 = 68."""
    edition = message.edition
    late = message.asking and message.doc.get("25") in edition.tables.reasons.too_late
    return {"39": edition.too_late} if late else {}


def write_reason(message: Message) -> Doc:
    """The reverse."""
    edition = message.edition
    reasons = edition.tables.reasons
    return {"25": reasons.too_late[0] if message.doc.get("39") == edition.too_late else reasons.otherwise}


def read_action(message: Message) -> Doc:
    """DE 39: the action code as a response code; of a reconciliation, as DE 66 too."""
    code, edition = message.doc.get("39"), message.edition
    if code is None or message.is_reversal:
        return {}
    if message.kind == RECONCILIATION and code in edition.tables.balance:
        return {"39": edition.approved, "66": edition.tables.balance[code]}
    return {"39": edition.response(code)}


def write_action(message: Message) -> Doc:
    """The reverse."""
    code, edition = message.doc.get("39"), message.edition
    if code is None or message.is_reversal:
        return {}
    if message.kind == RECONCILIATION and code == edition.approved:
        return {"39": edition.balance_of.get(message.doc.get("66", ""), next(iter(edition.tables.balance)))}
    return {"39": edition.action(code, message.kind)}


def read_original(message: Message) -> Doc:
    """DE 56 → DE 90. Raises `MisfitError`."""
    text = message.doc.get("56")
    if text is None:
        if message.is_reversal:
            raise MisfitError("56", "a reversal needs its original")
        return {}
    acquirer = text[ORIGINAL_DIGITS + 2 :]
    if text[ORIGINAL_DIGITS : ORIGINAL_DIGITS + 2] != f"{len(acquirer):02d}" or len(acquirer) > ID_DIGITS:
        expected = "expected MTI, STAN, date and time (22 digits), then an institution of up to 11 behind its length"
        raise MisfitError("56", expected)
    return {"90": mti_1987(text[:4]) + text[4:10] + text[12:22] + acquirer.zfill(ID_DIGITS) + NO_FORWARDER}


def write_original(message: Message) -> Doc:
    """The reverse, without the zeros in front of the acquirer."""
    text = message.doc.get("90")
    if text is None:
        return {}
    acquirer = text[20:31].lstrip("0")
    return {"56": f"{mti_1993(text[:4], None)}{text[4:10]}{message.dated(text[10:20])}{len(acquirer):02d}{acquirer}"}


def read_amounts(message: Message) -> Doc:
    """DE 4, and of a partial reversal DE 30 → DE 4 and 95. Raises `MisfitError`."""
    amount = message.doc.get("4")
    if amount is None:
        return {}
    partial = message.edition.tables.functions.partial_reversal
    if message.doc.get("24") != partial:
        return {"4": amount}
    if "30" not in message.doc:
        raise MisfitError("24", f"{partial}, a partial reversal, needs the original amount in DE 30")
    return {"4": message.doc["30"][:12], "95": amount + REST_OF_95}


def write_amounts(message: Message) -> Doc:
    """The reverse."""
    amount = message.doc.get("4")
    if amount is None:
        return {}
    return {"4": message.doc["95"][:12], "30": amount + NO_AMOUNT} if "95" in message.doc else {"4": amount}


def read_name(message: Message) -> Doc:
    """DE 43: the first 40 characters."""
    name = message.doc.get("43")
    return {} if name is None else {"43": name[:NAME_CHARACTERS].ljust(NAME_CHARACTERS)}


def write_name(message: Message) -> Doc:
    """As it is."""
    return {"43": message.doc["43"]} if "43" in message.doc else {}


ROLES: Final = (
    Role(("12",), ("12", "13"), read_time, write_time, answers=EVERY_CLASS),
    Role(
        ("15",), ("15",), read_date, write_date,
        classes=NOT_RECONCILIATION, answers=NOT_RECONCILIATION,
    ),
    Role(
        ("15", "28"), ("15",), read_date, write_date,
        classes=RECONCILIATION, answers=RECONCILIATION,
    ),
    Role(("22",), ("22",), read_entry, write_entry),
    Role(
        ("24",), ("25", "70"), read_function, write_function, answers=RECONCILIATION + NETWORK
    ),
    Role(("25",), ("39",), read_reason, write_reason, classes=REVERSAL),
    Role(("39",), ("39", "66"), read_action, write_action, answers=EVERY_CLASS),
    Role(("43",), ("43",), read_name, write_name),
    Role(("56",), ("90",), read_original, write_original),
    Role(
        ("4", "30"), ("4", "95"), read_amounts, write_amounts, classes=REVERSAL, answers=REVERSAL
    ),
)  # fmt: skip
