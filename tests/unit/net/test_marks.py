"""Marks against a sorted list of all that was marked."""

import random
from bisect import bisect_left, bisect_right

import pytest

from switch.net.marks import KEPT, MAX_HELD_BACK, Marks, WakeUps


@pytest.mark.parametrize("marked", [0, 1, 2, 100, KEPT, KEPT + 1, 2 * KEPT + 77])
def test_the_marks_beside_a_moment_are_found(marked: int) -> None:
    draw = random.Random(marked)
    marks, at = Marks(), 1_000.0
    times = []
    for _ in range(marked):
        at += draw.choice((0.0, 1.0, 2.5))
        marks.add(at)
        times.append(at)
    kept = times[-KEPT:]
    for _ in range(2_000):
        at = draw.choice((*kept[:3], *kept[-3:], draw.uniform(990.0, at + 10)))
        before, after = bisect_right(kept, at), bisect_left(kept, at)
        assert marks.before(at) == (kept[before - 1] if before else at)
        known = after < len(kept) and (marked <= KEPT or at >= kept[0])
        assert marks.after(at) == (kept[after] if known else at)


def test_what_was_held_back_is_remembered_for_a_while() -> None:
    wake_ups = WakeUps()
    wake_ups.began.add(1.0)
    for number in range(MAX_HELD_BACK + 1):
        wake_ups.held_back(number, number + 0.5)
    assert wake_ups.arrival(0.5) == 0.5  # forgotten, and no wake-up is known before it
    assert wake_ups.arrival(1.5) == 1.0
    assert wake_ups.arrival(7.5) == 7.0
    assert wake_ups.arrival(7.75) == 1.0
