"""Decimal digits out of ciphertext as card schemes take them: first the digits, then the letters, until enough.

The first scan takes the decimal digits of the hexadecimal form, the second one its letters A–F, read as 0–5.
"""

from binascii import hexlify

_LETTERS_AS_DIGITS = bytes.maketrans(b"abcdef", b"012345")
_DIGITS = b"0123456789"
_LETTERS = b"abcdef"


def decimal_digits(cipher: bytes, count: int) -> bytes:
    """`count` ASCII digits; 8 bytes of ciphertext always have 16 to give.

    >>> decimal_digits(bytes.fromhex("AB12CDEFABCDEFAB"), 4)
    b'1201'
    """
    text = hexlify(cipher)
    first_scan = text.translate(None, delete=_LETTERS)
    second_scan = text.translate(_LETTERS_AS_DIGITS, delete=_DIGITS)
    return (first_scan + second_scan)[:count]
