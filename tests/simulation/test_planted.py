"""A test of the tester: bugs planted into production code, which the simulator must find within 200 seeds."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.planted import PLANTED, forget_one_duplicate, found


@pytest.mark.rule("I1", "I2", "I3", "I5", "I6", "I7", "I9", "R11", "R13", "R15", "OC1", "OC2", "OC3")
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Callable[[Any], None]) -> None:
    assert found(plant.__name__).invariant in PLANTED[plant]


def test_a_failure_is_made_short() -> None:
    short = found(forget_one_duplicate.__name__, shorten=True)
    assert short.short_invariant == short.invariant
    assert 1 <= len(short.short_struck) <= 2, "something must come twice, and little more is needed"
    assert all(any(fault in line for line in short.short_story) for fault in short.short_struck)
    assert "I3 violated" in short.short_story[-1]
    assert len(short.short_story) < 60
