"""What a simulated issuer is told at start: its cards, keys, latency and limits. Data, built by `switch.config`."""

import msgspec

from switch.cards.masking import mask_pan
from switch.iso8583.dialect import Dialect
from switch.profiles.latency import Profile

# For cards whose answer a test relies on: well inside every timer. Profiles have tails beyond the switch's 5 s.
PROMPT_S = 2.0


class CardSpec(msgspec.Struct, frozen=True):
    """A card and its account, kept in euro cents. The PIN is not here: the issuer has its PVV and asks the HSM."""

    pan: str
    expiry: str  # YYMM
    pvki: str  # which key of the pair's set made the PVV
    pvv: str  # four digits
    behaviour: str = "plain"  # a name in switch.issuers.behaviours
    prompt: bool = False  # answered within PROMPT_S whatever the profile draws: a published card is sure of its answer
    balance_cents: int = 1_000_000_00
    limit_cents: int = 1_000_000_00  # what may be spent in a day (UTC)
    max_count: int = 1_000_000  # debits in a day: by default the amount ends first

    def __repr__(self) -> str:
        return f"CardSpec({mask_pan(self.pan)}, {self.behaviour})"


class IssuerSpec(msgspec.Struct, frozen=True):
    """One issuer."""

    name: str
    dialect: Dialect
    zpk: str  # the link's zone PIN key under the LMK: "U" + 32 hex digits
    pvk: str  # the PIN verification key pair, likewise; and so all keys below
    cards: tuple[CardSpec, ...]
    profile: Profile
    cvk: str = ""  # card verification key pair; without one no CVV is verified
    zmk: str = ""  # without one no key can be exchanged
    key_code: str = "101"  # DE 70 of a key change: 101 or 161
    key_field: int = 48  # where it carries the new key under the ZMK and its check value
    key_grace_s: float = 60.0  # how long the key before it stays valid, unless the new one serves sooner
    tak: str = ""  # with one every message carries a MAC, and must
    mac_algorithm: str = "3"  # ISO 9797-1: 1 or 3
    mac_repeat: str = "as-sent"  # or "as-original": the MAC of a repeat covers the original's MTI (R1)
    check_values: dict[str, str] = {}  # of the keys by type, as configured, where they are known: to name them by
    max_in_flight: int = 20_000  # 4 s of 5,000/s; beyond it 96 at once rather than an answer nobody waits for
    max_transactions: int = 200_000  # remembered for duplicates and reversals: some 100 MB; the oldest go first
    retention_s: float = 86_400.0  # a reversal may come that much later: the life of a store-and-forward entry (R4)
