"""The PIN pad: the one place where a PIN, and the keys that encrypt it, are seen in clear.

A terminal formats the PIN as an ISO 9564-1 format 0 block and encrypts it under the zone PIN key it shares with the
switch. Nothing behind the terminal, the switch included, ever sees the PIN again: translations and verifications happen
in the HSM. Import rules keep this module away from the switch's own side.

    0 L P P P P P/F … F      PIN field: format 0, length, digits, filled with F
    0 0 0 0 A A A A … A      account field: the 12 rightmost digits of the PAN without its check digit
    ----------------- xor    then triple DES, ECB, under K1 ‖ K2 ‖ K1

A new zone PIN key travels under the zone master key by the variant method, as an HSM exports it with scheme `U`: each
half under the ZMK with byte 8 changed, by A6 for the first half and by 5A for the second. Its check value, the first
six hexadecimal digits of eight zero bytes under it, tells whether both sides have the same one.

Two ends cannot change a key in the same instant. So the pad keeps the key before until an answer shows which of the two
the switch has, and changes over to the other when a PIN block was not understood (R15).
"""

import hmac
from functools import lru_cache
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.modes import ECB

_MAX_KEYS: Final = 64  # contexts kept: a bench has a handful of acquirer links, a key change adds one
_HALF: Final = 8
_KEY_BYTES: Final = 2 * _HALF  # what is exchanged: scheme U holds double-length keys
_SCHEME: Final = "U"
_HALF_VARIANTS: Final = (0xA6, 0x5A)
_KCV_DIGITS: Final = 6
EXCHANGED_CHARACTERS: Final = len(_SCHEME) + 2 * _KEY_BYTES + _KCV_DIGITS


@lru_cache(maxsize=_MAX_KEYS)
def _encryptor(zpk: bytes) -> CipherContext:
    """A context per key: setting one up costs ten times the block it encrypts."""
    if len(zpk) not in (16, 24):
        raise ValueError(f"a zone PIN key has 16 or 24 bytes, this one {len(zpk)}")
    return _cipher(zpk).encryptor()


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


class PinPad:
    """The keys of one acquirer's terminals: the zone PIN key in use, the one before it, the zone master key."""

    def __init__(self, zpk: bytes, zmk: bytes = b"") -> None:
        self._zpk = zpk
        self._other: bytes | None = None  # the one before it, until an answer shows that the switch has the one in use
        self._zmk = zmk
        self._offered: bytes | None = None
        self.generation = 0  # of the key in use: whoever sent a PIN block remembers under which

    def block(self, pin: str, pan: str) -> bytes:
        """DE 52 under the key in use. Raises ValueError as `pin_block`."""
        return pin_block(pin, pan, self._zpk)

    @property
    def can_exchange(self) -> bool:
        """Is there a zone master key? Without one no key can be exchanged."""
        return bool(self._zmk)

    def take(self, exchanged: str) -> bool:
        """Use the key that the switch sent: `U`, 32 digits under the ZMK, 6 of check value. False: not that key."""
        key, kcv = exchanged[:-_KCV_DIGITS], exchanged[-_KCV_DIGITS:]
        if len(exchanged) != EXCHANGED_CHARACTERS or key[0] != _SCHEME or not self._zmk:
            return False
        try:
            clear = _under_zmk(self._zmk, bytes.fromhex(key[1:]), encrypt=False)
        except ValueError:  # not hexadecimal
            return False
        if not hmac.compare_digest(_check_value(clear).encode(), kcv.upper().encode()):
            return False
        self._use(clear)
        return True

    def offer(self, random_bytes: bytes) -> str:
        """A new key made of 16 random bytes, as the switch is to be sent it; `offer_taken` puts it to use."""
        if len(random_bytes) != _KEY_BYTES:
            raise ValueError(f"a key is made of {_KEY_BYTES} random bytes, not {len(random_bytes)}")
        self._offered = bytes(_with_odd_parity(byte) for byte in random_bytes)
        wrapped = _under_zmk(self._zmk, self._offered, encrypt=True)
        return f"{_SCHEME}{wrapped.hex().upper()}{_check_value(self._offered)}"

    def offer_taken(self) -> None:
        """The switch has the key that was offered."""
        assert self._offered is not None
        self._use(self._offered)
        self._offered = None

    def understood(self, generation: int) -> None:
        """The switch has read a PIN block of that generation: the other key has had its time."""
        if generation == self.generation:
            self._other = None

    def not_understood(self, generation: int) -> bool:
        """It could not. True: there is another key that it may have, which is in use from now on."""
        if generation != self.generation or self._other is None:
            return False
        self._use(self._other)
        return True

    def _use(self, zpk: bytes) -> None:
        if zpk != self._zpk:
            self._zpk, self._other = zpk, self._zpk
            self.generation += 1

    def __repr__(self) -> str:
        return f"PinPad(generation {self.generation})"


def _under_zmk(zmk: bytes, key: bytes, *, encrypt: bool) -> bytes:
    """Both halves of a key, each under (or from under) its variant of the ZMK."""
    parts = []
    for variant, start in zip(_HALF_VARIANTS, (0, _HALF), strict=True):
        cipher = _cipher(zmk[:_HALF] + bytes([zmk[_HALF] ^ variant]) + zmk[_HALF + 1 :])
        context = cipher.encryptor() if encrypt else cipher.decryptor()
        parts.append(context.update(key[start : start + _HALF]))
    return b"".join(parts)


def _check_value(key: bytes) -> str:
    return _cipher(key).encryptor().update(bytes(_HALF)).hex().upper()[:_KCV_DIGITS]


def _cipher(key: bytes) -> "Cipher[ECB]":
    return Cipher(TripleDES(key + key[:_HALF] if len(key) == _KEY_BYTES else key), ECB())  # noqa: S305 - the standard's mode


def _with_odd_parity(byte: int) -> int:
    """DES keys have an odd number of one bits in every byte; the lowest bit is there for that."""
    return byte if byte.bit_count() % 2 else byte ^ 1
