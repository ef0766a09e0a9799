"""The tables of the configuration, one struct a table. What is not a field here is refused when a file is read.

Amounts are in minor units of the card's currency (cents), times in seconds, dates YYMM. A name that one table gives
and another uses is checked in `switch.config.checks`.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from switch.cards.masking import mask_pan
from switch.documents import SECRET
from switch.iso8583.framing import HEADER_PATTERN, Kind
from switch.profiles.latency import Profile
from switch.schemes.ocard import Parameters

Name: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="a name of small letters, digits and hyphens, up to 40 and no hyphen first",
    ),
]
NoName: TypeAlias = Annotated[
    str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,39})?$", description="a link's name, or nothing")
]
Host: TypeAlias = Annotated[str, Meta(min_length=1)]  # an address, or "unix:/path/of/socket"
Port: TypeAlias = Annotated[int, Meta(ge=0, le=65535)]  # 0: a free one, chosen when the part starts
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
Cents: TypeAlias = Annotated[int, Meta(ge=0, le=10**14)]
Yymm: TypeAlias = Annotated[
    str, Meta(pattern=r"^[0-9]{2}(0[1-9]|1[0-2])$", description="a year and a month, YYMM, 4 digits")
]
Digits2: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{2}$", description="2 digits, in quotes")]
Digits3: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{3}$", description="3 digits, in quotes")]
Digit: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]$", description="a digit, in quotes")]

# Values that no error quotes.
Code: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{3}$", description="3 digits, in quotes", extra=SECRET)]
Pvv: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{4}$", description="4 digits, in quotes", extra=SECRET)]
Pin: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{4,12}$", description="4 to 12 digits, in quotes", extra=SECRET)]
Pan: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{12,19}$", description="12 to 19 digits, in quotes", extra=SECRET)]
HexKey: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^([0-9A-F]{32}|[0-9A-F]{48})?$",
        description="32 or 48 hexadecimal digits, in capitals",
        extra=SECRET,
    ),
]
KeyUnderLmk: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^(U[0-9A-F]{32}|T[0-9A-F]{48})?$",
        description="U and 32, or T and 48 hexadecimal digits, in capitals",
        extra=SECRET,
    ),
]
KeyType: TypeAlias = Literal["ZPK", "PVK", "CVK", "TPK", "TMK", "TAK", "ZAK", "ZMK", "BDK"]


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """What all tables have in common: immutable, and a misspelt name is an error."""


Header: TypeAlias = Annotated[
    str,
    Meta(
        pattern=HEADER_PATTERN,
        description="tpdu, tpdu: and 10 hexadecimal digits of which the first is 6, or 1 to 64 bytes in hexadecimal "
        "capitals",
    ),
]


class Link(Table, frozen=True, kw_only=True):
    """`[[link]]`: a connection to an institution. Acquirers dial us on `port`; issuers are dialled at `host`:`port`."""

    name: Name
    role: Literal["acquirer", "issuer"]
    dialect: str = "iso87-ascii"  # a shipped dialect, or the path of a dialect file
    framing: Kind = "len2"  # the length before each message
    header: Header = ""  # between the two: "tpdu", or bytes in hexadecimal
    host: Host = "127.0.0.1"
    port: Port
    institution_id: Annotated[str, Meta(pattern=r"^[0-9]{1,11}$", description="1 to 11 digits, in quotes")]  # DE 32
    timeout_s: Seconds = 5.0  # issuers: no answer for this long is a 91
    timer_s: Seconds = 10.0  # acquirers: how long they wait; every issuer link's timeout_s is shorter (R6)
    match: tuple[Literal[37, 41], ...] = (37, 41)  # issuers: what an answer must echo, beside its STAN, to be one (R3)
    enabled: bool = True
    unknown_reversal: Literal["approved", "unknown_original"] = "approved"
    # Issuers: a further line to the institution of that link, whose keys it shares, and whatever it does not say here.
    joins: NoName = ""
    file_actions: bool = False  # acquirers: may have disposable numbers given out and cancelled (0302)
    partial_approval: bool = False  # acquirers: DE 39 = 10 with a smaller DE 4 is understood
    key_code: Literal["101", "161"] = "101"  # DE 70 of a key change
    key_field: Literal[48, 53, 60, 61, 62, 63] = 48  # where a key change carries the key and its check value
    key_grace_s: Seconds = 60.0
    mac: bool = False  # every message carries a MAC under the link's TAK, and must
    mac_algorithm: Literal["1", "3"] = "3"  # ISO 9797-1
    mac_repeat: Literal["as-sent", "as-original"] = "as-sent"
    tls_cert: str = ""  # what we present, and the simulated counterpart too: PEM files
    tls_key: str = ""
    tls_ca: str = ""  # whom we trust; on an acquirer link it makes client certificates mandatory
    tls_name: str = ""  # who a server must be by its certificate, where that is not the host dialled

    @property
    def has_tls(self) -> bool:
        """Whether the link speaks TLS."""
        return bool(self.tls_cert or self.tls_ca)

    @property
    def has_mutual_tls(self) -> bool:
        """Whether both sides show a certificate."""
        return bool(self.tls_cert and self.tls_ca)


class Route(Table, frozen=True):
    """`[[route]]`: PANs that start with `prefix` go to the issuer link `link`; the longest prefix wins."""

    prefix: Annotated[str, Meta(pattern=r"^[0-9]{1,19}$", description="1 to 19 digits, in quotes")]
    link: Name


class Key(Table, frozen=True):
    """`[[key]]`: a key of a link. `clear` alone is enough on a test LMK; `under_lmk` alone is all a real HSM wants."""

    link: Name
    type: KeyType
    clear: HexKey = ""
    kcv: Annotated[str, Meta(pattern=r"^([0-9A-F]{6})?$", description="6 hexadecimal digits, in capitals")] = ""
    under_lmk: KeyUnderLmk = ""

    def __repr__(self) -> str:
        return f"Key({self.link}, {self.type}, kcv {self.kcv or 'unknown'})"


class Card(Table, frozen=True, kw_only=True):
    """`[[card]]`: a test card. The issuer named is simulated; without one there is no route for the PAN."""

    pan: Pan
    expiry: Yymm = "3012"
    service_code: Digits3 = "201"
    cvv: Code
    cvv2: Code
    psn: Digits2 = "00"
    pin: Pin
    pvki: Digit = "1"
    pvv: Pvv
    issuer: NoName = ""
    behaviour: str = "plain"  # a name in switch.issuers.behaviours
    expect: Digits2 = "00"
    stand_in: bool = False
    balance_cents: Cents = 1_000_000_00
    limit_cents: Cents = 1_000_000_00  # what may be spent in a day
    max_count: Annotated[int, Meta(ge=0)] = 1_000_000  # how often in a day
    sample: bool = False  # a card of the sample traffic

    def __repr__(self) -> str:
        return f"Card({mask_pan(self.pan)}, {self.behaviour})"

    def track2(self) -> str:
        """Track 2 without sentinels: PAN, separator, expiry, service code, PVKI, PVV, CVV (ISO/IEC 7813)."""
        return f"{self.pan}={self.expiry}{self.service_code}{self.pvki}{self.pvv}{self.cvv}"


class Issuer(Table, frozen=True):
    """`[[issuer]]`: a simulated institution behind the issuer link of that name; it listens on the link's port."""

    name: Name
    profile: Name


class StandIn(Table, frozen=True):
    """`[stand_in]`: how far the switch approves for an issuer that does not answer, on cards with `stand_in = true`."""

    max_amount_cents: Cents = 150_00  # of one transaction
    max_total_cents: Cents = 500_00  # of a card, until its issuer has been told
    max_count: Count = 5


class Traffic(Table, frozen=True):
    """`[[traffic]]`: sample traffic that a simulated acquirer sends over the acquirer link named."""

    link: Name
    rate_per_s: Annotated[float, Meta(gt=0, le=100_000)] = 5.0
    terminals: Count = 4
    mix: Literal["plain", "everyday", "everything"] = "everyday"  # see switch.profiles.mix


class Hsm(Table, frozen=True):
    """`[hsm]`: where host commands go, and how the device frames them; `monetique hsm` reads this table too."""

    host: Host = "127.0.0.1"
    port: Port = 1500
    header: Annotated[int, Meta(ge=1, le=255)] = 4  # bytes of the message header, which pairs answers with commands
    pci: bool = False
    lmk: str = "test"  # what `monetique up` starts its HSM with: "test" or a file


class Metrics(Table, frozen=True):
    """`[metrics]`: where `/metrics` is served."""

    host: Host = "127.0.0.1"
    port: Port = 9583


class Site(Table, frozen=True):
    """`[[site]]`: where disposable numbers may be spent: a merchant (DE 42) of an acquirer link (its DE 32)."""

    name: Name
    link: Name
    merchant: Annotated[str, Meta(pattern=r"^[ -~]{1,15}$", description="1 to 15 printable ASCII characters")]


class Limits(Table, frozen=True):
    """`[limits]`: times and sizes of the switch; `switch.core.specs.SwitchSpec` says what each is for."""

    late_watch_s: Seconds = 120.0
    echo_idle_s: Seconds = 30.0
    echo_misses: Count = 3
    reversal_repeat_s: Seconds = 5.0
    reversal_repeat_max_s: Seconds = 60.0
    saf_attempts: Count = 20
    max_in_flight: Count = 100_000
    max_transactions: Count = 500_000
    retention_s: Seconds = 86_400.0


class Config(Table, frozen=True):
    """A whole configuration: the shipped one with a user's file merged over it."""

    extends: Literal["default", "none"] = "default"
    allow_real_bins: bool = False
    insecure: bool = False
    seed: int = 1
    currencies: tuple[Digits3, ...] = ("978", "250")
    link: tuple[Link, ...] = ()
    route: tuple[Route, ...] = ()
    key: tuple[Key, ...] = ()
    card: tuple[Card, ...] = ()
    profile: tuple[Profile, ...] = ()
    issuer: tuple[Issuer, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    stand_in: StandIn = StandIn()
    hsm: Hsm = Hsm()
    metrics: Metrics = Metrics()
    limits: Limits = Limits()
    ocard: Parameters = Parameters()
    site: tuple[Site, ...] = ()
