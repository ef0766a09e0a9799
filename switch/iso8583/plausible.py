"""Does a reading make sense? A dialect may happen to read another one's message to its end, and then every value lies.

    card number of the message     4687380000000016
    DE 4 and 11 of the misreading  687380000000, 016…       "amounts" and "STANs" that may be shown

So a message type must be one that the dialect's version of ISO 8583 has, and a reading in a dialect that nobody named
is believed only if every value fits its field and enough of them are such as chance does not bring about.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from switch.cards.masking import ORIGINALS
from switch.cards.pan import is_pan
from switch.iso8583.codec import View
from switch.iso8583.dialect import Dialect

# The second digit of a message type is its class, the third its function, the fourth its origin (ISO 8583-1:2003,
# 4.1; what is not named here is reserved there). Instructions, functions 6 and 7, are new in 2003.
CLASSES: Final = "12345678"
FUNCTIONS: Final[Mapping[str, str]] = {"0": "012345", "1": "012345", "2": "01234567"}
ORIGINS: Final = "012345"

ENOUGH: Final = 2  # points of evidence; see `CHECKS`


class Check(NamedTuple):
    """What a field's value looks like, and how many points of evidence it is when it is typical."""

    fits: Callable[[str], bool]
    points: int
    typical: Callable[[str], bool]


def message_type(mti: str, version: str) -> bool:
    """Can this be a message type of that version?

    >>> message_type("0100", "0"), message_type("3031", "0"), message_type("1804", "0"), message_type("0990", "0")
    (True, False, False, False)
    """
    return (
        len(mti) == 4
        and mti[0] == version
        and mti[1] in CLASSES
        and mti[2] in FUNCTIONS.get(version, "")
        and mti[3] in ORIGINS
    )


def doubt(view: View, dialect: Dialect) -> str:
    """Why a whole reading cannot be believed unless somebody names the dialect; "" where it can.

    >>> from switch.iso8583.dialect import load
    >>> dialect = load("iso87-ascii")
    >>> frame = dialect.layout.encode({"t": "0100", "3": "000000", "4": "000000001250", "7": "1130221812"})
    >>> doubt(dialect.layout.scan(frame), dialect)
    ''
    >>> frame = dialect.layout.encode({"t": "0100", "3": "000000", "4": "468738000000", "7": "0016221812"})
    >>> doubt(dialect.layout.scan(frame), dialect)
    'DE 4 is not what that field holds'
    """
    checks, points = CHECKS[dialect.version], 0
    for field in view.fields():
        text = view.text(field) or ""
        check = checks.get(field)
        if (check and not check.fits(text)) or not _is_text(text):
            return f"DE {field} is not what that field holds"
        if check and check.points and check.typical(text):
            points += check.points
    return "" if points >= ENOUGH else "there is too little in it to be sure"


def _is_text(text: str) -> bool:
    """Characters, and the separators FS to US of private fields."""
    return all(character.isprintable() or "\x1c" <= character <= "\x1f" for character in text)


def _matches(expression: str) -> Callable[[str], bool]:
    compiled = re.compile(expression)
    return lambda text: compiled.fullmatch(text) is not None


def _pattern(expression: str, points: int = 0, typical: str | None = None) -> Check:
    return Check(_matches(expression), points, _matches(expression if typical is None else typical))


_MONTH_DAY = "(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
_TIME = "([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_AMOUNT = "00[0-9]{10}"  # nobody moves ten thousand million at once
_TRACK_2 = "[0-9]{8,19}[=D]([0-9]{2}(0[1-9]|1[0-2])[0-9]{3}[0-9]*|=?[0-9]*)F?"

_SHARED: Final[Mapping[int, Check]] = {
    2: Check(_matches("[0-9]{8,19}"), 1, is_pan),
    # Account types are multiples of ten (ISO 8583:1987, 4.3.2); 9x is private use.
    3: _pattern("[0-9]{2}([0-8]0|9[0-9])([0-8]0|9[0-9])", 1),
    4: _pattern(_AMOUNT, 1),
    5: _pattern(_AMOUNT, 1),
    6: _pattern(_AMOUNT, 1),
    7: _pattern(_MONTH_DAY + _TIME, 2),
    14: _pattern("[0-9]{2}(0[0-9]|1[0-2])"),
    35: _pattern(_TRACK_2, 1),
    37: _pattern("[0-9A-Za-z ]{12}"),
    38: _pattern("[0-9A-Za-z ]{6}"),
    49: _pattern("[0-9]{3}|[A-Z]{3}"),
    50: _pattern("[0-9]{3}|[A-Z]{3}"),
    51: _pattern("[0-9]{3}|[A-Z]{3}"),
}
CHECKS: Final[Mapping[str, Mapping[int, Check]]] = {
    "0": {
        **_SHARED,
        12: _pattern(_TIME, 1),
        13: _pattern(_MONTH_DAY, 1),
        15: _pattern(_MONTH_DAY + "|0000", 1),
        16: _pattern(_MONTH_DAY + "|0000"),
        17: _pattern(_MONTH_DAY + "|0000"),
        39: _pattern("[0-9A-Z]{2}"),
        66: _pattern("[0-9]"),
        70: _pattern("[0-9]{3}", 2, typical="00[12]|101|16[0-9]|20[12]|30[12]"),
        90: _pattern(ORIGINALS.pattern, 1),
    },
    "1": {
        **_SHARED,
        12: _pattern("[0-9]{2}" + _MONTH_DAY + _TIME, 2),
        13: _pattern("[0-9]{2}(0[1-9]|1[0-2])"),
        15: _pattern("[0-9]{2}" + _MONTH_DAY, 1),
        24: _pattern("[1-8][0-9]{2}", 2, typical="8[0-3][0-9]"),
        30: _pattern(f"({_AMOUNT}){{2}}", 1),
        39: _pattern("[0-9]{3}"),
        56: _pattern(ORIGINALS.pattern, 1),
    },
    "2": _SHARED,
}
