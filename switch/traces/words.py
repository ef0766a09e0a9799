"""A message of a trace in words: what kind it is, its amount, what its DE 39 means."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from switch.iso8583.dialect import load
from switch.traces.format import Message

# ISO 8583, message type identifier: class, function, and who repeats.
_CLASSES: Final = {
    "1": "authorization", "2": "financial", "3": "file action", "4": "reversal", "5": "reconciliation",
    "6": "administrative", "7": "fee collection", "8": "network management",
}  # fmt: skip
_FUNCTIONS: Final = {"0": "request", "1": "answer", "2": "advice", "3": "advice answer", "4": "notification"}
_REPEATS: Final = frozenset("135")

# ISO 4217: the currencies of the default bench, and those of the shipped dialects' samples.
_CURRENCIES: Final = {"250": "FRF", "756": "CHF", "826": "GBP", "840": "USD", "978": "EUR"}
AMOUNT: Final = "4"
CURRENCY: Final = "49"
RESPONSE: Final = "39"


def kind(mti: str) -> str:
    """What a message type is.

    >>> kind("0100"), kind("0421"), kind("0810")
    ('authorization request', 'reversal advice repeat', 'network management answer')
    """
    if len(mti) != 4 or mti[1] not in _CLASSES or mti[2] not in _FUNCTIONS:
        return "unknown message type"
    words = f"{_CLASSES[mti[1]]} {_FUNCTIONS[mti[2]]}"
    return f"{words} repeat" if mti[3] in _REPEATS else words


def amount(fields: Mapping[str, str | None]) -> str:
    """DE 4 in the currency of DE 49; "" without one.

    >>> amount({"4": "000000001250", "49": "978"}), amount({"4": "000000001250", "49": "392"}), amount({})
    ('12.50 EUR', '1250 of currency 392', '')
    """
    digits, currency = fields.get(AMOUNT) or "", fields.get(CURRENCY) or ""
    if not (digits.isascii() and digits.isdecimal()):
        return ""
    if currency in _CURRENCIES:
        return f"{int(digits) // 100}.{int(digits) % 100:02} {_CURRENCIES[currency]}"
    return f"{int(digits)} of currency {currency or 'unknown'}"


def outcome(message: Message, dialect: str) -> str:
    """DE 39 and what it means in the link's dialect; "" without one."""
    code = message.fields.get(RESPONSE) or ""
    meaning = _meanings(dialect).get(code, "") if code else ""
    return f"{code} {meaning}".strip()


@cache
def _meanings(dialect: str) -> dict[str, str]:
    return {code: name.replace("_", " ") for name, code in load(dialect).response_codes.items()}
