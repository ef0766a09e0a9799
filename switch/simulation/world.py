"""The network on virtual time: production parts, in-memory links, HSM and disk, one clock that only jumps.

Theory of operation. Everything that happens is an event in a heap ordered by time, and by order of arrival within one
instant; the world takes the next one, sets the clock to it and runs it. A part (switch, issuer, acquirer) lives in a
`Host`, which does what the uvloop shell does: carries out effects, groups commits, holds FORWARD and ANSWER until the
commits before them are durable, arms one timer. Nothing reads a real clock or an unseeded random number, so a run is
a function of its inputs, and a failure replays bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Protocol

from hsm_sim.device import Device
from switch.core import effects
from switch.core.effects import Effect
from switch.simulation.disk import SimLog

LINK_DELAY_S = 0.000_2  # a wire in one data centre, one way
HSM_DELAY_S = 0.001  # what its vendors claim for a network HSM
HSM_TIMEOUT_S = 2.0  # as the shell's HSM client
SYNC_DELAY_S = 0.000_15  # an fdatasync of a preallocated file on a good disk


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


class Wire:
    """A connection between two ends, in order and without loss; each direction takes `LINK_DELAY_S`."""

    def __init__(self, world: "World", left: End, right: End) -> None:
        self._world = world
        self._ends = (left, right)
        self.open = True

    def send(self, side: int, frame: bytes) -> None:
        """Send `frame` from end `side` (0 or 1) to the other."""
        if self.open:
            receive = self._ends[1 - side].receive
            self._world.after(LINK_DELAY_S, lambda: receive(frame) if self.open else None)

    def close(self) -> None:
        """Both ends learn of it; what is under way is lost."""
        if self.open:
            self.open = False
            for end in self._ends:
                self._world.after(0.0, end.closed)


class World:
    """The clock, the events, and what everybody said."""

    def __init__(self, start: float) -> None:
        self.now = start
        self.said: list[dict[str, Any]] = []  # EVENT effects, in order, for tests to look at
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

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
        self._sends: dict[int, Callable[[bytes], None]] = {}
        self._closes: dict[int, Callable[[], None]] = {}
        self._batch: list[bytes] = []
        self._held: list[tuple[int, Effect]] = []  # (waits for this log sequence, effect)
        self._syncing = False
        self._durable = 0
        self._armed: float | None = None
        self._life = 0  # counts crashes: callbacks of an earlier life are ignored
        self._last_conn = 0

    # -- connections ------------------------------------------------------------------------------------------------

    def attach(self, link: int, send: Callable[[bytes], None], close: Callable[[], None]) -> int:
        """A connection of `link` stands; returns its number."""
        self._last_conn += 1
        conn = self._last_conn
        self._sends[conn], self._closes[conn] = send, close
        self.part.connected(conn, link, self.world.now)
        self.settle()
        return conn

    def detach(self, conn: int) -> None:
        """Connection `conn` is gone."""
        if self._sends.pop(conn, None) is not None:
            del self._closes[conn]
            self.part.disconnected(conn, self.world.now)
            self.settle()

    def receive(self, conn: int, frame: bytes) -> None:
        """A frame arrived on `conn`."""
        if conn in self._sends:
            self.part.receive(conn, frame, self.world.now)
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
        if self._batch:
            self.disk.append(self._batch)
            self._batch = []
            self._syncing = True
            life, through = self._life, self.disk.last_sequence
            self.world.after(SYNC_DELAY_S, lambda: self._synced(life, through))
        self._release()

    def _synced(self, life: int, through: int) -> None:
        if life != self._life:
            return
        self.disk.sync(through)
        self._durable = through
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
                tx.forwarded_at = self.world.now
            elif tx is not None:
                tx.answered_at = self.world.now
                self.observe(tx)

    # -- time -------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        deadline = self.part.next_deadline()
        if deadline is not None and (self._armed is None or deadline < self._armed):
            self._armed = deadline
            life = self._life
            self.world.after(max(0.0, deadline - self.world.now), lambda: self._tick(life, deadline))

    def _tick(self, life: int, deadline: float) -> None:
        if life != self._life or deadline != self._armed:
            return
        self._armed = None
        self.part.tick(self.world.now)
        self.settle()

    def hsm_reply(self, tag: int, reply: bytes | None, life: int) -> None:
        """The HSM answered a command of life number `life`."""
        if life == self._life:
            self.part.hsm_reply(tag, reply, self.world.now)
            self.settle()

    # -- crash ------------------------------------------------------------------------------------------------------

    def crash(self) -> None:
        """kill -9: connections drop, whatever was held or not yet written is gone. `reborn` starts it again."""
        self._life += 1
        closes = list(self._closes.values())
        self._sends.clear()
        self._closes.clear()
        self._batch, self._held, self._syncing, self._armed = [], [], False, None
        for close in closes:
            close()

    def reborn(self, part: Part) -> None:
        """Start again with `part`, restored from the disk."""
        self.part = part
        self._durable = self.disk.last_sequence
        self.settle()


class SimHsm:
    """The software HSM's own device behind a constant delay; while `up` is False, what it is asked is timed out."""

    def __init__(self, world: World, device: Device) -> None:
        self.world = world
        self.device = device
        self.up = True

    def ask(self, host: Host, tag: int, command: bytes, life: int) -> None:
        """Answer `command` of `host` after `HSM_DELAY_S`."""
        if not self.up:
            self.world.after(HSM_TIMEOUT_S, lambda: host.hsm_reply(tag, None, life))
            return
        reply = self.device.respond(b"0000" + command)[4:]
        self.world.after(HSM_DELAY_S, lambda: host.hsm_reply(tag, reply, life))


def connect(left: Host, left_link: int, right: Host, right_link: int) -> Wire:
    """A connection between two hosts; either may close it."""
    numbers = [0, 0]
    wire = Wire(
        left.world,
        End(lambda frame: left.receive(numbers[0], frame), lambda: left.detach(numbers[0])),
        End(lambda frame: right.receive(numbers[1], frame), lambda: right.detach(numbers[1])),
    )
    numbers[1] = right.attach(right_link, lambda frame: wire.send(1, frame), wire.close)
    numbers[0] = left.attach(left_link, lambda frame: wire.send(0, frame), wire.close)
    return wire
