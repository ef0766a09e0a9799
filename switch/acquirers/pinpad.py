"""The PIN pad: the one place where a clear PIN is encrypted.

A terminal formats the PIN as an ISO 9564-1 format 0 block and encrypts it under the zone PIN key it shares with the
switch. Nothing behind the terminal, the switch included, ever sees the PIN again: translations and verifications happen
in the HSM. Import rules keep this module away from the switch's own side.

    0 L P P P P P/F … F      PIN field: format 0, length, digits, filled with F
    0 0 0 0 A A A A … A      account field: the 12 rightmost digits of the PAN without its check digit
    ----------------- xor    then triple DES, ECB, under K1 ‖ K2 ‖ K1
"""

from functools import lru_cache
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.modes import ECB

_MAX_KEYS: Final = 64  # contexts kept: a bench has a handful of acquirer links, a key change adds one


@lru_cache(maxsize=_MAX_KEYS)
def _encryptor(zpk: bytes) -> CipherContext:
    """A context per key: setting one up costs ten times the block it encrypts."""
    if len(zpk) not in (16, 24):
        raise ValueError(f"a zone PIN key has 16 or 24 bytes, this one {len(zpk)}")
    return Cipher(TripleDES(zpk + zpk[:8] if len(zpk) == 16 else zpk), ECB()).encryptor()  # noqa: S305 - the standard's mode


def clear_block(pin: str, pan: str) -> bytes:
    """Return the ISO 9564-1 format 0 block, 8 bytes, in clear.

    >>> clear_block("1234", "43219876543210987").hex().upper()  # ISO 9564-1 worked example
    '0412AC89ABCDEF67'

    Raises:
        ValueError: the PIN has not 4 to 12 digits, or the PAN fewer than 13. The text shows neither.
    """
    if not (4 <= len(pin) <= 12 and pin.isascii() and pin.isdigit()):
        raise ValueError("a PIN has 4 to 12 digits")
    if not (len(pan) >= 13 and pan.isascii() and pan.isdigit()):
        raise ValueError("a PIN block needs a PAN of at least 13 digits")
    pin_field = int(f"0{len(pin):X}{pin}".ljust(16, "F"), 16)
    account_field = int(pan[-13:-1], 16)
    return (pin_field ^ account_field).to_bytes(8, "big")


def pin_block(pin: str, pan: str, zpk: bytes) -> bytes:
    """Return the format 0 block encrypted under the clear key `zpk` (16 or 24 bytes), 8 bytes: DE 52.

    >>> pin_block("1234", "43219876543210987", bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")).hex().upper()
    'C967C8198151A458'

    Raises:
        ValueError: as `clear_block`, or a key of another length.
    """
    return _encryptor(zpk).update(clear_block(pin, pan))
