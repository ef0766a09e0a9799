"""Disposable numbers: what is made from a card for one site, one amount or one month, and says nothing about the card.

    >>> key = bytes(32)
    >>> number = number_for("4687380000000016", epoch=1, serial=1, key=key, taken=lambda number: False)
    >>> number[:6], len(number), is_pan(number)
    ('468738', 16, True)

A number keeps the card's first six digits, so that it is routed as the card is, and its length; the rest is new, the
last one being the check digit. So a card of 16 digits has a range of 10⁹ numbers, which it shares with every card of
its BIN. The new digits are HMAC-SHA-256 under a key of the data directory: who does not have it cannot tell them from
random ones, whatever numbers were seen before. Nothing is drawn here: a number follows from card, epoch, serial and
key. The caller numbers its boots durably (epoch) and its numbers within one boot (serial), as for the vault's seals.

CVV2 and expiry follow from the number, under the same key, and are not kept either. They are no secret of the issuer's,
who never sees them: whoever maps the number to the card compares them first.
"""

import functools
import struct
from collections.abc import Callable
from typing import Final

from switch.cards.keyed import Keyed
from switch.cards.masking import FIRST, LAST
from switch.cards.pan import check_digit, is_pan

KEY_BYTES: Final = 32

# A number may be taken: by a card, by another disposable number, by one that died lately. In a range half full 64 tries
# fail once in 10¹⁹ times; in one nine tenths full once in 850, when it is time for another BIN anyhow.
MAX_TRIES: Final = 64

# An expiry is one of so many months, which a guesser has to guess too, and still an ordinary one for a card.
EXPIRY_MONTHS: Final = 24

_MONTHS_A_CENTURY = 1200
_TRY = struct.Struct(">IQI")


class RangeExhaustedError(Exception):
    """No free number was found for a card."""


def number_for(pan: str, *, epoch: int, serial: int, key: bytes, taken: Callable[[str], bool]) -> str:
    """A number for `pan` that is not `taken`: neither a card's nor a disposable one that lives or died lately.

    Its last four digits differ from the card's, or masked they would look the same. ValueError for what is no card
    number, RangeExhaustedError after `MAX_TRIES`.
    """
    if not is_pan(pan):
        raise ValueError(
            f"a disposable number is made for a card number with a right check digit; these {len(pan)} are not"
        )
    width = len(pan) - FIRST - 1
    for attempt in range(MAX_TRIES):
        drawn = _keyed(key, b"number", _TRY.pack(epoch, serial, attempt) + pan.encode("ascii"))
        digits = f"{pan[:FIRST]}{drawn % 10**width:0{width}}"
        number = digits + check_digit(digits)
        if number[-LAST:] != pan[-LAST:] and not taken(number):
            return number
    raise RangeExhaustedError(
        f"none of {MAX_TRIES} numbers tried in the range {pan[:FIRST]} of {len(pan)} digits is free: it is nearly "
        "full; give new cards another BIN, or release dead numbers sooner"
    )


def expiry_for(number: str, last_month: str, key: bytes) -> str:
    """What stands as expiry (YYMM) beside a number valid to `last_month` (YYMM): then, or up to 23 months later.

    The true limit is finer than a month and stands in the record; this one only must not come before it.

    >>> expiry_for("4687380000000016", "9912", bytes(32)) >= "0001"
    True
    """
    if not (len(last_month) == 4 and last_month.isascii() and last_month.isdigit() and "01" <= last_month[2:] <= "12"):
        raise ValueError(f"an expiry is YYMM, not {last_month!r}")
    year, month = int(last_month[:2]), int(last_month[2:])
    later = _keyed(key, b"expiry", number.encode("ascii")) % EXPIRY_MONTHS
    year, month = divmod((12 * year + month - 1 + later) % _MONTHS_A_CENTURY, 12)
    return f"{year:02}{month + 1:02}"


def cvv2_for(number: str, expiry: str, key: bytes) -> str:
    """The three digits that go with a number and its expiry (YYMM)."""
    return f"{_keyed(key, b'cvv2', f'{number}={expiry}'.encode('ascii')) % 1000:03}"


def reference_for(text: str, key: bytes) -> bytes:
    """Eight bytes that stand for what a request is recognised by when it is repeated."""
    return (_keyed(key, b"reference", text.encode()) & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8)


def _keyed(key: bytes, purpose: bytes, text: bytes) -> int:
    """64 bits and more that nobody without the key can tell from random ones. Purposes do not contain a colon."""
    return int.from_bytes(_under(key).digest(b"disposable-" + purpose + b":" + text))


@functools.lru_cache(4)
def _under(key: bytes) -> Keyed:
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key of disposable numbers has {KEY_BYTES} bytes, not {len(key)}")
    return Keyed(key)
