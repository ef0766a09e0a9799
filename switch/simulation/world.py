"""The network on virtual time: production parts, in-memory links, HSM and disk, one clock that only jumps.

Theory of operation. Everything that happens is an event in a heap ordered by time, and by order of arrival within one
instant; the world takes the next one, sets the clock to it and runs it. A part (switch, issuer, acquirer) lives in a
`Host`, which does what the uvloop shell does: carries out effects, groups commits, holds FORWARD and ANSWER until the
commits before them are durable, arms one timer. Nothing reads a real clock or an unseeded random number, so a run is
a function of its inputs, and a failure replays bit for bit.

What goes wrong is asked of the world's `Plan` (`switch.simulation.faults`) wherever it can; what happens is shown to
its `Watch`, which the checkers of `switch.simulation.invariants` implement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Protocol

from hsm_sim.device import Device
from switch.core import effects
from switch.core.effects import Effect
from switch.simulation import faults
from switch.simulation.disk import SimLog
from switch.simulation.faults import Plan
from switch.store.log import LogError

LINK_DELAY_S = 0.000_2  # a wire in one data centre, one way
HSM_DELAY_S = 0.001  # what its vendors claim for a network HSM
HSM_TIMEOUT_S = 2.0  # as the shell's HSM client
SYNC_DELAY_S = 0.000_15  # an fdatasync of a preallocated file on a good disk
HSM_OWN_FAULT = b"41"  # host-command error: the device's, not the command's


class Part(Protocol):
    """What the sans-IO parts have in common; see `switch.core.effects`."""

    def connected(self, conn: int, link: int, now: float) -> None:
        """A connection stands."""

    def disconnected(self, conn: int, now: float) -> None:
        """It is gone."""

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """A whole frame came."""

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        """The HSM's answer, or None."""

    def tick(self, now: float) -> None:
        """Time has passed."""

    def next_deadline(self) -> float | None:
        """When to tick."""

    def take_effects(self) -> list[Effect]:
        """What to carry out."""


@dataclass(frozen=True)
class End:
    """One end of a connection: `receive` gets frames, `closed` learns that the other end is gone."""

    receive: Callable[[bytes], None]
    closed: Callable[[], None]


class Watch:
    """What an onlooker is shown; this one looks away."""

    def sent(self, sender: str, receiver: str, frame: bytes, now: float) -> None:
        """`sender` has written a frame; whether it arrives is another matter."""

    def arrived(self, sender: str, receiver: str, frame: bytes, now: float) -> None:
        """`receiver` is about to be handed a frame."""

    def durable(self, name: str, data: bytes, now: float) -> None:
        """So many more bytes of a part's log are safe."""

    def fault(self, text: str, now: float) -> None:
        """Something went wrong, or a part came back from it."""

    def died(self, name: str, now: float) -> None:
        """A part is gone, with all that was not in its log."""


class Wire:
    """A connection between two ends. Without faults: in order, without loss, `LINK_DELAY_S` each way.

    `known_open` tells for each end whether it still takes the connection for open: after a cut one may learn late.
    """

    def __init__(self, world: "World", left: End, right: End, names: tuple[str, str] = ("client", "switch")) -> None:
        self._world = world
        self._ends = (left, right)
        self._names = names
        self._routes = (f"{names[0]}>{names[1]}", f"{names[1]}>{names[0]}")
        self._read_from = [0.0, 0.0]  # by sending side: what is sent in order is not handed out before
        self._carried: tuple[set[bytes], set[bytes]] = (set(), set())  # by sending side: the kinds of frames
        self.open = True
        self.known_open = [True, True]
        world.newest[names] = self

    def send(self, side: int, frame: bytes) -> None:
        """Send `frame` from end `side` (0 or 1) to the other."""
        if not self.known_open[side]:
            return
        world = self._world
        world.watch.sent(self._names[side], self._names[1 - side], frame, world.now)
        if not self.open:
            return
        fault = world.strike(faults.FRAME, self._routes[side])
        match fault.kind if fault is not None else None:
            case "lost":
                return
            case "cut":
                assert fault is not None
                self._cut(fault)
                return
            case "overtaken":
                assert fault is not None
                world.after(LINK_DELAY_S + fault.amount_s, lambda: self._come_late(side, frame))
                return
            case "delayed" | "unread":
                assert fault is not None
                self._read_from[side] = max(self._read_from[side], world.now + LINK_DELAY_S + fault.amount_s)
            case "duplicated":
                assert fault is not None
                world.after(LINK_DELAY_S + fault.amount_s, lambda: self._come_late(side, frame))
            case _:
                pass
        self._hand_over(side, frame, max(LINK_DELAY_S, self._read_from[side] - world.now))

    def _come_late(self, side: int, frame: bytes) -> None:
        """A straggler or a copy. By now there may be another connection: a sender repeats there once it has signed on.

        That it has is told by the frames of the same kind, by the MTI's first half at least, that went before.
        """
        wire = self._world.newest[self._names]
        if wire is self or frame[:2] in wire._carried[side]:
            wire._arrive(side, frame)

    def _hand_over(self, side: int, frame: bytes, delay_s: float) -> None:
        self._world.after(delay_s, lambda: self._arrive(side, frame))

    def _arrive(self, side: int, frame: bytes) -> None:
        if self.open and self.known_open[1 - side]:
            self._carried[side].add(frame[:2])
            self._world.watch.arrived(self._names[side], self._names[1 - side], frame, self._world.now)
            self._ends[1 - side].receive(frame)

    def close(self) -> None:
        """Both ends learn of it; what is under way is lost."""
        self.open = False
        for side in (0, 1):
            self._tell(side, 0.0)

    def _cut(self, fault: faults.Fault) -> None:
        """The connection breaks; one end learns at once, the other later."""
        self.open = False
        late = round(fault.share)
        self._tell(1 - late, 0.0)
        self._tell(late, fault.amount_s)

    def _tell(self, side: int, delay_s: float) -> None:
        self._world.after(delay_s, lambda: self._told(side))

    def _told(self, side: int) -> None:
        if self.known_open[side]:
            self.known_open[side] = False
            self._ends[side].closed()


class World:
    """The clock, the events, and what everybody said."""

    def __init__(self, start: float, plan: Plan | None = None, watch: Watch | None = None) -> None:
        self.now = start
        self.plan = plan or Plan(0, "none")
        self.watch = watch or Watch()
        self.said: list[dict[str, Any]] = []  # EVENT effects, in order, for tests to look at
        self.newest: dict[tuple[str, str], Wire] = {}  # by the names of its ends
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def strike(self, place: str, where: str) -> faults.Fault | None:
        """Ask the plan for what goes wrong here, and show it."""
        fault = self.plan.strike(place, where)
        if fault is not None:
            self.watch.fault(str(fault), self.now)
        return fault

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Run `action` in `delay_s` seconds."""
        self._count += 1
        heappush(self._events, (self.now + delay_s, self._count, action))

    def run(self, seconds: float) -> None:
        """Let that much time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heappop(self._events)
            action()
        self.now = end


class Host:
    """One process of the network: a part, its disk, its connections, its timer."""

    def __init__(self, world: World, name: str, part: Part, hsm: "SimHsm", disk: SimLog) -> None:
        self.world = world
        self.name = name
        self.part = part
        self.hsm = hsm
        self.disk = disk
        self.observe: Callable[[Any], None] = lambda _tx: None
        self.dies: Callable[[faults.Fault], None] = lambda _fault: None  # a fault that this process does not survive
        self.up = True
        self.clock_offset_s = 0.0  # of its clock from the world's; changes between lives only
        self._sends: dict[int, Callable[[bytes], None]] = {}
        self._closes: dict[int, Callable[[], None]] = {}
        self._batch: list[bytes] = []
        self._held: list[tuple[int, Effect]] = []  # (waits for this log sequence, effect)
        self._syncing = False
        self._durable = 0
        self._armed: float | None = None
        self._life = 0  # counts crashes: callbacks of an earlier life are ignored
        self._last_conn = 0

    def clock(self) -> float:
        """The time that the part is told."""
        return self.world.now + self.clock_offset_s

    @property
    def at_rest(self) -> bool:
        """Is everything that the part decided durable?"""
        return not self._batch and not self._syncing

    # -- connections ------------------------------------------------------------------------------------------------

    def attach(self, link: int, send: Callable[[bytes], None], close: Callable[[], None]) -> int:
        """A connection of `link` stands; returns its number."""
        self._last_conn += 1
        conn = self._last_conn
        self._sends[conn], self._closes[conn] = send, close
        self.part.connected(conn, link, self.clock())
        self.settle()
        return conn

    def detach(self, conn: int) -> None:
        """Connection `conn` is gone."""
        if self._sends.pop(conn, None) is not None:
            del self._closes[conn]
            self.part.disconnected(conn, self.clock())
            self.settle()

    def receive(self, conn: int, frame: bytes) -> None:
        """A frame arrived on `conn`."""
        if conn in self._sends:
            self.part.receive(conn, frame, self.clock())
            self.settle()

    # -- effects ----------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Carry out what the part asks for, then re-arm its timer."""
        for effect in self.part.take_effects():
            self._carry_out(effect)
        self._sync()
        self._arm()

    def _carry_out(self, effect: Effect) -> None:
        kind = effect[0]
        if kind == effects.COMMIT:
            self._batch.append(effect[1])
        elif kind in (effects.FORWARD, effects.ANSWER, effects.CLOSE):
            self._held.append((self.disk.last_sequence + len(self._batch), effect))
        elif kind == effects.SEND:
            self._write(effect[1], effect[2])
        elif kind == effects.HSM:
            self.hsm.ask(self, effect[1], effect[2], self._life)
        else:
            self.world.said.append({"part": self.name, "at": self.world.now, "event": effect[1], **effect[2]})

    def _write(self, conn: int, frame: bytes) -> None:
        send = self._sends.get(conn)
        if send is not None:
            send(frame)

    def _sync(self) -> None:
        if self._syncing:
            return
        if self._batch and not self._begin_sync():
            return
        self._release()

    def _begin_sync(self) -> bool:
        """Append the batch and start to make it durable; False where the disk refuses, which ends the process."""
        fault = self.world.strike(faults.DISK, self.name)
        kind = fault.kind if fault is not None else None
        batch, self._batch = self._batch, []
        self._syncing = True
        life = self._life
        if fault is not None and kind in ("killed", "power-cut"):
            self.world.after(fault.amount_s, lambda: self._die(life, fault))
        try:
            self.disk.append(batch, full=kind == "disk-full")
        except LogError:
            assert fault is not None, "the simulated disk refuses only what a fault makes it refuse"
            self.world.after(0.0, lambda: self._die(life, fault))
            return False
        through = self.disk.last_sequence
        delay_s = SYNC_DELAY_S + (fault.amount_s if fault is not None and kind == "slow-sync" else 0.0)
        failing = fault if kind == "io-error" else None
        self.world.after(delay_s, lambda: self._synced(life, through, failing))
        return True

    def _die(self, life: int, fault: faults.Fault) -> None:
        if life == self._life and self.up:
            self.dies(fault)

    def _synced(self, life: int, through: int, failing: faults.Fault | None) -> None:
        if life != self._life:
            return
        if failing is not None:
            self._die(life, failing)
            return
        self.disk.sync(through)
        self._durable = through
        self.world.watch.durable(self.name, self.disk.take_durable(), self.world.now)
        self._syncing = False
        self._release()
        self.settle()

    def _release(self) -> None:
        held, self._held = self._held, []
        for needs, effect in held:
            if needs > self._durable:
                self._held.append((needs, effect))
                continue
            if effect[0] == effects.CLOSE:
                close = self._closes.get(effect[1])
                if close is not None:
                    close()
                continue
            kind, conn, frame, tx = effect
            self._write(conn, frame)
            if tx is not None and kind == effects.FORWARD:
                tx.forwarded_at = self.clock()
            elif tx is not None:
                tx.answered_at = self.clock()
                self.observe(tx)

    # -- time -------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        deadline = self.part.next_deadline()
        if deadline is not None and (self._armed is None or deadline < self._armed):
            self._armed = deadline
            life = self._life
            self.world.after(max(0.0, deadline - self.clock()), lambda: self._tick(life, deadline))

    def _tick(self, life: int, deadline: float) -> None:
        if life != self._life or deadline != self._armed:
            return
        self._armed = None
        self.part.tick(self.clock())
        self.settle()

    def hsm_reply(self, tag: int, reply: bytes | None, life: int) -> None:
        """The HSM answered a command of life number `life`."""
        if life == self._life:
            self.part.hsm_reply(tag, reply, self.clock())
            self.settle()

    # -- crash ------------------------------------------------------------------------------------------------------

    def crash(self) -> None:
        """kill -9: connections drop, whatever was held or not yet written is gone. `reborn` starts it again."""
        self._life += 1
        self.up = False
        closes = list(self._closes.values())
        self._sends.clear()
        self._closes.clear()
        self._batch, self._held, self._syncing, self._armed = [], [], False, None
        for close in closes:
            close()
        self.world.watch.died(self.name, self.world.now)

    def reborn(self, part: Part) -> None:
        """Start again with `part`, restored from the disk."""
        self.part = part
        self.up = True
        self._durable = self.disk.last_sequence
        self.world.watch.durable(self.name, self.disk.take_durable(), self.world.now)
        self.settle()

    def shorten_log(self, state: Callable[[], bytes]) -> None:
        """Write a snapshot, as the shell does before it serves: `state` is the fold of all that was appended."""
        assert not self._batch, "what is not appended yet must not be in the snapshot"
        try:
            self.disk.sync()
        except LogError:
            return  # its disk has just refused the first write: this process is about to end
        self.world.watch.durable(self.name, self.disk.take_durable(), self.world.now)
        self.disk.write_snapshot(self.disk.last_sequence, state())


class SimHsm:
    """The software HSM's own device behind a constant delay; while `up` is False, what it is asked is timed out."""

    def __init__(self, world: World, device: Device) -> None:
        self.world = world
        self.device = device
        self.up = True
        self._silent_until = 0.0

    def ask(self, host: Host, tag: int, command: bytes, life: int) -> None:
        """Answer `command` of `host` after `HSM_DELAY_S`."""
        fault = self.world.strike(faults.HSM, "hsm")
        kind, amount_s = (fault.kind, fault.amount_s) if fault is not None else ("", 0.0)
        if kind == "hsm-silent":
            self._silent_until = self.world.now + amount_s
        if not self.up or self.world.now <= self._silent_until:
            self.world.after(HSM_TIMEOUT_S, lambda: host.hsm_reply(tag, None, life))
            return
        reply = self.device.respond(b"0000" + command)[4:]
        if kind == "hsm-fault":
            reply = reply[:2] + HSM_OWN_FAULT
        self.world.after(
            HSM_DELAY_S + (amount_s if kind == "hsm-slow" else 0.0), lambda: host.hsm_reply(tag, reply, life)
        )


def connect(left: Host, left_link: int, right: Host, right_link: int) -> Wire:
    """A connection between two hosts; either may close it."""
    numbers = [0, 0]
    wire = Wire(
        left.world,
        End(lambda frame: left.receive(numbers[0], frame), lambda: left.detach(numbers[0])),
        End(lambda frame: right.receive(numbers[1], frame), lambda: right.detach(numbers[1])),
        (left.name, right.name),
    )
    numbers[1] = right.attach(right_link, lambda frame: wire.send(1, frame), wire.close)
    numbers[0] = left.attach(left_link, lambda frame: wire.send(0, frame), wire.close)
    return wire
