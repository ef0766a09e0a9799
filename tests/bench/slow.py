"""A thousand connections that are slow or half open: what the others' latency is beside them, and without them.

    python -m tests.bench.slow

A third each sends the length of a message and then nothing (the switch ends it, it comes again), a byte a second, or
nothing at all. Meanwhile half of the peak is offered on connections of their own. Windows with and without take turns.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable

from loadtest.stubs import LOOPBACK, Report, announce
from tests.bench.overload import CALM_SHARE, Switch, approved_per_s
from tests.bench.programs import Programs
from tests.bench.table import Row, lines, row

PEERS = 1_000
ROUNDS = 5
WINDOW_S = 2.0
WARM_UP_S = 2.5  # past the first half-open frames that the switch gives up
LENGTH = b"\x01\xf2"  # of a message that does not come
BYTE_S = 1.0


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


KINDS: tuple[Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], ...]
KINDS = (length_then_silence, a_byte_a_second, nothing)


async def peers(port: int) -> None:
    """All of them, each dialled again when it is ended; announced once every one has connected."""
    connected = asyncio.Semaphore(0)

    async def one(number: int) -> None:
        first = True
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
    announce(peers=port)
    await asyncio.gather(*tasks)


def rows() -> list[Row]:
    """All rows of this module."""
    without: list[Report] = []
    beside: list[Report] = []
    with Programs() as programs:
        switch = Switch(programs)
        rate = approved_per_s(switch.window(WINDOW_S)) * CALM_SHARE
        for _ in range(ROUNDS):
            without.append(switch.window(WINDOW_S, rate))
            slow = programs.start("tests.bench.slow", str(switch.port), on=switch.bench.on.others)
            slow.wait_ready()
            beside.append(switch.window(WINDOW_S, rate, WARM_UP_S))
            slow.stop()

    def compared(name: str, figure: Callable[[Report], float]) -> Row:
        alone = sorted(figure(report) for report in without)[ROUNDS // 2]
        return row(f"latency beside {PEERS:,} slow connections, {name}", "ms", [*map(figure, beside)], "without", alone)

    return [compared("p50", lambda report: report.p50_ms), compared("p99", lambda report: report.p99_ms)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(peers(int(sys.argv[1])))
    else:
        print("\n".join(lines(rows())))
