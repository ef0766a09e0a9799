"""Opening what a part needs before it serves, and saying in one line why it could not."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from switch.net import process
from switch.net.status import Instruments
from switch.store.directory import prepare_directory
from switch.store.file import FileLog
from switch.store.keys import KeyFileError
from switch.store.log import LogError

# Records that a restart may replay rather than have every stop write a snapshot: a tenth of a second of the switch's.
SNAPSHOT_AFTER = 100_000


@dataclass(slots=True)
class Outcome:
    """The exit status of a part, settled by the end of `reporting`."""

    status: int = process.FAILED


@contextlib.contextmanager
def reporting(instruments: Instruments) -> Iterator[Outcome]:
    """Turn what may go wrong at the start, or with the log later, into a line and an exit status."""
    outcome = Outcome()
    try:
        yield outcome
    except LogError as error:
        outcome.status = process.FAILED
        _report(instruments, "log-failed", error)
    except (KeyFileError, OSError, ValueError) as error:  # a port in use, a bad address, keys that others may read
        outcome.status = process.MISCONFIGURED
        _report(instruments, "misconfigured", error)


def _report(instruments: Instruments, reason: str, error: Exception) -> None:
    instruments.lines.event(instruments.clock(), "start", {"reason": reason, "why": str(error)})
    instruments.lines.flush()


@contextlib.contextmanager
def open_log(directory: Path, instruments: Instruments) -> Iterator[FileLog]:
    """The log in a part's own `directory` of the data directory; a line tells of a torn end or a damaged snapshot."""
    prepare_directory(directory.parent)
    with contextlib.closing(FileLog(prepare_directory(directory) / "log")) as log:
        found = log.recovery
        if found.torn_bytes or found.damaged_snapshots:
            why = f"cut {found.torn_bytes} bytes that were never durable at {found.torn_place or 'no place'}; "
            why += f"passed over {len(found.damaged_snapshots)} damaged snapshots"
            instruments.lines.event(instruments.clock(), "log", {"reason": "recovered", "why": why})
        yield log


async def shorten(log: FileLog, state: Callable[[], bytes], after: int | None = None) -> None:
    """Write a snapshot, if so many records came since the last that a restart would notice. Its older records may go.

    Call it while the part is at rest (before it serves, after it has closed): `state` must be the fold of exactly what
    was appended, and making it may take half a second.
    """
    if (frozen := freeze(log, state, after)) is not None:
        await asyncio.to_thread(log.write_snapshot, *frozen)


def freeze(log: FileLog, state: Callable[[], bytes], after: int | None = None) -> tuple[int, bytes] | None:
    """The first half of `shorten`: the snapshot as of now, to be written whenever there is time; None where `after`
    records (or SNAPSHOT_AFTER) did not come."""
    if log.last_sequence - log.snapshot_sequence < (SNAPSHOT_AFTER if after is None else after):
        return None
    return log.last_sequence, state()


class Beside:
    """A frozen snapshot on its way to the disk while the part serves already."""

    def __init__(self, log: FileLog, instruments: Instruments) -> None:
        self._log = log
        self._instruments = instruments
        self._writing: asyncio.Task[None] | None = None

    def write(self, frozen: tuple[int, bytes] | None) -> None:
        """Begin, if there is something."""
        if frozen is not None:
            self._writing = asyncio.create_task(self._write(*frozen))

    async def _write(self, sequence: int, state: bytes) -> None:
        """Where it cannot be written, the log still has all that it says: the part goes on."""
        try:
            await asyncio.to_thread(self._log.write_snapshot, sequence, state)
        except (LogError, OSError) as error:
            fields = {"reason": "snapshot-failed", "why": str(error)}
            self._instruments.lines.event(self._instruments.clock(), "log", fields)
            self._instruments.lines.flush()

    async def wait(self) -> None:
        """Until it is there: one snapshot at a time is written, and none to a log that is closed."""
        if self._writing is not None:
            await self._writing
