"""Showing a card number: at most its first six and last four digits (PCI DSS 3.4.1), and a last net for all output.

`mask_pan` is for a value that is known to be a card number. `without_card_numbers` is for text of any origin: whatever
a command or a part prints goes through it, so that a number which nobody expected leaves masked too.

The net takes for a card number what has a right check digit and no leading zero, where it stands as

- a run of 13 to 16 digits, all of it: windows inside a run would hide every other merchant number of 15 digits;
- 13 to 19 digits anywhere in a run of 17 digits or more, such as the hexadecimal form of a BCD message;
- groups of four, or of 4-6-5, between spaces or dashes;
- digits in the hexadecimal form of their ASCII or EBCDIC codes, with or without separators.

A tenth of all numbers have a right check digit, so the net leaves alone what cannot be a card number: runs of up to 12
digits (amounts, times, STANs, retrieval reference numbers), decimal places, SHA-256 sums, and the two long fields that
hold several short values, the original data elements and pairs of amounts. `switch.iso8583.describe` judges their
parts, because it knows the message. The bytes of a hex dump are judged there for the same reason.
"""

import re
from typing import Final

from switch.cards.pan import MAX_DIGITS, check_digit

FIRST, LAST = 6, 4

# The shortest number of which ISO/IEC 7812-1 makes a PAN; below it, first six and last four would show nearly all.
MIN_PAN_DIGITS = 12

NET_DIGITS: Final = 13  # the net's shortest card number: with 12 digits it would hide retrieval reference numbers
WHOLE_RUN_DIGITS: Final = 16  # up to here the run as a whole is judged

_SEPARATOR = r"(?:[ :-]|, ?)?(?:0x)?"
_RUN = re.compile(rf"(?<![0-9a-f])[0-9a-f]{{64}}(?![0-9a-f])|(?<![0-9])(?<![0-9]\.)[0-9]{{{NET_DIGITS},}}")
_GROUPS = re.compile(r"(?<![0-9])[0-9]{4}(?:([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}|([ -])[0-9]{6}\2[0-9]{5})(?![0-9])")
_CODES = re.compile(
    rf"(?:3[0-9]{_SEPARATOR}){{{NET_DIGITS - 1},}}3[0-9]|(?:[Ff][0-9]{_SEPARATOR}){{{NET_DIGITS - 1},}}[Ff][0-9]"
)
_SUSPECT = re.compile(f"[0-9Ff :,x-]{{{NET_DIGITS}}}")  # nothing above matches less: most text ends its way here
_PAIR = re.compile(r"[3Ff]([0-9])")

# MTI, STAN, month, day and time, two institutions (DE 90); in 1993 with the year, and one institution (DE 56).
_CLOCK = r"(?:0[0-9]|1[0-2])(?:[0-2][0-9]|3[01])(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
ORIGINALS: Final = re.compile(
    rf"0[1-8][0-5]{{2}}[0-9]{{6}}{_CLOCK}[0-9]{{22}}|1[1-8][0-5]{{2}}[0-9]{{8}}{_CLOCK}[0-9]{{0,13}}"
)
_AMOUNTS = re.compile(r"(?:00[0-9]{10}){2}")  # DE 95, or 30 in 1993; nobody moves ten thousand million at once


def mask_pan(pan: str) -> str:
    """The number as 6 + 4; what is no card number shows nothing, or from eight digits on the last four.

    >>> mask_pan("4687380000001234"), mask_pan("12345678901"), mask_pan("1234567")
    ('468738******1234', '*******8901', '*******')

    Anything but digits is hidden whole, since it may be a track or a misread field:

    >>> mask_pan("4687380000001234=2812")
    '*********************'
    """
    if not (pan.isascii() and pan.isdecimal()):
        return "*" * len(pan)
    if len(pan) >= MIN_PAN_DIGITS:
        return pan[:FIRST] + "*" * (len(pan) - FIRST - LAST) + pan[-LAST:]
    if len(pan) >= 2 * LAST:
        return "*" * (len(pan) - LAST) + pan[-LAST:]
    return "*" * len(pan)


def without_card_numbers(text: str) -> str:
    """The text with the digits of every card number in it masked; see above for what is taken for one.

    >>> without_card_numbers("no card 4687380000000016, RRN 903509905164")
    'no card 468738******0016, RRN 903509905164'
    >>> without_card_numbers("34 36 38 37 33 38 30 30 30 30 30 30 30 30 31 36")
    '34 36 38 37 33 38 ** ** ** ** ** ** 30 30 31 36'
    >>> without_card_numbers("0100402000000000164687380000000016000001")
    '****************************************'
    """
    if _SUSPECT.search(text) is None:
        return text
    for pattern, mask in ((_CODES, _mask_codes), (_GROUPS, _mask_groups), (_RUN, _mask_run)):
        text = pattern.sub(mask, text)
    return text


def holds_card_number(digits: str) -> bool:
    """Is there a card number anywhere in this run of digits?"""
    return any(
        _is_card_number(digits[start : start + size])
        for start in range(len(digits) - NET_DIGITS + 1)
        for size in range(NET_DIGITS, min(MAX_DIGITS, len(digits) - start) + 1)
    )


def _is_card_number(digits: str) -> bool:
    return NET_DIGITS <= len(digits) <= MAX_DIGITS and digits[0] != "0" and check_digit(digits[:-1]) == digits[-1]


def _mask_digits(digits: str) -> str:
    if len(digits) <= WHOLE_RUN_DIGITS:
        return mask_pan(digits) if _is_card_number(digits) else digits
    if ORIGINALS.fullmatch(digits) or _AMOUNTS.fullmatch(digits) or not holds_card_number(digits):
        return digits
    return mask_pan(digits) if len(digits) <= MAX_DIGITS else "*" * len(digits)


def _mask_run(found: re.Match[str]) -> str:
    return _mask_digits(found[0]) if found[0].isdecimal() else found[0]


def _mask_groups(found: re.Match[str]) -> str:
    digits = re.sub("[ -]", "", found[0])
    masked = iter(_mask_digits(digits))
    return "".join(character if character in " -" else next(masked) for character in found[0])


def _mask_codes(found: re.Match[str]) -> str:
    masked = iter(_mask_digits("".join(_PAIR.findall(found[0]))))
    return _PAIR.sub(lambda pair: "**" if next(masked) == "*" else pair[0], found[0])
