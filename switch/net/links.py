"""Links that we dial, reconnecting with back-off: the switch's to issuers, a simulated acquirer's to the switch."""

import asyncio
import ssl

from switch.iso8583.codec import Wire
from switch.iso8583.framing import Framing
from switch.net.addresses import Address
from switch.net.connections import Connection
from switch.net.effects import Driver
from switch.net.tls import Tls, failure

FIRST_WAIT_S = 0.1  # a restarted peer is back within a fraction of a second
STEADY_S = (
    1.0  # a connection that lived so long was wanted; one that is closed at once, say unsigned, is backed off from
)
LONGEST_WAIT_S = 2.0  # and one that is down for long costs a connection attempt every other second


class Dialer:
    """Keeps one connection to `address` while enabled, and tells the part as of any other connection."""

    def __init__(
        self,
        driver: Driver,
        link: int,
        name: str,
        framing: Framing,
        address: Address,
        layout: Wire | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.name = name
        self._driver = driver
        self._link = link
        self._framing = framing
        self._address = address
        self._layout = layout
        self._tls = tls.for_client() if tls is not None else None
        self._tls_name = tls.name if tls is not None else ""
        self._lost = asyncio.Event()
        self._enabled = asyncio.Event()
        self._connection: Connection | None = None
        self._delay_ms = 0.0
        self.failure = ""  # of the last attempt to dial, in words
        self._task: asyncio.Task[None] | None = None

    def start(self, *, enabled: bool = True) -> None:
        """Begin to dial, or to wait until enabled."""
        self.enable(enabled)
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def enable(self, enabled: bool) -> None:
        """Whether to be connected at all; disabling closes the connection."""
        if enabled:
            self._enabled.set()
        else:
            self._enabled.clear()
            if self._connection is not None:
                self._connection.close()

    def slow(self, delay_ms: float) -> None:
        """Delay everything that we send on this link, also after a reconnect; 0 ends it."""
        self._delay_ms = delay_ms
        if self._connection is not None:
            self._connection.delay_ms = delay_ms

    async def _keep(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            await self._enabled.wait()
            self._lost.clear()
            try:
                await self._address.dial(self._open, self._tls, self._tls_name)
            except OSError as error:
                self._report(error, wait_s)
            else:
                self.failure = ""
                opened_at = asyncio.get_running_loop().time()
                await self._lost.wait()
                if asyncio.get_running_loop().time() - opened_at >= STEADY_S:
                    wait_s = FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _report(self, error: OSError, wait_s: float) -> None:
        again = f"dialled again in {wait_s:.1f} s"
        if isinstance(error, ssl.SSLError | ConnectionAbortedError):
            reason, why = failure(error)
            self.failure = f"{self._address}: {why}"
            why = f"{self.failure}; {again}"
            self._driver.event("tls", {"reason": reason, "link": self.name, "side": "client", "why": why})
        else:
            self.failure = f"{self._address}: {error.strerror or error}"
            if isinstance(error, ConnectionRefusedError | FileNotFoundError):
                self.failure = f"nothing listens on {self._address}"
            why = f"{self._address}: {error.strerror or error}; {again}"
            self._driver.event("link", {"reason": "unreachable", "link": self.name, "why": why})

    def _open(self) -> Connection:
        connection = Connection(
            self._driver, self._link, self._framing, self.name, self._gone, self._layout, dialled=True
        )
        connection.delay_ms = self._delay_ms
        self._connection = connection
        return connection

    def _gone(self, _: Connection) -> None:
        self._connection = None
        self._lost.set()

    def close(self) -> None:
        """Dial no more and close the connection."""
        if self._task is not None:
            self._task.cancel()
        if self._connection is not None:
            self._connection.close()
