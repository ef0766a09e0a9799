"""Message authentication codes on an acquirer's link, as its security module computes them (ISO 9797-1, padding 1).

The last field of a message is DE 64, or DE 128 where a secondary bitmap is there: eight bytes over all the bytes before
it, the bitmap that announces it included.

    algorithm 1   triple DES in CBC mode under the whole key; the last block is the MAC
    algorithm 3   DES in CBC mode under the key's first part; the last block is decrypted under the second
                  and encrypted under the third, or the first again (ANSI X9.19, the "retail MAC")

Whether the repeat bit is inside the MAC is a matter of the link (R1): with `as-original` a 0421 carries the MAC of its
0420.
"""

import hmac
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from switch.iso8583.codec import View
from switch.iso8583.dialect import Dialect

_BLOCK: Final = 8
_PRIMARY_MAC: Final = 64
_SECONDARY_MAC: Final = 128
_ROOM: Final = "0" * 2 * _BLOCK  # the field before its value is known: as many bytes on the wire


class Macs:
    """Seals what leaves and verifies what comes, as it is on the wire, under one clear key of 16 or 24 bytes."""

    def __init__(self, dialect: Dialect, tak: bytes, algorithm: str = "3", repeat: str = "as-sent") -> None:
        if len(tak) not in (2 * _BLOCK, 3 * _BLOCK):
            raise ValueError(f"a MAC key has 16 or 24 bytes, this one {len(tak)}")
        self._dialect = dialect
        self._tak = tak
        self._algorithm = algorithm
        self._as_original = repeat == "as-original"

    def seal(self, doc: dict[str, str]) -> bytes:
        """The frame of a document, with its MAC."""
        wire = self._dialect.wire
        view = wire.scan(self._dialect.layout.encode(doc))
        number = _SECONDARY_MAC if any(field > _PRIMARY_MAC for field in view.fields()) else _PRIMARY_MAC
        room = wire.scan(view.patch({number: _ROOM}))
        return room.patch({number: self._code(room, number).hex().upper()})

    def verify(self, frame: bytes) -> bool:
        """Is the last field a MAC, and the right one? `frame` can be read."""
        view = self._dialect.wire.scan(frame)
        number = view.fields()[-1] if view.fields() else 0
        if number not in (_PRIMARY_MAC, _SECONDARY_MAC):
            return False
        return hmac.compare_digest(self._code(view, number).hex().upper(), view.text(number) or "")

    def _code(self, view: View, number: int) -> bytes:
        frame = view.frame
        if self._as_original:
            frame = view.patch({}, mti=f"{view.mti[:3]}{int(view.mti[3]) // 2 * 2}")
        span = view.span(number)
        assert span is not None
        return mac(frame[: span[0]], self._tak, self._algorithm)

    def __repr__(self) -> str:
        return f"Macs(algorithm {self._algorithm})"


def mac(message: bytes, key: bytes, algorithm: str) -> bytes:
    """The MAC of a message: all eight bytes of it.

    >>> key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    >>> mac(b"Now is the time for all ", key, "3").hex().upper()
    'A1C72E74EA3FA9B6'
    """
    blocks = message + bytes(-len(message) % _BLOCK)
    first, second, third = key[:_BLOCK], key[_BLOCK : 2 * _BLOCK], key[2 * _BLOCK :] or key[:_BLOCK]
    if algorithm == "1":
        return _last_block(first + second + third, blocks)
    chained = _last_block(first * 3, blocks)
    return _single(third).encryptor().update(_single(second).decryptor().update(chained))


def _last_block(key: bytes, blocks: bytes) -> bytes:
    return Cipher(TripleDES(key), CBC(bytes(_BLOCK))).encryptor().update(blocks)[-_BLOCK:]


def _single(key: bytes) -> "Cipher[ECB]":
    """DES: triple DES with one key three times."""
    return Cipher(TripleDES(key * 3), ECB())  # noqa: S305 - one block
