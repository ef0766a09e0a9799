"""Sessions with the institutions: sign-on, echo, and what waits on each issuer.

An acquirer dials us: each of its TCP connections is a session of its own, signed on (0800/001) or not. An issuer is
dialled by us; the life of its link is this table, walked by `IssuerLink.move`:

    DOWN ──connected──▶ CONNECTED ──0810 approved──▶ SIGNED_ON
     ▲                      │                            │
     └──────disconnected────┴────────────────────────────┘
"""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

from switch.core import fields as de
from switch.core.saf import Entry, StoreAndForward
from switch.core.specs import LinkSpec
from switch.core.stans import Stans
from switch.core.transaction import NO_CONNECTION, Transaction
from switch.core.window import Window
from switch.iso8583.codec import FieldMask, Wire

# Messages that an issuer never took, kept to be looked at; all of them stand in the log.
MAX_EXHAUSTED = 1_000


class LinkState(IntEnum):
    """Where an issuer link is."""

    DOWN = 0
    CONNECTED = 1
    SIGNED_ON = 2


class AcquirerLink:
    """One acquiring institution and its sessions: connection number → signed on?"""

    def __init__(self, index: int, spec: LinkSpec) -> None:
        self.index = index
        self.spec = spec
        self.layout: Wire = spec.dialect.layout
        self.echoed: FieldMask = self.layout.mask(de.ECHOED)
        self.network_echoed: FieldMask = self.layout.mask((*de.ECHOED, de.NETWORK_CODE))
        self.code_of = spec.dialect.response_codes
        self.enabled = spec.enabled
        self.sessions: dict[int, bool] = {}
        self.business_date = ""  # YYMMDD


@dataclass
class NetworkRequest:
    """Our own 0800 that waits for its 0810."""

    code: str  # DE 70
    stan: str
    deadline: float


@dataclass
class IssuerLink:
    """One issuer: its connection, its STANs, what waits for its answer, what it still must be told."""

    index: int
    spec: LinkSpec
    layout: Wire
    forwarded: FieldMask
    result_of: dict[str, str]  # its DE 39 → our result
    window: Window  # how many requests may wait for it
    enabled: bool = True
    state: LinkState = LinkState.DOWN
    conn: int = NO_CONNECTION
    stans: Stans = field(default_factory=Stans)
    waiting: deque[Transaction] = field(default_factory=deque)  # in order of deadline: one timer for all
    quarantine: deque[Transaction] = field(default_factory=deque)  # timed out; late answers may still come
    saf: StoreAndForward = field(default_factory=StoreAndForward)
    exhausted: deque[tuple[float, Entry]] = field(default_factory=lambda: deque(maxlen=MAX_EXHAUSTED))
    network: NetworkRequest | None = None
    heard_at: float = 0.0
    missed_echoes: int = 0
    in_flight: int = 0

    @classmethod
    def from_spec(cls, index: int, spec: LinkSpec) -> "IssuerLink":
        """A link that is down."""
        layout = spec.dialect.layout
        return cls(
            index=index,
            spec=spec,
            layout=layout,
            forwarded=layout.mask(n for n in range(2, 129) if n not in de.REPLACED),
            result_of={code: name for name, code in spec.dialect.response_codes.items()},
            enabled=spec.enabled,
            saf=StoreAndForward(spec.match),
            window=Window(spec.timeout_s / 2),
        )

    @property
    def in_service(self) -> bool:
        """May requests be forwarded now?"""
        return self.enabled and self.state is LinkState.SIGNED_ON

    def conn_for(self, tx: Transaction) -> int:  # noqa: ARG002 - one line serves all cards
        """The connection that messages about the card of `tx` take: always the same, so that they keep their order."""
        return self.conn
