"""Store and forward: order by card, doubling waits, acknowledgement, the end of patience."""

import pytest

from switch.core.saf import WINDOW, Entry, Fate, Kind, StoreAndForward
from switch.core.transaction import Transaction

PATIENCE = 100  # attempts, more than any of these tests makes


def entry(stan: int, card: str = "") -> Entry:
    """A reversal under `stan`; each of a card of its own unless said otherwise."""
    tx = Transaction()
    tx.token = (card or f"card {stan}").encode()
    tx.rrn, tx.terminal, tx.issuer_stan = "R00000000001", "TERM0001", stan
    return tx.owe_reversal(0.0)


def queued(*entries: Entry) -> StoreAndForward:
    saf = StoreAndForward()
    for each in entries:
        saf.owe(each)
    return saf


def send(saf: StoreAndForward, now: float = 0.0) -> list[int]:
    """Send all that may be sent; their STANs."""
    stans = []
    for each in saf.sendable():
        saf.sent(each, now, 5.0, 30.0)
        stans.append(each.stan)
    return stans


@pytest.mark.rule("R11")
def test_waits_double_up_to_the_longest() -> None:
    saf = queued(entry(1))
    now, waits = 0.0, []
    for _ in range(5):
        assert send(saf, now) == [1]
        due = saf.next_deadline()
        assert due is not None
        waits.append(due - now)
        now = due
        assert saf.expire(now, PATIENCE) == []
    assert waits == [5.0, 10.0, 20.0, 30.0, 30.0]


@pytest.mark.rule("R3")
def test_an_acknowledged_entry_is_gone_and_its_timer_too() -> None:
    one = entry(1)
    saf = queued(one)
    send(saf)
    assert saf.find("0430", "000001", "R00000000001", "TERM0002") is None
    assert saf.find("0130", "000001", "R00000000001", "TERM0001") is None
    assert saf.find("0430", "000001", "R00000000001", "TERM0001") is one
    saf.end(one, Fate.DELIVERED)
    assert one.fate is Fate.DELIVERED
    assert saf.find("0430", "000001", "R00000000001", "TERM0001") is None
    assert saf.next_deadline() is None
    assert saf.expire(100.0, PATIENCE) == []
    assert send(saf) == []


@pytest.mark.rule("R11")
def test_entries_keep_the_order_in_which_they_came() -> None:
    saf = queued(entry(3), entry(1), entry(2))
    assert len(saf) == 3
    assert send(saf) == [3, 1, 2]


@pytest.mark.rule("R11")
def test_one_message_of_a_card_at_a_time() -> None:
    """R11: what follows waits until the issuer has taken what went before, over repeats and reconnections."""
    first, second, other = entry(1, "a"), entry(2, "a"), entry(3, "b")
    saf = queued(first, second, other)
    assert send(saf) == [1, 3]
    saf.expire(5.0, PATIENCE)
    assert send(saf, 5.0) == [1, 3]
    saf.restart()
    assert send(saf, 6.0) == [1, 3]
    saf.end(first, Fate.DELIVERED)
    assert send(saf, 7.0) == [2]


def test_what_is_dropped_from_the_middle_leaves_the_others_in_order() -> None:
    first, second, third = (entry(number, "a") for number in (1, 2, 3))
    saf = queued(first, second, third)
    send(saf)
    saf.end(second, Fate.DROPPED)
    assert send(saf) == []
    saf.end(first, Fate.DELIVERED)
    assert send(saf) == [3]


def test_a_window_bounds_what_is_under_way() -> None:
    entries = [entry(number) for number in range(WINDOW + 2)]
    saf = queued(*entries)
    assert len(send(saf)) == WINDOW
    saf.end(entries[0], Fate.DELIVERED)
    saf.refused(entries[1])
    assert send(saf) == [WINDOW, WINDOW + 1]
    saf.restart()
    assert next(saf.sendable()) is entries[1]


@pytest.mark.rule("R11")
def test_patience_ends() -> None:
    one = entry(1)
    saf = queued(one)
    for now in (0.0, 5.0, 15.0):
        assert saf.expire(now, attempts=3) == []
        assert send(saf, now) == [1]
    assert saf.expire(100.0, attempts=3) == [one]
    assert send(saf, 100.0) == []


def test_it_is_untouched_until_it_was_sent_or_may_have_been() -> None:
    fresh, restored = entry(1), entry(2)
    restored.maybe_sent = True
    assert (fresh.untouched, restored.untouched) == (True, False)
    send(queued(fresh))
    assert not fresh.untouched
    assert fresh.kind is Kind.REVERSAL


@pytest.mark.rule("R11")
def test_what_is_dropped_behind_a_refused_one_does_not_hasten_it() -> None:
    """Else it would have two timers, and use up its attempts twice as fast."""
    first, second = entry(1, "card"), entry(2, "card")
    saf = queued(first, second)
    assert send(saf) == [1]
    saf.refused(first)
    saf.end(second, Fate.DROPPED)
    assert send(saf, 1.0) == []
    saf.expire(5.0, PATIENCE)
    assert send(saf, 5.0) == [1]
