"""Fake sans-IO parts and a fake HSM, small enough to see through."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from switch.core.effects import ANSWER, CLOSE, COMMIT, HSM, SEND, Effect
from switch.core.part import Part
from switch.core.transaction import Transaction
from switch.net.addresses import Address
from switch.net.clock import Clock
from switch.net.effects import Driver
from switch.net.lines import Lines
from switch.net.metrics import Counts

NOWHERE = os.open(os.devnull, os.O_WRONLY)  # for the lines of parts whose lines do not matter
TEST_S = 10.0  # no test takes a second; one that hangs fails instead


def on_loop(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine on uvloop, as production does."""

    async def bounded() -> None:
        await asyncio.wait_for(main(), TEST_S)

    uvloop.run(bounded())


async def until(condition: Callable[[], Any]) -> None:
    """Wait until the condition holds; `on_loop` bounds it."""
    while not condition():
        await asyncio.sleep(0.002)


class Echo(Part):
    """Answers each frame with the same frame. By first byte: `h` through the HSM, `r` recorded first, `q` hangs up."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.up: set[int] = set()
        self.received: list[bytes] = []
        self.replies: list[tuple[int, bytes | None]] = []
        self.answered: list[Any] = []
        self.ticks: list[float] = []
        self.deadline: float | None = None
        self.asked: dict[int, tuple[int, bytes]] = {}

    def take_effects(self) -> list[Effect]:
        effects, self.effects = self.effects, []
        return effects

    def connected(self, conn: int, link: int, now: float) -> None:
        self.up.add(conn)

    def disconnected(self, conn: int, now: float) -> None:
        self.up.remove(conn)

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        self.received.append(frame)
        match frame[:1]:
            case b"h":
                tag = len(self.asked) + 1
                self.asked[tag] = (conn, frame)
                self.effects.append((HSM, tag, b"CA" + frame))
            case b"r":
                self.effects.append((COMMIT, b"record of " + frame))
                self.effects.append((ANSWER, conn, frame, Transaction()))
            case b"q":
                self.effects.append((SEND, conn, frame))
                self.effects.append((CLOSE, conn, "asked to"))
            case b"#":  # swallowed: never answered
                pass
            case _:
                self.effects.append((SEND, conn, frame))

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        self.replies.append((tag, reply))
        conn, _ = self.asked[tag]
        self.effects.append((SEND, conn, reply or b"none"))

    def tick(self, now: float) -> None:
        self.ticks.append(now)
        self.deadline = None

    def next_deadline(self) -> float | None:
        return self.deadline


class Memory:
    """A journal in memory. `before_sync` may hold its syncs back; its errors are raised while they are set."""

    def __init__(self) -> None:
        self.appended: list[list[bytes]] = []
        self.synced = 0
        self.syncs = 0
        self.resumes = 0
        self.resume_error: Exception | None = None
        self.append_error: Exception | None = None
        self.sync_error: Exception | None = None
        self.before_sync: Callable[[], None] = lambda: None
        self._ended = os.eventfd(0)

    def append(self, payloads: Any) -> int:
        if self.append_error is not None:
            raise self.append_error
        self.appended.append(list(payloads))
        return sum(map(len, self.appended))

    def resume(self) -> None:
        self.resumes += 1
        if self.resume_error is not None:
            raise self.resume_error

    def begin_sync(self) -> "Memory":
        self._syncing = threading.Thread(target=self._sync, daemon=True)
        self._syncing.start()
        return self

    def _sync(self) -> None:
        upto = sum(map(len, self.appended))
        self.before_sync()
        if self.sync_error is None:
            self.syncs += 1
            self.synced = upto
        os.eventfd_write(self._ended, 1)

    def fileno(self) -> int:
        return self._ended

    def end_sync(self) -> None:
        os.eventfd_read(self._ended)
        self._syncing.join()
        if self.sync_error is not None:
            raise self.sync_error

    def __del__(self) -> None:
        os.close(self._ended)


def driver_of(part: Any, descriptor: int, **options: Any) -> Driver:
    """A started driver whose lines go to `descriptor`."""
    driver = Driver(part, Clock(), Lines("test", descriptor), Counts(), **options)
    driver.start()
    return driver


class FakeHsm(asyncio.Protocol):
    """Answers command `CA…` by `CB…` under the same header, in reverse order of what one read brought; or is silent."""

    sockets: "list[FakeHsm]"

    def __init__(self, sockets: "list[FakeHsm]") -> None:
        self.silent = False
        self.header_bytes = 4
        self.commands: list[bytes] = []
        self.writes = 0
        self._held = b""
        sockets.append(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        answers = []
        while len(self._held) >= 2 and len(self._held) >= 2 + (length := int.from_bytes(self._held[:2], "big")):
            body, self._held = self._held[2 : 2 + length], self._held[2 + length :]
            self.commands.append(body)
            answer = body[: self.header_bytes] + b"CB" + body[self.header_bytes + 2 :]
            answers.append(len(answer).to_bytes(2, "big") + answer)
        if answers and not self.silent:
            self.transport.write(b"".join(reversed(answers)))


async def fake_hsm(*, silent: bool = False, header_bytes: int = 4) -> tuple[asyncio.Server, Address, list[FakeHsm]]:
    """A listening fake HSM."""
    sockets: list[FakeHsm] = []

    def accept() -> FakeHsm:
        hsm = FakeHsm(sockets)
        hsm.silent, hsm.header_bytes = silent, header_bytes
        return hsm

    server, address = await Address("127.0.0.1", 0).listen(accept)
    return server, address, sockets
