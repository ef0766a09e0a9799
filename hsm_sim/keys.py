"""The keys a command names: parsed, brought out from under the LMK, checked, and kept ready to use.

Keys live in the host's database, under the LMK; every command brings its own. Unwrapping one takes several cipher
contexts, so the results are kept, as many as a large institution has links and terminals in use at once.
"""

from binascii import hexlify
from collections.abc import Callable
from functools import lru_cache

from hsm_sim.crypto import keywrap
from hsm_sim.crypto.lmk import PIN_PAIR, Lmk, is_key_type
from hsm_sim.crypto.tdes import KEY_BYTES, Tdes, check_value, has_odd_parity
from hsm_sim.errors import INPUT_DATA, KEY_SCHEME, KEY_TYPE, RefusedError

# About 1 KiB each: two cipher contexts and the field they came from.
KEYS_KEPT = 4096

# Key types by the names the standards give them, and what PCI HSM mode separates from 002.
KEY_TYPES = {
    "ZMK": b"000",
    "ZPK": b"001",
    "PVK": b"002",
    "TPK": b"002",
    "TMK": b"002",
    "TAK": b"003",
    "ZAK": b"008",
    "BDK-1": b"009",
    "BDK-2": b"609",
    "CVK": b"402",
}
PCI_KEY_TYPES = KEY_TYPES | {"TPK": b"70D", "TMK": b"80D"}

# Untagged schemes of a command's one-character field: a single-length key, printed without a tag.
_UNTAGGED = (b"0", b"Z")


class Keys:
    """All that a command family needs of the device: the LMK, the mode and a source of randomness.

    `random(n)` gives n random bytes; with a deterministic one the whole device is deterministic.
    """

    def __init__(self, lmk: Lmk, pci: bool, random: Callable[[int], bytes]) -> None:
        self.lmk = lmk
        self.random = random
        self.pin_key = Tdes(lmk.pairs[PIN_PAIR])
        self.is_pci = pci
        self.types = PCI_KEY_TYPES if pci else KEY_TYPES
        self._unwrapped = lru_cache(KEYS_KEPT)(self._unwrap)

    def open(self, field: bytes, key_type: bytes, on_bad_parity: bytes) -> Tdes:
        """The key of a field as `Fields.key` gives it; RefusedError(on_bad_parity) if it is not of this type."""
        key = self._unwrapped(field, key_type)
        if key is None:
            raise RefusedError(on_bad_parity)
        return key

    def sealed(self, clear: bytes, key_type: bytes, scheme: bytes) -> bytes:
        """The field of a key under the LMK."""
        require_key_type(key_type)
        require_scheme(scheme, clear)
        return field_of(scheme, self.lmk.wrap(key_type, tag_of(scheme), clear))

    def _unwrap(self, field: bytes, key_type: bytes) -> Tdes | None:
        require_key_type(key_type)
        scheme, cryptogram = parse(field)
        clear = self.lmk.unwrap(key_type, scheme, cryptogram)
        return Tdes(clear) if has_odd_parity(clear) else None


def parse(field: bytes) -> tuple[bytes, bytes]:
    """A key field's scheme tag (b"" for none) and cryptogram.

    >>> parse(b"U" + b"00" * 16) == (b"U", bytes(16))
    True
    """
    scheme = field[:1] if field[:1] in keywrap.SCHEME_BYTES else b""
    try:
        cryptogram = bytes.fromhex(field[len(scheme) :].decode("ascii"))
    except ValueError:
        raise RefusedError(INPUT_DATA) from None
    if len(cryptogram) not in KEY_BYTES:  # digits apart from each other are taken for hexadecimal by `fromhex`
        raise RefusedError(INPUT_DATA)
    return scheme, cryptogram


def field_of(scheme: bytes, cryptogram: bytes) -> bytes:
    """A key as responses give it: the tag, where there is one, and hexadecimal digits."""
    return tag_of(scheme) + in_hex(cryptogram)


def tag_of(scheme: bytes) -> bytes:
    """The tag a scheme character stands for: none for a single-length key."""
    return b"" if scheme in _UNTAGGED else scheme


def scheme_bytes(scheme: bytes) -> int:
    """How long a key of this scheme character is, in bytes."""
    if scheme in _UNTAGGED:
        return KEY_BYTES[0]
    if scheme not in keywrap.SCHEME_BYTES:
        raise RefusedError(KEY_SCHEME)
    return keywrap.SCHEME_BYTES[scheme]


def require_scheme(scheme: bytes, clear: bytes) -> None:
    """The scheme must exist and fit the key's length."""
    if scheme_bytes(scheme) != len(clear):
        raise RefusedError(KEY_SCHEME)


def require_key_type(key_type: bytes) -> None:
    """The key type must name an LMK pair and a variant."""
    if not is_key_type(key_type):
        raise RefusedError(KEY_TYPE)


def check_value_6(clear: bytes) -> bytes:
    """The KCV of six hexadecimal digits."""
    return in_hex(check_value(Tdes(clear))[:3])


def in_hex(data: bytes) -> bytes:
    """Upper-case hexadecimal digits in ASCII."""
    return hexlify(data).upper()
