"""Keys under keys: ANSI X9.17 (plain ECB) and the variant method, which ties each part to its place.

    scheme   key                method
    (none)   1 to 3 parts       ECB, part by part
    Z        1 part             the same, spelled out
    X, Y     2, 3 parts         ANSI X9.17: ECB, part by part
    U, T     2, 3 parts         part i under the wrapping key whose byte 8 is XORed with the i-th scheme variant

So the halves of a U key cannot be swapped or used alone: each decrypts only under its own variant. The same
schemes serve under the LMK and under a ZMK.
"""

from hsm_sim.crypto.tdes import BLOCK_BYTES, Tdes

# Bytes of a key by its scheme tag; a key without a tag is as long as the command says.
SCHEME_BYTES = {b"Z": 8, b"U": 16, b"X": 16, b"T": 24, b"Y": 24}

_PLAIN = (0, 0, 0)
_SCHEME_VARIANTS = {b"U": (0xA6, 0x5A), b"T": (0x6A, 0xDE, 0x2B)}


def wrap(wrapping_key: bytes, scheme: bytes, clear: bytes) -> bytes:
    """`clear` under `wrapping_key` by `scheme` (a tag, or b"" for none); as many bytes as went in."""
    return b"".join(key.encrypt(part) for key, part in _parts(wrapping_key, scheme, clear))


def unwrap(wrapping_key: bytes, scheme: bytes, cryptogram: bytes) -> bytes:
    """The inverse of `wrap`; the caller checks the parity, the only redundancy there is."""
    return b"".join(key.decrypt(part) for key, part in _parts(wrapping_key, scheme, cryptogram))


def _parts(wrapping_key: bytes, scheme: bytes, data: bytes) -> list[tuple[Tdes, bytes]]:
    """Each 8-byte part beside the key that it goes under."""
    if len(wrapping_key) == BLOCK_BYTES:
        wrapping_key *= 2  # byte 8, which the scheme changes, is the second half's first
    variants = _SCHEME_VARIANTS.get(scheme, _PLAIN)
    parts = [data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES)]
    return [
        (Tdes(with_variant(wrapping_key, BLOCK_BYTES, variant)), part)
        for variant, part in zip(variants, parts, strict=False)
    ]


def with_variant(key: bytes, position: int, variant: int) -> bytes:
    """The key with the byte at `position` XORed with `variant`.

    >>> with_variant(bytes(4), 1, 0xA6).hex()
    '00a60000'
    """
    return key[:position] + bytes([key[position] ^ variant]) + key[position + 1 :]
