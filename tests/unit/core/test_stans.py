"""STAN slots: a million numbers, given out in turn, never twice at once."""

import pytest

from switch.core.stans import STAN_MAX, Stans
from switch.core.transaction import Transaction


def test_numbers_wrap_past_the_last_and_skip_zero() -> None:
    stans = Stans(last=STAN_MAX - 1)
    assert [stans.take(Transaction()) for _ in range(3)] == [STAN_MAX, 1, 2]
    assert stans.holder(0) is None


def test_a_taken_number_is_skipped_until_it_is_released() -> None:
    stans = Stans()
    kept = Transaction()
    assert stans.take(kept) == 1
    stans.last = 0
    assert stans.take(Transaction()) == 2
    assert stans.holder(1) is kept
    stans.release(1)
    stans.last = 0
    assert stans.take(Transaction()) == 1


def test_when_all_are_taken_there_is_none() -> None:
    stans = Stans()
    tx = Transaction()
    for _ in range(STAN_MAX):
        assert stans.take(tx)
    assert stans.take(tx) is None
    stans.release(500)
    assert stans.take(tx) == 500


def test_releasing_a_free_number_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="STAN 000007 is not taken"):
        Stans().release(7)


@pytest.mark.parametrize("number", [-1, 0, STAN_MAX + 1])
def test_a_number_out_of_range_has_no_holder(number: int) -> None:
    assert Stans().holder(number) is None
