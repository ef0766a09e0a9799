"""The processes of a benchmark: started on a core of their own, awaited, and gone when the benchmark is."""

import contextlib
import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

PR_SET_PDEATHSIG = 1  # prctl(2)
READY_S = 30.0  # a switch on an empty log is ready in one
STOP_S = 10.0  # to drain and close the log
PORT = re.compile(r"(\S+)=127\.0\.0\.1:(\d+)")


class BenchError(Exception):
    """The benchmark cannot be trusted or cannot go on."""


class Cores(NamedTuple):
    """Which cores the measured process and its counterparts run on; apart, so that neither waits for the other."""

    subject: set[int]
    others: set[int]


def cores() -> Cores:
    """The first core for the measured process, the rest for what stands around it; all of them share a single one."""
    first, *rest = sorted(os.sched_getaffinity(0))
    return Cores({first}, set(rest) or {first})


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """This process, with the threads that it makes herein, on the core of measured ones: as a switch is measured."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores().subject)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Program:
    """A running program, and the ports its ready line named."""

    def __init__(self, arguments: list[str], on: set[int], stderr: Path) -> None:
        self.name = " ".join(arguments[:3])
        self.stderr = stderr
        with stderr.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: settle(on),
            )

    def wait_ready(self, within_s: float = READY_S) -> dict[str, int]:
        """The ports by name, once the program has printed its ready line."""
        until = time.monotonic() + within_s
        while True:
            line = self.line(until - time.monotonic())
            if line.startswith("ready "):
                return {name: int(port) for name, port in PORT.findall(line)}

    def line(self, within_s: float) -> str:
        """The next line that the program prints."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], max(within_s, 0.0))[0]:
            raise self.failure("is silent")
        if line := self.process.stdout.readline():
            return line
        raise self.failure("has ended")

    def tell(self, request: str) -> None:
        """Write one line to the program."""
        assert self.process.stdin is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()

    def ask(self, request: str, within_s: float) -> str:
        """Write one line to the program, and read one."""
        self.tell(request)
        return self.line(within_s)

    def memory_mb(self, name: str = "VmRSS") -> float:
        """Memory in use, or another line of proc(5), /proc/PID/status."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024

    def kill(self) -> None:
        """End it as a power cut would: `kill -9`."""
        self.process.kill()
        self.process.wait()

    def failure(self, what: str) -> BenchError:
        """An error that quotes the end of the program's standard error."""
        return BenchError(f"{self.name} {what}\n" + "\n".join(self.stderr.read_text().splitlines()[-20:]))

    def stop(self) -> None:
        """Ask it to end, then make it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


class Programs:
    """Starts programs and stops every one of them on leaving, the last first; `folder` is there as long."""

    def __init__(self) -> None:
        build = Path("build")
        build.mkdir(exist_ok=True)
        # On the disk of the repository: on a RAM disk, as /tmp may be one, the log would cost nothing.
        self._folder = tempfile.TemporaryDirectory(prefix="bench-", dir=build)
        self._running: list[Program] = []
        self.folder = Path(self._folder.name).resolve()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in reversed(self._running):
            program.stop()
        self._folder.cleanup()

    def start(self, *arguments: str, on: set[int]) -> Program:
        """Start `python -m …` on the cores `on`."""
        self._count += 1
        program = Program(list(arguments), on, self.folder / f"{self._count}.stderr")
        self._running.append(program)
        return program


def settle(on: set[int]) -> None:
    """In the child: stay on these cores, and die with the benchmark, however that dies."""
    os.sched_setaffinity(0, on)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
