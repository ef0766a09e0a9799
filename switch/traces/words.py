"""A message of a trace in words: what kind it is, its amount, what its DE 39 means."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from switch.iso8583 import meanings
from switch.iso8583.dialect import load
from switch.traces.format import Message

AMOUNT: Final = "4"
CURRENCY: Final = "49"
RESPONSE: Final = "39"


def kind(mti: str) -> str:
    """What a message type is.

    >>> kind("0100"), kind("0421"), kind("9999")
    ('authorization request', 'reversal advice, repeated', 'unknown message type')
    """
    return meanings.of_message_type(mti) or "unknown message type"


def amount(fields: Mapping[str, str | None]) -> str:
    """DE 4 in the currency of DE 49; "" where it is not known.

    >>> amount({"4": "000000001250", "49": "978"}), amount({"4": "000000001250", "49": "392"}), amount({})
    ('12.50 EUR', '1250 JPY', '')
    """
    return meanings.of_amount(fields.get(AMOUNT) or "", fields.get(CURRENCY) or "")


def outcome(message: Message, dialect: str) -> str:
    """DE 39 and what it means in the link's dialect; "" without one."""
    code = message.fields.get(RESPONSE) or ""
    meaning = _meanings(dialect).get(code, "") if code else ""
    return f"{code} {meaning}".strip()


@cache
def _meanings(dialect: str) -> dict[str, str]:
    return {code: name.replace("_", " ") for name, code in load(dialect).response_codes.items()}
