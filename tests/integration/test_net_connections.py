"""Real sockets against a driver with an echoing part: what a peer may do, and what it must not do to others."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from switch.iso8583.framing import Framing
from switch.net import connections
from switch.net.addresses import Address
from switch.net.connections import Listener
from switch.net.effects import Driver
from tests.unit.net.fakes import Echo, Memory, driver_of, on_loop, until

Test = Callable[[Echo, Driver, Listener, Address], Awaitable[None]]


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


def with_listener(test: Test, tmp_path: Path, text: str = "127.0.0.1:0") -> None:
    async def main() -> None:
        part = Echo()
        driver = driver_of(part, lines.fileno(), journal=Memory())
        listener = Listener(driver, 0, "acquirer", Framing())
        address = await listener.start(Address.parse(text))
        try:
            await test(part, driver, listener, address)
        finally:
            listener.close()
            await driver.close()

    with (tmp_path / "lines").open("wb") as lines:
        on_loop(main)


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.path:
        return await asyncio.open_unix_connection(address.path)
    return await asyncio.open_connection(address.host, address.port)


def test_a_frame_may_come_a_byte_at_a_time(tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        for byte in frame(b"0800 byte by byte") + frame(b"and another"):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)
        answer = frame(b"0800 byte by byte") + frame(b"and another")
        assert await reader.readexactly(len(answer)) == answer
        writer.close()

    with_listener(test, tmp_path)


@pytest.mark.parametrize("first", [b"p", b"r"], ids=["at-once", "durable-first"])
def test_a_burst_of_256_on_one_connection_is_answered_in_order(first: bytes, tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        burst = b"".join(frame(first + b"%d" % number) for number in range(256))
        writer.write(burst)
        assert await reader.readexactly(len(burst)) == burst
        writer.close()

    with_listener(test, tmp_path)


def test_a_peer_that_vanishes_hurts_nobody_else(tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        vanishing = socket.create_connection((address.host, address.port))
        vanishing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close sends a reset
        vanishing.sendall(frame(b"r gone before its answer") * 50)
        vanishing.close()
        writer.write(frame(b"still here"))
        assert await reader.readexactly(12) == frame(b"still here")
        await until(lambda: len(part.up) == 1)
        writer.write(frame(b"and again!"))
        assert await reader.readexactly(12) == frame(b"and again!")
        writer.close()

    with_listener(test, tmp_path)


@pytest.mark.parametrize(
    ("sent", "hint"),
    [(b"\0\0", "no bytes"), (b"\xff\xff0100", "above the maximum"), (b"0100F23C", "0100")],
    ids=["zero", "oversized", "no-length"],
)
def test_broken_framing_ends_the_connection_with_a_reason(sent: bytes, hint: str, tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(sent)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)
        await until(lambda: not part.up)
        assert driver.counts.events["framing", "bad-length"] == 1
        driver._lines.flush()
        assert hint in (tmp_path / "lines").read_text()
        writer.close()

    with_listener(test, tmp_path)


def test_a_length_then_silence_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENCE_S", 0.05)
    monkeypatch.setattr(connections, "SWEEP_S", 0.02)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(frame(b"a whole one first") + b"\1\0")
        await reader.readexactly(19)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)
        assert driver.counts.events["framing", "no-bytes-after-length"] == 1
        writer.close()

    with_listener(test, tmp_path)


def test_an_idle_connection_between_frames_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENCE_S", 0.03)
    monkeypatch.setattr(connections, "SWEEP_S", 0.01)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        for _ in range(2):
            writer.write(b"\0")
            await asyncio.sleep(0.005)
            writer.write(b"\4echo")
            assert await reader.readexactly(6) == b"\0\4echo"
            await asyncio.sleep(0.08)
        writer.close()

    with_listener(test, tmp_path)


def test_a_half_closed_peer_gets_its_answers(tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(frame(b"r one") + frame(b"r two"))
        writer.write_eof()
        assert await reader.read() == frame(b"r one") + frame(b"r two")  # and then the end of stream
        writer.close()

    with_listener(test, tmp_path)


def test_a_half_closed_peer_is_not_waited_for_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HALF_CLOSED_S", 0.03)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(frame(b"# never answered"))
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()

    with_listener(test, tmp_path)


def test_a_peer_that_does_not_read_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_BYTES", 10_000)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        with socket.create_connection((address.host, address.port)) as deaf:
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            flood = frame(b"x" * 8000) * 10_000  # more than all buffers on the way hold
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                await loop.sock_sendall(deaf, flood)
        await until(lambda: not part.up)
        assert driver.counts.events["refused", "slow-reader"] == 1

    with_listener(test, tmp_path)


def test_one_connection_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(frame(b"first"))
        await reader.readexactly(7)
        late, too_late = await connect(address)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await late.readexactly(1)
        assert driver.counts.events["refused", "too-many-connections"] == 1
        writer.write(frame(b"still"))
        assert await reader.readexactly(7) == frame(b"still")
        writer.close()
        too_late.close()

    with_listener(test, tmp_path)


def test_the_part_may_hang_up_after_a_last_word(tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(frame(b"quit"))
        assert await reader.read() == frame(b"quit")
        writer.close()

    with_listener(test, tmp_path)


def test_a_slowed_link_keeps_its_order(tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        loop = asyncio.get_running_loop()
        listener.slow(50)
        began = loop.time()
        writer.write(frame(b"slow"))
        await until(lambda: part.received)
        listener.slow(0)
        writer.write(frame(b"fast"))
        assert await reader.readexactly(12) == frame(b"slow") + frame(b"fast")
        assert loop.time() - began >= 0.049
        writer.close()

    with_listener(test, tmp_path)


def test_a_unix_socket_serves_too_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "issuer.sock"))
    dead.close()

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(frame(b"local"))
        assert await reader.readexactly(7) == frame(b"local")
        with pytest.raises(FileExistsError, match="listens there already"):
            await Listener(driver, 0, "second", Framing()).start(address)
        writer.close()

    with_listener(test, tmp_path, f"unix:{tmp_path}/issuer.sock")
