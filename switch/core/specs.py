"""What the core is told about the world at start: links, routes, limits. Data, built by `switch.config`."""

import msgspec

from switch.cards.masking import mask_pan
from switch.iso8583.dialect import Dialect


class LinkSpec(msgspec.Struct, frozen=True):
    """One institution's link: an acquirer (it dials us, any number of connections) or an issuer (we dial it)."""

    name: str
    role: str  # "acquirer" | "issuer"
    dialect: Dialect
    institution_id: str  # DE 32 of an acquirer
    zpk: str  # the link's zone PIN key under the LMK: "U" + 32 hex digits
    timeout_s: float = 5.0  # issuer timer (R6: shorter than the acquirer's 10 s)
    enabled: bool = True
    match: tuple[int, ...] = (37, 41)  # what, beside MTI and STAN, an issuer's answer must share with its request (R3)
    unknown_reversal: str = "approved"  # result for a reversal without original (R9): or "unknown_original"
    joins: str = ""  # issuers: a further line to the institution of that link, whose keys and dialect it shares
    file_actions: bool = False  # acquirers: may have numbers of the payment scheme given out, and changed (0302)
    partial_approval: bool = False  # acquirers: takes DE 39 = 10 with a smaller DE 4
    zmk: str = ""  # under the LMK; without one no key can be exchanged (R15)
    key_code: str = "101"  # DE 70 of a key change: 101 or 161
    key_field: int = 48  # where it carries the new key under the ZMK and its check value
    key_grace_s: float = 60.0  # how long the key before it stays valid, unless the new one serves sooner
    tak: str = ""  # under the LMK; with one every message of the link carries a MAC
    mac_algorithm: str = "3"  # ISO 9797-1: 1 or 3
    mac_repeat: str = "as-sent"  # or "as-original": the MAC of a repeat covers the original's MTI (R1)
    check_values: dict[str, str] = {}  # of ZPK, ZMK and TAK as configured, where they are known: to name them by


class RouteSpec(msgspec.Struct, frozen=True):
    """PANs that start with `prefix` go to the issuer link named `link`; the longest prefix wins."""

    prefix: str
    link: str


class StandInCard(msgspec.Struct, frozen=True):
    """A card that the switch may approve for its issuer, and how far (R12). Amounts in minor units."""

    pan: str
    expiry: str  # YYMM
    pvki: str
    pvv: str
    pvk: str  # of its issuer, under the LMK
    max_amount: int  # of one transaction
    max_total: int  # of all that the issuer has not been told of yet
    max_count: int

    def __repr__(self) -> str:
        return f"StandInCard({mask_pan(self.pan)})"


class SwitchSpec(msgspec.Struct, frozen=True):
    """Everything the core decides by. Times in seconds."""

    links: tuple[LinkSpec, ...]
    routes: tuple[RouteSpec, ...]
    currencies: tuple[str, ...] = ("978", "250")  # euro, French franc
    stand_in: tuple[StandInCard, ...] = ()
    late_watch_s: float = 120.0  # how long a timed-out STAN stays quarantined for its late answer (R8)
    echo_idle_s: float = 30.0  # an issuer link silent for this long is asked 0800/301
    echo_misses: int = 3  # unanswered in a row before the link counts as down (R14)
    reversal_repeat_s: float = 5.0  # first wait before a 0420 is repeated as 0421; doubles up to the next line
    reversal_repeat_max_s: float = 60.0
    saf_attempts: int = 20  # without an acknowledgement, 16 minutes of a link in service: then it is left to people
    max_in_flight: int = 100_000  # in all; beyond it requests are refused with 96 rather than queued late
    max_owed: int = 20_000  # reversals that one issuer has not acknowledged; beyond it no new risk is taken with it
    max_transactions: int = 500_000  # kept for duplicates and reversals, 340 bytes each: 170 MB; a day at 5/s
    retention_s: float = 86_400.0  # duplicates are recognised for a day, as long as a SAF entry may live (R4)
