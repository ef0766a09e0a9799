"""What the codes of a message mean, in words: `DE 39 51` is "insufficient funds". The words are `meanings.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

ANY_VERSION: Final = "any"
CURRENCIES: Final = (49, 50, 51)
AMOUNTS: Final = {4: 49, 5: 50, 6: 51}  # and the currency of each


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(files("switch.iso8583").joinpath("meanings.toml").read_text("utf-8"))


def of_message_type(mti: str) -> str:
    """What a message type says; "" for one that says nothing.

    >>> of_message_type("0100"), of_message_type("0421"), of_message_type("1814")
    ('authorization request', 'reversal advice, repeated', 'network management response')
    """
    words = _words()
    if len(mti) != 4 or mti[1] not in words["class"] or mti[2] not in words["function"]:
        return ""
    repeated = ", repeated" if mti[3] in "135" else ""
    return f"{words['class'][mti[1]]} {words['function'][mti[2]]}{repeated}"


def of_field(field: int, text: str, version: str) -> str:
    """What a field's value means in a version of ISO 8583; "" where it is not known, or says nothing.

    >>> of_field(3, "000000", "0"), of_field(22, "051", "0"), of_field(39, "116", "1"), of_field(39, "QQ", "0")
    ('purchase', 'chip, terminal takes PINs', 'insufficient funds', '')
    """
    if field in CURRENCIES:
        return str(_words()["currency"].get(text, [""])[0])
    table = _words().get(version, {}).get(str(field)) or _words()[ANY_VERSION].get(str(field), {})
    if not any(isinstance(inner, dict) for inner in table.values()):
        return str(table.get(text, ""))
    parts = [codes.get(text[int(offset) : int(offset) + len(next(iter(codes)))], "") for offset, codes in table.items()]
    return ", ".join(part for part in parts if part)


def of_fields(values: Mapping[int, str], version: str) -> dict[int, str]:
    """The meanings of a message's values, where there are any; amounts are told in their currencies.

    >>> of_fields({3: "000000", 4: "000000001250", 11: "000001", 49: "978"}, "0")
    {3: 'purchase', 4: '12.50 EUR', 49: 'EUR'}
    """
    told = {
        field: of_amount(text, values.get(AMOUNTS[field], "")) if field in AMOUNTS else of_field(field, text, version)
        for field, text in values.items()
    }
    return {field: words for field, words in told.items() if words}


def of_amount(text: str, currency: str) -> str:
    """An amount in the units of its currency, by the currency's number; "" where either is not known.

    >>> of_amount("000000001250", "978"), of_amount("000000001250", "392"), of_amount("000000001250", "")
    ('12.50 EUR', '1250 JPY', '')
    """
    name, digits = _words()["currency"].get(currency, ("", 0))
    if not name or not text.isdecimal():
        return ""
    whole, minor = divmod(int(text), 10**digits)
    return f"{whole}.{minor:0{digits}} {name}" if digits else f"{whole} {name}"
