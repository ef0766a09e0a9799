"""The bench's own traffic: simulated acquirers that dial the switch from the supervisor's process.

What they saw goes, masked, to DATA/acquirer.jsonl, one line per finished transaction: the acquirers' side of the
reconciliation. A witness looks on until the first purchase with a PIN was approved, to show it to the user.
"""

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from switch.core.effects import SEND, Effect
from switch.core.part import Part
from switch.iso8583.codec import FormatError, View
from switch.iso8583.dialect import Dialect
from switch.iso8583.framing import Framing
from switch.net.addresses import Address
from switch.net.effects import Driver
from switch.net.links import Dialer
from switch.net.status import Instruments
from switch.net.tls import Tls

_ONLY_LINK = 0
_APPROVED = "00"
_MAX_WATCHED = 1_000  # requests with a PIN that the witness keeps; the first is approved long before


class TrafficPart(Protocol):
    """A simulated acquirer as its shell sees it: a part, which can also be asked to come to an end."""

    def take_effects(self) -> list[Effect]:
        """See `Part`, as for those that follow."""

    def receive(self, conn: int, frame: bytes, now: float) -> None: ...
    def connected(self, conn: int, link: int, now: float) -> None: ...
    def disconnected(self, conn: int, now: float) -> None: ...
    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None: ...
    def tick(self, now: float) -> None: ...
    def next_deadline(self) -> float | None: ...

    def stop_traffic(self) -> None:
        """Start no new transaction; finish those that are open."""

    def outstanding(self) -> int:
        """Transactions not final yet: unanswered, or their reversal unacknowledged."""

    @property
    def counters(self) -> Mapping[str, int]:
        """How often what happened, by reason."""

    def take_key(self, exchanged: str) -> bool:
        """Use a zone PIN key that an earlier run exchanged: `U`, key under the ZMK, check value. False: not that."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A simulated acquirer for one acquirer link of the switch."""

    link: str
    dialect: Dialect
    framing: Framing
    tls: Tls | None
    part: TrafficPart


class Witness(Part):
    """Stands between the driver and an acquirer, and keeps the first approved transaction with a PIN."""

    def __init__(self, traffic: Traffic) -> None:
        self.seen: tuple[View, View] | None = None  # request and answer
        self._layout = traffic.dialect.layout
        self._part = traffic.part
        self._asked: dict[tuple[str | None, str | None], View] = {}

    def connected(self, conn: int, link: int, now: float) -> None:
        """To the acquirer, as all below."""
        self._part.connected(conn, link, now)

    def disconnected(self, conn: int, now: float) -> None:
        self._part.disconnected(conn, now)

    def hsm_reply(self, tag: int, reply: bytes | None, now: float) -> None:
        self._part.hsm_reply(tag, reply, now)

    def tick(self, now: float) -> None:
        self._part.tick(now)

    def next_deadline(self) -> float | None:
        return self._part.next_deadline()

    def take_effects(self) -> list[Effect]:
        """The acquirer's effects; its requests with a PIN are noted on the way."""
        effects = self._part.take_effects()
        if self.seen is None and len(self._asked) < _MAX_WATCHED:
            for effect in effects:
                if effect[0] == SEND:
                    view = self._layout.scan(effect[2])
                    if view.has(52):
                        self._asked[view.text(11), view.text(41)] = view
        return effects

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """Hand a frame in, after a look at it."""
        if self.seen is None:
            self._look(frame)
        self._part.receive(conn, frame, now)

    def _look(self, frame: bytes) -> None:
        try:
            answer = self._layout.scan(frame)
        except FormatError:
            return  # the acquirer itself will complain
        name = answer.text(11), answer.text(41)
        request = self._asked.get(name)
        if request is None or request.mti[:2] != answer.mti[:2]:
            return  # after a restart, a reversal of the run before may have the same STAN
        del self._asked[name]
        if answer.text(39) == _APPROVED:
            self.seen = request, answer
            self._asked.clear()


class LinesJournal:
    """The acquirers' book: JSON lines appended to a file. Nothing waits for it: syncing is left to the kernel."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        written = path.read_bytes()
        self._size = written.rfind(b"\n") + 1  # what follows is a line that an earlier run did not finish
        os.ftruncate(self._descriptor, self._size)

    def append(self, payloads: Sequence[bytes]) -> int:
        """Write whole lines in one piece, or none: where the disk is full, OSError, and the book ends as before."""
        lines = b"".join(payload.rstrip(b"\n") + b"\n" for payload in payloads)
        if os.write(self._descriptor, lines) < len(lines):
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(lines)
        return len(payloads)

    def begin_sync(self) -> None:
        """Nothing: a machine that crashes takes the bench, and so the question, with it."""

    def end_sync(self) -> None:
        """Never called."""

    def resume(self) -> None:
        """Nothing to make good: lines were written whole or not at all."""

    def close(self) -> None:
        """Make the book durable and close it."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)


class TrafficRunner:
    """All simulated acquirers of the bench. Use inside the running loop."""

    def __init__(
        self, traffic: Sequence[Traffic], addresses: Mapping[str, str], data: Path, quiet: bool = False
    ) -> None:
        """`quiet`: the acquirers' lines are kept in `data` alone, not written to standard error."""
        self._journal = LinesJournal(data / "acquirer.jsonl")
        self._traffic = traffic
        self._witnesses = {source.link: Witness(source) for source in traffic}
        self._drivers: list[Driver] = []
        self._dialers: list[Dialer] = []
        for source in traffic:
            instruments = Instruments(source.link, data, quiet=quiet)
            driver = Driver(
                self._witnesses[source.link],
                instruments.clock,
                instruments.lines,
                instruments.counts,
                journal=self._journal,
            )
            self._drivers.append(driver)
            address = Address.parse(addresses[source.link])
            layout = source.dialect.layout
            dialer = Dialer(driver, _ONLY_LINK, source.link, source.framing, address, layout, source.tls)
            self._dialers.append(dialer)

    def start(self) -> None:
        """Dial, sign on, and go."""
        for driver, dialer in zip(self._drivers, self._dialers, strict=True):
            driver.start()
            dialer.start()

    def first_approved(self) -> tuple[Traffic, View, View] | None:
        """The first approved transaction with a PIN that any of them saw: its source, request and answer."""
        for source in self._traffic:
            if (seen := self._witnesses[source.link].seen) is not None:
                return source, *seen
        return None

    def stop_traffic(self) -> None:
        """No new transactions."""
        for source, driver in zip(self._traffic, self._drivers, strict=True):
            source.part.stop_traffic()
            driver.wake()

    def dropped(self) -> int:
        """Arrivals that found no session, or too many transactions open: cardholders do not queue."""
        return sum(
            count
            for source in self._traffic
            for name, count in source.part.counters.items()
            if name.startswith("arrivals-dropped")
        )

    def outstanding(self) -> int:
        """Transactions not final yet."""
        return sum(source.part.outstanding() for source in self._traffic)

    async def close(self) -> None:
        """Hang up and close the book."""
        for driver, dialer in zip(self._drivers, self._dialers, strict=True):
            dialer.close()
            await driver.close()
        self._journal.close()
