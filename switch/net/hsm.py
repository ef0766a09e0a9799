"""The HSM client: many host commands in flight on a few sockets, each correlated by its header.

A payShield echoes the header that stands before a command, so answers may come in any order. Ours is a count in as many
hexadecimal digits as the device is set to, per socket. A command gets exactly one answer through `Driver.hsm_replied`:
what the HSM said, or None when there is none (no socket up, too many outstanding, the socket lost, or too late).

A socket on which a command ran out of time is dropped and dialled again. Its other commands fail with it, and that is
the point: an answer that comes too late dies with its socket and can never be taken for that of a later command that
counts the same header.
"""

import asyncio
from typing import cast

from switch.core.window import Window
from switch.iso8583.frames import parted
from switch.iso8583.framing import MAX_FRAME_BYTES, Framing, Joiner, Splitter
from switch.net.addresses import Address
from switch.net.effects import Driver, HsmPort

SOCKETS = 2  # an HSM serves a socket's commands one after the other; two keep it busy while one is read
TIMEOUT_S = 2.0  # a PIN translation takes a millisecond; leaves 3 s of the issuer timer
MAX_OUTSTANDING = 20_000  # a socket: 2 s of the 10,000 commands a second that the largest payShield does; below 2^16.
# Before that, what it has lately answered in half the time (`switch.core.window`): else one that falls behind would
# lose its sockets, and all that waits on them, over and over.
HEADER_BYTES = 4  # as payShields are shipped
COUNTED_DIGITS = 4  # of the header: more would tell more apart than may be outstanding
RECONNECT_S = 0.25  # the HSM is next door: soon enough to matter, seldom enough not to

LOOK = "is the HSM running, and does [hsm] name its host and port?"

_FRAMING = Framing()  # a payShield's: two bytes of length
_HEX = [b"%02X" % byte for byte in range(256)]


class HsmClient(HsmPort):
    """The driver's port to one HSM."""

    def __init__(self, driver: Driver, address: Address, header_bytes: int = HEADER_BYTES) -> None:
        self._driver = driver
        self._address = address
        self._header_bytes = header_bytes
        self._sockets: list[_Socket] = []
        self._hopeless: list[int] = []  # tags that are answered None at the end of this wake-up
        self._turn = 0
        self._tasks: list[asyncio.Task[None]] = []
        driver.hsm = self

    def start(self) -> None:
        """Begin to dial."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep(number)) for number in range(SOCKETS)]

    @property
    def up(self) -> bool:
        """Whether a socket is connected."""
        return bool(self._sockets)

    def ask(self, tag: int, command: bytes) -> None:
        """Queue a command on this wake-up's socket."""
        socket = self._socket_of_turn()
        if socket is None or not socket.put(tag, command):
            self._hopeless.append(tag)

    def flush(self) -> bool:
        """One write, if there is something to ask; the next wake-up that asks takes the next socket."""
        socket = self._socket_of_turn()
        wrote = socket is not None and socket.flush()
        if wrote:
            self._turn += 1
        if self._hopeless:
            tags, self._hopeless = self._hopeless, []
            if self._sockets:
                why = f"{self._address} answers too slowly: as many commands are outstanding as it does in time"
                self._event("overloaded", f"{len(tags)} commands cannot be asked: {why}")
            else:
                why = f"no connection to {self._address}, the address in [hsm]"
                self._event("no-hsm", f"{len(tags)} commands cannot be asked: {why}")
            self.replied_none(tags)
        return wrote

    def _socket_of_turn(self) -> "_Socket | None":
        return self._sockets[self._turn % len(self._sockets)] if self._sockets else None

    def replied_none(self, tags: list[int]) -> None:
        """These commands get no answer."""
        self._driver.hsm_replied([(tag, None) for tag in tags], self._driver.clock.now())

    def joined(self, socket: "_Socket") -> None:
        """A socket is up."""
        self._sockets.append(socket)

    def left(self, socket: "_Socket") -> None:
        """It is lost."""
        self._sockets.remove(socket)

    def _event(self, reason: str, why: str) -> None:
        self._driver.event("hsm", {"reason": reason, "why": why})

    async def _keep(self, number: int) -> None:
        complained = False
        window = Window(TIMEOUT_S / 2)
        while True:
            socket = _Socket(self, self._driver, self._header_bytes, window)
            try:
                await self._address.dial(lambda s=socket: s)  # type: ignore[misc]
            except OSError as error:
                if number == 0 and not complained:
                    why = f"{self._address}: {error.strerror or error}; dialled until it answers: {LOOK}"
                    self._event("unreachable", why)
                complained = True
            else:
                complained = False
                lost = await socket.lost
                self._event("socket-lost", f"{self._address}: {lost}; dialled again")
            await asyncio.sleep(RECONNECT_S)

    async def close(self) -> None:
        """Dial no more and close the sockets; what is outstanding is answered None."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets):
            socket.drop("shutdown")


class _Socket:
    """One socket: its outstanding commands by header, oldest first."""

    def __init__(self, client: HsmClient, driver: Driver, header_bytes: int, window: Window) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._client = client
        self._driver = driver
        self._splitter = Splitter(_FRAMING, MAX_FRAME_BYTES)
        self._joiner = Joiner(_FRAMING)
        self._transport: asyncio.Transport | None = None
        self._outstanding: dict[bytes, tuple[int, float]] = {}  # header: (tag, deadline); a dict keeps the order
        self._queue: list[bytes] = []
        self._deadline = 0.0  # of what is queued
        self._count = 0
        self._window = window
        self._header_bytes = header_bytes
        self._headers_too = f"has the HSM headers of {header_bytes} bytes too ([hsm] header)?"
        self._headers = 16 ** min(header_bytes, COUNTED_DIGITS)
        self._zeros = b"0" * header_bytes
        self._timer: asyncio.TimerHandle | None = None
        self._reason = "closed by the HSM"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._client.joined(self)

    def put(self, tag: int, command: bytes) -> bool:
        """Queue a command; False when too many are outstanding."""
        if len(self._outstanding) >= min(self._window.limit, MAX_OUTSTANDING):
            return False
        self._count = (self._count + 1) % self._headers
        header = _HEX[self._count >> 8] + _HEX[self._count & 0xFF]
        if self._header_bytes != COUNTED_DIGITS:
            header = (self._zeros + header)[-self._header_bytes :]
        if header in self._outstanding:  # as many are unanswered as a short header can tell apart
            return False
        if not self._queue:
            self._deadline = self._driver.clock.now() + TIMEOUT_S
        self._outstanding[header] = (tag, self._deadline)
        self._queue.append(header + command)
        return True

    def flush(self) -> bool:
        """Write what is queued in one piece; False when there is nothing."""
        if not self._queue or self._transport is None:
            return False
        self._transport.write(self._joiner.join(self._queue))
        self._queue.clear()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TIMEOUT_S, self._check_oldest)
        return True

    def data_received(self, data: bytes) -> None:
        answers = self._splitter.feed(data)
        now = self._driver.clock.now()
        outstanding = self._outstanding
        replies: list[tuple[int, bytes | None]] = []
        for header, reply in parted(answers, self._header_bytes):
            asked = outstanding.pop(header, None)
            if asked is None:
                self.drop(f"an answer with a header that nobody asked under; {self._headers_too}")
                break
            tag, deadline = asked
            replies.append((tag, reply))
        if replies:
            self._window.answered(now, now - deadline + TIMEOUT_S, len(replies))
            self._driver.hsm_replied(replies, now)
        if self._splitter.fault is not None:
            self.drop(f"broken framing: {self._splitter.fault}")

    def eof_received(self) -> bool:
        """The HSM will send no more: done with."""
        return False

    def pause_writing(self) -> None:
        """It reads slowly: its commands run out of time."""

    def resume_writing(self) -> None:
        """It reads again."""

    def _check_oldest(self) -> None:
        self._timer = None
        if not self._outstanding:
            return
        _, deadline = next(iter(self._outstanding.values()))
        left_s = deadline - self._driver.clock.now()
        if left_s <= 0:
            self.drop(f"no answer within {TIMEOUT_S:.0f} s; {self._headers_too}")
        else:
            self._timer = asyncio.get_running_loop().call_later(left_s, self._check_oldest)

    def drop(self, reason: str) -> None:
        """Give the socket up; `connection_lost` follows and answers what is outstanding."""
        self._reason = reason
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._client.left(self)
        tags = [tag for tag, _ in self._outstanding.values()]
        self._outstanding.clear()
        self._client.replied_none(tags)
        if not self.lost.done():
            self.lost.set_result(self._reason)
