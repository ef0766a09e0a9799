"""Test keys: parity, check value, and the form under the *published* test LMK.

The switch never holds a clear key of a real device: it works with keys under the HSM's LMK. For a bench it is handy to
write a key in clear in the configuration and have the rest worked out, and that is harmless because the LMK used here
is the one that every vendor manual prints. A key for a real HSM is given in the form that the device exported it in
(`under_lmk`).

A variant LMK is a list of pairs of DES keys. The last two digits of a key's three-digit type choose the pair, the
first digit a variant that is XORed into the pair's first byte; scheme `U` (a double-length key) encrypts the two
halves of the key separately, with byte 8 of the pair changed by A6 for the first and by 5A for the second, and scheme
`T` (triple length) the three with 6A, DE and 2B.

    >>> check_value("0123456789ABCDEFFEDCBA9876543210")
    '08D7B4'
"""

from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

# What each name in `[[key]] type` is called on the host interface.
KEY_TYPES: Final = {
    "ZMK": "000",
    "ZPK": "001",
    "PVK": "002",
    "TPK": "002",
    "TMK": "002",
    "CVK": "402",
    "TAK": "003",
    "ZAK": "008",
    "BDK": "009",
}

# The published test LMK: the pairs that those types use, by the last two digits of the type.
_TEST_LMK: Final = {
    "00": bytes.fromhex("40404040404040405151515151515151"),
    "01": bytes.fromhex("61616161616161617070707070707070"),
    "02": bytes.fromhex("E0E0010101010101F1F1010101010101"),
    "03": bytes.fromhex("1C587F1C13924FEF0101010101010101"),
    "08": bytes.fromhex("16161616161616161919191919191919"),
    "09": bytes.fromhex("1A1A1A1A1A1A1A1A1C1C1C1C1C1C1C1C"),
}
_TYPE_VARIANT: Final = (0x00, 0xA6, 0x5A, 0x6A, 0xDE, 0x2B, 0x50, 0x74, 0x9C, 0xFA)
_SCHEMES: Final = {32: ("U", (0xA6, 0x5A)), 48: ("T", (0x6A, 0xDE, 0x2B))}  # by length of the key in hex digits


def has_odd_parity(clear: str) -> bool:
    """Whether every byte of the key has an odd number of one bits, as DES keys must.

    >>> has_odd_parity("0123456789ABCDEFFEDCBA9876543210"), has_odd_parity("00" * 16)
    (True, False)
    """
    return all(byte.bit_count() % 2 for byte in bytes.fromhex(clear))


def check_value(clear: str) -> str:
    """KCV: the first six hex digits of eight zero bytes encrypted under the key (32 or 48 hex digits)."""
    return _encrypt(bytes.fromhex(clear), bytes(8)).hex().upper()[:6]


def under_test_lmk(type_name: str, clear: str) -> str:
    """The key as the test HSM exports it: the scheme letter `U` or `T`, then 32 or 48 hex digits.

    `type_name` is one of KEY_TYPES; another raises KeyError.
    """
    code = KEY_TYPES[type_name]
    pair = bytearray(_TEST_LMK[code[1:]])
    pair[0] ^= _TYPE_VARIANT[int(code[0])]
    letter, variants = _SCHEMES[len(clear)]
    key = bytes.fromhex(clear)
    parts = []
    for index, variant in enumerate(variants):
        half = bytearray(pair)
        half[8] ^= variant
        parts.append(_encrypt(bytes(half), key[8 * index : 8 * index + 8]))
    return letter + b"".join(parts).hex().upper()


def _encrypt(key: bytes, block: bytes) -> bytes:
    """Triple-DES, one block; a 16-byte key is used as K1, K2, K1."""
    encryptor = Cipher(TripleDES(key + key[:8] if len(key) == 16 else key), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(block) + encryptor.finalize()
