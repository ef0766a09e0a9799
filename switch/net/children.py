"""Child processes of the supervisor: started, watched, restarted when they die, stopped at the end.

None is left behind: each child asks the kernel to be killed when the supervisor dies, however it dies (`prctl`), and
each has a session of its own, so that a Ctrl-C at the terminal reaches the supervisor alone and the end is orderly.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from switch.net import process, upfile
from switch.net.addresses import Address
from switch.net.part_lines import PartLines

RESTART_S = 0.2  # until a dead child is started again: the contract gives two seconds to be back
RETRY_S = 1.0  # after a start that the system refused
STOP_S = 5.0  # for a child that was asked to stop to do so, before it is killed

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)

Ports = Mapping[str, int]
Reporter = Callable[[str, str, str], None]  # event, reason, why
READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Child:
    """A part to run: its name, and its argument vector given the ports of all parts by name (0: take a free one)."""

    name: str
    argv: Callable[[Ports], Sequence[str]]


class ChildError(Exception):
    """A part ended before it was ready; it has said why on standard error."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"{name} ended with status {status} before it was ready; its line above says why")
        self.status = status


class ChildProcess:
    """Keeps one child running. All share `ports`: what one reports on its ready line, the others are told."""

    def __init__(
        self, child: Child, data: Path, ports: dict[str, int], report: Reporter, lines: PartLines | None
    ) -> None:
        """`lines` takes what the child writes to standard error; None: it shares ours."""
        self.name = child.name
        self.addresses: dict[str, str] = {}
        self._child = child
        self._data = data
        self._ports = ports
        self._report = report
        self._lines = lines
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the child and keep it running."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def ready(self) -> None:
        """Return once it has printed its ready line. Raises ChildError when it ended first."""
        await asyncio.shield(self._ready)

    async def _keep(self) -> None:
        while not self._stopping:
            try:
                status = await self._live()
            except OSError as error:  # no space for up.json, no process to be had: both pass
                self._report("part", "not-started", f"{self.name}: {error}; tried again in {RETRY_S:.0f} s")
                await self._leave_nothing()
                await asyncio.sleep(RETRY_S)
            else:
                await self._ended(status)

    async def _leave_nothing(self) -> None:
        """After half a start: no child may be left that nobody watches."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    async def _ended(self, status: int) -> None:
        """The child is gone: as asked, or too early, or to be started again."""
        if self._stopping:
            return
        if self._ready.done():
            self._report("part", "restarted", f"{self.name} ended with status {status}; started again")
            await asyncio.sleep(RESTART_S)
        else:
            self._stopping = True
            self._ready.set_exception(ChildError(self.name, status))

    async def _live(self) -> int:
        """One life of the child, from start to exit status (minus the signal's number when one killed it)."""
        self._process = await asyncio.create_subprocess_exec(
            *self._child.argv(self._ports),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=None if self._lines is None else asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with(os.getpid(), signal.SIGKILL),
        )
        known = {name: self._ports[name] for name in self.addresses}
        upfile.merge(self._data, self.name, self._process.pid, known)
        told = asyncio.create_task(self._read_lines(self._process.stderr))
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._heard(line.decode(errors="replace"))
        await told
        return await self._process.wait()

    async def _read_lines(self, stderr: asyncio.StreamReader | None) -> None:
        if stderr is not None and self._lines is not None:
            while data := await stderr.read(READ_BYTES):
                self._lines.feed(data)

    def _heard(self, line: str) -> None:
        addresses = process.parse_ready(line)
        if addresses is None:
            return
        assert self._process is not None
        self.addresses = addresses
        ports = {name: Address.parse(address).port for name, address in addresses.items()}
        self._ports.update(ports)
        upfile.merge(self._data, self.name, self._process.pid, ports)
        if not self._ready.done():
            self._ready.set_result(None)

    async def stop(self) -> None:
        """Ask the child to stop, insist after a while, and wait until it is gone."""
        self._stopping = True
        if self._keeper is None:
            return
        if self._process is not None:
            self._signal(signal.SIGTERM)
            _, pending = await asyncio.wait([self._keeper], timeout=STOP_S)
            if pending:
                self._signal(signal.SIGKILL)
            with contextlib.suppress(OSError):  # a full disk must not keep the others from being stopped
                upfile.remove(self._data, self.name, self._process.pid)
        with contextlib.suppress(ChildError):
            await self._keeper
        if self._lines is not None:
            self._lines.close()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """What a child runs between fork and exec: get this signal when `parent` dies, at once if it is dead already."""

    def bind() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return bind
