"""Triple-DES keys (NIST SP 800-67, ANSI X9.52) of one, two or three parts of 8 bytes, in ECB mode.

A cipher context costs about ten times what encrypting one block does, so `Tdes` makes its two contexts once and
keeps them. ECB carries nothing from one call to the next as long as every call is a whole number of blocks,
which is all this package ever passes. CBC does carry something, so `last_block` makes a context for each message.
"""

from functools import lru_cache

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

BLOCK_BYTES = 8
KEY_BYTES = (8, 16, 24)
# Keys whose parts are used alone: MAC and card verification keys, one or two for each link or issuer.
PARTS_KEPT = 1024

ZEROS = bytes(BLOCK_BYTES)
# Every byte with its lowest bit set so that the number of one bits is odd (FIPS 46-3).
_ODD = bytes(byte if byte.bit_count() % 2 else byte ^ 1 for byte in range(256))


class Tdes:
    """One key with its contexts kept: `encrypt` and `decrypt` take and give whole 8-byte blocks.

    >>> key = Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    >>> key.decrypt(key.encrypt(b"8 bytes!"))
    b'8 bytes!'
    """

    __slots__ = ("clear", "decrypt", "encrypt")

    def __init__(self, clear: bytes) -> None:
        """`clear`: 8, 16 or 24 bytes; parity bits play no part."""
        cipher = Cipher(TripleDES(_three_parts(clear)), ECB())  # noqa: S305 - one block is all there ever is
        self.clear = clear
        self.encrypt = cipher.encryptor().update
        self.decrypt = cipher.decryptor().update


def check_value(key: Tdes) -> bytes:
    """The 8 bytes whose first three are the KCV: a block of zeros under the key (ANSI X9.24-1).

    >>> check_value(Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))).hex().upper()[:6]
    '08D7B4'
    """
    return key.encrypt(ZEROS)


def last_block(key: Tdes, start: bytes, data: bytes) -> bytes:
    """The last block of `data` in CBC mode, with `start` as the block before the first; `data` is whole blocks.

    >>> key = Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    >>> last_block(key, ZEROS, b"8 bytes!") == key.encrypt(b"8 bytes!")
    True
    """
    return Cipher(TripleDES(_three_parts(key.clear)), CBC(start)).encryptor().update(data)[-BLOCK_BYTES:]


@lru_cache(PARTS_KEPT)
def parts(key: Tdes) -> tuple[Tdes, ...]:
    """The single-length keys that a key is made of, in order; those of keys in use are kept, for their contexts."""
    return tuple(Tdes(key.clear[at : at + BLOCK_BYTES]) for at in range(0, len(key.clear), BLOCK_BYTES))


def with_odd_parity(clear: bytes) -> bytes:
    """The key with the lowest bit of each byte adjusted to odd parity.

    >>> with_odd_parity(b"\\x00\\x01\\x02\\x03").hex()
    '01010202'
    """
    return clear.translate(_ODD)


def has_odd_parity(clear: bytes) -> bool:
    """Whether every byte of the key has odd parity."""
    return clear.translate(_ODD) == clear


def _three_parts(clear: bytes) -> bytes:
    """K as K‖K‖K, and K1‖K2 as K1‖K2‖K1: keying options 3 and 2 of SP 800-67."""
    if len(clear) not in KEY_BYTES:
        raise ValueError(f"a TDES key has 8, 16 or 24 bytes, not {len(clear)}")
    return (clear * 3)[:24] if len(clear) < 24 else clear
