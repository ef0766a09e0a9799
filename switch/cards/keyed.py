"""HMAC-SHA-256 (RFC 2104, FIPS 198-1) under a key that is used often.

    >>> Keyed(b"key").digest(b"The quick brown fox jumps over the lazy dog").hex()[:16]
    'f7bc83f430538424'

What the key contributes is worked out once: two states of the hash, copied for each text. That is half the price of
`hmac.digest`, which looks its algorithm up each time.
"""

import hashlib
from typing import Final

_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class Keyed:
    """The function under one key, which is not shown."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK_BYTES:
            raise ValueError(f"a key has at most {_BLOCK_BYTES} bytes, not {len(key)}")
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER))
        self._outer = hashlib.sha256(padded.translate(_OUTER))

    def digest(self, text: bytes) -> bytes:
        """32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()
