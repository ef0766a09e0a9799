"""The table of transactions: same reference on several days, forgetting by age and by number."""

import pytest

from switch.core.saf import Fate
from switch.core.states import Hold, State
from switch.core.transaction import Transaction, reference_of, unknown_original
from switch.core.transactions import LOOKED_THROUGH, PREAUTHORIZATION_S, Transactions


def transaction(stan: str = "000001", day: str = "1121", sent: str = "1121120000") -> Transaction:
    tx = Transaction()
    tx.mti, tx.acquirer_id, tx.stan, tx.rrn, tx.terminal = "0100", "10000000001", stan, "R00000000001", "TERM0001"
    tx.local_date, tx.transmitted, tx.token = day, sent, b"token"
    return tx


def finish(table: Transactions, tx: Transaction, now: float) -> None:
    table.add(tx)
    tx.move(State.FINISHED)
    table.finished(tx, now)


@pytest.mark.rule("R4")
def test_the_same_reference_on_another_day_is_another_transaction() -> None:
    table = Transactions(limit=10, retention_s=1e9)
    monday, tuesday = transaction(day="1123", sent="1123080000"), transaction(day="1124", sent="1124080000")
    finish(table, monday, 0.0)
    finish(table, tuesday, 1.0)
    key = monday.reference
    assert table.find(key, "1123") is monday
    assert table.find(key, "1124") is tuesday
    assert table.find(key, "1125") is None
    assert table.find_original(key, "1123080000") is monday
    assert table.find_original(key, "0101000000") is tuesday


@pytest.mark.rule("R4")
def test_the_class_of_the_mti_is_part_of_the_reference() -> None:
    assert reference_of("1", "2", "3", "4", "0100") == reference_of("1", "2", "3", "4", "0121")
    assert reference_of("1", "2", "3", "4", "0100") != reference_of("1", "2", "3", "4", "0200")


@pytest.mark.rule("R9")
def test_a_reversal_that_came_first_fits_any_day() -> None:
    table = Transactions(limit=10, retention_s=1e9)
    tombstone = unknown_original("0100", "10000000001", "000001", "R00000000001", "TERM0001")
    table.add(tombstone)
    table.finished(tombstone, 0.0)
    assert table.find(transaction().reference, "1121") is tombstone


def test_old_ones_are_forgotten_and_chains_stay_whole() -> None:
    table = Transactions(limit=10, retention_s=100.0)
    old, new = transaction(day="1123"), transaction(day="1124")
    finish(table, old, 0.0)
    finish(table, new, 50.0)
    finish(table, transaction(stan="000002"), 120.0)
    assert table.find(old.reference, "1123") is None
    assert table.find(new.reference, "1124") is new
    finish(table, transaction(stan="000003"), 200.0)
    assert table.find(new.reference, "1124") is None
    assert table.forgotten_early == 0


def test_the_limit_forgets_the_oldest_and_counts_it() -> None:
    table = Transactions(limit=2, retention_s=1e9)
    entries = [transaction(stan=f"{n:06d}") for n in range(3)]
    for entry in entries:
        finish(table, entry, 0.0)
    assert table.find(entries[0].reference, "1121") is None
    assert table.find(entries[2].reference, "1121") is entries[2]
    assert table.forgotten_early == 1
    assert len(table) == 2


def test_one_that_owes_a_reversal_is_kept() -> None:
    table = Transactions(limit=10, retention_s=10.0)
    owing = transaction()
    entry = owing.owe_reversal(0.0)
    finish(table, owing, 0.0)
    finish(table, transaction(stan="000002"), 100.0)
    assert table.find(owing.reference, "1121") is owing
    entry.fate = Fate.DELIVERED
    finish(table, transaction(stan="000003"), 200.0)
    assert table.find(owing.reference, "1121") is None


def test_a_preauthorization_is_kept_for_its_completion() -> None:
    table = Transactions(limit=10, retention_s=10.0)
    held = transaction()
    held.preauthorised = True
    held.approve(100)
    finish(table, held, 0.0)
    finish(table, transaction(stan="000002"), PREAUTHORIZATION_S - 1)
    assert table.find(held.reference, "1121") is held
    finish(table, transaction(stan="000003"), PREAUTHORIZATION_S + 1000)
    assert table.find(held.reference, "1121") is None


@pytest.mark.rule("I8")
def test_a_move_that_the_table_lacks_is_refused() -> None:
    tx = transaction()
    tx.move(State.FINISHED)
    with pytest.raises(AssertionError, match="FINISHED cannot become WAITING"):
        tx.move(State.WAITING)
    with pytest.raises(AssertionError, match="hold NONE cannot become REVERSED"):
        tx.move_hold(Hold.REVERSED)


# -- with a shelf ------------------------------------------------------------------------------------------------------


def shelving(limit: int = 10, retention_s: float = 1e9) -> Transactions:
    """A table whose transactions have a record of a few bytes."""

    def rebuild(first: bytes, second: bytes) -> Transaction:
        stan, day, number = (first + second).decode().split()
        tx = transaction(stan, day, f"{day}120000")
        tx.number = int(number)
        tx.move(State.FINISHED)
        return tx

    return Transactions(limit, retention_s, rebuild)


def shelve(table: Transactions, number: int, now: float, stan: str = "000001", day: str = "1121") -> Transaction:
    tx = transaction(stan, day, f"{day}120000")
    tx.number, tx.outcome_record = number, f"{stan} {day} {number}".encode()
    finish(table, tx, now)
    return tx


def test_what_has_ended_is_found_as_another_object_and_given_back() -> None:
    table = shelving()
    tx = shelve(table, 1, 0.0)
    assert table.objects() == []
    found = table.find(tx.reference, "1121")
    assert found is not None
    assert found is not tx
    assert (found.number, found.stan) == (1, "000001")
    assert table.knows(tx.reference)
    assert table.lent() == []
    assert [each.number for each in table.everything()] == [1]


def test_one_that_was_changed_is_never_made_twice() -> None:
    table = shelving()
    key = shelve(table, 1, 0.0).reference
    found = table.find(key, "1121")
    assert found is not None
    found.taken_back = True
    assert table.find(key, "1121") is found
    shelve(table, 2, 1.0, stan="000002")
    assert table.find(key, "1121") is found
    assert table.lent() == [found]
    assert len(table) == 2


def test_those_of_other_days_come_back_in_their_order_around_one_in_flight() -> None:
    table = shelving()
    key = shelve(table, 1, 0.0, day="1121").reference
    in_flight = transaction(day="1122", sent="1122120000")
    in_flight.number = 2
    table.add(in_flight)
    shelve(table, 3, 1.0, day="1123")
    assert table.find(key, "1122") is in_flight
    newest = table.find_original(key, "0101000000")
    assert newest is not None
    chain = [newest.number]
    while newest.older is not None:
        newest = newest.older
        chain.append(newest.number)
    assert chain == [3, 2, 1]
    assert [table.find_number(key, number) is not None for number in (1, 2, 3, 4)] == [True, True, True, False]


def test_the_shelf_forgets_by_age() -> None:
    table = shelving(retention_s=100.0)
    key = shelve(table, 1, 0.0).reference
    shelve(table, 2, 90.0, stan="000002")
    assert table.knows(key)
    shelve(table, 3, 101.0, stan="000003")
    assert not table.knows(key)
    assert (len(table), table.forgotten_early) == (2, 0)


def test_the_limit_counts_the_shelf_and_the_others_together() -> None:
    """The oldest of both goes first."""
    table = shelving(limit=3)
    keys = [shelve(table, 1, 0.0).reference]
    for stan, now in (("000002", 1.0), ("000003", 2.0)):
        kept = transaction(stan=stan)
        keys.append(kept.reference)
        finish(table, kept, now)
    shelve(table, 4, 3.0, stan="000004")
    assert [table.knows(key) for key in keys] == [False, True, True]
    shelve(table, 5, 4.0, stan="000005")
    assert [table.knows(key) for key in keys] == [False, False, True]
    assert (len(table), table.forgotten_early) == (3, 2)


def test_one_that_owes_outlives_its_place_on_the_shelf() -> None:
    table = shelving(retention_s=10.0)
    key = shelve(table, 1, 0.0).reference
    owing = table.find(key, "1121")
    assert owing is not None
    entry = owing.owe_reversal(1.0)
    shelve(table, 2, 100.0, stan="000002")
    assert table.find(key, "1121") is owing
    assert table.objects() == [owing]
    entry.fate = Fate.DELIVERED
    shelve(table, 3, 200.0, stan="000003")
    assert not table.knows(key)


def test_a_full_ring_forgets_the_oldest_early() -> None:
    table = shelving(limit=10)
    keys = []
    for number in range(1, 4):
        tx = transaction(stan=f"{number:06d}")
        tx.number, tx.outcome_record = number, b" " * 400_000 + f"{tx.stan} 1121 {number}".encode()
        keys.append(tx.reference)
        finish(table, tx, 0.0)
    assert [table.knows(key) for key in keys] == [False, True, True]
    assert (len(table), table.forgotten_early) == (2, 1)


def test_another_reference_of_the_same_hash_is_not_taken_for_it() -> None:
    table = shelving()
    stranger = transaction(stan="000009")
    table.shelve(stranger.reference, 0.0, b"", b"000001 1121 1")
    assert not table.knows(stranger.reference)
    assert table.lent() == []


def test_one_reversed_before_it_ended_is_on_the_shelf_and_stays_an_object() -> None:
    table = shelving()
    tx = transaction()
    tx.number, tx.outcome_record, tx.taken_back = 1, b"000001 1121 1", True
    finish(table, tx, 0.0)
    assert table.find(tx.reference, "1121") is tx
    assert table.lent() == [tx]
    assert table.shelved() == (1, b"000001 1121 1")


def test_the_newest_are_looked_through_newest_first_and_not_further_than_the_limit() -> None:
    """In flight and unfinished ones stand in no record: they are shown whatever is asked for."""
    table = Transactions(limit=3 * LOOKED_THROUGH, retention_s=1e9, rebuild=by_number)
    for number in range(LOOKED_THROUGH + 10):
        table.shelve(f"reference {number}", 0.0, b"", b"%06d" % number)
    in_flight = transaction()
    table.add(in_flight)
    assert [tx.number for tx in table.newest((f"{LOOKED_THROUGH:06d}", "005009"))] == [0, 5009, LOOKED_THROUGH]
    assert [tx.number for tx in table.newest(("000010",))] == [0, 10]
    assert [tx.number for tx in table.newest(("000009",))] == [0]
    assert [tx.number for tx in table.newest(("",))] == [0]


def by_number(_first: bytes, second: bytes) -> Transaction:
    tx = transaction()
    tx.number = int(second)
    return tx
