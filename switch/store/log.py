"""The log port: what makes a decision true.

Theory of operation. The core decides in memory; a decision leaves the switch only after the records that rebuild it
are durable in the log. State is the fold of the log's records, helped by snapshots: after a crash the newest
snapshot, and then every record after it in order, give back the very state that answered.

Records are opaque bytes, numbered 1, 2, 3 … without a gap. They are appended in batches: one write a batch, one
`sync` for as many batches as piled up while the last one ran (group commit). After a crash the log holds a prefix of
the appended batches, each whole or not at all, and at least every batch that a finished `sync` covers.

Who may call what from where: `append`, `replay` and `close` belong to one thread, the owner's (the event loop).
`sync` and `write_snapshot` may run on a worker thread meanwhile; one snapshot at a time. A `sync` covers what was
appended before it began, so note `last_sequence` first, then sync, then release the answers up to that number.

Implementations: `switch.store.file.FileLog` on a directory, `switch.simulation.disk.SimLog` in memory with crashes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


class LogError(Exception):
    """The log cannot do its work. Says which file, where in it, what is wrong and what to do about it.

    >>> print(LogError("log/log-1.seg", "damaged record 7", "restore the file from a copy", offset=96))
    log/log-1.seg at offset 96: damaged record 7; restore the file from a copy
    """

    def __init__(self, path: str, reason: str, remedy: str, offset: int | None = None) -> None:
        place = path if offset is None else f"{path} at offset {offset}"
        super().__init__(f"{place}: {reason}; {remedy}")
        self.path = path
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening a log found, for the start-up report.

    `torn_bytes` is what the last crash left half-written behind the last whole batch; it was cut, and nobody was
    ever told that it was durable. `torn_place` names where. `damaged_snapshots` were passed over for an older one.
    """

    last_sequence: int
    snapshot_sequence: int
    torn_bytes: int = 0
    torn_place: str = ""
    damaged_snapshots: tuple[str, ...] = ()


class Log(Protocol):
    """An append-only sequence of records with snapshots. Every method may raise `LogError`."""

    @property
    def last_sequence(self) -> int:
        """Number of the last record appended, durable or not; 0 in an empty log."""

    @property
    def recovery(self) -> Recovery:
        """What was found when this log was opened."""

    def snapshot(self) -> bytes | None:
        """The newest valid snapshot's state, or None."""

    def replay(self) -> Iterator[tuple[int, bytes]]:
        """(sequence, record) of every record after the newest valid snapshot, in order. Call before appending."""

    def append(self, payloads: Sequence[bytes]) -> int:
        """Write a batch, not yet durable, in one piece. Returns the sequence of its last record."""

    def sync(self) -> None:
        """Return when everything appended before the call is durable.

        After a failed sync the log refuses further use: the kernel may have dropped the unwritten pages and would
        call the next sync a success ("fsyncgate", PostgreSQL, 2018).
        """

    def write_snapshot(self, sequence: int, state: bytes) -> None:
        """Durably and atomically store `state`, the fold of all records up to and including `sequence`.

        Syncs first where needed, so a snapshot never runs ahead of the durable log. Raises ValueError where
        `sequence` lies before the newest snapshot or after the last record.
        """

    def close(self) -> None:
        """Sync and release the log. Calling it again does nothing."""
