"""What every part does as a process: descriptors, signals, the data directory, the ready line, exit status."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import uvloop

from switch import bugs
from switch.net import upfile
from switch.net.addresses import Address

STOPPED = 0
FAILED = 1
MISCONFIGURED = 2
INTERRUPTED = 130

_EPOCH_LIMIT = 2**32  # the vault's nonce has four bytes for it


class Stop:
    """The request to stop, with the exit status that it leads to. The first request decides; a second one insists."""

    def __init__(self) -> None:
        self.insisted = False
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def request(self, status: int) -> None:
        """Stop, and exit with `status`."""
        if self._status.done():
            self.insisted = True
        else:
            self._status.set_result(status)

    @property
    def requested(self) -> bool:
        """Whether anybody has asked."""
        return self._status.done()

    async def wait(self) -> int:
        """The exit status, once somebody asks to stop."""
        return await asyncio.shield(self._status)

    async def wait_for(self, timeout_s: float) -> bool:
        """Wait at most that long; whether to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), timeout_s)
        return self.requested


def run(main: Callable[[Stop], Awaitable[int]]) -> int:
    """Run `main` on uvloop until it returns its exit status. SIGTERM asks it to stop (0), SIGINT too (130)."""
    raise_descriptor_limit()

    async def with_signals() -> int:
        stop = Stop()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(bugs.in_event_loop)
        loop.add_signal_handler(signal.SIGTERM, stop.request, STOPPED)
        loop.add_signal_handler(signal.SIGINT, stop.request, INTERRUPTED)
        return await main(stop)

    return uvloop.run(with_signals())


def raise_descriptor_limit() -> None:
    """Each connection takes a descriptor; the usual soft limit of 1,024 is for programs that use select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def settled_memory() -> Iterator[None]:
    """Rebuild the state herein: the garbage collector waits, and does not read it over and over afterwards."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
    settle_memory()


def settle_memory() -> None:
    """What exists now is never collected, the rest seldom.

    A part makes no cycles to speak of, so the usual 700 allocations between collections would cost a tenth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def next_epoch(path: Path) -> int:
    """The number of this start, durable before it is used, so that no nonce repeats across starts."""
    epoch = int(path.read_text()) + 1 if path.exists() else 1
    if epoch >= _EPOCH_LIMIT:
        raise ValueError(f"{path}: {epoch} starts; make new data keys in a new data directory")
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(f"{epoch}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return epoch


def announce(data: Path, part: str, addresses: Mapping[str, Address]) -> None:
    """The part is ready: enter it into `up.json` and print its ready line."""
    upfile.merge(data, part, os.getpid(), {name: address.port for name, address in addresses.items()})
    print_ready(addresses)


def print_ready(addresses: Mapping[str, object]) -> None:
    """`ready acquirer=127.0.0.1:8583 …` on standard output, flushed: what scripts wait for."""
    sys.stdout.write(" ".join(("ready", *(f"{name}={address}" for name, address in addresses.items()))) + "\n")
    sys.stdout.flush()


def parse_ready(line: str) -> dict[str, str] | None:
    """The addresses of a ready line by name; None for any other line.

    >>> parse_ready("ready acquirer=127.0.0.1:8583 hsm=127.0.0.1:1500")
    {'acquirer': '127.0.0.1:8583', 'hsm': '127.0.0.1:1500'}
    >>> parse_ready("reading the log")
    """
    word, *pairs = line.split() or [""]
    return dict(pair.split("=", 1) for pair in pairs) if word == "ready" else None
