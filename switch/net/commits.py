"""Group commit: nothing leaves before the records that it rests on are durable.

Records gather in the open batch. When a wake-up ends and no sync is under way, the batch is appended to the log in one
write and a thread of the log's syncs it, while the next batch opens. So there is one sync at a time, and under load
each covers everything that came while the last one ran. What must wait (a FORWARD, an ANSWER) is held by the newest
batch that has records; when that batch is durable, its held effects are released in order.

A commit costs as much CPU as several authorizations, so at a load that leaves few records to each, syncs are paced: a
batch that is not large goes no sooner than `PACE_S` after the one before it went. Whoever is alone with a request never
waits for that, for then the one before was small (`COMPANY`); nor does a core that is busy, for then batches are large
(`LARGE`). At ten thousand requests a second it is a tenth less CPU for 0.1 ms more at the median; pacing by 0.6 ms was
a further twentieth, and 0.2 ms more. To wait until the loop had no other input was no good at 64 in flight.

When the log fails (a full disk, an I/O error), what is held is dropped: a decision that is not recorded has not been
made for anybody outside, and the other side's timer and reversal settle the rest. The records are kept, for the part's
memory rests on them, and nothing more leaves but refusals that rest on nothing. Every `RETRY_S` the log is asked to
resume; when all that was kept is durable, everything goes on as before, without a restart.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Protocol, TypeAlias

from switch.core import effects as kinds
from switch.core.effects import Effect

PIECE_BYTES = 16 << 20  # a quarter of a segment of the file log
PACE_S = 0.0005  # at most 2,000 syncs a second: a fifth of the time of a core, where each is for a few records only
COMPANY = 2  # records of a batch: there were others at the same time, and there soon will be again
LARGE = 24  # records of a batch that need not wait for more
BACKSTOP_S = 0.001  # the loop's shortest timer, should nothing else wake it up
RETRY_S = 0.25  # a disk with room again is noticed before a person could; each try costs a write of what was unsynced
MAX_KEPT_BYTES = 64 << 20  # some 200,000 records without a disk; a part that refuses new requests never gets there

Stalled: TypeAlias = Callable[[Exception | None], None]


class Readable(Protocol):
    """A descriptor that tells by being readable."""

    def fileno(self) -> int:
        """The descriptor."""


class Journal(Protocol):
    """As much of `switch.store.log.Log` as committing needs. All may raise LogError or OSError."""

    def append(self, payloads: Sequence[bytes]) -> int:
        """Write records, not yet durable."""

    def begin_sync(self) -> Readable | None:
        """Begin to make durable what was appended: readable when that has ended; None where nothing is waited for."""

    def end_sync(self) -> None:
        """It has ended: raises what went wrong."""

    def resume(self) -> None:
        """After a failure: make good what was appended before it; runs on a thread."""


class _Batch:
    __slots__ = ("held", "records", "size")

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.size = 0  # of what was put in, in bytes
        self.held: list[Effect] = []


class GroupCommit:
    """One journal's batches. In the loop, `release` is called with what may leave; `stalled` with the error when the
    log fails, and with None when it works again; `overfull` when more was kept meanwhile than memory is for."""

    def __init__(
        self,
        journal: Journal,
        release: Callable[[list[Effect]], None],
        stalled: Stalled,
        overfull: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._release = release
        self._stalled = stalled
        self._overfull = overfull
        self._loop = asyncio.get_running_loop()
        self._open = _Batch()
        self._syncing: _Batch | None = None
        self._broken = False
        self._kept_bytes = 0  # while broken
        self._retry: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()  # nothing is with the log's threads
        self._idle.set()
        self._watched: Readable | None = None
        self._went_at = 0.0  # the last batch, on the monotonic clock
        self._went_with = 0  # records
        self._backstop: asyncio.TimerHandle | None = None

    @property
    def broken(self) -> bool:
        """Whether the log has failed and does not work yet."""
        return self._broken

    def append(self, record: bytes) -> None:
        """Put a record into the open batch."""
        batch = self._open
        batch.records.append(record)
        batch.size += len(record)
        if self._broken:
            self._keep(len(record))

    def hold(self, effect: Effect) -> bool:
        """Keep `effect` until every record before it is durable; False when it waits for none."""
        if self._broken:
            return bool(effect[0] != kinds.CLOSE)  # dropped: it may rest on a record that is not written
        if self._open.records:
            self._open.held.append(effect)
        elif self._syncing is not None:
            self._syncing.held.append(effect)
        else:
            return False
        return True

    def flush(self) -> None:
        """At the end of a wake-up: set the open batch on its way unless one is under way, or the log is broken."""
        if self._syncing is None and self._open.records and not self._broken:
            now = monotonic()
            if self._is_due(now):
                self._stop_backstop()
                self._went_at, self._went_with = now, len(self._open.records)
                self._commit()
            elif self._backstop is None:
                self._backstop = self._loop.call_later(BACKSTOP_S, self._wait_no_more)

    def _is_due(self, now: float) -> bool:
        """May the open batch go, or are more records to come first?"""
        return self._went_with < COMPANY or len(self._open.records) >= LARGE or now - self._went_at >= PACE_S

    def _stop_backstop(self) -> None:
        if self._backstop is not None:
            self._backstop.cancel()
            self._backstop = None

    def _wait_no_more(self) -> None:
        self._stop_backstop()
        self._went_with = 0
        self.flush()

    def _commit(self) -> None:
        self._syncing, self._open = self._open, _Batch()
        try:
            self._append(self._syncing.records, self._syncing.size)
            ended = self._journal.begin_sync()
        except Exception as error:
            self._synced(error)
            return
        if ended is None:
            self._loop.call_soon(self._synced, None)
        elif ended is not self._watched:
            self._watched = ended
            self._loop.add_reader(ended, self._sync_ended)
        self._idle.clear()

    def _append(self, records: list[bytes], size: int) -> None:
        """All of them; after a failure those that are left are to be appended again."""
        if size <= PIECE_BYTES:
            self._journal.append(records)
            records.clear()
            return
        for piece in in_pieces(list(records)):
            self._journal.append(piece)
            del records[: len(piece)]

    def _sync_ended(self) -> None:
        try:
            self._journal.end_sync()
        except Exception as error:
            self._synced(error)
        else:
            self._synced(None)

    def _synced(self, error: Exception | None) -> None:
        self._idle.set()
        batch, self._syncing = self._syncing, None
        assert batch is not None
        if error is not None:
            self._break(batch, error)
            return
        if self._broken:
            self._broken = False
            self._stalled(None)
        try:
            self._release(batch.held)
        finally:
            self.flush()

    # -- while the log is broken -----------------------------------------------------------------------------------

    def _break(self, batch: _Batch, error: Exception) -> None:
        """Keep the records in their order, drop what waited for them, and try again soon."""
        waiting = batch.held + self._open.held
        self._open.held = []
        self._open.records[:0] = batch.records
        self._open.size += batch.size
        first, self._broken = not self._broken, True
        self._kept_bytes = 0
        self._keep(sum(map(len, self._open.records)))
        self._retry = self._loop.call_later(RETRY_S, self._resume)
        if first:
            self._stalled(error)
        self._release([effect for effect in waiting if effect[0] == kinds.CLOSE])

    def _keep(self, size: int) -> None:
        before, self._kept_bytes = self._kept_bytes, self._kept_bytes + size
        if before <= MAX_KEPT_BYTES < self._kept_bytes:
            self._overfull()

    def _resume(self) -> None:
        self._idle.clear()
        self._loop.run_in_executor(None, self._journal.resume).add_done_callback(self._resumed)

    def _resumed(self, resumed: asyncio.Future[None]) -> None:
        self._idle.set()
        if resumed.exception() is not None:
            self._retry = self._loop.call_later(RETRY_S, self._resume)
        else:
            self._commit()

    async def close(self) -> None:
        """Wait until all is durable and released, or the log is broken."""
        self._wait_no_more()
        while not self._idle.is_set():
            await self._idle.wait()
        if self._retry is not None:
            self._retry.cancel()
        if self._watched is not None:
            self._loop.remove_reader(self._watched)


def in_pieces(records: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """A batch in pieces that a log takes: one that gathered during a long sync may exceed a segment.

    >>> [len(piece) for piece in in_pieces([bytes(6 << 20)] * 5)]
    [2, 2, 1]
    """
    start = size = 0
    for end, record in enumerate(records):
        size += len(record)
        if size > PIECE_BYTES and end > start:
            yield records[start:end]
            start, size = end, len(record)
    yield records[start:]
