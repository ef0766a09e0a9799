"""Bad company: the others' latency beside it, and without it.

    python -m tests.bench.crowd

`slow`: a thousand connections to the acquirer port. A third each sends the length of a message and then nothing (the
switch ends it, it comes again), a byte a second, or nothing at all. `flood`: an issuer that sends answers nobody asked
for, as fast as they are taken. Meanwhile a quarter of the peak is offered on connections of their own, to another
issuer. Windows with and without take turns.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable

from loadtest.messages import prepare
from loadtest.stubs import INSTITUTION_ID, LOOPBACK, Report, announce
from switch.iso8583.dialect import load
from switch.net.control import request, socket_path
from tests.bench.overload import Switch, approved_per_s
from tests.bench.programs import Programs, cores
from tests.bench.table import Row, row, show

PEERS = 1_000
SHARE = 0.25  # of the peak: far from busy, so that it is the company that is seen
ROUNDS = 5
WINDOW_S = 2.0
WARM_UP_S = 2.5  # past the first half-open frames that the switch gives up
LENGTH = b"\x01\xf2"  # of a message that does not come
BYTE_S = 1.0
FLOOD_FRAMES = 1_000  # in one write

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def length_then_silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half a header's promise."""
    writer.write(LENGTH)
    await reader.read()


async def a_byte_a_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A message that takes minutes."""
    writer.write(LENGTH)
    while not reader.at_eof():
        writer.write(b"0")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(), BYTE_S)


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A connection."""
    await reader.read()


KINDS: tuple[Talk, ...] = (length_then_silence, a_byte_a_second, nothing)


async def slow(port: int) -> None:
    """All of them, each dialled again when it is ended; announced once every one has connected."""
    connected = asyncio.Semaphore(0)

    async def one(number: int) -> None:
        first = True
        await asyncio.sleep(number / PEERS)  # nor would a thousand strangers all come at once
        while True:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            if first:
                connected.release()
            first = False
            with contextlib.suppress(ConnectionError):
                await KINDS[number % len(KINDS)](reader, writer)
            writer.close()

    tasks = [asyncio.create_task(one(number)) for number in range(PEERS)]
    for _ in tasks:
        await connected.acquire()
    announce(slow=port)
    await asyncio.gather(*tasks)


async def flood(port: int) -> None:
    """Listen as an issuer, and flood whoever connects."""
    layout = load("iso87-bcd").layout
    request = load("iso87-ascii").layout.decode(prepare(INSTITUTION_ID, 0.0).purchases[0])
    kept = {key: request[key] for key in ("3", "4", "7", "32", "41", "49")}
    frame = layout.encode(kept | {"t": "0110", "11": "999999", "37": "NOBODYASKED1", "39": "00"})
    frames = (len(frame).to_bytes(2, "big") + frame) * FLOOD_FRAMES

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(frames)
                await writer.drain()

    server = await asyncio.start_server(talk, LOOPBACK, port)
    announce(flood=server.sockets[0].getsockname()[1])
    await server.serve_forever()


COMPANY = {"slow": (slow, f"{PEERS:,} slow connections"), "flood": (flood, "a flood of unsolicited 0110s")}


def rows() -> list[Row]:
    """All rows of this module."""
    reports: dict[str, list[Report]] = {name: [] for name in ("without", *COMPANY)}
    with Programs() as programs:
        flooding = programs.start("tests.bench.crowd", "flood", "0", on=cores().others)
        switch = Switch(programs, flooding.wait_ready()["flood"])
        control = socket_path(programs.folder / "data", "switch")
        rate = approved_per_s(switch.window(WINDOW_S)) * SHARE
        for _ in range(ROUNDS):
            reports["without"].append(switch.window(WINDOW_S, rate))
            company = programs.start("tests.bench.crowd", "slow", str(switch.port), on=cores().others)
            company.wait_ready()
            reports["slow"].append(switch.window(WINDOW_S, rate, WARM_UP_S))
            company.stop()
            request(control, {"command": "link", "name": "issuer-2", "action": "up"})
            reports["flood"].append(switch.window(WINDOW_S, rate, WARM_UP_S))
            request(control, {"command": "link", "name": "issuer-2", "action": "down"})

    def compared(name: str, percentile: str, figure: Callable[[Report], float]) -> Row:
        alone = sorted(map(figure, reports["without"]))[ROUNDS // 2]
        title = f"latency beside {COMPANY[name][1]}, {percentile}"
        return row(title, "ms", [*map(figure, reports[name])], "without", alone)

    return [
        row
        for name in COMPANY
        for row in (
            compared(name, "p50", lambda report: report.p50_ms),
            compared(name, "p99", lambda report: report.p99_ms),
        )
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(COMPANY[sys.argv[1]][0](int(sys.argv[2])))
    else:
        show(rows)
