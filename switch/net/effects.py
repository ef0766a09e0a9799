"""The driver: carries out what one sans-IO part asks for (`switch.core.effects`) on the event loop.

Sockets, the HSM client and the timer call the part, then `wake()`. Once all that one turn of the loop brought has been
handed in, `_run` takes the part's effects and carries them out together: one write per connection, one batch of
records, one write per HSM socket. A wake-up costs 33 µs, a message handed in with others one or two; joining them is
worth five times the throughput.

Order, the contract of `switch.core.effects`: what must be durable first is held by `GroupCommit`; a CLOSE waits behind
held effects too, so that the last answers still leave.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from switch import bugs
from switch.core.effects import ANSWER, CLOSE, COMMIT, EVENT, FORWARD, HSM, SEND, Effect
from switch.net.clock import Clock
from switch.net.commits import GroupCommit, Journal
from switch.net.lines import Field, Lines
from switch.net.metrics import Counts

# After a tick that stumbled: soon enough for timers of seconds, seldom enough not to fill the log with one bug.
RETRY_TICK_S = 0.5

Observer = Callable[[Any], None]  # is given every transaction that was answered


class Part(Protocol):
    """What the driver needs of a sans-IO part. `now` is in seconds since the epoch."""

    def take_effects(self) -> list[Effect]:
        """What to carry out, in order; cleared by the call."""

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """A whole frame arrived, without its length prefix."""

    def connected(self, conn: int, link: int, now: float) -> None:
        """A connection of a link is up."""

    def disconnected(self, conn: int, now: float) -> None:
        """It is gone; its number is not used again."""

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The HSM's answer to command `tag`, or None: no HSM, or too late."""

    def tick(self, now: float) -> None:
        """A deadline may have passed."""

    def next_deadline(self) -> float | None:
        """When to tick next, at the latest."""


class Outlet(Protocol):
    """A connection as the driver writes to it."""

    def put(self, frame: bytes) -> None:
        """Queue a frame; `flush` writes."""

    def flush(self) -> None:
        """Write what is queued, in one piece."""

    def close(self) -> None:
        """Close after what was written."""


class HsmPort(Protocol):
    """The HSM client as the driver uses it."""

    def ask(self, tag: int, command: bytes) -> None:
        """Queue a host command; its answer comes back through `Driver.hsm_replied`."""

    def flush(self) -> None:
        """Write what is queued."""


class Driver:
    """Drives one part. Create it inside the running loop, then `start()`; `close()` ends its timer and its log."""

    def __init__(
        self,
        part: Part,
        clock: Clock,
        lines: Lines,
        counts: Counts,
        *,
        journal: Journal | None = None,
        observe: Observer | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.part = part
        self.clock = clock
        self.counts = counts
        self.hsm: HsmPort | None = None
        self._loop = asyncio.get_running_loop()
        self._lines = lines
        self._observe = observe
        self._failed = failed
        self._commits = GroupCommit(journal, self._write, self._log_failed) if journal is not None else None
        self._outlets: dict[int, Outlet] = {}
        self._last_number = 0
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._closed = False

    def start(self) -> None:
        """Carry out what the part's recovery asked for, and arm its timer."""
        self._run()

    def wake(self) -> None:
        """The part was called: take its effects once this turn of the loop has handed in everything it brought."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    # -- connections -----------------------------------------------------------------------------------------------

    def join(self, outlet: Outlet, link: int) -> int:
        """A connection is up: number it and tell the part."""
        self._last_number += 1
        self._outlets[self._last_number] = outlet
        self.part.connected(self._last_number, link, self.clock())
        self.wake()
        return self._last_number

    def leave(self, number: int) -> None:
        """It is gone."""
        del self._outlets[number]
        self.part.disconnected(number, self.clock())
        self.wake()

    def received(self, number: int, frames: Sequence[bytes], now: float) -> None:
        """Whole frames came on a connection, in this order."""
        for frame in frames:
            try:
                self.part.receive(number, frame, now)
            except Exception as error:
                self._stumbled(error)
        self.wake()

    def hsm_replied(self, tag: int, reply: bytes | None) -> None:
        """The HSM answered, or will not."""
        try:
            self.part.hsm_reply(tag, reply, self.clock())
        except Exception as error:
            self._stumbled(error)
        self.wake()

    def _stumbled(self, error: Exception) -> None:
        """A mistake of ours: say where, never what (an exception's text may quote the message), and go on."""
        why = f"{bugs.place(error)}: {bugs.PLEASE}; this one message is left to its timer"
        self.event("bug", {"reason": "internal-error", "why": why})

    def event(self, name: str, fields: dict[str, Field]) -> None:
        """Count an event and write its line."""
        self.counts.add(name, str(fields.get("reason", "")))
        self._lines.event(self.clock(), name, fields)

    # -- one wake-up -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        self._carry_out(self.part.take_effects())
        if self._commits is not None:
            self._commits.flush()
        if self.hsm is not None:
            self.hsm.flush()
        self._lines.flush()
        self._arm()

    def _carry_out(self, effects: list[Effect]) -> None:
        commits = self._commits
        due: list[Effect] = []
        for effect in effects:
            kind = effect[0]
            if kind == COMMIT:
                assert commits is not None, "this part keeps no log"
                commits.append(effect[1])
            elif kind == HSM:
                assert self.hsm is not None, "this part has no HSM"
                self.hsm.ask(effect[1], effect[2])
            elif kind == EVENT:
                self.event(effect[1], effect[2])
            elif kind == SEND or commits is None or not commits.hold(effect):
                due.append(effect)
        self._write(due)

    def _write(self, effects: Iterable[Effect]) -> None:
        """Write frames, one write a connection; note when requests and answers left; then close what is to close."""
        now = self.clock()
        touched: dict[int, Outlet] = {}
        closing: list[Outlet] = []
        for effect in effects:
            kind, conn = effect[0], effect[1]
            outlet = self._outlets.get(conn)
            if outlet is not None:
                if kind == CLOSE:
                    closing.append(outlet)
                else:
                    outlet.put(effect[2])
                    touched[conn] = outlet
            if kind in (FORWARD, ANSWER) and effect[3] is not None:
                self._stamp(kind, effect[3], now if outlet is not None else 0.0)
        for outlet in touched.values():
            outlet.flush()
        for outlet in closing:
            outlet.close()

    def _stamp(self, kind: int, tx: Any, left_at: float) -> None:
        if kind == FORWARD:
            tx.forwarded_at = left_at
        elif not tx.answered_at:  # repeats that waited for the same answer are not measured again
            tx.answered_at = left_at
            if self._observe is not None:
                self._observe(tx)

    # -- time ------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Keep one timer, no later than the next deadline. An earlier one stays: it ticks in vain and re-arms."""
        deadline = self.part.next_deadline()
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_later(max(0.0, deadline - self.clock()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self.part.tick(self.clock())
        except Exception as error:
            self._stumbled(error)
            self._timer_at = self.clock() + RETRY_TICK_S
            self._timer = self._loop.call_later(RETRY_TICK_S, self._tick)
        self._run()

    # -- the end ---------------------------------------------------------------------------------------------------

    def _log_failed(self, error: Exception) -> None:
        self.event("log", {"reason": "log-failed", "why": f"{error}; nothing unrecorded was answered"})
        self._lines.flush()
        if self._failed is not None:
            self._failed(error)

    async def close(self) -> None:
        """Carry out what is left, make it durable, and stop calling the part."""
        self._run()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._commits is not None:
            await self._commits.close()
        self._lines.flush()
