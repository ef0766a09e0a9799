"""The zone PIN key of the issuer's link, and how a new one comes (R15).

The switch sends it under the zone master key, with its check value; the HSM brings it under the LMK. Until the first
PIN block that only the new key can have made, or until the grace ends, the one before it is valid too: blocks made
under it may still be on their way.
"""

import re
from typing import Final, NamedTuple

from switch.issuers.records import KeyChanged

KEY_TYPE: Final = "001"  # ZPK, on the host interface
SCHEME: Final = "U"  # double length, variant
_KEY_BLOCK: Final = re.compile(r"(U[0-9A-F]{32})([0-9A-F]{6})")
_IMPORTED: Final = re.compile(rb"A700(U[0-9A-F]{32})([0-9A-F]{6})")
_GENERATED: Final = re.compile(rb"A100(U[0-9A-F]{32})(U[0-9A-F]{32})([0-9A-F]{6})")


class ZoneKey:
    """The key in use and the one before it, under the LMK."""

    def __init__(self, zpk: str, grace_s: float) -> None:
        self._changes = [KeyChanged(0.0, zpk)]  # the last two, oldest first; the configured one counts as the first
        self._grace_s = grace_s
        self._proven = False  # the newest has made a block that the HSM could read

    @property
    def current(self) -> str:
        """The newest."""
        return self._changes[-1].zpk

    def valid(self, now: float) -> list[str]:
        """Those to try a PIN block with, newest first."""
        newest = self._changes[-1]
        if len(self._changes) > 1 and not self._proven and now < newest.at + self._grace_s:
            return [newest.zpk, self._changes[-2].zpk]
        return [newest.zpk]

    def prove(self) -> None:
        """The newest made a block that the HSM could read: nothing more will come under the one before."""
        self._proven = True

    def change(self, change: KeyChanged) -> None:
        """A new key."""
        self._changes = [self._changes[-1], change]
        self._proven = False

    def changes(self) -> list[KeyChanged]:
        """What `change` must be given to come back to the same keys."""
        return [change for change in self._changes if change.at]


class Key(NamedTuple):
    """A key under the LMK and its check value; `under_zmk` where it is to be sent."""

    zpk: str
    kcv: str
    under_zmk: str = ""


def read_key(text: str) -> tuple[str, str] | None:
    """The key under the ZMK and its check value, as the field of a key change carries them; None if it does not."""
    match = _KEY_BLOCK.fullmatch(text.rstrip())
    return (match[1], match[2]) if match else None


def import_command(zmk: str, key: str) -> str:
    """A6: bring a key from under the ZMK to under the LMK."""
    return f"A6{KEY_TYPE}{zmk}{key}{SCHEME}"


def imported(reply: bytes) -> Key | None:
    """The HSM's answer to A6; None where it refused, or had to mend the key's parity."""
    match = _IMPORTED.fullmatch(reply)
    return Key(match[1].decode(), match[2].decode()) if match else None


def generate_command(zmk: str) -> str:
    """A0, mode 1: make a key, under the LMK and under the ZMK."""
    return f"A01{KEY_TYPE}{SCHEME}{zmk}{SCHEME}"


def generated(reply: bytes) -> Key | None:
    """The HSM's answer to A0; None where it refused."""
    match = _GENERATED.fullmatch(reply)
    return Key(match[1].decode(), match[3].decode(), match[2].decode()) if match else None
