"""The floor in Python: the hops of an authorization on uvloop and nothing else; `--native` runs the compiled one.

    python -m loadtest.relay --issuer PORT --hsm PORT [--native]      `ready acquirer=…`

A relay that reads no more than the length of a frame. A request waits for the HSM's answer to a constant command, then
goes to the issuer; the answer goes back to the connection the request came from. Nothing names a message, so order
does: both hosts answer in the order asked, each on one connection. What a switch costs beyond this is its own work.
"""

import argparse
import asyncio
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import uvloop

from loadtest._relay import Relay as NativeRelay
from loadtest.messages import HSM_COMMAND
from loadtest.stubs import LOOPBACK, announce, dialled, listening

LIFETIME_S = 900.0  # a whole run of the benchmarks takes less
CLOSING_S = 0.01  # for the loop to close what is being closed
IN_FLIGHT_LIMIT = 512  # twice the requests in flight of the largest run


class Peer(asyncio.Protocol):
    """One connection: whole frames, their length still on, go to `on_frame`; what is sent leaves in one write."""

    def __init__(self, relay: "Relay", on_frame: Callable[["Peer", bytes], None]) -> None:
        self.relay = relay
        self.on_frame = on_frame
        self.transport: asyncio.Transport | None = None
        self.rest = b""
        self.pending: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own
        self.relay.connected.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.transport = None
        self.relay.connected.discard(self)

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data = self.rest + data
        at, held = 0, len(data)
        while held - at >= 2:
            end = at + 2 + (data[at] << 8 | data[at + 1])
            if end > held:
                break
            self.on_frame(self, data[at:end])
            at = end
        self.rest = data[at:]

    def send(self, frame: bytes) -> None:
        """Queue one frame for this wake-up's write."""
        if not self.pending:
            self.relay.write_later(self)
        self.pending.append(frame)

    def write(self) -> None:
        """Write everything queued at once: uvloop itself does not join writes."""
        if self.transport is not None:
            self.transport.write(b"".join(self.pending))
        self.pending.clear()

    def close(self) -> None:
        """Close, from our side."""
        if self.transport is not None:
            self.transport.close()


class Relay:
    """Requests wait in two queues, first for the HSM, then for the issuer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.command = len(HSM_COMMAND).to_bytes(2, "big") + HSM_COMMAND
        self.translating: deque[tuple[Peer, bytes]] = deque()
        self.authorizing: deque[Peer] = deque()
        self.connected: set[Peer] = set()
        self.dirty: list[Peer] = []  # have something to write at the end of this wake-up
        self.hsm = Peer(self, self.translated)
        self.issuer = Peer(self, self.answered)

    def acquirer(self) -> Peer:
        """The protocol of one more acquirer's connection."""
        return Peer(self, self.requested)

    def requested(self, acquirer: Peer, frame: bytes) -> None:
        """From an acquirer: ask the HSM first."""
        if len(self.translating) + len(self.authorizing) == IN_FLIGHT_LIMIT:
            acquirer.close()
            return
        self.translating.append((acquirer, frame))
        self.hsm.send(self.command)

    def translated(self, _hsm: Peer, _frame: bytes) -> None:
        """From the HSM: the oldest request goes on to the issuer."""
        acquirer, request = self.translating.popleft()
        self.authorizing.append(acquirer)
        self.issuer.send(request)

    def answered(self, _issuer: Peer, frame: bytes) -> None:
        """From the issuer: the answer to the oldest request."""
        self.authorizing.popleft().send(frame)

    def write_later(self, peer: Peer) -> None:
        """Have `peer` write when all that this wake-up brought has been read."""
        if not self.dirty:
            self.loop.call_soon(self.write_all)
        self.dirty.append(peer)

    def write_all(self) -> None:
        """One write for each connection that has something to say."""
        for peer in self.dirty:
            peer.write()
        self.dirty.clear()


@asynccontextmanager
async def relaying(issuer_port: int, hsm_port: int) -> AsyncIterator[int]:
    """Dial the two hosts and listen for acquirers on a free port, which it yields; close everything on leaving."""
    loop = asyncio.get_running_loop()
    relay = Relay(loop)
    await loop.create_connection(lambda: relay.hsm, LOOPBACK, hsm_port)
    await loop.create_connection(lambda: relay.issuer, LOOPBACK, issuer_port)
    server = await loop.create_server(relay.acquirer, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for peer in relay.connected:
            peer.close()
        await asyncio.sleep(CLOSING_S)


async def serve(issuer_port: int, hsm_port: int, lifetime_s: float) -> None:
    """Relay until killed, or until `lifetime_s` is over."""
    async with relaying(issuer_port, hsm_port) as port:
        announce(acquirer=port)
        await asyncio.sleep(lifetime_s)


def serve_native(issuer_port: int, hsm_port: int, lifetime_s: float) -> None:
    """The same, compiled."""
    acquirer_fd, acquirer_port = listening()
    relay = NativeRelay(HSM_COMMAND, acquirer_fd, dialled(hsm_port), dialled(issuer_port))
    announce(acquirer=acquirer_port)
    relay.run(lifetime_s)


def main() -> None:
    """Run one relay."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.relay", description=__doc__.splitlines()[0])
    parser.add_argument("--issuer", type=int, required=True, help="port of the issuer")
    parser.add_argument("--hsm", type=int, required=True, help="port of the HSM")
    parser.add_argument("--native", action="store_true", help="the compiled relay")
    parser.add_argument("--for", dest="seconds", type=float, default=LIFETIME_S, help="stop after so many seconds")
    args = parser.parse_args()
    if args.native:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a compiled loop would not see Python's handler
        serve_native(args.issuer, args.hsm, args.seconds)
    else:
        uvloop.run(serve(args.issuer, args.hsm, args.seconds))


if __name__ == "__main__":
    main()
