"""The log in files: preallocated segments, snapshots and a lock in one directory.

    lock                                held (flock) by the one process that has the log open
    log-00000000000000000001.seg        segment, named after its first record; frames (see `frames`), then zeros
    snapshot-00000000000000004711.snap  state up to and including record 4711 (see `snapshots`)

Segments are preallocated: an fdatasync that need not lengthen the file costs about a quarter less, and a full disk is
met when a segment is created, before any record that would not fit was taken. The first write to a preallocated block
still changes the file system's own records, which the sync must wait for; so zeros go before the log, a megabyte at a
time, and most syncs are of blocks that were written before: half the time, and half the CPU. A new segment is created
only when the one before it is wholly durable, so only the last segment can have a torn end.

Opening checks the segments since the newest valid snapshot, cuts a torn end, refuses damage, and syncs: records that
a killed process had written but not synced may exist only in the page cache, and the switch is about to act on them.
What was checked is only taken apart when it is replayed. Segments are read into one piece of memory, one after the
other, and not mapped: a disk that cannot read would end the process then, and nobody would hear why.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

from switch.store import frames, snapshots
from switch.store.durable import sync_directory
from switch.store.log import LogError, Recovery
from switch.store.splitting import encode, payloads_of
from switch.store.syncing import SyncThread

# Large enough that creating one is rare, small enough to be read as one piece of memory when the log is opened.
SEGMENT_BYTES = 64 << 20

# Written with zeros ahead of the log, before a batch that reaches the end of what was. One megabyte is written in a
# millisecond, and serves a hundred batches and more.
BLANK_BYTES = 1 << 20
_BLANK = memoryview(bytes(BLANK_BYTES))

# Segments kept although no snapshot needs them, for readers of history that lag behind: 1 GiB.
KEEP_SEGMENTS = 16

_OPEN_AGAIN = "look at the disk; resume, or open the log again: it recovers to what is durable"


class FileLog:
    """A `Log` in `directory`, which is created (0700, files 0600) where it does not exist.

    `segment_bytes` bounds a batch, and the memory that opening takes; `keep_segments` bounds the disk space that
    history takes beyond what a restart needs.
    """

    def __init__(
        self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES, keep_segments: int = KEEP_SEGMENTS
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._keep_segments = keep_segments
        # Held while the current segment is synced or changed for the next, so that neither closes it on the other.
        self._segment_lock = threading.Lock()
        # Why the log refuses further use; empty while it works.
        self._failure = ""
        # Frames that no finished sync covers yet, with their offsets in the current segment: `resume` writes them
        self._unsynced: list[tuple[int, bytes]] = []
        self._thread: SyncThread | None = None
        self._syncing: tuple[int, int] | None = None  # what `begin_sync` covers: last record, frames in `_unsynced`
        self._retired: list[int] = []  # descriptors of segments left meanwhile
        self._snapshot_sequence = self._last = self._durable = 0
        self._found: snapshots.Found | None = None  # the snapshot that opening found, until somebody wants it
        self._buffer = bytearray()  # what opening read segments into, until they are replayed
        with _explained(directory, "open the log", "check the directory and its owner"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_directory(directory.parent)
            self._lock_fd = _lock(directory / "lock")
            try:
                self._open()
            except BaseException:
                os.close(self._lock_fd)
                raise

    @property
    def last_sequence(self) -> int:
        return self._last

    @property
    def snapshot_sequence(self) -> int:
        """The last record that the newest snapshot covers; 0 without one."""
        return self._snapshot_sequence

    @property
    def recovery(self) -> Recovery:
        return self._recovery

    def snapshot(self) -> bytes | None:
        found, self._found = self._found, None  # not kept for longer than it is wanted
        return (found or snapshots.newest(self._directory)).state

    def replay(self) -> Iterator[tuple[int, bytes]]:
        for first, payloads in self._batches():
            yield from enumerate(payloads, first)

    def records(self) -> Iterator[bytes]:
        """The records of `replay` without their numbers, which takes half the time."""
        return chain.from_iterable(payloads for _, payloads in self._batches())

    def _batches(self) -> Iterator[tuple[int, Sequence[bytes]]]:
        """What follows the snapshot, frame by frame: number of the first record, and the records."""
        wanted = self._snapshot_sequence + 1
        buffer, self._buffer = self._buffer, bytearray()  # two replays at a time have one each
        for first, following in pairwise([*self._segments_since(wanted - 1), 0]):
            path, expected = self._segment_path(first), first
            buffer = read_into(buffer, path)
            for start, (_, number, _, count) in frames.spans(buffer, first, checked=True):
                expected = number + count
                if expected > wanted:
                    passed = max(0, wanted - number)
                    yield number + passed, payloads_of(buffer, start)[passed:]
            if expected < (following or self._recovery.last_sequence + 1):
                raise LogError(str(path), f"record {expected} was there when the log was opened", _OPEN_AGAIN)

    def append(self, payloads: Sequence[bytes]) -> int:
        """See `Log.append`. Raises ValueError where the batch is larger than a segment.

        Where there is no space for another segment, raises LogError and has written nothing: what was appended
        before is unharmed, and the batch may be appended again once there is space.
        """
        self._refuse_after_failure()
        if not payloads:
            return self._last
        self._write(encode(self._last + 1, self._durable, payloads))
        self._last += len(payloads)
        return self._last

    def sync(self) -> None:
        with self._segment_lock:
            self._sync()

    def begin_sync(self) -> SyncThread:
        """Have a thread do what `sync` does, for what was appended so far; once it is readable call `end_sync`."""
        self._refuse_after_failure()
        if self._thread is None:
            self._thread = SyncThread()
        self._syncing = self._last, len(self._unsynced)
        self._thread.begin(self._fd)
        return self._thread

    def end_sync(self) -> None:
        """Finish what `begin_sync` began. Raises LogError where it failed."""
        assert self._thread is not None, "a sync was begun"
        assert self._syncing is not None, "a sync was begun"
        failure, (last, covered) = self._thread.end(), self._syncing
        self._syncing = None
        with self._segment_lock:
            while self._retired:
                os.close(self._retired.pop())
            if failure:
                raise self._fail(f"fdatasync failed: {os.strerror(failure)}")
            self._synced(last, covered)

    def resume(self) -> None:
        """Go on after a failed write or sync, once the disk works again; else raises LogError, and may be tried again.

        Syncing again would not do: the kernel may have dropped the pages and call that a success. So everything that
        no finished sync covers is written again, to the same place, and then synced. A batch whose `append` failed is
        the caller's to append again.
        """
        with self._segment_lock:
            if self._lock_fd < 0 or not self._failure:
                return
            self._failure = ""
            for offset, frame in self._unsynced:
                self._pwrite(frame, offset)
            self._sync()

    def write_snapshot(self, sequence: int, state: bytes) -> None:
        """See `Log.write_snapshot`. Where it raises LogError for want of space, the older snapshots still stand."""
        if not self._snapshot_sequence <= sequence <= self._last:
            raise ValueError(
                f"snapshot at {sequence}: must be between the newest snapshot, {self._snapshot_sequence}, "
                f"and the last record, {self._last}"
            )
        if sequence > self._durable:
            self.sync()
        self._refuse_after_failure()
        path = snapshots.path_of(self._directory, sequence)
        with _explained(path, "write the snapshot", "check the disk and its free space; the older ones still stand"):
            snapshots.write(self._directory, sequence, state)
        self._snapshot_sequence, self._found = sequence, None
        self._drop_segments()

    def close(self) -> None:
        if self._lock_fd < 0:
            return
        with self._segment_lock, contextlib.ExitStack() as stack:
            stack.callback(self._release)
            if not self._failure:
                self._sync()
                self._bear_witness()

    def _release(self) -> None:
        """Close the files, and with the lock file's closing let another process open the log."""
        if self._thread is not None:
            self._thread.close()
        os.close(self._fd)
        os.close(self._lock_fd)
        self._lock_fd = -1
        self._failure = "the log is closed"

    def _bear_witness(self) -> None:
        """End with an empty frame stating that all is durable, so that later damage cannot pass for a torn end."""
        frame = encode(self._last + 1, self._durable, [])
        if self._offset + len(frame) <= self._capacity:
            self._write(frame)
            self._sync()

    # Opening

    def _open(self) -> None:
        self._found = found = snapshots.newest(self._directory)
        self._snapshot_sequence = found.sequence
        if not self._segments() and not snapshots.sequences(self._directory):
            self._segment_path(1).touch(0o600)
        needed = self._segments_since(found.sequence)
        end = self._check(needed, found.sequence)
        self._last = self._durable = end.next_sequence - 1
        path = self._segment_path(needed[-1])
        self._enter(path, end.offset)
        snapshots.set_aside(self._directory, found.damaged)
        self._recovery = Recovery(
            last_sequence=self._last,
            snapshot_sequence=found.sequence,
            torn_bytes=end.torn_bytes,
            torn_place=f"{path.name} at offset {end.offset}" if end.torn_bytes else "",
            damaged_snapshots=found.damaged,
        )

    def _check(self, needed: Sequence[int], snapshot_sequence: int) -> frames.End:
        """Read the segments that a restart needs; where the last one ends. Raises LogError for damage."""
        for first, following in pairwise([*needed, 0]):
            path = self._segment_path(first)
            self._buffer = read_into(self._buffer, path)
            end = frames.find_end(self._buffer, first)
            # Three can tell that more was durable here: a later frame, the next segment, the snapshot.
            if following:
                complete = end.next_sequence == following
            else:
                complete = end.witness is None and end.next_sequence > snapshot_sequence
            if not complete:
                raise LogError(
                    str(path),
                    f"record {end.next_sequence} was durable and is damaged or missing",
                    "restore this file from a copy; it was left as it is",
                    end.offset,
                )
        return end

    def _enter(self, path: Path, end: int) -> None:
        """Append to the segment at `path` from now on: create or cut it to `end`, preallocate, make all durable."""
        capacity = max(self._segment_bytes, end)
        remedy = "check the disk and its free space, and try again; nothing is lost"
        with _explained(path, f"preallocate {capacity} bytes", remedy), contextlib.ExitStack() as undo:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            undo.callback(os.close, fd)
            os.ftruncate(fd, end)
            os.posix_fallocate(fd, 0, capacity)
            os.fsync(fd)
            sync_directory(self._directory)
            undo.pop_all()
        self._fd, self._offset, self._capacity = fd, end, capacity
        self._blank_end = end  # up to where something was written, if only zeros

    # Writing

    def _write(self, frame: bytes) -> None:
        if len(frame) > self._segment_bytes:
            raise ValueError(
                f"a batch of {len(frame)} bytes is larger than a segment ({self._segment_bytes}): split it"
            )
        if self._offset + len(frame) > self._capacity:
            with self._segment_lock:
                self._next_segment()
        end = self._offset + len(frame)
        if end > self._blank_end:
            blank_end = min(end + BLANK_BYTES, self._capacity)
            self._pwrite(_BLANK[: blank_end - end], end)
            self._blank_end = blank_end
        self._pwrite(frame, self._offset)
        self._unsynced.append((self._offset, frame))
        self._offset = end

    def _pwrite(self, frame: bytes | memoryview, offset: int) -> None:
        try:
            written = os.pwrite(self._fd, frame, offset)
        except OSError as error:
            raise self._fail(f"write failed: {error.strerror}") from error
        if written < len(frame):
            raise self._fail(f"only {written} of {len(frame)} bytes were written")

    def _sync(self) -> None:
        self._refuse_after_failure()
        last, covered = self._last, len(self._unsynced)
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise self._fail(f"fdatasync failed: {error.strerror}") from error
        self._synced(last, covered)

    def _synced(self, last: int, covered: int) -> None:
        if last > self._durable:  # else another sync, which overtook this one, has covered as much
            self._durable = last
            del self._unsynced[:covered]

    def _fail(self, reason: str) -> LogError:
        """Refuse everything from now on, until `resume`: what is on the disk is known no more."""
        self._failure = reason
        return self._refusal()

    def _refusal(self) -> LogError:
        return LogError(str(self._directory), self._failure, _OPEN_AGAIN)

    def _refuse_after_failure(self) -> None:
        if self._failure:
            raise self._refusal()

    # Segments

    def _segment_path(self, first: int) -> Path:
        return self._directory / f"log-{first:020d}.seg"

    def _segments(self) -> list[int]:
        """First records of the segments, oldest first."""
        names = self._directory.glob(f"log-{'[0-9]' * 20}.seg")
        return sorted(int(path.stem.removeprefix("log-")) for path in names)

    def _segments_since(self, sequence: int) -> list[int]:
        """The segments that hold the records after `sequence`, and the one where the next will be appended."""
        firsts = self._segments()
        before = [first for first in firsts if first <= sequence + 1]
        if not before:
            raise LogError(
                str(self._directory),
                f"records {sequence + 1} and following are missing",
                "restore the missing log-*.seg files from a copy",
            )
        return [before[-1], *firsts[len(before) :]]

    def _next_segment(self) -> None:
        """Go on in a new segment. The old one is made durable first: its successor's existence says that it is."""
        self._sync()
        # Full from now on, even should there be no space for the next: a smaller batch that still fits here would
        # take the number after which the next segment is named.
        self._offset = self._capacity
        old = self._fd
        self._enter(self._segment_path(self._last + 1), 0)
        if self._syncing is None:
            os.close(old)
        else:
            self._retired.append(old)

    def _drop_segments(self) -> None:
        """Delete the oldest segments that neither kept snapshot needs, but for `keep_segments`."""
        kept = snapshots.sequences(self._directory)
        if len(kept) < snapshots.KEPT:
            return  # should the only snapshot turn out damaged, the log from record 1 on stands in for it
        unneeded = [first for first, following in pairwise(self._segments()) if following <= kept[0] + 1]
        for first in unneeded[: max(0, len(unneeded) - self._keep_segments)]:
            self._segment_path(first).unlink()


def read_into(buffer: bytearray, path: Path) -> bytearray:
    """The bytes of a file, in `buffer` itself where that has its size: memory for another would have to be cleared."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if len(buffer) != size:
            buffer = bytearray(size)
        place = 0
        while place < size and (count := file.readinto(memoryview(buffer)[place:])):
            place += count
    del buffer[place:]
    return buffer


@contextlib.contextmanager
def _explained(path: Path, action: str, remedy: str) -> Iterator[None]:
    """Turn an OSError into a LogError about `path`."""
    try:
        yield
    except OSError as error:
        raise LogError(str(error.filename or path), f"cannot {action}: {error.strerror}", remedy) from error


def _lock(path: Path) -> int:
    """Take the lock file, without waiting; the descriptor holds it until closed, at the latest by the process's end."""
    with contextlib.ExitStack() as undo:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        undo.callback(os.close, fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remedy = "stop it, or choose another data directory"
            raise LogError(str(path), "another process has this log open", remedy) from None
        undo.pop_all()
    return fd
