"""The HSM over real sockets, in this process and in its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from hsm_sim.server import MAX_COMMAND_BYTES, MAX_CONNECTIONS, Server

LIMIT_S = 20
NC = b"0000NC"
ND = b"0000ND00397B0B00000000001500-0023"


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(2) + body


async def one_response(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """What still comes before the server closes, in good order or not."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def with_server(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run `scenario(server, port)` against a server of its own, within a limit."""

    def run(scenario: Callable[[Server, int], Awaitable[None]], incomplete_timeout_s: float = LIMIT_S) -> None:
        async def main() -> None:
            server = Server(Device(published_test_lmk(), random=bytes), incomplete_timeout_s)
            port = await server.start("127.0.0.1", 0)
            try:
                await asyncio.wait_for(scenario(server, port), LIMIT_S)
            finally:
                await server.stop()

        request.param(main())

    return run


def test_hundreds_of_commands_in_one_segment(with_server):
    async def scenario(_server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        bodies = [b"%04dB20003abc" % number for number in range(500)]
        writer.write(b"".join(framed(body) for body in bodies))
        for body in bodies:
            assert await one_response(reader) == body[:4] + b"B300abc"
        writer.close()

    with_server(scenario)


def test_byte_by_byte(with_server):
    async def scenario(_server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in framed(NC) * 2:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert [await one_response(reader) for _ in range(2)] == [ND, ND]
        writer.close()

    with_server(scenario)


def test_frames_too_short_for_a_command_are_answered(with_server):
    async def scenario(_server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(framed(b"") + framed(b"00") + framed(b"0000XX") + framed(NC))
        answers = [await one_response(reader) for _ in range(4)]
        assert answers == [b"ZZ15", b"00ZZ15", b"0000XY68", ND]
        writer.close()

    with_server(scenario)


def test_the_longest_command_and_one_too_long(with_server):
    async def scenario(_server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        longest = b"0000B2" + b"%04X" % (MAX_COMMAND_BYTES - 10) + b"x" * (MAX_COMMAND_BYTES - 10)
        writer.write(framed(longest))
        assert await one_response(reader) == b"0000B300" + longest[10:]
        writer.write(framed(NC) + framed(longest + b"x"))
        assert await until_closed(reader) == framed(ND)
        writer.close()

    with_server(scenario)


def test_the_65th_connection_is_refused_until_one_leaves(with_server):
    async def scenario(server: Server, port: int) -> None:
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
        for reader, writer in clients:
            writer.write(framed(NC))
            assert await one_response(reader) == ND
        refused, refused_writer = await asyncio.open_connection("127.0.0.1", port)
        assert await until_closed(refused) == b""
        refused_writer.close()
        clients[0][1].close()
        while len(server.connections) == MAX_CONNECTIONS:
            await asyncio.sleep(0.001)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(framed(NC))
        assert await one_response(reader) == ND
        for _, each in [*clients, (reader, writer)]:
            each.close()

    with_server(scenario)


@pytest.mark.parametrize("start", [b"\x00", b"\x00\x06", b"\x00\x06000", framed(NC) + b"\x00\x06"])
def test_an_incomplete_command_does_not_keep_its_connection(with_server, start):
    async def scenario(server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        assert await until_closed(reader) in (b"", framed(ND))
        while server.connections:
            await asyncio.sleep(0.001)
        writer.close()

    with_server(scenario, incomplete_timeout_s=0.05)


def test_a_client_that_is_silent_between_commands_stays(with_server):
    async def scenario(_server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in (framed(NC)[:3], framed(NC)[3:]):
            writer.write(part)
            await asyncio.sleep(0)
        assert await one_response(reader) == ND
        await asyncio.sleep(0.2)
        writer.write(framed(NC))
        assert await one_response(reader) == ND
        writer.close()

    with_server(scenario, incomplete_timeout_s=0.05)


def test_clients_that_vanish_harm_nobody(with_server):
    async def scenario(server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(20):
            _, vanishing = await asyncio.open_connection("127.0.0.1", port)
            vanishing.write(framed(NC) * 200 + b"\x00")
            vanishing.transport.abort()
            writer.write(framed(NC))
            assert await one_response(reader) == ND
        while len(server.connections) > 1:
            await asyncio.sleep(0.001)
        writer.close()

    with_server(scenario)


def test_a_command_that_trickles_in_is_not_waited_for(with_server):
    async def scenario(server: Server, port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MAX_COMMAND_BYTES.to_bytes(2))
        while not server.connections:
            await asyncio.sleep(0)
        while server.connections:
            writer.write(b"x")
            await asyncio.sleep(0.01)
        writer.close()

    with_server(scenario, incomplete_timeout_s=0.05)


def test_a_client_that_does_not_read_is_not_read_from(with_server):
    async def scenario(server: Server, port: int) -> None:
        greedy_reader, greedy = await asyncio.open_connection("127.0.0.1", port, limit=2048)
        payload = b"0000B20700" + b"x" * 0x700
        count = 16000
        greedy.write(framed(payload) * count)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        held = 0
        for _ in range(300):
            writer.write(framed(NC))
            assert await one_response(reader) == ND
            held = max(held, *(each.held_answer_bytes for each in server.connections))
        assert 0 < held < 2**20
        for _ in range(count):
            assert await one_response(greedy_reader) == b"0000B300" + payload[10:]
        greedy.close()
        writer.close()

    with_server(scenario)


def test_a_stall_delays_and_loses_nothing(with_server):
    async def scenario(server: Server, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(framed(NC)[:4])
        server.stall(LIMIT_S)
        later_reader, later_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(framed(NC)[4:])
        later_writer.write(framed(NC))
        answers = [asyncio.ensure_future(one_response(each)) for each in (reader, later_reader)]
        done, _ = await asyncio.wait(answers, timeout=0.15)
        assert not done
        server.stall(0)
        assert [await answer for answer in answers] == [ND, ND]
        writer.close()
        later_writer.close()

    with_server(scenario, incomplete_timeout_s=0.05)


PROGRAM = """
import argparse, sys
from hsm_sim.cli import register
parser = argparse.ArgumentParser("monetique")
register(parser.add_subparsers())
args = parser.parse_args()
sys.exit(args.run(args))
"""


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "hsm", "--data", str(tmp_path / "data"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("MONETIQUE_")},
    )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_process_says_ready_and_stops_cleanly(tmp_path, number, status):
    with start(tmp_path, "--port", "0", "--lmk", "test") as process:
        ready = process.stdout.readline()
        port = int(ready.removeprefix("ready hsm=127.0.0.1:"))

        async def ask() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(framed(NC) + framed(b"PAYLOAD" * MAX_COMMAND_BYTES))
            answer = await until_closed(reader)
            writer.close()
            return answer

        assert asyncio.run(ask()) == framed(ND)
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == status
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["event"] for line in lines] == ["lmk loaded", "listening", "connection closed", "stopped"]
    assert "PAYLOAD" not in errors
    assert (lines[0]["lmk"], lines[0]["check_value"]) == ("test", "397B0B")
    assert "published" in lines[0]["note"]


def test_its_own_lmk_is_made_once_and_kept_private(tmp_path):
    check_values = []
    for _ in range(2):
        with start(tmp_path, "--port", "0") as process:
            process.stdout.readline()
            process.terminate()
            _, errors = process.communicate(timeout=LIMIT_S)
        check_values.append(json.loads(errors.splitlines()[0])["check_value"])
    assert check_values[0] == check_values[1] != "397B0B"
    assert (tmp_path / "data" / "lmk").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "--insecure"),
        (["--port", "65536"], "$.hsm.port"),
        (["--header", "-1"], "$.hsm.header"),
        (["--lmk", "missing"], "missing"),
        (["--config", "missing.toml"], "missing.toml"),
    ],
)
def test_what_cannot_be_followed_is_said_with_status_2(tmp_path, arguments, message):
    with start(tmp_path, *arguments) as process:
        out, errors = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (2, "")
    assert message in errors
    assert "Traceback" not in errors


def test_a_port_in_use_is_said(tmp_path):
    with start(tmp_path, "--port", "0") as first:
        port = first.stdout.readline().strip().rpartition(":")[2]
        with start(tmp_path, "--port", port) as second:
            _, errors = second.communicate(timeout=LIMIT_S)
        first.terminate()
        first.communicate(timeout=LIMIT_S)
    assert second.returncode == 2
    assert "cannot listen" in errors
