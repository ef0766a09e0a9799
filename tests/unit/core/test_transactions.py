"""The table of transactions: same reference on several days, forgetting by age and by number."""

import pytest

from switch.core.saf import Fate
from switch.core.states import Hold, State
from switch.core.transaction import Transaction, reference, unknown_original
from switch.core.transactions import PREAUTHORIZATION_S, Transactions


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
    assert reference("1", "2", "3", "4", "0100") == reference("1", "2", "3", "4", "0121")
    assert reference("1", "2", "3", "4", "0100") != reference("1", "2", "3", "4", "0200")


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
