"""What a simulated acquirer is told at start. Data, built by `switch.config`."""

import msgspec

from switch.cards.masking import mask_pan
from switch.iso8583.dialect import Dialect
from switch.profiles.mix import Mix


class TerminalCard(msgspec.Struct, frozen=True):
    """A card as a cardholder presents it: with its PIN, which only the PIN pad sees."""

    pan: str
    expiry: str  # YYMM
    pin: str
    track2: str = ""  # of the magnetic stripe, without sentinels
    cvv2: str = ""  # printed on the back

    def __repr__(self) -> str:
        return f"TerminalCard({mask_pan(self.pan)})"


class AcquirerSpec(msgspec.Struct, frozen=True):
    """One acquirer: a handful of terminals behind one connection to the switch."""

    name: str
    dialect: Dialect
    institution_id: str  # DE 32
    zpk: bytes  # the link's zone PIN key in clear, 16 or 24 bytes: a PIN pad has it in its secure memory
    cards: tuple[TerminalCard, ...]
    mix: Mix
    rate_per_s: float
    currency: str = "978"
    terminals: int = 8
    merchant: str = "MERCHANT0000001"  # DE 42
    timer_s: float = 10.0  # longer than the switch's 5 s towards issuers (R6)
    repeat_s: float = 5.0  # first wait for a 0430, 0130, 0230 and for a sign-on; doubles up to the next line
    repeat_max_s: float = 60.0
    late_watch_s: float = 120.0  # how long a late answer is still recognised as one
    max_in_flight: int = 256  # open transactions, unacknowledged reversals included; beyond it arrivals are dropped
    follow_up_s: float = 4.0  # mean time until a cardholder's next step: long for a test, short for a hotel
    zmk: bytes = b""  # the zone master key in clear; without one no key is exchanged
    key_code: str = "101"  # DE 70 of a key change: 101 or 161
    key_field: int = 48  # where it carries the key and its check value
    tak: bytes = b""  # the MAC key in clear; with one every message carries a MAC, and must
    mac_algorithm: str = "3"  # ISO 9797-1: 1 or 3
    mac_repeat: str = "as-sent"  # or "as-original"

    def __repr__(self) -> str:
        return f"AcquirerSpec({self.name}, DE 32 {self.institution_id})"
