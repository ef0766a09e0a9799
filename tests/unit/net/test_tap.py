"""The tap: off it is not there; on it hands over every message, and drops whole ones rather than wait for a reader."""

import asyncio
import contextlib
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from switch.iso8583.dialect import load
from switch.iso8583.framing import Framing
from switch.net import tap as tap_module
from switch.net.addresses import Address
from switch.net.connections import Listener
from switch.net.control import short_path
from switch.net.effects import Driver
from switch.net.tap import Document, Dropped, Frames, Hello, Tap, tap_path
from switch.traces.format import TracedLink
from tests.unit.net.fakes import Echo, driver_of, on_loop, until

LINKS = {"acquirer": TracedLink("acquirer", "iso87-ascii", "len2")}
LAYOUT = load("iso87-ascii").layout
PLAIN = Framing()
Test = Callable[["Tapped"], Awaitable[None]]


class Reader:
    """One who reads the tap."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next(self) -> Document:
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        encoded = await self._reader.readexactly(length)
        return msgspec.msgpack.decode(encoded, type=Hello | Frames | Dropped)

    async def is_ended(self) -> bool:
        return await self._reader.read() == b""

    def close(self) -> None:
        self._writer.close()


class Tapped:
    """An echoing part on a real socket, with a tap."""

    def __init__(self, driver: Driver, tap: Tap, address: Address, path: Path) -> None:
        self.driver = driver
        self.tap = tap
        self.path = path
        self._address = address
        self._open: list[asyncio.StreamWriter] = []

    async def peer(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
        self._open.append(writer)
        return reader, writer

    async def connect(self) -> Reader:
        with short_path(self.path) as name:
            reader, writer = await asyncio.open_unix_connection(name)
        self._open.append(writer)
        return Reader(reader, writer)

    async def close(self) -> None:
        for writer in self._open:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def reader(self) -> Reader:
        reader = await self.connect()
        assert await reader.next() == Hello(LINKS)
        return reader


def tapped(test: Test, tmp_path: Path, framing: Framing = PLAIN) -> None:
    async def main() -> None:
        driver = driver_of(Echo(), lines.fileno())
        path = tap_path(tmp_path)
        tap = Tap(driver, path, LINKS)
        await tap.start()
        listener = Listener(driver, 0, "acquirer", framing, LAYOUT)
        address = await listener.start(Address.parse("127.0.0.1:0"))
        bench = Tapped(driver, tap, address, path)
        try:
            await test(bench)
        finally:
            await bench.close()
            listener.close()
            await tap.close()
            await driver.close()
            assert not path.exists()

    with (tmp_path / "lines").open("wb") as lines:
        on_loop(main)


async def exchange(peer: tuple[asyncio.StreamReader, asyncio.StreamWriter], *frames: bytes) -> None:
    """Send frames in one piece and wait for their echoes."""
    reader, writer = peer
    data = b"".join(map(Framing().wrap, frames))
    writer.write(data)
    assert await reader.readexactly(len(data)) == data


def test_without_a_reader_there_is_no_tap(tmp_path: Path) -> None:
    async def test(bench: Tapped) -> None:
        assert bench.driver.tap is None
        await exchange(await bench.peer(), b"0100 unseen")
        reader = await bench.reader()
        assert bench.driver.tap is bench.tap
        reader.close()
        await until(lambda: bench.driver.tap is None)
        assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600

    tapped(test, tmp_path)


def test_what_comes_and_what_goes_in_its_order(tmp_path: Path) -> None:
    async def test(bench: Tapped) -> None:
        reader = await bench.reader()
        first, second = await bench.peer(), await bench.peer()
        await exchange(first, b"0100 a", b"0100 b")
        await exchange(second, b"0100 c")
        seen = [await reader.next() for _ in range(4)]
        assert [(d.link, d.connection, d.sent, d.frames) for d in seen if isinstance(d, Frames)] == [
            (0, 1, False, [b"0100 a", b"0100 b"]),
            (0, 1, True, [b"0100 a", b"0100 b"]),
            (0, 2, False, [b"0100 c"]),
            (0, 2, True, [b"0100 c"]),
        ]
        times = [d.t for d in seen if isinstance(d, Frames)]
        assert times == sorted(times)

    tapped(test, tmp_path)


def test_messages_are_handed_over_without_their_tpdus(tmp_path: Path) -> None:
    framing = Framing.parse("len4-inclusive", "tpdu:6000030000")
    message = LAYOUT.encode({"t": "0800", "11": "000001"})

    async def test(bench: Tapped) -> None:
        tap = await bench.reader()
        reader, writer = await bench.peer()
        sent = framing.wrap(message)
        writer.write(sent)
        await reader.readexactly(len(sent))
        assert [d.frames for d in (await tap.next(), await tap.next()) if isinstance(d, Frames)] == [[message]] * 2

    tapped(test, tmp_path, framing)


def test_a_reader_that_does_not_read_makes_nobody_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole messages are dropped for it, counted and told at their place; another reader has them all."""
    monkeypatch.setattr(tap_module, "BUFFER_BYTES", 100_000)
    monkeypatch.setattr(tap_module, "CHUNK_BYTES", 10_000)
    frame, each, rounds = b"0100" + b"x" * 996, 10, 400  # 8 MB in and out: more than sockets hold

    async def test(bench: Tapped) -> None:
        slow, quick, peer = await bench.reader(), await bench.reader(), await bench.peer()
        seen: list[Document] = []

        async def read_all() -> None:
            while True:
                seen.append(await quick.next())

        reading = asyncio.ensure_future(read_all())
        for _ in range(rounds):
            await exchange(peer, *[frame] * each)  # answered at once, whatever the slow reader does
        assert bench.tap.dropped > 0
        await until(lambda: sum(len(d.frames) for d in seen if isinstance(d, Frames)) == 2 * each * rounds)
        reading.cancel()
        assert not any(isinstance(d, Dropped) for d in seen)

        documents, messages = [], 0
        while messages < 2 * each * rounds:
            documents.append(document := await slow.next())
            messages += len(document.frames) if isinstance(document, Frames) else 0
            messages += document.count if isinstance(document, Dropped) else 0
        assert messages == 2 * each * rounds
        assert {len(body) for d in documents if isinstance(d, Frames) for body in d.frames} == {len(frame)}
        assert sum(d.count for d in documents if isinstance(d, Dropped)) == bench.tap.dropped
        assert bench.tap.figures() == {"tap-readers": 2, "tap-dropped": bench.tap.dropped}
        assert bench.driver.counts.events["tap", "reader-behind"] >= 1

    tapped(test, tmp_path)


def test_one_reader_too_many_is_told_so(tmp_path: Path) -> None:
    async def test(bench: Tapped) -> None:
        readers = [await bench.reader() for _ in range(tap_module.MAX_READERS)]
        refused = await bench.connect()
        assert await refused.next() == Hello({}, "8 read already; end one of them")
        assert await refused.is_ended()
        readers[0].close()
        await until(lambda: bench.tap.figures()["tap-readers"] == tap_module.MAX_READERS - 1)
        await bench.reader()

    tapped(test, tmp_path)


def test_what_was_handed_over_is_there_when_the_switch_ends(tmp_path: Path) -> None:
    async def test(bench: Tapped) -> None:
        assert not await bench.tap.wait_for_reader(0.01)
        reader = await bench.reader()
        assert await bench.tap.wait_for_reader(0.01)
        await exchange(await bench.peer(), b"0100 last")
        await bench.tap.close()
        assert [d.frames for d in (await reader.next(), await reader.next()) if isinstance(d, Frames)] == [
            [b"0100 last"],
            [b"0100 last"],
        ]
        assert await reader.is_ended()

    tapped(test, tmp_path)
