"""What the shell costs an authorization by itself: splitting, effects, HSM client, group commit, histograms.

    python -m tests.bench.shell

Connections, HSM client and driver are the real ones; the transports under them, the log and the rules are stand-ins
that do next to nothing. So the rows are the shell's own time, without kernel and rules, in the three wake-ups of an
authorization; the two that commit include the hand-over to the thread that syncs and back. CPU time of the process,
median of the rounds, for wake-ups that bring `BATCH` authorizations and, where the fixed cost shows, few. What the
attribution of latency has in it stands beside, measured by itself: marks, hops, histograms; and what it all costs while
somebody reads the tap, of whose four messages every one is handed over. All of it is on one core,
the thread that syncs too, as in the switch that is measured: between two cores the hand-over costs ten times as much.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, NamedTuple, cast

import uvloop

from switch.core.effects import ANSWER, COMMIT, FORWARD, HSM, Effect
from switch.core.part import Part
from switch.core.transaction import Transaction
from switch.iso8583.framing import Framing
from switch.net import commits
from switch.net.addresses import Address
from switch.net.connections import Connection
from switch.net.effects import Driver
from switch.net.hsm import HEADER_BYTES, HsmClient
from switch.net.latencies import Latencies
from switch.net.status import Instruments
from switch.net.switch_part import GRAIN_S
from switch.net.tap import ReaderConnection, Tap
from switch.store.syncing import SyncThread
from tests.bench.programs import on_one_core
from tests.bench.table import Row, row, show

ROUNDS = 9
TURNS = 300
BATCH = 32
FEW = 4
CONNECTIONS = 8
WAKE_UPS = 3  # of an authorization
ATTRIBUTED = 20_000
NOTHING = 0  # a descriptor that cannot be synced, which costs nothing
WRAP = Framing().wrap

REQUEST = bytes(500)
ANSWERED = bytes(150)
RECORD = bytes(200)
COMMAND = bytes(120)
TRANSLATED = b"CD00040123456789ABCDEF01"
STRIDE = 2 + HEADER_BYTES + len(COMMAND)  # of commands as they are written


class Rules(Part):
    """A part that asks the HSM, forwards and answers without looking."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.issuer = 0
        self.tag = 0
        self.asked: dict[int, int] = {}
        self.forwarded: list[int] = []
        self.tx = Transaction()
        self.tx.de39 = "00"
        self.tx.acquirer_link = 0

    def take_effects(self) -> list[Effect]:
        effects, self.effects = self.effects, []
        return effects

    def connected(self, conn: int, link: int, now: float) -> None:
        if link == 1:
            self.issuer = conn

    def disconnected(self, conn: int, now: float) -> None:
        pass

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        if conn == self.issuer:
            self.tx.issuer_answered_at = self.tx.decided_at = now
            self.tx.answered_at = 0.0
            self.effects.append((COMMIT, RECORD))
            self.effects.append((ANSWER, self.forwarded.pop(), ANSWERED, self.tx))
        else:
            self.tx.received_at = self.tx.hsm_asked_at = now
            self.tag += 1
            self.asked[self.tag] = conn
            self.effects.append((HSM, self.tag, COMMAND))

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        self.tx.hsm_answered_at = now
        self.forwarded.append(self.asked.pop(tag))
        self.effects.append((COMMIT, RECORD))
        self.effects.append((FORWARD, self.issuer, REQUEST, self.tx))

    def tick(self, now: float) -> None:
        pass

    def next_deadline(self) -> float | None:
        return None


class Transport:
    """Keeps what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.wrote = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.written += data
        self.wrote.set()

    def abort(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return False

    def taken(self) -> bytes:
        """What was written since the last call."""
        written, self.written = self.written, b""
        self.wrote.clear()
        return written


def connect(protocol: Any, transport: Transport) -> tuple[Any, Transport]:
    """The two, one on the other."""
    protocol.connection_made(cast(asyncio.BaseTransport, transport))
    return protocol, transport


class Reader(Transport):
    """Takes what the tap hands over, at once."""

    def write(self, data: bytes) -> None:
        pass


class NoLog:
    """A log that forgets, at once."""

    def append(self, payloads: Any) -> int:
        return len(payloads)

    def __init__(self) -> None:
        self.thread = SyncThread()

    def begin_sync(self) -> SyncThread:
        self.thread.begin(NOTHING)
        return self.thread

    def end_sync(self) -> None:
        self.thread.end()

    def resume(self) -> None:
        pass


class NoDialling:
    """The address of an HSM whose one socket is given a transport of ours."""

    def __init__(self) -> None:
        self.dialled: list[tuple[Any, Transport]] = []

    async def dial(self, factory: Callable[[], asyncio.BaseProtocol], *_: Any) -> Any:
        if self.dialled:
            raise OSError("one is enough")
        self.dialled.append((factory(), Transport()))
        connect(*self.dialled[0])


class Sample(NamedTuple):
    """Microseconds an authorization, wake-up by wake-up."""

    request: float
    translated: float
    answered: float


class Bench:
    """A driver between fake transports."""

    def __init__(self, *, tapped: bool) -> None:
        instruments = Instruments("bench", links=["acquirer", "issuer"])
        self.rules = Rules()
        self.driver = Driver(
            self.rules, instruments.clock, instruments.lines, instruments.counts, journal=NoLog(),
            observe=instruments.latencies.observe, refuse_new=lambda conn, frames: (list(frames), []),
            wake_ups=instruments.latencies.wake_ups, grain_s=GRAIN_S,
        )  # fmt: skip
        self.acquirers = [self.connect(0) for _ in range(CONNECTIONS)]
        self.issuer = self.connect(1)
        self.address = NoDialling()
        self.hsm = HsmClient(self.driver, cast(Address, self.address))
        self.hsm.start()
        if tapped:
            connect(ReaderConnection(Tap(self.driver, Path(), {})), Reader())

    def connect(self, link: int) -> tuple[Any, Transport]:
        """One more connection."""
        connection = Connection(self.driver, link, Framing(), "", lambda _: None, dialled=bool(link))
        return connect(connection, Transport())

    async def turn(self, batch: int) -> Sample:
        """The wake-ups of `batch` authorizations. Only the shell's time counts, not that of making what it is given."""
        chunks = [WRAP(REQUEST) * (batch // CONNECTIONS or 1)] * min(CONNECTIONS, batch)
        socket, line = self.address.dialled[0]
        started = process_time()
        for (connection, _), chunk in zip(self.acquirers, chunks, strict=False):
            connection.data_received(chunk)
        await line.wrote.wait()
        request = process_time() - started

        asked = line.taken()
        headers = [asked[at + 2 : at + 2 + HEADER_BYTES] for at in range(0, len(asked), STRIDE)]
        replies = b"".join(WRAP(header + TRANSLATED) for header in headers)
        started = process_time()
        socket.data_received(replies)
        await self.issuer[1].wrote.wait()
        translated = process_time() - started

        self.issuer[1].taken()
        approvals = WRAP(ANSWERED) * batch
        started = process_time()
        self.issuer[0].data_received(approvals)
        await self.acquirers[0][1].wrote.wait()
        answered = process_time() - started
        for _, transport in self.acquirers:
            transport.taken()
        return Sample(*(seconds / batch * 1e6 for seconds in (request, translated, answered)))

    async def mean(self, batch: int) -> Sample:
        """Of many turns."""
        samples = [await self.turn(batch) for _ in range(TURNS)]
        return Sample(*(sum(column) / TURNS for column in zip(*samples, strict=True)))


async def measure(batch: int) -> tuple[list[Sample], list[Sample]]:
    """A sample each round: while nobody reads the tap, and while somebody does, by turns.

    Syncs are not paced: the cost of a wake-up is asked for, not how many there are.
    """
    commits.PACE_S = 0.0
    benches = Bench(tapped=False), Bench(tapped=True)
    while not all(bench.hsm.up for bench in benches):
        await asyncio.sleep(0)
    rounds = [[await bench.mean(batch) for bench in benches] for _ in range(ROUNDS)]
    for bench in benches:
        await bench.driver.close()
        await bench.hsm.close()
    return [off for off, _ in rounds], [on for _, on in rounds]


def attribution(batch: int) -> float:
    """Microseconds an authorization: the marks of three wake-ups, and the hops of `batch` authorizations."""
    latencies = Latencies()
    wake_ups = latencies.wake_ups
    transactions = [Transaction() for _ in range(batch)]
    spent = 0.0
    for turn in range(ATTRIBUTED // batch):
        at = 1e9 + turn * 0.004
        for tx in transactions:
            tx.received_at = tx.hsm_asked_at = at + 1e-6
            tx.hsm_answered_at, tx.forwarded_at = at + 0.001, at + 0.002
            tx.issuer_answered_at = tx.decided_at = at + 0.003
            tx.answered_at = at + 0.004
        started = process_time()
        for _ in range(WAKE_UPS):
            wake_ups.began.add(at)
        wake_ups.asked.add(at + 1e-5)
        wake_ups.durable.add(at + 0.0019)
        wake_ups.durable.add(at + 0.0039)
        latencies.observe(transactions)
        spent += process_time() - started
    return spent / ATTRIBUTED * 1e6


def rows() -> list[Row]:
    """All rows of this module."""
    result = []
    for batch in (BATCH, FEW):
        with on_one_core():
            samples, read = uvloop.run(measure(batch))
        result.append(row(f"shell, {batch} authorizations a wake-up", "us", [sum(sample) for sample in samples]))
        result += [row(f"  {name}", "us", [getattr(sample, name) for sample in samples]) for name in Sample._fields]
        result.append(tap_row(samples, read))
        result.append(row("  hop attribution, in the above", "us", [attribution(batch) for _ in range(ROUNDS)]))
    return result


def tap_row(off: list[Sample], on: list[Sample]) -> Row:
    """The whole with somebody reading the tap, beside the whole with nobody."""
    return row("  the whole, its tap read", "us", [sum(sample) for sample in on], "not read", median(map(sum, off)))


if __name__ == "__main__":
    show(rows)
