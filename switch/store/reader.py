"""A log as it stands on the disk, read beside the process that appends to it.

Takes no lock and changes nothing. Frames are written in order, so what is read is a prefix of the log; the segments
but the last are whole, since a successor is created only behind a durable one. A reader that falls more than
`file.KEEP_SEGMENTS` segments behind finds the oldest records dropped, and takes up the newest snapshot instead.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from switch.store import frames, snapshots
from switch.store.log import LogError

_PREFIX, _SUFFIX = "log-", ".seg"  # as `switch.store.file` names segments, with the first record's number between


class LogReader:
    """The log in `directory`; it need not exist yet."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def exists(self) -> bool:
        """Was a log ever opened here?"""
        return bool(self._segments())

    @property
    def first_sequence(self) -> int:
        """Number of the oldest record that was not dropped (the next record's, in an empty log)."""
        return next(iter(self._segments()), 1)

    def last_sequence(self) -> int:
        """Number of the newest record; 0 in an empty log."""
        newest = self._segments()[-1:]
        return self._content(newest[0])[1].next_sequence - 1 if newest else 0

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """(sequence, record) of every record behind number `after`, up to the newest at the time of reading.

        Raises LogError where records are damaged or missing between those that are there.
        """
        for first, following in pairwise([*self._segments(), 0]):
            if following and following <= after + 1:
                continue
            data, end = self._content(first)
            if following and end.next_sequence != following:
                raise self._damage(first, end)
            for frame in frames.read_all(data, first):
                for sequence, payload in enumerate(frame.payloads, frame.first):
                    if sequence > after:
                        yield sequence, payload

    def snapshot(self) -> snapshots.Found:
        """The newest snapshot that is whole."""
        return snapshots.newest(self._directory)

    def _segments(self) -> list[int]:
        names = (path.name for path in self._directory.glob(f"{_PREFIX}*{_SUFFIX}"))
        return sorted(int(name.removeprefix(_PREFIX).removesuffix(_SUFFIX)) for name in names)

    def _path(self, first: int) -> Path:
        return self._directory / f"{_PREFIX}{first:020d}{_SUFFIX}"

    def _content(self, first: int) -> tuple[bytes, frames.End]:
        """A segment's bytes and where its frames end.

        A gap with a durable frame behind it is damage, or a frame that the writer filled in while we were passing:
        then another look gets further.
        """
        end: frames.End | None = None
        while True:
            before = end
            try:
                data = self._path(first).read_bytes()
            except FileNotFoundError as error:
                remedy = "read the log again: it goes on from a snapshot"
                raise LogError(str(self._path(first)), "was dropped while it was read", remedy) from error
            end = frames.find_end(data, first)
            if end.witness is None:
                return data, end
            if before is not None and before.offset == end.offset:
                raise self._damage(first, end)

    def _damage(self, first: int, end: frames.End) -> LogError:
        reason = f"record {end.next_sequence} was durable and is damaged or missing"
        return LogError(str(self._path(first)), reason, "restore this file from a copy", end.offset)
