"""Group commit: nothing leaves before the records that it rests on are durable.

Records gather in the open batch. When a wake-up ends and no sync is under way, the batch is appended to the log in one
write and a worker thread syncs it, while the next batch opens. So there is one sync at a time, and under load each
covers everything that came while the last one ran. What must wait (a FORWARD, an ANSWER) is held by the newest batch
that has records; when that batch is durable, its held effects are released in order.

When the log fails, all that is held is dropped: a decision that is not recorded was never made, and the other side's
timer and reversal settle the rest. The log refuses further use after a failed sync, so the part must stop.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from switch.core.effects import Effect

PIECE_BYTES = 16 << 20  # a quarter of a segment of the file log


class Journal(Protocol):
    """As much of `switch.store.log.Log` as committing needs. Both may raise LogError or OSError."""

    def append(self, payloads: Sequence[bytes]) -> int:
        """Write records, not yet durable."""

    def sync(self) -> None:
        """Make durable what was appended; runs on the worker thread."""


class _Batch:
    __slots__ = ("held", "records")

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.held: list[Effect] = []


class GroupCommit:
    """One journal's batches. `release` is called in the loop with what may leave, `failed` once, if the log fails."""

    def __init__(
        self, journal: Journal, release: Callable[[list[Effect]], None], failed: Callable[[Exception], None]
    ) -> None:
        self._journal = journal
        self._release = release
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._open = _Batch()
        self._syncing: _Batch | None = None
        self._broken = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._starts: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: sync once; False: end
        self._worker = threading.Thread(target=self._sync_when_told, name="log-sync", daemon=True)
        self._worker.start()

    def append(self, record: bytes) -> None:
        """Put a record into the open batch."""
        self._open.records.append(record)

    def hold(self, effect: Effect) -> bool:
        """Keep `effect` until every record before it is durable; False when it waits for none."""
        if self._broken:
            return True  # and never released: it may rest on a record that was lost
        if self._open.records:
            self._open.held.append(effect)
        elif self._syncing is not None:
            self._syncing.held.append(effect)
        else:
            return False
        return True

    def flush(self) -> None:
        """At the end of a wake-up: set the open batch on its way unless one is under way, or the log is broken."""
        if self._syncing is not None or not self._open.records:
            return
        if self._broken:
            self._open = _Batch()
            return
        self._syncing, self._open = self._open, _Batch()
        self._idle.clear()
        try:
            for records in in_pieces(self._syncing.records):
                self._journal.append(records)
        except Exception as error:
            self._synced(error)
        else:
            self._starts.put(True)

    def _sync_when_told(self) -> None:
        while self._starts.get():
            error: Exception | None = None
            try:
                self._journal.sync()
            except Exception as caught:
                error = caught
            self._loop.call_soon_threadsafe(self._synced, error)

    def _synced(self, error: Exception | None) -> None:
        batch, self._syncing = self._syncing, None
        assert batch is not None
        if error is None:
            self._release(batch.held)
            self.flush()
        else:
            self._broken, self._open = True, _Batch()
            self._failed(error)
        if self._syncing is None:
            self._idle.set()

    async def close(self) -> None:
        """Wait until all is durable and released, and end the worker."""
        self.flush()
        await self._idle.wait()
        self._starts.put(False)
        self._worker.join()


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
