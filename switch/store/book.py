"""The book: the switch's log as SQLite tables, for queries, reports and the reconciliation.

    switch ──append──▶ log ──LogReader──▶ catch_up ──▶ book.sqlite ◀── sqlite3, reports, reconcile

The log is the truth and the book a view of it, filled by another process than the switch, in large transactions. It
is kept although the log drops old segments, so it remembers more than the log; it can be cleared and fed again at any
time. Every record merges idempotently: fed twice, or once as itself and once out of a snapshot, it changes nothing the
second time. So a crash between two batches costs time and nothing else. One process feeds at a time; any number may
read.

A card is known here by its token alone; the sealed number stays in the log.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from switch.core import records
from switch.store.reader import LogReader

# Records a transaction: enough that its one sync costs little each, few enough to hold in memory and to lose.
BATCH_RECORDS: Final = 10_000

# How long to wait for somebody who writes with a tool of their own.
BUSY_TIMEOUT_S: Final = 30.0

_VERSION: Final = 1  # of the tables below; a book of another version is made anew from the log

_TABLES: Final = """
CREATE TABLE authorizations (
    number      INTEGER PRIMARY KEY,  -- the switch's own, ascending
    at          REAL NOT NULL,        -- seconds since the epoch: forwarded, or refused
    decided_at  REAL,
    link        TEXT NOT NULL,        -- the acquirer's
    mti         TEXT NOT NULL,
    acquirer_id TEXT NOT NULL,        -- DE 32
    stan        TEXT NOT NULL,        -- the acquirer's
    rrn         TEXT NOT NULL,
    terminal    TEXT NOT NULL,
    local_date  TEXT NOT NULL,        -- DE 13, MMDD
    de3         TEXT NOT NULL,
    amount      INTEGER NOT NULL,     -- minor units of currency
    currency    TEXT NOT NULL,
    transmitted TEXT NOT NULL,        -- DE 7
    token       BLOB NOT NULL,        -- the same card has the same
    issuer      TEXT,                 -- link it was forwarded to; NULL when refused
    issuer_stan INTEGER,
    de39        TEXT,                 -- NULL while open
    outcome     TEXT NOT NULL CHECK (outcome IN ('open', 'approved', 'declined', 'refused')),
    reversal    TEXT NOT NULL DEFAULT 'none' CHECK (reversal IN ('none', 'owed', 'delivered')),
    reason      TEXT                  -- why the switch refused it
) STRICT;
CREATE INDEX authorizations_by_rrn ON authorizations (rrn, stan, terminal, acquirer_id);
CREATE INDEX authorizations_by_token ON authorizations (token);
CREATE TABLE reversals (
    number      INTEGER NOT NULL,     -- the authorization's, 0 when nothing like it was ever seen
    at          REAL NOT NULL,
    link        TEXT NOT NULL,
    mti         TEXT NOT NULL,        -- the original's
    acquirer_id TEXT NOT NULL,
    stan        TEXT NOT NULL,
    rrn         TEXT NOT NULL,
    terminal    TEXT NOT NULL,
    de39        TEXT NOT NULL,        -- of the answer to it
    PRIMARY KEY (rrn, stan, terminal, acquirer_id, mti, number, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE fed (
    sequence INTEGER NOT NULL,        -- the newest record of the log that is in here
    checksum INTEGER,                 -- its CRC-32, to tell this log from another; NULL where a snapshot was merged
    since    REAL NOT NULL            -- nothing is missing from this time on
) STRICT;
INSERT INTO fed VALUES (0, NULL, 0.0);
"""
_CLEAR: Final = "".join(f"DROP TABLE IF EXISTS {table};" for table in ("authorizations", "reversals", "fed"))

# What merges a record of each kind, in one statement or two over its fields. The order is that of an authorization's
# life, so the records of a batch may be merged kind by kind.
_MERGE: Final[dict[type[records.Record], tuple[str, ...]]] = {
    records.Intent: (
        """INSERT INTO authorizations (number, at, link, mti, acquirer_id, stan, rrn, terminal, local_date, de3, amount,
               currency, transmitted, token, issuer, issuer_stan, outcome)
           VALUES (:number, :at, :link, :mti, :acquirer_id, :stan, :rrn, :terminal, :local_date, :processing_code,
               CAST(:amount AS INTEGER), :currency, :transmitted, :token, :issuer, :issuer_stan, 'open')
           ON CONFLICT DO NOTHING""",
    ),
    records.Refusal: (
        """INSERT INTO authorizations (number, at, decided_at, link, mti, acquirer_id, stan, rrn, terminal, local_date,
               de3, amount, currency, transmitted, token, de39, reason, outcome)
           VALUES (:number, :at, :at, :link, :mti, :acquirer_id, :stan, :rrn, :terminal, :local_date, :processing_code,
               CAST(:amount AS INTEGER), :currency, :transmitted, :token, :de39, :reason, 'refused')
           ON CONFLICT DO NOTHING""",
    ),
    # A snapshot writes what was approved and reversed since as a reversal that is owed: DE 39 tells it from a time-out.
    records.Outcome: (
        """UPDATE authorizations SET decided_at = :at, de39 = :de39,
               outcome = CASE WHEN :approved OR ltrim(:de39, '0') = '' THEN 'approved' ELSE 'declined' END,
               reversal = CASE WHEN :reversal_owed AND reversal = 'none' THEN 'owed' ELSE reversal END
           WHERE number = :number""",
    ),
    records.Reversal: (
        """INSERT INTO reversals
           VALUES (:number, :at, :link, :original_mti, :acquirer_id, :stan, :rrn, :terminal, :de39)
           ON CONFLICT DO NOTHING""",
        """UPDATE authorizations SET reversal = 'owed'
           WHERE number = :number AND outcome = 'approved' AND reversal = 'none'""",
    ),
    records.Delivery: ("UPDATE authorizations SET reversal = 'delivered' WHERE number = :number",),
}

_decode_snapshot = msgspec.msgpack.Decoder(list[records.Record]).decode


class Position(NamedTuple):
    """How far the log is in the book: its newest record and that record's checksum, where known; since when whole."""

    sequence: int
    checksum: int | None
    since: float


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a reconciliation needs of a row of `authorizations`."""

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
        if self._connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
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
        self._connection.executescript(f"BEGIN IMMEDIATE; {_CLEAR} {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT")

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
            for kind, statements in _MERGE.items():
                rows = [msgspec.structs.asdict(record) for record in content if type(record) is kind]
                for statement in statements:
                    connection.executemany(statement, rows)
            connection.execute(
                "UPDATE fed SET sequence = ?1, checksum = ?2, since = coalesce(?3, since) WHERE sequence < ?1",
                (sequence, checksum, since),
            )

    def authorizations(self) -> Iterator[Authorization]:
        """All authorizations, in the order of their numbers."""
        columns = ", ".join(Authorization.__slots__)
        with closing(self._connection.execute(f"SELECT {columns} FROM authorizations ORDER BY number")) as rows:  # noqa: S608 - our own names
            for row in rows:
                yield Authorization(*row)

    def unknown_reversals(self) -> Iterator[tuple[str, str, str, str, str]]:
        """(acquirer_id, terminal, rrn, stan, MTI class of the original) of reversals that came without one (R9)."""
        statement = "SELECT acquirer_id, terminal, rrn, stan, substr(mti, 2, 1) FROM reversals WHERE number = 0"
        with closing(self._connection.execute(statement)) as rows:
            yield from rows


def _times(content: list[records.Record]) -> Iterator[float]:
    """When what is in the book happened; keys, days and totals of links are not."""
    return (record.at for record in content if type(record) in _MERGE)


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
