"""The log-linear histogram, held against sorting."""

import math

from hypothesis import given
from hypothesis import strategies as st

from loadtest._histogram import Histogram

SECONDS = st.floats(0, 1e6, allow_nan=False)
WIDTH = 1 / 128  # of a bucket, of its value
NANOSECOND = 1e-9


def filled(durations: list[float]) -> Histogram:
    histogram = Histogram()
    for seconds in durations:
        histogram.record(seconds)
    return histogram


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_that_of_the_sorted_durations_but_for_a_bucket(durations: list[float], share: float) -> None:
    rank = max(math.floor(share * len(durations) + 0.5), 1)
    exact = sorted(durations)[rank - 1]
    found = filled(durations).percentile_s(share)
    assert exact - 2 * NANOSECOND <= found <= exact * (1 + WIDTH) + 2 * NANOSECOND


def test_small_durations_are_counted_to_the_nanosecond() -> None:
    histogram = filled([nanoseconds * NANOSECOND + 1e-10 for nanoseconds in range(100)])
    assert round(histogram.percentile_s(0.5) / NANOSECOND) == 49
    assert round(histogram.percentile_s(1.0) / NANOSECOND) == 99


def test_a_clock_that_steps_back_costs_nothing() -> None:
    histogram = filled([-1.0])
    assert (histogram.total, histogram.percentile_s(1.0)) == (1, 0.0)


def test_a_new_window_begins_with_nothing() -> None:
    histogram = filled([1.0, 2.0])
    histogram.clear()
    assert (histogram.total, histogram.percentile_s(0.5)) == (0, 0.0)
    histogram.record(3.0)
    assert 3.0 <= histogram.percentile_s(0.5) <= 3.0 * (1 + WIDTH)
