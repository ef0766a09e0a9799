"""The variant Local Master Key: twenty double-length TDES keys, called pairs, under which all other keys rest.

A key type is three characters, `variant pair pair`: the last two choose the LMK pair, the first a variant that is
XORed into the pair's first byte. So 402 (CVK) is pair 14-15 with variant 4. A key brought in under a wrong type is
therefore decrypted by a wrong key, and shows as a parity error; one double-length key in 65,536 passes by chance.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from importlib.resources import files

from hsm_sim.crypto import keywrap
from hsm_sim.crypto.tdes import Tdes, check_value, has_odd_parity, with_odd_parity

PAIR_BYTES = 16
PAIR_NAMES = tuple(f"{left:02}-{left + 1:02}" for left in range(0, 40, 2))
# PINs that rest outside the device are under this pair, not keys.
PIN_PAIR = "02-03"

# The last two characters of a key type → the LMK pair. 04 is not assigned in any source we have.
_PAIR_OF_TYPE = {
    b"00": "04-05",
    b"01": "06-07",
    b"02": "14-15",
    b"03": "16-17",
    b"05": "20-21",
    b"06": "22-23",
    b"07": "24-25",
    b"08": "26-27",
    b"09": "28-29",
    b"0A": "30-31",
    b"0B": "32-33",
    b"0C": "34-35",
    b"0D": "36-37",
}
_TYPE_VARIANTS = dict(zip(b"0123456789", (0x00, 0xA6, 0x5A, 0x6A, 0xDE, 0x2B, 0x50, 0x74, 0x9C, 0xFA), strict=True))


class LmkError(ValueError):
    """An LMK file that cannot be used; the message names the pair and never holds key material."""


@dataclass(frozen=True)
class Lmk:
    """The pairs by name, `"04-05"` → 16 bytes. Never shown: only `check_value` is."""

    pairs: Mapping[str, bytes] = field(repr=False)

    def wrap(self, key_type: bytes, scheme: bytes, clear: bytes) -> bytes:
        """A clear key as it rests outside the device: under the pair and variant of its type."""
        return keywrap.wrap(self._wrapping_key(key_type), scheme, clear)

    def unwrap(self, key_type: bytes, scheme: bytes, cryptogram: bytes) -> bytes:
        """The inverse of `wrap`; of wrong parity when the type, the scheme or the LMK is another."""
        return keywrap.unwrap(self._wrapping_key(key_type), scheme, cryptogram)

    def check_value(self) -> bytes:
        """Three bytes that tell one LMK from another: the KCV of all pairs XORed together.

        How a real device computes its own is not published, so the value serves to compare simulators only.
        """
        together = reduce(lambda left, right: left ^ right, (int.from_bytes(pair) for pair in self.pairs.values()))
        return check_value(Tdes(together.to_bytes(PAIR_BYTES)))[:3]

    def _wrapping_key(self, key_type: bytes) -> bytes:
        return keywrap.with_variant(self.pairs[_PAIR_OF_TYPE[key_type[1:]]], 0, _TYPE_VARIANTS[key_type[0]])


def is_key_type(key_type: bytes) -> bool:
    """Whether the three characters name an LMK pair and a variant.

    >>> is_key_type(b"001"), is_key_type(b"004"), is_key_type(b"FFF")
    (True, False, False)
    """
    return len(key_type) == 3 and key_type[0] in _TYPE_VARIANTS and key_type[1:] in _PAIR_OF_TYPE


def generate(random: Callable[[int], bytes]) -> Lmk:
    """A new LMK; `random(n)` gives n random bytes."""
    return Lmk({name: with_odd_parity(random(PAIR_BYTES)) for name in PAIR_NAMES})


def parse(text: str) -> Lmk:
    """An LMK from its TOML text: `[pairs]`, each pair `"04-05" = "32 hex digits"`, of odd parity, all twenty there."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise LmkError("an LMK file is TOML with one table [pairs]; this one does not parse") from error
    pairs = document.pop("pairs", None)
    if document or not isinstance(pairs, dict) or set(pairs) != set(PAIR_NAMES):
        raise LmkError(f"an LMK file holds the table [pairs] with the pairs {PAIR_NAMES[0]} to {PAIR_NAMES[-1]} alone")
    return Lmk({name: _pair(name, pairs[name]) for name in PAIR_NAMES})


def dump(lmk: Lmk) -> str:
    """The text that `parse` reads. It is the secret itself: for a file that only its owner can read."""
    return "[pairs]\n" + "".join(f'"{name}" = "{lmk.pairs[name].hex().upper()}"\n' for name in PAIR_NAMES)


def published_test_lmk() -> Lmk:
    """The LMK that vendors' manuals and simulators publish for tests. It protects nothing.

    >>> published_test_lmk().unwrap(b"002", b"", bytes.fromhex("9B395FB9FE5F07DA")).hex().upper()
    '4C9BE09E681A19DC'
    """
    return parse(files("hsm_sim").joinpath("test_lmk.toml").read_text("ascii"))


def _pair(name: str, digits: object) -> bytes:
    try:
        pair = bytes.fromhex(digits) if isinstance(digits, str) else b""
    except ValueError:
        pair = b""
    if len(pair) != PAIR_BYTES or not has_odd_parity(pair):
        raise LmkError(f'$.pairs."{name}": an LMK pair is 32 hexadecimal digits, every byte of odd parity')
    return pair
