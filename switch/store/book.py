"""The book: the switch's log as SQLite tables, for queries, reports and the reconciliation.

    switch ──append──▶ log ──LogReader──▶ catch_up ──▶ book.sqlite ◀── sqlite3, reports, reconcile

The log is the truth and the book a view of it, filled by another process than the switch, in large transactions. It
is kept although the log drops old segments, so it remembers more than the log; it can be cleared and fed again at any
time. Every record merges idempotently: fed twice, or once as itself and once out of a snapshot, it changes nothing the
second time. So a crash between two batches costs time and nothing else. One process feeds at a time; any number may
read.

A card is known here by its token alone; the sealed number stays in the log. The tables stand in `book_sql`.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from switch.core import records
from switch.store.book_sql import CLEAR, MERGE, TABLES, VERSION
from switch.store.reader import LogReader

# Records a transaction: enough that its one sync costs little each, few enough to hold in memory and to lose.
BATCH_RECORDS: Final = 10_000

# How long to wait for somebody who writes with a tool of their own.
BUSY_TIMEOUT_S: Final = 30.0

_decode_snapshot = msgspec.msgpack.Decoder(list[records.Record]).decode


_NO_DEBTS: Final[tuple[None, Iterator[tuple[int]]]] = (None, iter(()))


class Position(NamedTuple):
    """How far the log is in the book: its newest record and that record's checksum, where known; since when whole."""

    sequence: int
    checksum: int | None
    since: float


class Owed(NamedTuple):
    """What a reconciliation needs of a row of `owed`: a message to the issuer, and what became of it."""

    mti: str
    issuer_stan: int
    amount: int | None  # of a partial reversal: what stands after it
    state: str
    attempts: int | None


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a reconciliation needs of a row of `authorizations`, and what its issuer was owed about it."""

    number: int
    at: float
    mti: str
    acquirer_id: str
    stan: str
    rrn: str
    terminal: str
    local_date: str
    de3: str
    amount: int
    currency: str
    issuer: str | None
    issuer_stan: int | None
    de39: str | None
    outcome: str
    reversal: str
    preauthorised: bool = False
    original: int | None = None
    approved_amount: int | None = None
    standing_amount: int | None = None
    stand_in_stan: int | None = None
    owed: tuple[Owed, ...] = ()


class Book:
    """The SQLite file at `path`, created (0600) where it does not exist, for the one process that feeds it.

    Another waits until this one is done. Use in one thread, as a context manager.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if self._connection.execute("PRAGMA user_version").fetchone() != (VERSION,):
            self.clear()

    def __enter__(self) -> "Book":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        os.close(self._lock)

    @property
    def position(self) -> Position:
        """How far this book was fed."""
        with closing(self._connection.execute("SELECT sequence, checksum, since FROM fed")) as rows:
            return Position(*rows.fetchone())

    def clear(self) -> None:
        """Forget everything: the next `catch_up` starts from what the log still holds."""
        self._connection.executescript(f"BEGIN IMMEDIATE; {CLEAR} {TABLES} PRAGMA user_version = {VERSION}; COMMIT")

    def feed(self, entries: Iterable[tuple[int, bytes]]) -> int:
        """Merge (sequence, record) in the log's order, a transaction per `BATCH_RECORDS`. Returns how many."""
        remaining, count = iter(entries), 0
        while batch := list(islice(remaining, BATCH_RECORDS)):
            sequence, newest = batch[-1]
            self._merge([records.decode(payload) for _, payload in batch], sequence, crc32(newest))
            count += len(batch)
        return count

    def merge_snapshot(self, sequence: int, state: bytes) -> None:
        """Merge a snapshot of the switch, which stands for the records up to `sequence` that the log has dropped."""
        content = _decode_snapshot(state)
        self._merge(content, sequence, None, since=min(_times(content), default=0.0))

    def _merge(
        self, content: list[records.Record], sequence: int, checksum: int | None, since: float | None = None
    ) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back
            for kind, statements in MERGE.items():
                rows = [msgspec.structs.asdict(record) for record in content if type(record) is kind]
                for statement in statements:
                    connection.executemany(statement, rows)
            connection.execute(
                "UPDATE fed SET sequence = ?1, checksum = ?2, since = coalesce(?3, since) WHERE sequence < ?1",
                (sequence, checksum, since),
            )

    def authorizations(self) -> Iterator[Authorization]:
        """All authorizations, in the order of their numbers."""
        columns = ", ".join(name for name in Authorization.__slots__ if name != "owed")
        every = f"SELECT {columns} FROM authorizations ORDER BY number"  # noqa: S608 - our own names
        owing = f"SELECT number, {', '.join(Owed._fields)} FROM owed ORDER BY number, at, rowid"  # noqa: S608
        with closing(self._connection.execute(every)) as rows, closing(self._connection.execute(owing)) as debts:
            groups = groupby(debts, key=itemgetter(0))
            number, messages = next(groups, _NO_DEBTS)
            for row in rows:
                owed: tuple[Owed, ...] = ()
                if number == row[0]:
                    owed = tuple(Owed(*values) for _, *values in messages)
                    number, messages = next(groups, _NO_DEBTS)
                yield Authorization(*(*row, owed))

    def unknown_reversals(self) -> Iterator[tuple[str, str, str, str, str]]:
        """(acquirer_id, terminal, rrn, stan, MTI class of the original) of reversals that came without one (R9)."""
        statement = "SELECT acquirer_id, terminal, rrn, stan, substr(mti, 2, 1) FROM reversals WHERE number = 0"
        with closing(self._connection.execute(statement)) as rows:
            yield from rows


def _times(content: list[records.Record]) -> Iterator[float]:
    """When what is in the book happened; keys, days and totals of links are not."""
    return (record.at for record in content if type(record) in MERGE)


def catch_up(book: Book, log: LogReader) -> int:
    """Feed `book` with what it does not know of `log` yet; returns how many records. Raises LogError."""
    if not _continues(log, book.position):
        book.clear()
    if book.position.sequence + 1 < log.first_sequence:
        found = log.snapshot()
        if found.state is not None:
            book.merge_snapshot(found.sequence, found.state)
    return book.feed(log.read(book.position.sequence))


def _continues(log: LogReader, position: Position) -> bool:
    """Is `log` the one that the book was fed from? A power cut may have taken back records that were read too soon."""
    if position.checksum is None or position.sequence < log.first_sequence:
        return True
    _, payload = next(log.read(position.sequence - 1), (0, None))
    return payload is not None and crc32(payload) == position.checksum
