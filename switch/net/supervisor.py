"""`up`: the whole bench, each part a process of its own, with sample traffic and a verdict at the end.

    start parts ─▶ all ready ─▶ ready line ─▶ traffic, first transaction shown, live line ─▶ Ctrl-C, SIGTERM or FOR
                                                                                                  │
    exit status ◀── parts stopped ◀── verdict ◀── books compared ◀── drained ◀── traffic stopped ◀┘

Exit status: 0 clean, 1 violated (or a part failed at the start), 2 misconfigured, 130 when Ctrl-C ended it and the
verdict is clean or there is none. A second Ctrl-C cuts the draining short.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switch import terminal
from switch.config.build import PORT_ORDER
from switch.net import process, upfile
from switch.net.building import Building
from switch.net.children import Child, ChildError, ChildProcess
from switch.net.control import ControlError, request, socket_path
from switch.net.event_file import EventFile, events_path
from switch.net.live import LiveLine, say, transaction
from switch.net.part_lines import PartLines, is_trouble, sentence
from switch.net.status import Instruments
from switch.net.traffic import Traffic, TrafficRunner
from switch.reconcile import reconcile
from switch.reconcile.books import BooksError
from switch.reconcile.report import report
from switch.store.directory import SharedDirectoryError, prepare_directory
from switch.store.log import LogError

DRAIN_S = 12.0  # the acquirers' timer is 10 s; its reversal takes another round trip
SHOW_WITHIN_S = 30.0  # for the first approved purchase with a PIN; there are several a second
POLL_S = 0.05

# What a data directory of ours consists of: `--fresh` empties nothing that holds anything else.
_OURS = ("up.json", "up.json.new", "up.lock", "bench.lock", "switch", "issuer-*", "acquirer.jsonl", "book.sqlite*",
         "data.key", "lmk", "lmk.*", "*.control", "*.tap", "*.events.jsonl", "*.events.jsonl.1")  # fmt: skip


class BenchError(Exception):
    """The bench cannot start here. Says why and what to do."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What `up` runs. `children` in the order of their start, the switch last; `ports` by name, 0 for a free one."""

    children: Sequence[Child]
    ports: Mapping[str, int]
    traffic: Sequence[Traffic]
    data: Path
    for_s: float | None
    fresh: bool
    build: bool  # the native modules beside it


def run_up(bench: Bench) -> int:
    """Run the bench; its exit status."""
    try:
        with _data_directory(bench.data, fresh=bench.fresh):
            return process.run(lambda stop: _Up(bench, stop).run())
    except BenchError as error:
        sys.stderr.write(f"monetique up: {error}\n")
        return process.MISCONFIGURED


class _Up:
    def __init__(self, bench: Bench, stop: process.Stop) -> None:
        self._bench = bench
        self._stop = stop
        self._on_terminal = sys.stderr.isatty()
        self._instruments = Instruments("up", bench.data, quiet=self._on_terminal)
        self._issuers = frozenset(child.name for child in bench.children) - {"hsm", "switch"}
        ports = dict(bench.ports)
        self._children = [
            ChildProcess(child, bench.data, ports, self._report, self._part_lines(child.name))
            for child in bench.children
        ]
        self._fixed_ports = all(ports.values())
        self._building = Building()

    async def run(self) -> int:
        """From the first child's start to the last one's end."""
        try:
            addresses = await self._start()
            if addresses is None:
                return await self._stop.wait()
            return await self._serve(addresses)
        except ChildError as error:
            sys.stderr.write(f"monetique up: {error}\n")
            return error.status if error.status in (process.FAILED, process.MISCONFIGURED) else process.FAILED
        finally:
            self._building.stop()
            for child in reversed(self._children):
                await child.stop()

    async def _start(self) -> dict[str, str] | None:
        """Start the children and wait until all are ready; their addresses by name, None when asked to stop."""
        if self._on_terminal:
            _complain(f"starting {', '.join(child.name for child in self._children)}")
        for child in self._children:
            child.start()
            if not self._fixed_ports and not await self._wait_ready([child]):  # the next one must be told its port
                return None
        if not await self._wait_ready(self._children):
            return None
        return {name: address for child in self._children for name, address in child.addresses.items()}

    async def _wait_ready(self, children: Sequence[ChildProcess]) -> bool:
        async def all_ready() -> bool:
            await asyncio.gather(*(child.ready() for child in children))
            return True

        async def stopped() -> bool:
            await self._stop.wait()
            return False

        tasks = [asyncio.ensure_future(all_ready()), asyncio.ensure_future(stopped())]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return all(task.result() for task in done)

    async def _serve(self, addresses: dict[str, str]) -> int:
        traffic = TrafficRunner(self._bench.traffic, addresses, self._bench.data, quiet=self._on_terminal)
        acquirers = {name: addresses[name] for name in self._children[-1].addresses if name != "metrics"}
        shown = in_order({**acquirers, "hsm": addresses["hsm"]})
        process.print_ready(shown)
        if self._bench.build:
            self._building.start()
        if self._on_terminal:
            say(f"why something was declined, late or refused: monetique events --follow --data {self._bench.data}")
        if self._bench.for_s is not None:
            asyncio.get_running_loop().call_later(self._bench.for_s, self._stop.request, process.STOPPED)
        await self._tell_keys()
        traffic.start()
        try:
            if self._bench.traffic:
                await self._show_first(traffic)
            await self._live(traffic, shown)
            await self._drain(traffic)
        finally:
            await traffic.close()
        try:
            verdict = await asyncio.to_thread(reconcile, self._bench.data)
        except (BooksError, LogError) as error:
            say(f"no verdict: {error}")
            return process.FAILED
        for line in report(verdict, terminal.width()):
            say(line)
        say(f"verdict: {verdict['verdict']}")
        status = await self._stop.wait()
        return process.FAILED if verdict["verdict"] == "violated" else status

    async def _tell_keys(self) -> None:
        """Zone PIN keys that an earlier run on this data directory exchanged are in the switch's log; the sample
        traffic begins with the configured ones, so it is told."""
        for source in self._bench.traffic:
            told = await self._ask("zone-key", name=source.link)
            if told is not None and told["field"] and not source.part.take_key(told["field"]):
                self._report("key", "not-taken", f"{source.link}: the exchanged key is not under this link's ZMK")

    async def _show_first(self, traffic: TrafficRunner) -> None:
        """Wait for the first approved purchase with a PIN and show it; without one, say so and go on."""
        for _ in range(int(SHOW_WITHIN_S / POLL_S)):
            if await self._stop.wait_for(POLL_S):
                return
            if (first := traffic.first_approved()) is not None:
                source, asked, answer = first
                status = await self._status()
                moments = status["first_approved_with_pin"].get(source.link, {}) if status else {}
                for line in transaction(source.dialect, source.link, asked, answer, moments):
                    say(line)
                return
        say(f"no purchase with a PIN was approved within {SHOW_WITHIN_S:.0f} s; see the parts' lines for the reasons")

    async def _live(self, traffic: TrafficRunner, addresses: Mapping[str, str]) -> None:
        clock = self._instruments.clock
        with LiveLine(clock(), addresses, dropped=traffic.dropped, notice=self._building.progress) as line:
            while not await self._stop.wait_for(line.every_s):
                if (failure := self._building.failure()) is not None:
                    self._report("part", "build-failed", failure)
                status, latencies = await self._status(), await self._ask("latencies")
                if status is not None and latencies is not None:
                    line.show(clock(), status, latencies["latencies"])

    async def _drain(self, traffic: TrafficRunner) -> None:
        """Let what is open end: answers, reversals and their acknowledgements."""
        traffic.stop_traffic()
        if self._on_terminal:
            _complain("stopping: what is open comes to its end; Ctrl-C again cuts that short")
        deadline = self._instruments.clock() + DRAIN_S
        while self._instruments.clock() < deadline and not self._stop.insisted:
            status = await self._status()
            if not traffic.outstanding() and status and not status["in_flight"] and not status["reversals_owed"]:
                return
            await asyncio.sleep(POLL_S)
        say(f"{traffic.outstanding()} transactions are still open after {DRAIN_S:.0f} s of draining")

    async def _status(self) -> dict[str, Any] | None:
        """The switch's status; None while it restarts."""
        return await self._ask("status")

    async def _ask(self, command: str, **more: str) -> dict[str, Any] | None:
        """The switch's answer; None while it restarts, or when it refuses."""
        document = {"command": command, **more}
        try:
            return await asyncio.to_thread(request, socket_path(self._bench.data, "switch"), document)
        except ControlError:
            return None

    def _report(self, event: str, reason: str, why: str) -> None:
        lines = self._instruments.lines
        lines.event(self._instruments.clock(), event, {"reason": reason, "why": why})
        lines.flush()
        if self._on_terminal:
            _complain(why)

    def _part_lines(self, name: str) -> PartLines:
        """The parts of the switch keep their own events; what the HSM says is kept here."""
        kept = EventFile(events_path(self._bench.data, name)) if name == "hsm" else None
        return PartLines(self._show_line, kept)

    def _show_line(self, line: bytes) -> None:
        """A line of a part, which is kept already: into our log, or what of it concerns who sits at the terminal."""
        if self._on_terminal:
            _complain(terminal.printable(sentence(line)))
        elif is_trouble(line, self._issuers):
            self._instruments.lines.pass_on(line)
            self._instruments.lines.flush()


def in_order(addresses: Mapping[str, str]) -> dict[str, str]:
    """The shipped names first, in the order that scripts know, then links of the user's own.

    >>> list(in_order({"gateway": "", "acquirer-bcd": "", "acquirer": "", "hsm": ""}))
    ['acquirer', 'acquirer-bcd', 'hsm', 'gateway']
    """
    shipped = [name for name in PORT_ORDER if name in addresses]
    return {name: addresses[name] for name in dict.fromkeys([*shipped, *addresses])}


def _complain(text: str) -> None:
    if text:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def _data_directory(data: Path, *, fresh: bool) -> Iterator[None]:
    """Hold the data directory, emptied first where asked. Raises BenchError when it is in use or not ours to empty."""
    try:
        prepare_directory(data)
        descriptor = os.open(data / "bench.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except SharedDirectoryError as error:
        raise BenchError(str(error)) from None
    except OSError as error:
        raise BenchError(
            f"{data}: {error.strerror}; choose a --data that is a directory of yours, or none yet"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(f"{data}: another bench runs on it; stop that one, or choose another --data") from None
        if fresh:
            _empty(data)
        (data / upfile.NAME).unlink(missing_ok=True)
        for events in data.glob("*.events.jsonl*"):  # of the run before
            events.unlink()
        yield
    finally:
        os.close(descriptor)


def _empty(data: Path) -> None:
    entries = list(data.iterdir())
    strangers = sorted(entry.name for entry in entries if not any(entry.match(pattern) for pattern in _OURS))
    if strangers:
        raise BenchError(f"{data}: --fresh would delete {strangers[0]}, which is not ours; choose another --data")
    for entry in entries:
        if entry.name == "bench.lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
