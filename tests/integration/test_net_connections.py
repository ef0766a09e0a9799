"""Real sockets against a driver with an echoing part: what a peer may do, and what it must not do to others."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from switch.core.effects import SEND
from switch.iso8583.dialect import load
from switch.iso8583.framing import LENGTHS, Framing, Splitter
from switch.net import connections, effects
from switch.net.addresses import Address
from switch.net.connections import Listener
from switch.net.effects import Driver
from switch.net.links import Dialer
from tests.unit.net.fakes import Echo, Memory, driver_of, on_loop, until

LEN2 = Framing()

Test = Callable[[Echo, Driver, Listener, Address], Awaitable[None]]


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


def with_listener(test: Test, tmp_path: Path, text: str = "127.0.0.1:0", framing: Framing = LEN2) -> None:
    async def main() -> None:
        part = Echo()
        driver = driver_of(part, lines.fileno(), journal=Memory())
        listener = Listener(driver, 0, "acquirer", framing, load("iso87-ascii").layout)
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
    [(b"\xff\xff0100", "above the maximum"), (b"0100F23C", "0100")],
    ids=["oversized", "no-length"],
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


BROKEN = b"\xff\xff no length"


async def apart(writer: asyncio.StreamWriter, *pieces: bytes) -> None:
    """Write the pieces 2 ms apart, each in a segment of its own."""
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("first", [b"p", b"r"], ids=["at-once", "durable-first"])
@pytest.mark.parametrize("together", [True, False], ids=["one-segment", "2-ms-apart"])
def test_frames_before_broken_framing_are_answered(together: bool, first: bytes, tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        whole = b"".join(frame(first + b"%d" % number) for number in range(5))
        await apart(writer, *([whole + BROKEN] if together else [whole, BROKEN]))
        assert await reader.read() == whole  # and then the end of stream
        await until(lambda: not part.up)
        assert driver.counts.events["framing", "bad-length"] == 1
        writer.close()

    with_listener(test, tmp_path)


@pytest.mark.parametrize("broken", [BROKEN, b"\1\0half"], ids=["no-length", "silence"])
def test_what_was_asked_before_broken_framing_may_take_its_time(
    broken: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An issuer's answer comes a fifth of a second later; what the peer sends meanwhile is not looked at."""
    monkeypatch.setattr(connections, "SILENCE_S", 0.03)
    monkeypatch.setattr(connections, "SWEEP_S", 0.01)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        await apart(writer, frame(b"# one") + frame(b"# two") + broken)
        await until(lambda: sum(driver.counts.events.values()) == 1)
        (number,) = part.up
        for answer in (b"answer one", b"answer two"):
            await apart(writer, b"still broken" * 1000)
            part.effects.append((SEND, number, answer))
            driver.wake()
        assert await reader.read() == frame(b"answer one") + frame(b"answer two")
        await until(lambda: not part.up)
        assert part.received == [b"# one", b"# two"]
        writer.close()

    with_listener(test, tmp_path)


def test_a_peer_with_broken_framing_is_not_waited_for_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LAST_ANSWERS_S", 0.03)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        writer.write(frame(b"# never answered") + BROKEN)
        assert await reader.read() == b""
        writer.close()

    with_listener(test, tmp_path)


def test_frames_held_over_are_served_before_the_framing_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "QUOTA", 3)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        whole = b"".join(frame(b"%d" % number) for number in range(20))
        await apart(writer, whole + BROKEN)
        assert await reader.read() == whole
        writer.close()

    with_listener(test, tmp_path)


def test_a_slowed_link_gets_every_answer_before_the_end(tmp_path: Path) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        await until(lambda: part.up)
        listener.slow(20)
        await apart(writer, frame(b"one"), frame(b"two") + BROKEN)
        assert await reader.read() == frame(b"one") + frame(b"two")
        writer.close()

    with_listener(test, tmp_path)


FRAMINGS = [
    Framing.parse(kind, header)
    for kind, header in [
        ("len2", "49534F30"), ("len2", "tpdu"), ("len2-inclusive", ""), ("len4", ""), ("len4-inclusive", "tpdu"),
        ("ascii4", ""), ("ascii4-inclusive", "tpdu:6000030000"), ("bcd2", ""),
    ]
]  # fmt: skip


@pytest.mark.parametrize("framing", FRAMINGS, ids=lambda framing: f"{framing.kind}-{framing.header.hex()}")
def test_every_framing_serves_what_comes_before_a_fault_and_passes_over_keep_alives(
    framing: Framing, tmp_path: Path
) -> None:
    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        layout = load("iso87-ascii").layout
        messages = [layout.encode({"t": "0800", "11": f"{number:06}", "70": "301"}) for number in range(3)]
        idle = LENGTHS[framing.kind].write(LENGTHS[framing.kind].width if LENGTHS[framing.kind].inclusive else 0)
        await apart(writer, idle, idle + b"".join(framing.wrap(message) + idle for message in messages) + b"\xff" * 9)
        splitter = Splitter(framing)
        assert splitter.feed(await reader.read()) == messages
        assert driver.counts.events == {("framing", "bad-length"): 1}
        writer.close()

    with_listener(test, tmp_path, framing=framing)


def test_four_bytes_of_length_where_two_are_expected_are_served_and_told(tmp_path: Path) -> None:
    """The first two are zero, which is a keep-alive; but the peer will not understand the answer."""

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        await apart(writer, Framing("len4").wrap(b"0800"))
        assert await reader.readexactly(6) == frame(b"0800")
        assert driver.counts.events == {("framing", "zero-before-each"): 1}
        writer.close()

    with_listener(test, tmp_path)


def test_a_flood_of_keep_alives_makes_the_peer_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes with them is served at once; the socket is read again when they have had their time."""
    monkeypatch.setattr(connections, "CHATTER_PAUSE_S", 10.0)

    async def test(part: Echo, driver: Driver, listener: Listener, address: Address) -> None:
        reader, writer = await connect(address)
        await apart(writer, b"\0\0" * connections.CHATTER + frame(b"served"))
        assert await reader.readexactly(8) == frame(b"served")
        await apart(writer, b"\0\0" * (connections.CHATTER + 1) + frame(b"with them"))
        assert await reader.readexactly(11) == frame(b"with them")
        await apart(writer, frame(b"not read"))
        await asyncio.sleep(0.02)
        assert part.received == [b"served", b"with them"]
        writer.close()

    with_listener(test, tmp_path)


def test_an_answer_before_broken_framing_counts_on_a_link_that_we_dialled(tmp_path: Path) -> None:
    """The issuer's approval is handed in; its echo request is answered; then the line is given up and dialled again."""

    async def main() -> None:
        part = Echo()
        driver = driver_of(part, lines.fileno(), journal=Memory())
        seen: list[bytes] = []

        async def issuer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(frame(b"# approved") + frame(b"r echo") + b"\0\0" + BROKEN)
            seen.append(await reader.read())
            writer.close()

        server = await asyncio.start_server(issuer, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        dialer = Dialer(driver, 0, "issuer-1", Framing(), Address(host, port))
        dialer.start()
        await until(lambda: len(seen) >= 2)
        assert part.received[:2] == [b"# approved", b"r echo"]
        assert seen[0] == frame(b"r echo")
        assert driver.counts.events["framing", "bad-length"] >= 1
        dialer.close()
        server.close()
        await until(lambda: not part.up)
        await driver.close()

    with (tmp_path / "lines").open("wb") as lines:
        on_loop(main)


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
    monkeypatch.setattr(connections, "LAST_ANSWERS_S", 0.03)

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
