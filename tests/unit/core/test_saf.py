"""Store and forward: order, doubling waits, acknowledgement."""

import pytest

from switch.core.saf import WINDOW, StoreAndForward
from switch.core.transaction import Transaction


def fields(stan: str) -> dict[int, str]:
    return {11: stan, 37: "R00000000001", 41: "TERM0001"}


@pytest.mark.rule("R11")
def test_waits_double_up_to_the_longest() -> None:
    saf = StoreAndForward()
    entry = saf.owe(Transaction(), fields("000001"))
    now, waits = 0.0, []
    for _ in range(5):
        assert list(saf.sendable()) == [entry]
        saf.sent(entry, now, first_wait_s=5.0, longest_wait_s=30.0)
        due = saf.next_deadline()
        assert due is not None
        waits.append(due - now)
        now = due
        saf.expire(now)
    assert waits == [5.0, 10.0, 20.0, 30.0, 30.0]


@pytest.mark.rule("R3")
def test_an_acknowledged_entry_is_gone_and_its_timer_too() -> None:
    saf = StoreAndForward()
    entry = saf.owe(Transaction(), fields("000001"))
    saf.sent(entry, 0.0, 5.0, 30.0)
    assert saf.find("000001", "R00000000001", "TERM0002") is None
    assert saf.find("000001", "R00000000001", "TERM0001") is entry
    saf.acknowledge(entry)
    assert saf.find("000001", "R00000000001", "TERM0001") is None
    assert saf.next_deadline() is None
    saf.expire(100.0)
    assert list(saf.sendable()) == []


@pytest.mark.rule("R11")
def test_entries_keep_the_order_in_which_they_came() -> None:
    saf = StoreAndForward()
    stans = ["000003", "000001", "000002"]
    for stan in stans:
        saf.owe(Transaction(), fields(stan))
    assert [entry.fields[11] for entry in saf.entries.values()] == stans
    assert len(saf) == 3


def test_a_window_bounds_what_is_under_way() -> None:
    saf = StoreAndForward()
    for number in range(WINDOW + 2):
        saf.owe(Transaction(), fields(f"{number:06d}"))
    under_way = []
    for entry in saf.sendable():
        saf.sent(entry, 0.0, 5.0, 30.0)
        under_way.append(entry)
    assert len(under_way) == WINDOW
    saf.acknowledge(under_way[0])
    saf.refused(under_way[1])
    later = []
    for entry in saf.sendable():
        saf.sent(entry, 0.0, 5.0, 30.0)
        later.append(entry.fields[11])
    assert later == [f"{WINDOW:06d}", f"{WINDOW + 1:06d}"]
    saf.restart()
    assert next(saf.sendable()) is under_way[1]
