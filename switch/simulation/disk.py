"""A log in memory that crashes on demand: the disk of the virtual-time harness.

The bytes are those of a segment file (`switch.store.frames`), and a crash leaves them as a power cut leaves a disk:
what was synced stands; of what was written since, each sector is kept or lost by itself, in any order. Opening after
it goes through the same search for the end as the file log.
"""

from collections.abc import Iterator, Sequence
from random import Random

from switch.store import frames
from switch.store.log import LogError, Recovery

# What a disk writes whole or not at all.
SECTOR_BYTES = 512


class SimLog:
    """A `Log` in memory. `crash` plays the power cut and the restart after it; there are no threads here.

    >>> log = SimLog()
    >>> log.append([b"intent"]), log.sync(), log.append([b"outcome"])
    (1, None, 2)
    >>> log.crash(Random(3))
    >>> list(log.replay())
    [(1, b'intent')]
    """

    def __init__(self) -> None:
        self._image = bytearray()
        self._first = 1
        self._last = 0
        self._durable = 0
        # Where frames end that are not yet durable: (last sequence, offset), oldest first.
        self._unsynced: list[tuple[int, int]] = []
        self._synced_bytes = 0
        self._shown_bytes = 0  # of them, those that `take_durable` has given out
        self._snapshot: tuple[int, bytes | None] = (0, None)
        self._closed = False
        self._recovery = Recovery(last_sequence=0, snapshot_sequence=0)

    @property
    def last_sequence(self) -> int:
        return self._last

    @property
    def recovery(self) -> Recovery:
        return self._recovery

    def snapshot(self) -> bytes | None:
        return self._snapshot[1]

    def replay(self) -> Iterator[tuple[int, bytes]]:
        after = self._snapshot[0]
        for frame in frames.read_all(bytes(self._image), self._first):
            for sequence, payload in enumerate(frame.payloads, frame.first):
                if sequence > after:
                    yield sequence, payload

    def append(self, payloads: Sequence[bytes], *, full: bool = False) -> int:
        """See `Log.append`. `full`: the disk is, half-way through this batch; only `crash` opens the log again."""
        self._refuse_when_closed()
        if full:
            frame = frames.encode(self._last + 1, self._durable, payloads)
            self._image += frame[: len(frame) // 2]
            self._closed = True
            raise LogError("simulated disk", "no space left on device (ENOSPC)", "free some, then start again")
        if payloads:
            self._image += frames.encode(self._last + 1, self._durable, payloads)
            self._last += len(payloads)
            self._unsynced.append((self._last, len(self._image)))
        return self._last

    def sync(self, through: int | None = None) -> None:
        """See `Log.sync`. A sync that takes virtual time covers, when it ends, only what stood before it began:
        that is `through`, the `last_sequence` noted then; by default, everything."""
        self._refuse_when_closed()
        through = self._last if through is None else through
        while self._unsynced and self._unsynced[0][0] <= through:
            self._durable, self._synced_bytes = self._unsynced.pop(0)

    def take_durable(self) -> bytes:
        """The bytes that have become durable since the last call."""
        taken = bytes(self._image[self._shown_bytes : self._synced_bytes])
        self._shown_bytes = self._synced_bytes
        return taken

    def write_snapshot(self, sequence: int, state: bytes) -> None:
        self._refuse_when_closed()
        if not self._snapshot[0] <= sequence <= self._last:
            raise ValueError(f"snapshot at {sequence}: must be between {self._snapshot[0]} and {self._last}")
        if sequence > self._durable:
            self.sync()
        self._snapshot = (sequence, state)
        self._drop_frames()

    def close(self) -> None:
        if not self._closed:
            self.sync()
            self._closed = True

    def crash(self, rng: Random | None) -> None:
        """Lose the power and open the log again. Unsynced frames survive up to the first one that lost a sector.

        Without `rng` only the process dies: what it wrote is the kernel's, and stays.
        """
        if rng is not None:
            self._lose_sectors(rng)
        self._open_again()

    def _lose_sectors(self, rng: Random) -> None:
        for start in range(self._synced_bytes, len(self._image), SECTOR_BYTES):
            if rng.random() < 0.5:
                stop = min(start + SECTOR_BYTES, len(self._image))
                self._image[start:stop] = bytes(stop - start)

    def _open_again(self) -> None:
        end = frames.find_end(bytes(self._image), self._first)
        assert end.witness is None, "a synced frame was lost"
        del self._image[end.offset :]
        self._last = self._durable = end.next_sequence - 1
        self._unsynced.clear()
        self._synced_bytes = end.offset
        self._closed = False
        self._recovery = Recovery(
            last_sequence=self._last,
            snapshot_sequence=self._snapshot[0],
            torn_bytes=end.torn_bytes,
            torn_place=f"offset {end.offset}" if end.torn_bytes else "",
        )

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise LogError("simulated disk", "the log is closed", "open it again with crash()")

    def _drop_frames(self) -> None:
        """Forget the frames that the snapshot covers whole, so that long simulations stay small."""
        offset = 0
        for frame in frames.read_all(bytes(self._image), self._first):
            following = frame.first + len(frame.payloads)
            if following > self._snapshot[0] + 1:
                break
            offset, self._first = frame.end, following
        del self._image[:offset]
        self._synced_bytes -= offset
        self._shown_bytes = max(0, self._shown_bytes - offset)
        self._unsynced = [(last, end - offset) for last, end in self._unsynced]
