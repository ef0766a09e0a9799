"""The tap: every message of the switch's links, on both legs, handed to whoever reads DATA/switch.tap.

    hello | frames | frames | gap | frames …        each a msgpack document behind its length (four bytes, big-endian)

A connection hands over the frames of one read or one write together. Nothing is decoded here: that is the reader's
work (`switch.traces.recording`), in the reader's process. While nobody reads, the driver has no tap, and a connection
pays one look at that a wake-up. What is handed over leaves in one write every `EVERY_S`.

The switch never waits for a reader. What a reader has not read waits in its `BUFFER_BYTES`; when they are full whole
messages are dropped, counted, and told in a `Gap` at their place. The socket has mode 0600: its bytes are messages in
clear, for the owner of the data directory's keys, and readers write them down masked only.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import msgspec

from switch.net.control import listen_privately
from switch.net.effects import Driver
from switch.traces.format import TracedLink

MAX_READERS: Final = 8  # a recorder, a few people, the web console, a load report
BUFFER_BYTES: Final = 8 << 20  # of one reader: a quarter of a second at 100,000 messages a second of 300 bytes
EVERY_S: Final = 0.02  # 50 writes a second whatever the load; people and reports do not see 20 ms
CHUNK_BYTES: Final = 1 << 18  # handed over earlier than that, so that what is dropped at once stays small
CLOSING_S: Final = 1.0  # for readers to take what is left
LENGTH_BYTES: Final = 4


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """What a reader gets first: the links by their indexes. `refused` says why there will be nothing else."""

    links: dict[str, TracedLink]
    refused: str = ""


class Frames(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Messages that one read brought, or one write took, on one connection: without lengths and headers, in order."""

    t: float
    link: int
    connection: int
    sent: bool
    frames: list[bytes]


class Dropped(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """So many messages before this moment were not handed over: their reader was behind."""

    t: float
    count: int


Document = Hello | Frames | Dropped


def tap_path(data: Path, part: str = "switch") -> Path:
    """Where the tap of a part is read."""
    return data / f"{part}.tap"


class Tap:
    """The tap of one driver: it is in place (`Driver.tap`) while somebody reads."""

    def __init__(self, driver: Driver, path: Path, links: Mapping[str, TracedLink]) -> None:
        self.dropped = 0  # messages, by all readers
        self._driver = driver
        self._path = path
        self._hello = Hello(dict(links))
        self._readers: set[ReaderConnection] = set()
        self._read = asyncio.Event()  # somebody reads
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._pending_messages = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen for readers."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: ReaderConnection(self), sock=listen_privately(self._path))

    async def wait_for_reader(self, timeout_s: float) -> bool:
        """Wait until somebody reads; False if nobody does in time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._read.wait(), timeout_s)
        return self._read.is_set()

    def figures(self) -> dict[str, int]:
        """For status and metrics."""
        return {"tap-readers": len(self._readers), "tap-dropped": self.dropped}

    # -- what connections call -------------------------------------------------------------------------------------

    def put(self, now: float, link: int, connection: int, sent: bool, frames: Sequence[bytes]) -> None:
        """Frames passed. They are copied: the list stays the caller's."""
        encoded = self._encode(Frames(now, link, connection, sent, cast(list[bytes], frames)))
        self._pending += (len(encoded).to_bytes(LENGTH_BYTES, "big"), encoded)
        self._pending_bytes += LENGTH_BYTES + len(encoded)
        self._pending_messages += len(frames)
        if self._pending_bytes >= CHUNK_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY_S, self.flush)

    # -- readers ---------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Give every reader what has gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        chunk, messages = b"".join(self._pending), self._pending_messages
        self._pending.clear()
        self._pending_bytes = self._pending_messages = 0
        for reader in self._readers:
            if not reader.offer(chunk, messages):
                self.dropped += messages

    def enter(self, reader: "ReaderConnection") -> bool:
        """One more reader, from now on."""
        if len(self._readers) >= MAX_READERS:
            reader.write(Hello({}, f"{MAX_READERS} read already; end one of them"))
            return False
        self.flush()
        self._readers.add(reader)
        reader.write(self._hello)
        self._driver.tap = self
        self._read.set()
        return True

    def leave(self, reader: "ReaderConnection") -> None:
        """It reads no more."""
        self._readers.discard(reader)
        if not self._readers:
            self._driver.tap = None
            self._read.clear()
            self.flush()

    def caught_up(self, count: int) -> Dropped:
        """A reader that missed `count` messages reads again; what to tell it."""
        now = self._driver.clock.now()
        why = f"a reader of the tap was behind: {count} messages were not handed to it"
        self._driver.event("tap", {"reason": "reader-behind", "count": count, "why": why})
        return Dropped(now, count)

    async def close(self) -> None:
        """Hand over what is left and end; readers that do not read it within `CLOSING_S` lose it."""
        self._driver.tap = None
        self.flush()
        for reader in list(self._readers):
            reader.close()
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        waited_s = 0.0
        while self._readers and waited_s < CLOSING_S:
            await asyncio.sleep(EVERY_S)
            waited_s += EVERY_S


class ReaderConnection(asyncio.Protocol):
    """One reader's connection. What it sends us is ignored."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._missed = 0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.set_write_buffer_limits(high=BUFFER_BYTES // 2)
        if not self._tap.enter(self):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._tap.leave(self)

    def resume_writing(self) -> None:
        """It has caught up: if nothing passes for a while, it learns of its gap all the same."""
        self._tell_gap()

    def offer(self, chunk: bytes, messages: int) -> bool:
        """Write a chunk if there is room; False when its messages are dropped."""
        if self._transport is None:
            return True  # it has left: nothing is missed
        if self._transport.get_write_buffer_size() + len(chunk) > BUFFER_BYTES:
            self._missed += messages
            return False
        self._tell_gap()
        self._transport.write(chunk)
        return True

    def _tell_gap(self) -> None:
        if self._missed:
            missed, self._missed = self._missed, 0
            self.write(self._tap.caught_up(missed))

    def write(self, document: Document) -> None:
        """A document by itself."""
        if self._transport is not None:
            encoded = msgspec.msgpack.encode(document)
            self._transport.write(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded)

    def close(self) -> None:
        """Close after what was written."""
        if self._transport is not None:
            self._tell_gap()
            self._transport.close()
