"""Sessions with the institutions: sign-on, echo, and what waits on each issuer.

An acquirer dials us: each of its TCP connections is a session of its own, signed on (0800/001) or not. An issuer is
dialled by us, over one line or several (`joins`). STANs, waiting requests, store and forward, keys belong to the
institution; connection, sign-on and echo to the line, whose life is this table:

    DOWN ──connected──▶ CONNECTED ──0810 approved──▶ SIGNED_ON
     ▲                      │                            │
     └──────disconnected────┴────────────────────────────┘
"""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum

from switch.core import fields as de
from switch.core.hsm_errors import key_name
from switch.core.saf import Entry, StoreAndForward
from switch.core.specs import LinkSpec
from switch.core.stans import Stans
from switch.core.states import WAITING
from switch.core.transaction import NO_CONNECTION, Transaction
from switch.core.window import Window
from switch.core.zonekeys import ZoneKeys
from switch.iso8583.codec import FieldMask, Wire

# Messages that an issuer never took, kept to be looked at; all of them stand in the log.
MAX_EXHAUSTED = 1_000


class LinkState(IntEnum):
    """Where a line to an issuer is."""

    DOWN = 0
    CONNECTED = 1
    SIGNED_ON = 2


DOWN, CONNECTED, SIGNED_ON = LinkState  # by themselves, as in `switch.core.states`


class AcquirerLink:
    """One acquiring institution and its sessions: connection number → signed on?"""

    def __init__(self, index: int, spec: LinkSpec) -> None:
        self.index = index
        self.spec = spec
        self.name = spec.name
        self.institution_id = spec.institution_id
        self.layout: Wire = spec.dialect.layout
        self.echoed: FieldMask = self.layout.mask(de.ECHOED)
        self.network_echoed: FieldMask = self.layout.mask((*de.ECHOED, de.NETWORK_CODE))
        self.code_of = dict(spec.dialect.response_codes)
        self.enabled = spec.enabled
        self.sessions: dict[int, bool] = {}
        self.keys = ZoneKeys(spec.zpk)
        self.business_date = ""  # YYMMDD; empty until the first day has begun
        self.cutover_reference = ""  # DE 11 and DE 7 of the 0800/201 that began this day, where one did

    def conn_in_service(self) -> int:
        """A connection that has signed on, for what we have to ask."""
        return next((conn for conn, signed_on in self.sessions.items() if signed_on), NO_CONNECTION)


@dataclass
class Closing:
    """What an issuer is still to be told of the end of a business day (`switch.core.closings`)."""

    closed: str  # YYMMDD
    opened: str  # the day that followed
    settle_at: float  # its totals stand from then on
    cutover_told: bool = False
    currencies: list[str] | None = None  # whose totals are still to be sent; None: not looked up yet
    message: dict[int, str] | None = None  # the one under way, to be repeated as it was
    attempts: int = 0  # of it
    asking: bool = False
    next_at: float = 0.0


class Line:
    """One connection of ours to an issuer."""

    def __init__(self, issuer: "IssuerLink", spec: LinkSpec) -> None:
        self.issuer = issuer
        self.spec = spec
        self.enabled = spec.enabled
        self.state: LinkState = DOWN
        self.conn = NO_CONNECTION
        self.asking = False  # an 0800/001 or 301 of ours is under way
        self.heard_at = 0.0
        self.missed_echoes = 0

    def serves(self) -> bool:
        """May requests be forwarded on it now?"""
        return self.enabled and self.state is SIGNED_ON

    def trouble(self) -> str:
        """What it is that keeps it from serving."""
        if not self.enabled:
            return f"{self.spec.name} is disabled (enabled = false, or by control)"
        if self.conn == NO_CONNECTION:
            return f"no connection to {self.spec.name}: is it listening?"
        return f"{self.spec.name} has not answered our sign-on (0800, DE 70 = 001) with 00, or has signed off"


class IssuerLink:
    """One issuer: its lines, its STANs, what waits for its answer, what it still must be told."""

    def __init__(self, index: int, spec: LinkSpec) -> None:
        """Its one line, the primary one, is down."""
        layout: Wire = spec.dialect.layout
        self.index = index
        self.spec = spec
        self.name = spec.name
        self.timeout_s = spec.timeout_s
        self.matches_rrn, self.matches_terminal = de.RRN in spec.match, de.TERMINAL in spec.match  # R3
        self.layout = layout
        self.forwarded: FieldMask = layout.mask([n for n in range(2, 129) if n not in de.REPLACED])
        self.network_echoed: FieldMask = layout.mask((*de.ECHOED, de.NETWORK_CODE))
        self.code_of = dict(spec.dialect.response_codes)
        self.result_of: dict[str, str] = {code: name for name, code in self.code_of.items()}  # its DE 39 → our result
        self.keys = ZoneKeys(spec.zpk)
        self.window = Window(spec.timeout_s / 2)  # how many requests may wait for it
        self.lines: list[Line] = []  # the first is the primary one, of the same name
        self.stans = Stans()
        self.waiting: deque[Transaction] = deque()  # in order of deadline: one timer for all
        self.quarantine: deque[Transaction] = deque()  # timed out; late answers may still come
        self.saf = StoreAndForward(spec.match)
        self.owed = self.saf.entries  # itself, for the requests that are counted against it
        self.closings: deque[Closing] = deque()
        self.exhausted: deque[Entry] = deque(maxlen=MAX_EXHAUSTED)
        self.in_flight = 0
        self.join(spec)

    def join(self, spec: LinkSpec) -> Line:
        """A further line to it."""
        line = Line(self, spec)
        self.lines.append(line)
        return line

    def serves(self) -> bool:
        """May requests be forwarded now?"""
        line: Line
        for line in self.lines:  # noqa: SIM110 - asked several times a request: half the price of any()
            if line.serves():
                return True
        return False

    def out_of_service(self) -> str:
        """Why it does not serve, line by line."""
        return f"link {self.name} is not in service: {'; '.join([line.trouble() for line in self.lines])}"

    def line_for(self, tx: Transaction) -> Line:
        """The line that messages about the card of `tx` take: always the same while it serves, so that they keep their
        order. Cards are spread by their tokens; those of a line that is out of service spread over the others."""
        count = len(self.lines)
        if count == 1:
            return self.lines[0]
        draw = int.from_bytes(tx.token[:8])
        home = self.lines[draw % count]
        if home.serves():
            return home
        serving = [line for line in self.lines if line.serves()]
        return serving[draw // count % len(serving)] if serving else home

    def conn_for(self, tx: Transaction) -> int:
        """The connection that the next message about `tx` takes."""
        return self.line_for(tx).conn

    def conn_in_service(self) -> int:
        """A connection that has signed on, for what we have to ask."""
        return next((line.conn for line in self.lines if line.serves()), NO_CONNECTION)

    def sent_on(self, conn: int) -> list[Transaction]:
        """The requests that wait for an answer on this connection."""
        return [tx for tx in self.waiting if tx.state is WAITING and tx.conn == conn]


def zpk_name(party: AcquirerLink | IssuerLink) -> str:
    """The current zone PIN key of a link, as lines call it: its check value, where known, tells which one that is."""
    spec, keys = party.spec, party.keys
    return key_name("ZPK", spec.name, keys.kcv if keys.changed_at else spec.check_values.get("ZPK", ""))


def configured_key_name(key_type: str, spec: LinkSpec) -> str:
    """The same for a key that is never exchanged: ZMK or TAK."""
    return key_name(key_type, spec.name, spec.check_values.get(key_type, ""))
