"""Reading the three books from a data directory, whether its bench runs or not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from switch.acquirers import records as acquirer_records
from switch.acquirers.records import AcquirerRecord
from switch.issuers import records as issuer_records
from switch.reconcile.model import Books, IssuerBook, Key, SwitchBook, key_of_record
from switch.store.book import Book, catch_up
from switch.store.reader import LogReader

ACQUIRER_LINES: Final = "acquirer.jsonl"
BOOK: Final = "book.sqlite"
_SWITCH: Final = "switch"
_LOG: Final = "log"  # each part's, in the directory that is named after the part


class BooksError(Exception):
    """The books cannot be read. Says which, where, and what to do."""


def read_books(data: Path) -> Books:
    """Read what there is, in the order in which it was written: see the package for why."""
    logs = {path.parent.name: LogReader(path) for path in sorted(data.glob(f"*/{_LOG}"))}
    logs = {name: log for name, log in logs.items() if log.exists}
    switch_log = logs.pop(_SWITCH, None)
    settled = {name: log.last_sequence() for name, log in logs.items()}
    acquirer = _read_acquirers(data / ACQUIRER_LINES)
    switch = _read_switch(data / BOOK, switch_log) if switch_log is not None else None
    if acquirer is None and switch is None and not logs:
        raise BooksError(f"{data}: no acquirer, switch or issuer keeps a book here; is it the right data directory?")
    return Books(acquirer, switch, {name: _read_issuer(name, log, settled[name]) for name, log in logs.items()})


def _read_acquirers(path: Path) -> list[AcquirerRecord] | None:
    """The last line of every transaction; None without a file."""
    if not path.exists():
        return None
    return list({key_of_record(record): record for record in _lines(path)}.values())


def _lines(path: Path) -> Iterator[AcquirerRecord]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # still being written
            try:
                yield acquirer_records.decode(line)
            except msgspec.MsgspecError as error:
                raise BooksError(f"{path}, line {number}: {error}; restore the file, or start afresh") from error


def _read_switch(path: Path, log: LogReader) -> SwitchBook:
    with Book(path) as book:
        catch_up(book, log)
        unknown = frozenset(Key(*reversal) for reversal in book.unknown_reversals())
        return SwitchBook(list(book.authorizations()), unknown, book.position.since)


def _read_issuer(name: str, log: LogReader, settled: int) -> IssuerBook:
    book, after = IssuerBook(name, settled), 0
    if log.first_sequence > 1:
        found = log.snapshot()
        if found.state is not None:
            book.restore(issuer_records.decode_snapshot(found.state), found.sequence)
            after = found.sequence
    for sequence, payload in log.read(after):
        book.apply(sequence, issuer_records.decode(payload))
    return book
