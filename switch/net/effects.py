"""The driver: carries out what one sans-IO part asks for (`switch.core.effects`) on the event loop.

Sockets, the HSM client and the timer call the part, then `wake()`. Once all that one turn of the loop brought has been
handed in, `_run` takes the part's effects and carries them out together: one write per connection, one batch of
records, one write per HSM socket. A wake-up costs some 10 µs, a message handed in with others one; joining them is
worth five times the throughput.

A wake-up is also where load is shared out. Whoever has handed in `QUOTA` frames on one connection waits for the next
(`Connection`), so that one chatty peer does not make the others wait; of answers only those count that lead to nothing,
`CHATTER` of them at most, and then there is a pause. And when a wake-up has lasted its time, the part refuses what is
new (`refuse_new`) rather than answer it too late: `BURST_S` at first, for a burst is served and not refused; `STEADY_S`
while it goes on, because each authorization takes some five wake-ups on its way.

What many authorizations share, when a wake-up began and when its writes and syncs were done, is marked once for all of
them (`switch.net.marks`), for the attribution of latency.

Order, the contract of `switch.core.effects`: what must be durable first is held by `GroupCommit`; a CLOSE waits behind
held effects too, so that the last answers still leave.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from switch import bugs
from switch.core import effects as kinds
from switch.core.effects import Effect
from switch.core.part import Part
from switch.core.transaction import Transaction
from switch.net.clock import Clock
from switch.net.commits import MAX_KEPT_BYTES, RETRY_S, GroupCommit, Journal
from switch.net.lines import Field, Lines
from switch.net.marks import WakeUps
from switch.net.metrics import Counts

# After a tick that stumbled: soon enough for timers of seconds, seldom enough not to fill the log with one bug.
RETRY_TICK_S = 0.5

CHATTER = 64  # answers nobody asked for, likewise: a third of a millisecond
QUOTA = 512  # frames of one connection a wake-up: a burst of 256 twice over, and 15 ms of the switch's time
BURST_S = 0.15  # of work in a wake-up before the first refusal: some 6,000 requests, answered within a second
STEADY_S = 0.02  # while overloaded: what is taken is answered within a quarter of a second
CALM_S = 1.0  # without a refusal, and the next burst is one again

Refuse = Callable[[int, Sequence[bytes]], tuple[list[bytes], list[bytes]]]  # see Switch.refuse_new
Observer = Callable[[Sequence[Transaction]], None]  # is given every transaction that was answered


class Outlet:
    """A connection as the driver writes to it. A base class for the reason that `Part` is one."""

    def put(self, frame: bytes) -> None:
        """Queue a frame; `flush` writes."""
        raise NotImplementedError

    def put_all(self, frames: Sequence[bytes]) -> None:
        """Queue many."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write what is queued, in one piece."""
        raise NotImplementedError

    def close(self) -> None:
        """Close after what was written."""
        raise NotImplementedError


class HsmPort:
    """The HSM client as the driver uses it."""

    def ask(self, tag: int, command: bytes) -> None:
        """Queue a host command; its answer comes back through `Driver.hsm_replied`."""
        raise NotImplementedError

    def flush(self) -> bool:
        """Write what is queued; whether there was anything."""
        raise NotImplementedError


class Tapping(Protocol):
    """The tap as connections use it."""

    def put(self, now: float, link: int, connection: int, sent: bool, frames: Sequence[bytes]) -> None:
        """Frames passed on a connection; it takes copies."""


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
        refuse_new: Refuse | None = None,
        stalled: Callable[[str], None] | None = None,
        failed: Callable[[], None] | None = None,
        wake_ups: WakeUps | None = None,
        grain_s: float = 0.0,
    ) -> None:
        """`grain_s`: how much later than its deadlines the part may hear of them, so that it is asked for them less."""
        self.part = part
        self.clock = clock
        self.counts = counts
        self.hsm: HsmPort | None = None
        self.tap: Tapping | None = None  # while somebody reads it (`switch.net.tap`)
        self._loop = asyncio.get_running_loop()
        self._lines = lines
        self._observe = observe
        self._answering: set[int] = set()  # connections on which answers to our own requests come
        self._left: dict[int, int] = {}  # by connection, what it may still hand in during this wake-up
        self._refuse_new = refuse_new
        self._refusals: dict[int, Outlet] = {}  # connections with refusals to write
        self._refused = 0  # in this wake-up
        self._refused_at = -CALM_S
        self._turn_began = 0.0
        self._next_turn: list[Callable[[], None]] = []
        self._stalled = stalled  # told why nothing can be recorded, and "" once it can be again
        self._failed = failed  # told when the part has to stop: nothing could be recorded for too long
        self._commits: GroupCommit | None = None
        if journal is not None:
            self._commits = GroupCommit(journal, self._released, self._log_stalled, self._log_overfull)
        self._wake_ups = WakeUps() if wake_ups is None else wake_ups
        self._outlets: dict[int, Outlet] = {}
        self._closing: set[int] = set()  # connections that the part has closed: it hears no more of them
        self._pending: list[Effect] = []  # taken, to be carried out at the end of this wake-up
        self._last_number = 0
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._grain_s = grain_s
        self._looking = False  # for the part's deadline, in a grain's time
        self._closed = False

    def start(self) -> None:
        """Carry out what the part's recovery asked for, and arm its timer."""
        self._run()

    def wake(self) -> None:
        """The part was called: take its effects once this turn of the loop has handed in everything it brought."""
        if not self._scheduled:
            self._begin(self.clock.now())

    def _begin(self, now: float) -> None:
        self._scheduled = True
        self._turn_began = now
        self._wake_ups.began.add(now)
        self._loop.call_soon(self._run)

    def next_turn(self, call: Callable[[], None]) -> None:
        """Call this when the effects of the present wake-up are carried out."""
        self._next_turn.append(call)
        self.wake()

    # -- connections -----------------------------------------------------------------------------------------------

    def join(self, outlet: Outlet, link: int, *, answering: bool = False) -> int:
        """A connection is up: number it and tell the part. `answering`: we dialled it, to ask."""
        self._last_number += 1
        if answering:
            self._answering.add(self._last_number)
        self._outlets[self._last_number] = outlet
        self.part.connected(self._last_number, link, self.clock.now())
        self.wake()
        return self._last_number

    def leave(self, number: int) -> None:
        """It is gone."""
        del self._outlets[number]
        self._closing.discard(number)
        self._answering.discard(number)
        self._refusals.pop(number, None)
        self.part.disconnected(number, self.clock.now())
        self.wake()

    def received(self, number: int, frames: list[bytes], now: float, since: float = 0.0) -> int:
        """Whole frames came on a connection, in this order. Returns how many this wake-up had a place for.

        None is handed in behind one that has its connection closed. `since`: when they came, where that was earlier.
        """
        if not self._scheduled:
            self._begin(now)
        if since > 0.0:
            self._wake_ups.held_back(since, now)
        pending, closing, part = self._pending, self._closing, self.part
        answering = number in self._answering
        left = self._left.get(number, CHATTER if answering else QUOTA)
        taken = 0
        for frame in frames:
            if closing and number in closing:
                return len(frames)
            if left <= 0:
                break
            taken += 1
            try:
                part.receive(number, frame, now)
            except Exception as error:
                self._stumbled(error)
            effects = part.take_effects()
            pending.extend(effects)
            if not answering or not effects or effects[-1][0] == kinds.EVENT:
                left -= 1
            for effect in effects:
                kind = effect[0]
                if kind == kinds.CLOSE and effect[1] in self._outlets:
                    closing.add(effect[1])
        self._left[number] = left
        return taken

    def refused(self, number: int, frames: list[bytes], now: float) -> list[bytes]:
        """If this wake-up has lasted too long, have the new requests among `frames` refused; returns the others."""
        if self._refuse_new is None or not self._scheduled:
            return frames
        if now - self._turn_began <= (STEADY_S if now - self._refused_at < CALM_S else BURST_S):
            return frames
        try:
            frames, answers = self._refuse_new(number, frames)
        except Exception as error:
            self._stumbled(error)
            return frames
        if answers:
            outlet = self._refusals[number] = self._outlets[number]
            outlet.put_all(answers)
            self._refused += len(answers)
            self._refused_at = now
        return frames

    def _write_refusals(self) -> None:
        refusals, self._refusals = self._refusals, {}
        for outlet in refusals.values():
            outlet.flush()
        if self._refused:
            why = f"{self._refused} new requests were refused at once: more come than can be answered in time"
            self.event("refused", {"reason": "overload", "why": why, "count": self._refused})
            self._refused = 0

    def hang_up(self, number: int) -> None:
        """Close a connection, behind all that this wake-up and what waits to be durable still write to it."""
        self._closing.add(number)
        self._pending.append((kinds.CLOSE, number, "framing"))
        self.wake()

    def hsm_replied(self, replies: list[tuple[int, bytes | None]], now: float) -> None:
        """The HSM answered commands, by tag, or will not (None)."""
        if not self._scheduled:
            self._begin(now)
        part = self.part
        for tag, reply in replies:
            try:
                part.hsm_reply(tag, reply, now)
            except Exception as error:
                self._stumbled(error)

    def _stumbled(self, error: Exception) -> None:
        """A mistake of ours: say where, never what (an exception's text may quote the message), and go on."""
        why = f"{bugs.place(error)}: {bugs.PLEASE}; this one message is left to its timer"
        self.event("bug", {"reason": "internal-error", "why": why})

    def event(self, name: str, fields: dict[str, Field]) -> None:
        """Count an event and write its line."""
        self.counts.add(name, str(fields.get("reason", "")))
        self._lines.event(self.clock.now(), name, fields)

    # -- one wake-up -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        effects, self._pending = self._pending, []
        self._carry_out(effects + self.part.take_effects())
        if self._refusals:
            self._write_refusals()
        if self._commits is not None:
            self._commits.flush()
        if self.hsm is not None and self.hsm.flush():
            self._wake_ups.asked.add(self.clock.now())
        self._lines.flush()
        self._arm()
        self._left.clear()
        waiting, self._next_turn = self._next_turn, []
        for call in waiting:
            self._loop.call_soon(call)

    def _carry_out(self, effects: list[Effect]) -> None:
        commits = self._commits
        hsm = self.hsm
        due: list[Effect] = []
        for effect in effects:
            kind = effect[0]
            if kind == kinds.COMMIT:
                assert commits is not None, "this part keeps no log"
                commits.append(effect[1])
            elif kind == kinds.HSM:
                assert hsm is not None, "this part has no HSM"
                hsm.ask(effect[1], effect[2])
            elif kind == kinds.EVENT:
                self.event(effect[1], effect[2])
            elif kind == kinds.SEND or commits is None or not commits.hold(effect):
                due.append(effect)
        if due:
            self._write(due)

    def _released(self, effects: list[Effect]) -> None:
        """What these waited for is durable."""
        self._wake_ups.durable.add(self.clock.now())
        self._write(effects)

    def _write(self, effects: list[Effect]) -> None:
        """Write frames, one write a connection; note when requests and answers left; then close what is to close."""
        touched: dict[int, Outlet] = {}
        closing: list[Outlet] = []
        outlets = self._outlets
        for effect in effects:
            kind, conn = effect[0], effect[1]
            outlet = outlets.get(conn)
            if outlet is not None:
                if kind == kinds.CLOSE:
                    closing.append(outlet)
                else:
                    outlet.put(effect[2])
                    if conn not in touched:
                        touched[conn] = outlet
        for outlet in touched.values():
            outlet.flush()
        self._note(effects, touched)
        for outlet in closing:
            outlet.close()

    def _note(self, effects: list[Effect], written: dict[int, Outlet]) -> None:
        """When requests and answers left; 0.0 of those whose connection was gone."""
        now = self.clock.now()
        answered: list[Transaction] = []
        tx: Transaction | None
        for effect in effects:
            kind = effect[0]
            if kind != kinds.FORWARD and kind != kinds.ANSWER:
                continue
            tx = effect[3]
            if tx is None:
                continue
            at = now if effect[1] in written else 0.0
            if kind == kinds.FORWARD:
                tx.forwarded_at = at
            elif not tx.answered_at:  # repeats that waited for the same answer are not measured again
                tx.answered_at = at
                answered.append(tx)
        if answered and self._observe is not None:
            self._observe(answered)

    # -- time ------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """See that the part ticks at its next deadline, or up to a grain later.

        To find its deadline a part looks through all that it waits for. With a grain it is not asked in each of
        thousands of wake-ups but once a grain.
        """
        if not self._grain_s:
            self._arm_timer()
        elif not self._looking:
            self._looking = True
            self._loop.call_later(self._grain_s, self._look)

    def _look(self) -> None:
        self._looking = False
        if not self._closed:
            self._arm_timer()

    def _arm_timer(self) -> None:
        """Keep one timer, no later than the next deadline. An earlier one stays: it ticks in vain and re-arms."""
        deadline = self.part.next_deadline()
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_later(max(0.0, deadline - self.clock.now()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self.part.tick(self.clock.now())
        except Exception as error:
            self._stumbled(error)
            self._timer_at = self.clock.now() + RETRY_TICK_S
            self._timer = self._loop.call_later(RETRY_TICK_S, self._tick)
        self._run()

    # -- the end ---------------------------------------------------------------------------------------------------

    def _log_stalled(self, error: Exception | None) -> None:
        """The log failed, or works again (None)."""
        if error is None:
            self.event("log", {"reason": "log-resumed", "why": "what was decided meanwhile is recorded; all goes on"})
        else:
            why = f"{error}; nothing unrecorded is answered, tried again every {RETRY_S:g} s"
            self.event("log", {"reason": "log-failed", "why": why})
        self._lines.flush()
        if self._stalled is not None:
            self._stalled("" if error is None else "nothing can be recorded: the log has failed")

    def _log_overfull(self) -> None:
        why = f"more than {MAX_KEPT_BYTES} bytes could not be recorded: this part stops, and recovers to what was"
        self.event("log", {"reason": "log-overfull", "why": why})
        if self._failed is not None:
            self._failed()

    @property
    def recorded(self) -> bool:
        """Whether everything that the part decided is in its log; after `close`."""
        return self._commits is None or not self._commits.broken

    async def close(self) -> None:
        """Carry out what is left, make it durable, and stop calling the part."""
        self._run()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._commits is not None:
            await self._commits.close()
        self._lines.flush()
