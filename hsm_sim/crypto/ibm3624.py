"""PINs by IBM's 3624 method: a natural PIN from the account, and an offset that leads from it to the customer's PIN.

    validation data   16 hexadecimal digits, most of them from the account
    natural PIN       validation data encrypted under the PVK, its digits 0–F through a decimalisation table
    offset            customer's PIN minus natural PIN, digit by digit, modulo ten; as long as the PIN

An issuer keeps the offset, which tells nothing without the PVK. A table that maps many digits to the same one would
make natural PINs guessable, so one must have eight different digits at least, and none of them more than four times.

>>> key = Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
>>> natural = natural_pin(key, b"1122334455667788", b"1234567890123456")
>>> customers_pin(b"7710", natural), offset(b"1234", natural)
(b'1234', b'7710')
"""

from binascii import hexlify, unhexlify
from collections import Counter

from hsm_sim.crypto.tdes import Tdes

VALIDATION_DIGITS = 16

_MIN_DIFFERENT = 8
_MAX_OF_ONE = 4
_HEXADECIMAL = b"0123456789abcdef"


def is_table(table: bytes) -> bool:
    """Whether the sixteen characters are a decimalisation table that spreads well enough.

    >>> is_table(b"0123456789012345"), is_table(b"0123456701234567"), is_table(b"0000012345678901")
    (True, True, False)
    """
    times = Counter(table).values()
    return table.isdigit() and len(times) >= _MIN_DIFFERENT and max(times) <= _MAX_OF_ONE


def natural_pin(pvk: Tdes, validation_data: bytes, table: bytes) -> bytes:
    """All sixteen digits of it; a PIN takes as many from the left as it has.

    `validation_data`: sixteen hexadecimal digits, or ValueError; `table`: sixteen decimal ones.
    """
    cipher = hexlify(pvk.encrypt(unhexlify(validation_data)))
    return cipher.translate(bytes.maketrans(_HEXADECIMAL, table))


def offset(pin: bytes, natural: bytes) -> bytes:
    """The offset of a customer's PIN, of the same length."""
    return bytes(ord("0") + (digit - base) % 10 for digit, base in zip(pin, natural, strict=False))


def customers_pin(offset_digits: bytes, natural: bytes) -> bytes:
    """The PIN that an offset leads to, of the same length."""
    return bytes(
        ord("0") + (digit + base - 2 * ord("0")) % 10 for digit, base in zip(offset_digits, natural, strict=False)
    )
