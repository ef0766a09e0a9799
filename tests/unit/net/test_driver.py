"""The driver alone: joined writes, the one timer, order, failure of the log."""

import asyncio
import os
import threading
from collections.abc import Sequence

import pytest

from switch.core.effects import ANSWER, CLOSE, COMMIT, EVENT, FORWARD, SEND
from switch.core.transaction import Transaction
from switch.net import commits, effects
from switch.net.clock import Clock
from switch.net.latencies import PATH, Latencies
from tests.unit.net.fakes import Echo, Memory, driver_of, on_loop, until


class Outlet(effects.Outlet):
    """Notes what is done to it."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self._queue: list[bytes] = []

    def put(self, frame: bytes) -> None:
        self._queue.append(frame)

    def put_all(self, frames: list[bytes]) -> None:
        self._queue += frames

    def flush(self) -> None:
        self.log.append(tuple(self._queue))
        self._queue.clear()

    def close(self) -> None:
        self.log.append("closed")


def test_one_write_per_connection_and_wake_up(lines_file: int) -> None:
    async def main() -> None:
        part, first, second = Echo(), Outlet(), Outlet()
        driver = driver_of(part, lines_file)
        one, two = driver.join(first, 0), driver.join(second, 0)
        for number in range(3):
            part.receive(one, b"a%d" % number, 0.0)
            part.receive(two, b"b%d" % number, 0.0)
            driver.wake()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert first.log == [(b"a0", b"a1", b"a2")]
        assert second.log == [(b"b0", b"b1", b"b2")]
        await driver.close()

    on_loop(main)


def test_close_leaves_behind_held_answers_and_forwards_are_stamped(lines_file: int) -> None:
    async def main() -> None:
        part, outlet, journal, gate, observed = Echo(), Outlet(), Memory(), threading.Event(), []
        journal.before_sync = gate.wait
        driver = driver_of(part, lines_file, journal=journal, observe=observed.extend)
        conn = driver.join(outlet, 0)
        asked, answered = Transaction(), Transaction()
        part.effects = [
            (COMMIT, b"intent"),
            (FORWARD, conn, b"request", asked),
            (SEND, conn, b"at once"),
            (COMMIT, b"outcome"),
            (ANSWER, conn, b"answer", answered),
            (CLOSE, conn, "done"),
        ]
        driver.wake()
        await until(lambda: outlet.log)
        assert outlet.log == [(b"at once",)]
        assert asked.forwarded_at == answered.answered_at == 0.0
        gate.set()
        await until(lambda: len(outlet.log) == 3)
        assert outlet.log[1:] == [(b"request", b"answer"), "closed"]
        assert asked.forwarded_at > 0
        assert observed == [answered]
        assert answered.answered_at > 0
        await driver.close()

    on_loop(main)


class Authorizing(Echo):
    """Records, forwards and answers one transaction: each frame is its next step."""

    def __init__(self) -> None:
        super().__init__()
        self.tx = Transaction()

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        if frame == b"request":
            self.tx.received_at = now
            self.effects += [(COMMIT, b"intent"), (FORWARD, conn, frame, self.tx)]
        else:
            self.tx.issuer_answered_at = self.tx.decided_at = now
            self.effects += [(COMMIT, b"outcome"), (ANSWER, conn, frame, self.tx), (ANSWER, conn, frame, self.tx)]


def test_the_hops_of_what_was_answered_add_up_and_a_repeat_does_not_count(lines_file: int) -> None:
    async def main() -> None:
        part, outlet, latencies = Authorizing(), Outlet(), Latencies()
        driver = driver_of(
            part, lines_file, journal=Memory(), observe=latencies.observe, wake_ups=latencies.wake_ups
        )  # fmt: skip
        conn = driver.join(outlet, 0)
        arrived = driver.clock()
        driver.received(conn, [b"request"], driver.clock())
        await until(lambda: outlet.log)
        driver.received(conn, [b"answer"], driver.clock())
        await until(lambda: len(outlet.log) == 2)
        await driver.close()
        tx = part.tx
        durable = latencies.wake_ups.durable
        assert arrived <= tx.received_at < durable.before(tx.forwarded_at) < tx.forwarded_at
        assert tx.decided_at < durable.before(tx.answered_at) < tx.answered_at
        assert all(hop.count == 1 for name, hop in latencies.hops.items() if name != "hsm")
        sums = {name: hop.sum_us for name, hop in latencies.hops.items()}
        assert sum(sums[hop] for hop in PATH) == pytest.approx(sums["total"], rel=1e-3)
        assert min(sums["log"], sums["answer"], sums["issuer"], sums["queue"]) > 0

    on_loop(main)


def test_a_part_with_a_grain_is_asked_once_for_many_wake_ups(lines_file: int) -> None:
    class Asked(Echo):
        times = 0

        def next_deadline(self) -> float | None:
            self.times += 1
            return self.deadline

    async def main() -> None:
        part = Asked()
        driver = driver_of(part, lines_file, grain_s=0.05)
        for _ in range(20):
            driver.wake()
            await asyncio.sleep(0)
        assert part.times == 0
        part.deadline = driver.clock()
        driver.wake()
        await until(lambda: part.ticks)
        await driver.close()

    on_loop(main)


def test_frames_behind_one_that_has_the_connection_closed_are_not_handed_in(lines_file: int) -> None:
    async def main() -> None:
        part, outlet, other = Echo(), Outlet(), Outlet()
        driver = driver_of(part, lines_file)
        conn, bystander = driver.join(outlet, 0), driver.join(other, 0)
        driver.received(conn, [b"a", b"quit", b"b"], 0.0)
        driver.received(conn, [b"c"], 0.0)
        driver.received(bystander, [b"d"], 0.0)
        await until(lambda: outlet.log and other.log)
        assert part.received == [b"a", b"quit", b"d"]
        assert outlet.log == [(b"a", b"quit"), "closed"]
        driver.leave(conn)
        assert driver._closing == set()
        await driver.close()

    on_loop(main)


def test_a_chatty_peer_waits_for_the_next_wake_up(lines_file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "QUOTA", 3)
    monkeypatch.setattr(effects, "CHATTER", 2)

    async def main() -> None:
        part, outlet = Echo(), Outlet()
        driver = driver_of(part, lines_file)
        chatty, other = driver.join(outlet, 0), driver.join(Outlet(), 0)
        answering = driver.join(Outlet(), 0, answering=True)
        await asyncio.sleep(0.01)
        assert driver.received(chatty, [b"a"] * 5, 0.0) == 3
        assert driver.received(chatty, [b"a"] * 5, 0.0) == 0
        assert driver.received(other, [b"b"], 0.0) == 1
        assert driver.received(answering, [b"answer"] * 5, 0.0) == 5  # leads to something
        assert driver.received(answering, [b"# leads to nothing"] * 5, 0.0) == 2
        await until(lambda: outlet.log)
        assert driver.received(chatty, [b"a"] * 2, 0.0) == 2
        await driver.close()

    on_loop(main)


def test_a_driver_that_is_behind_has_what_is_new_refused(lines_file: int) -> None:
    def refuse_new(conn: int, frames: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        return [frame for frame in frames if frame == b"old"], [b"96" for frame in frames if frame == b"new"]

    async def main() -> None:
        part, outlet, now = Echo(), Outlet(), [100.0]
        driver = driver_of(part, lines_file, refuse_new=refuse_new)

        class Standing(Clock):
            def now(self) -> float:
                return now[0]

        driver.clock = Standing()
        conn = driver.join(outlet, 0)
        assert driver.refused(conn, [b"new"], now[0] + effects.BURST_S / 2) == [b"new"]
        assert driver.refused(conn, [b"new", b"old"], now[0] + 2 * effects.BURST_S) == [b"old"]
        await until(lambda: outlet.log)
        assert outlet.log == [(b"96",)]
        assert driver.counts.events["refused", "overload"] == 1
        assert driver.refused(conn, [b"new"], now[0] + 9.0) == [b"new"]  # the next wake-up has just begun
        now[0] += 2 * effects.BURST_S
        driver.wake()
        assert driver.refused(conn, [b"new"], now[0] + 2 * effects.STEADY_S) == []  # lately overloaded: less patience
        await driver.close()

    on_loop(main)


def test_frames_for_a_connection_that_left_are_dropped(lines_file: int) -> None:
    async def main() -> None:
        part, gone, there = Echo(), Outlet(), Outlet()
        driver = driver_of(part, lines_file)
        one, two = driver.join(gone, 0), driver.join(there, 0)
        part.effects = [(SEND, one, b"too late"), (SEND, two, b"fine")]
        driver.leave(one)
        await until(lambda: there.log)
        assert gone.log == []
        assert part.up == {two}
        await driver.close()

    on_loop(main)


def test_the_timer_follows_the_deadline(lines_file: int) -> None:
    async def main() -> None:
        part = Echo()
        driver = driver_of(part, lines_file)
        part.deadline = driver.clock() + 60
        driver.wake()
        await asyncio.sleep(0)
        part.deadline = driver.clock() + 0.01
        driver.wake()
        await until(lambda: part.ticks)
        assert part.ticks[0] >= 0
        await driver.close()

    on_loop(main)


def test_a_failed_log_is_reported_and_nothing_leaves_until_it_works_again(
    lines_file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "RETRY_S", 0.002)

    async def main() -> None:
        part, outlet, journal, told = Echo(), Outlet(), Memory(), []
        journal.sync_error = OSError(28, "No space left on device")
        driver = driver_of(part, lines_file, journal=journal, stalled=told.append)
        conn = driver.join(outlet, 0)
        part.effects = [(COMMIT, b"outcome"), (ANSWER, conn, b"approved", None)]
        driver.wake()
        await until(lambda: told)
        assert outlet.log == []
        assert not driver.recorded
        part.effects = [(COMMIT, b"another"), (ANSWER, conn, b"approved too", None), (SEND, conn, b"refused")]
        driver.wake()
        await until(lambda: outlet.log)
        journal.sync_error = None
        await until(lambda: driver.recorded)
        part.effects = [(COMMIT, b"a third"), (ANSWER, conn, b"approved", None)]
        driver.wake()
        await until(lambda: len(outlet.log) == 2)
        assert outlet.log == [(b"refused",), (b"approved",)]
        assert told == ["nothing can be recorded: the log has failed", ""]
        assert driver.counts.events["log", "log-failed"] == driver.counts.events["log", "log-resumed"] == 1
        await driver.close()

    on_loop(main)


def test_events_are_counted_by_reason(lines_file: int) -> None:
    async def main() -> None:
        part = Echo()
        driver = driver_of(part, lines_file)
        part.effects = [(EVENT, "declined", {"reason": "no-route", "why": "no route for 999999******0000"})] * 2
        driver.wake()
        await until(lambda: driver.counts.events["declined", "no-route"] == 2)
        await driver.close()

    on_loop(main)


class Stumbling(Echo):
    """Raises on frames that start with `!`, with the frame in the exception's text, and once in `tick`."""

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        if frame.startswith(b"!"):
            raise ValueError(f"cannot handle {frame!r}")
        super().receive(conn, frame, now)

    def tick(self, now: float) -> None:
        self.ticks.append(now)
        if len(self.ticks) == 1:
            raise ValueError("cannot tick")
        self.deadline = None


def test_one_message_that_we_stumble_over_costs_the_others_nothing(lines_file: int) -> None:
    async def main() -> None:
        part, outlet = Stumbling(), Outlet()
        driver = driver_of(part, lines_file)
        conn = driver.join(outlet, 0)
        driver.received(conn, [b"a", b"!4687380000000016", b"b"], 0.0)
        await until(lambda: outlet.log)
        assert outlet.log == [(b"a", b"b")]
        part.deadline = 0.0
        driver.wake()
        await until(lambda: len(part.ticks) == 2)
        await driver.close()

    on_loop(main)
    text = os.pread(lines_file, 65_536, 0).decode()
    assert text.count("internal-error") == 2
    assert "ValueError at test_driver.py" in text
    assert "46873800" not in text
