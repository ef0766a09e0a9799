"""The book: a view of the log that any number of feedings leaves the same."""

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.core.records import (
    Advice,
    Delivery,
    Exhausted,
    Intent,
    Outcome,
    Record,
    Refusal,
    Reversal,
    StandIn,
    encode,
)
from switch.store import book as book_module
from switch.store.book import Book, catch_up
from switch.store.file import FileLog
from switch.store.log import LogError
from switch.store.reader import LogReader

TOKEN, SEALED = b"\x01" * 16, b"sealed" * 8


def intent(number: int, **changes: Any) -> Intent:
    record = Intent(
        number, 100.0 + number, "acquirer", "0100", "10000000001", f"{number:06d}", f"{number:012d}", "TERM0001",
        "1121", "000000", "000000010000", "978", "1121120000", "MERCHANT0000001", TOKEN, SEALED, "issuer-1", number + 7,
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def refusal(number: int, de39: str = "92") -> Refusal:
    return Refusal(
        number, 100.0 + number, "acquirer", "0200", "10000000001", f"{number:06d}", f"{number:012d}", "TERM0001",
        "1121", "310000", "000000000000", "250", "1121120000", TOKEN, de39, "no-route",
    )  # fmt: skip


def outcome(number: int, de39: str = "00", approved: bool = True, owed: bool = False, amount: str = "") -> Outcome:
    return Outcome(number, 101.0 + number, de39, "123456" if approved else "", b"", approved, owed, amount)


def reversal(number: int, original: int | None = None, **changes: Any) -> Reversal:
    original = number if original is None else original
    rrn, stan = f"{original:012d}", f"{original:06d}"
    record = Reversal(number, 102.0 + original, "acquirer", "0100", "10000000001", stan, rrn, "TERM0001", "00")
    return msgspec.structs.replace(record, **changes)


def reduction(number: int, amount: str, issuer_stan: int) -> Reversal:
    return reversal(number, amount=amount, issuer_stan=issuer_stan)


def advice(number: int, approved: bool = True, original: int = 0) -> Advice:
    return Advice(
        number, 100.0 + number, "acquirer", "0220", "10000000001", f"{number:06d}", f"{number:012d}", "TERM0001",
        "1121", "000000", "000000010000", "978", "1121120000", "MERCHANT0000001", TOKEN, SEALED, "issuer-1",
        number + 7, "261121", "00", approved, original, b"",
    )  # fmt: skip


def stand_in(number: int, owed: bool = True) -> StandIn:
    return StandIn(number, 101.0 + number, "00", "123456", number + 8, owed, b"")


def delivery(number: int, mti: str = "0420", issuer_stan: int = 0) -> Delivery:
    return Delivery(number, 200.0, "00", mti, issuer_stan)


def rows(path: Path, table: str = "authorizations") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


def states(path: Path) -> dict[int, tuple[str | None, str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT number, de39, outcome, reversal FROM authorizations").fetchall()
    return {number: tuple(state) for number, *state in found}


def numbered(*content: Record, first: int = 1) -> list[tuple[int, bytes]]:
    return [(sequence, encode(record)) for sequence, record in enumerate(content, first)]


# Each life that an authorization may have, by number, and what the book must say of it.
LIVES: dict[int, tuple[tuple[Record, ...], tuple[str | None, str, str]]] = {
    1: ((intent(1),), (None, "open", "none")),
    2: ((intent(2), outcome(2)), ("00", "approved", "none")),
    3: ((intent(3), outcome(3, "51", approved=False)), ("51", "declined", "none")),
    4: ((refusal(4),), ("92", "refused", "none")),
    5: ((intent(5), outcome(5), reversal(5)), ("00", "approved", "owed")),
    6: ((intent(6), outcome(6), reversal(6), Delivery(6, 200.0, "00")), ("00", "approved", "delivered")),
    7: ((intent(7), outcome(7, "91", approved=False, owed=True)), ("91", "declined", "owed")),
    8: (
        (intent(8), outcome(8, "68", approved=False, owed=True), reversal(8), Delivery(8, 200.0, "00")),
        ("68", "declined", "delivered"),
    ),
    9: ((refusal(9, "68"), reversal(9)), ("68", "refused", "none")),
    # As a snapshot writes what was approved and reversed since.
    10: ((intent(10), outcome(10, "00", approved=False, owed=True)), ("00", "approved", "owed")),
    11: ((intent(11), outcome(11, "10", amount="000000004000")), ("10", "approved", "none")),
    12: ((intent(12), outcome(12), reduction(12, "000000003000", 912)), ("00", "approved", "none")),
    13: (
        (intent(13), outcome(13), reduction(13, "000000003000", 913), reversal(13), delivery(13, issuer_stan=913)),
        ("00", "approved", "owed"),
    ),
    14: ((advice(14),), ("00", "approved", "none")),
    15: ((advice(15, approved=False), delivery(15, "0220", 22)), ("00", "declined", "none")),
    16: ((advice(16, original=11), reversal(16, dropped=True)), ("00", "approved", "dropped")),
    17: (
        (advice(17), delivery(17, "0220", 24), reversal(17), delivery(17, "0420", 24)),
        ("00", "approved", "delivered"),
    ),
    18: ((intent(18), stand_in(18), delivery(18, "0420", 25)), ("00", "approved", "none")),
    19: ((intent(19), stand_in(19), reversal(19, dropped=True)), ("00", "approved", "dropped")),
    20: (
        (intent(20), stand_in(20, owed=False), delivery(20, "0120", 28), reversal(20), delivery(20, "0420", 28)),
        ("00", "approved", "delivered"),
    ),
    21: (
        (intent(21), outcome(21), reversal(21), Exhausted(21, 200.0, "0420", 28, 20)),
        ("00", "approved", "exhausted"),
    ),
    22: ((advice(22), Exhausted(22, 200.0, "0220", 29, 20)), ("00", "approved", "none")),
}

# What was approved and what stands of it, and what its issuer is told: MTI, STAN, amount that stands, state.
AMOUNTS_AND_DEBTS: dict[int, tuple[int | None, int | None, list[tuple[str, int, int | None, str]]]] = {
    1: (None, None, []),
    2: (10_000, 10_000, []),
    3: (None, None, []),
    6: (10_000, 0, [("0420", 13, None, "delivered")]),
    7: (None, None, [("0420", 14, None, "owed")]),
    11: (4_000, 4_000, []),
    12: (10_000, 3_000, [("0420", 912, 3_000, "owed")]),
    13: (10_000, 0, [("0420", 913, 3_000, "delivered"), ("0420", 20, None, "owed")]),
    14: (10_000, 10_000, [("0220", 21, None, "owed")]),
    15: (None, None, [("0220", 22, None, "delivered")]),
    16: (10_000, 0, [("0220", 23, None, "dropped")]),
    17: (10_000, 0, [("0220", 24, None, "delivered"), ("0420", 24, None, "delivered")]),
    18: (10_000, 10_000, [("0420", 25, None, "delivered"), ("0120", 26, None, "owed")]),
    19: (10_000, 0, [("0420", 26, None, "owed"), ("0120", 27, None, "dropped")]),
    20: (10_000, 0, [("0120", 28, None, "delivered"), ("0420", 28, None, "delivered")]),
    21: (10_000, 0, [("0420", 28, None, "exhausted")]),
    22: (10_000, 10_000, [("0220", 29, None, "exhausted")]),
}
ALL = [record for life, _ in LIVES.values() for record in life]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite"


def test_every_life_of_an_authorization(path: Path) -> None:
    with Book(path) as book:
        assert book.feed(numbered(*ALL, reversal(0, original=77))) == len(ALL) + 1
        assert list(book.unknown_reversals()) == [("10000000001", "TERM0001", f"{77:012d}", "000077", "1")]
    assert states(path) == {number: state for number, (_, state) in LIVES.items()}


def test_what_stands_and_what_the_issuer_is_told(path: Path) -> None:
    with Book(path) as book:
        book.feed(numbered(*ALL))
        found = {
            row.number: (row.approved_amount, row.standing_amount, [debt[:4] for debt in row.owed])
            for row in book.authorizations()
        }
    assert {number: found[number] for number in AMOUNTS_AND_DEBTS} == AMOUNTS_AND_DEBTS


def test_a_completed_preauthorization_owes_no_reversal(path: Path) -> None:
    """Its completion does; unless that was dropped, and then it is the other way round."""
    chain = [intent(1, preauthorised=True), outcome(1), advice(2, original=1)]
    for dropped, reversals in ((False, ["dropped", "owed"]), (True, ["owed", "dropped"])):
        with Book(path) as book:
            book.clear()
            book.feed(numbered(*chain, reversal(2, dropped=dropped), reversal(1)))
            found = list(book.authorizations())
        assert [row.reversal for row in found] == reversals
        assert [debt.mti for debt in found[0].owed] == ["0420"] * dropped
        assert [row.standing_amount for row in found] == [0, 0]


def test_chains_days_and_stand_ins_are_in_the_book(path: Path) -> None:
    with Book(path) as book:
        book.feed(
            numbered(
                intent(1, business_date="261121", preauthorised=True), intent(2, original=1, preauthorised=True),
                advice(3, original=1), intent(4), stand_in(4),
            )
        )  # fmt: skip
        first, second, third, fourth = book.authorizations()
    assert (first.preauthorised, first.original, second.original, third.original) == (True, None, 1, 1)
    assert (fourth.stand_in_stan, fourth.mti, third.mti) == (12, "0100", "0220")
    assert rows(path)[0][15] == "261121"


def test_a_row_holds_what_the_records_say(path: Path) -> None:
    with Book(path) as book:
        book.feed(numbered(intent(2), outcome(2), refusal(4)))
        forwarded, refused = book.authorizations()
    assert (forwarded.amount, forwarded.issuer, forwarded.issuer_stan) == (10_000, "issuer-1", 9)
    assert (forwarded.at, forwarded.mti, forwarded.currency) == (102.0, "0100", "978")
    assert (refused.amount, refused.issuer, refused.issuer_stan, refused.mti) == (0, None, None, "0200")
    assert rows(path)[0][14] == TOKEN
    assert rows(path)[1][-1] == "no-route"


def test_no_card_number_is_copied_not_even_sealed(path: Path) -> None:
    with Book(path) as book:
        book.feed(numbered(*ALL))
    assert all(SEALED not in row for row in rows(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert not any(SEALED in content for content in files.values())


@given(st.data())
def test_feeding_any_parts_again_changes_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Once in one piece; and in batches that each begin anywhere before the last one's end."""
    directory = tmp_path_factory.mktemp("book")
    lives = data.draw(st.permutations(list(LIVES)), label="order")
    content = numbered(*(record for number in lives for record in LIVES[number][0]))
    with Book(directory / "once") as book:
        book.feed(content)
    with Book(directory / "often") as book:
        end = 0
        while end < len(content):
            start = data.draw(st.integers(0, end), label="from")
            end = data.draw(st.integers(end + 1, len(content)), label="to")
            book.feed(content[start:end])
        book.merge_snapshot(len(content), msgspec.msgpack.encode([msgspec.Raw(entry) for _, entry in content]))
        start = data.draw(st.integers(0, len(content)), label="a last time from")
        book.feed(content[start : data.draw(st.integers(start, len(content)), label="to")])
        assert book.position.sequence == len(content)
    for table in ("authorizations", "reversals", "owed"):
        assert rows(directory / "once", table) == rows(directory / "often", table)


def test_a_strange_amount_does_not_stop_the_book(path: Path) -> None:
    with Book(path) as book:
        book.feed(numbered(intent(1, amount="00000000x100")))
        assert [found.amount for found in book.authorizations()] == [0]


# -- following a log ---------------------------------------------------------------------------------------------------


def follow(path: Path, directory: Path) -> int:
    with Book(path) as book:
        return catch_up(book, LogReader(directory))


def test_it_follows_a_log_that_is_being_written(path: Path, tmp_path: Path) -> None:
    with closing(FileLog(tmp_path / "log", segment_bytes=4096)) as log:
        for number in range(1, 101):
            log.append([encode(intent(number))])
            log.append([encode(outcome(number))])
            if number % 30 == 0:
                assert follow(path, tmp_path / "log") == 60
    assert follow(path, tmp_path / "log") == 20
    assert follow(path, tmp_path / "log") == 0
    assert len(states(path)) == 100


def test_an_empty_log_makes_an_empty_book(path: Path, tmp_path: Path) -> None:
    assert not LogReader(tmp_path / "log").exists
    FileLog(tmp_path / "log").close()
    assert LogReader(tmp_path / "log").exists
    assert follow(path, tmp_path / "log") == 0


def test_it_is_rebuilt_from_another_log(path: Path, tmp_path: Path) -> None:
    """Records that a power cut took back, or a log that was thrown away, are taken out of the book."""
    for name, numbers in (("old", (1, 2, 3)), ("new", (1, 2, 4, 5))):
        with closing(FileLog(tmp_path / name, segment_bytes=4096)) as log:
            log.append([encode(intent(number)) for number in numbers])
        assert follow(path, tmp_path / name) == len(numbers)
    assert list(states(path)) == [1, 2, 4, 5]
    with closing(FileLog(tmp_path / "shorter", segment_bytes=4096)) as log:
        log.append([encode(intent(9))])
    assert follow(path, tmp_path / "shorter") == 1
    assert list(states(path)) == [9]


def test_a_snapshot_stands_in_for_dropped_segments(path: Path, tmp_path: Path) -> None:
    """What the book knew it keeps; what it missed comes out of the snapshot."""
    with closing(FileLog(tmp_path / "log", segment_bytes=1024, keep_segments=0)) as log:
        log.append([encode(intent(1)), encode(outcome(1))])
        follow(path, tmp_path / "log")
        for number in range(2, 42):
            log.append([encode(intent(number)), encode(outcome(number))])
        state = msgspec.msgpack.encode([intent(40), outcome(40), intent(41), outcome(41)])
        for sequence in (81, 82):
            log.write_snapshot(sequence, state)
        log.append([encode(reversal(41))])
    assert LogReader(tmp_path / "log").first_sequence > 3
    follow(path, tmp_path / "log")
    assert states(path) == {
        1: ("00", "approved", "none"),
        40: ("00", "approved", "none"),
        41: ("00", "approved", "owed"),
    }
    with Book(path) as book:
        assert book.position.since == 140.0


def test_a_book_of_another_version_is_made_anew(path: Path) -> None:
    with Book(path) as book:
        book.feed(numbered(*ALL))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with Book(path) as book:
        assert book.position == (0, None, 0.0)
        assert list(book.authorizations()) == []


def test_one_feeds_at_a_time(path: Path) -> None:
    order = []

    def second() -> None:
        with Book(path):
            order.append("second")

    with Book(path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_batch_is_taken_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "BATCH_RECORDS", 2)
    content = numbered(*(intent(number) for number in range(1, 6)))
    content[3] = (4, b"damaged")
    with Book(path) as book:
        with pytest.raises(msgspec.DecodeError):
            book.feed(content)
        assert book.position.sequence == 2
    assert list(states(path)) == [1, 2]


def test_damage_within_the_log_is_named(path: Path, tmp_path: Path) -> None:
    with closing(FileLog(tmp_path / "log", segment_bytes=4096)) as log:
        for number in range(1, 6):
            log.append([encode(intent(number))])
            log.sync()
    segment = next((tmp_path / "log").glob("*.seg"))
    content = bytearray(segment.read_bytes())
    content[300] ^= 0xFF
    segment.write_bytes(content)
    with pytest.raises(LogError, match=r"record 2 was durable and is damaged"):
        follow(path, tmp_path / "log")
