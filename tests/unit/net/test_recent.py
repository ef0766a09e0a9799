"""The last seconds as a difference of two looks, against the values themselves."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.net.latencies import Histogram
from switch.net.recent import Look, Recent, percentile_us

VALUES = st.lists(st.floats(1.0, 1e8), min_size=1, max_size=100)


def look(at: float, answered: int, histogram: Histogram, events: dict[str, int] | None = None) -> Look:
    status: dict[str, Any] = {
        "counters": {"de39-00": answered - 1, "de39-51": 1, "other": 9},
        "events": events or {},
    }
    return Look.of(at, status, {"total": {"buckets": histogram.filled()}})


@given(VALUES, VALUES, st.sampled_from([50, 90, 99]))
def test_percentiles_of_a_window_are_those_of_its_values(
    before: list[float], within: list[float], percent: int
) -> None:  # fmt: skip
    histogram = Histogram()
    for value in before:
        histogram.record(value)
    earlier = dict(histogram.filled())
    for value in within:
        histogram.record(value)
    window = {start: count - earlier.get(start, 0) for start, count in histogram.filled()}
    exact = float(np.percentile(within, percent, method="inverted_cdf"))
    assert percentile_us(window, percent) == pytest.approx(exact, rel=1 / 32)


def test_only_the_last_seconds_count() -> None:
    histogram, recent = Histogram(), Recent(0.0, seconds=10.0)
    for second in range(1, 31):
        histogram.record(1000.0 if second <= 20 else 8000.0)
        figures = recent.add(look(float(second), 5 * second, histogram, {"timed-out/issuer-timeout": second // 30}))
    assert (figures.seconds, figures.answered, figures.approved) == (10.0, 50, 50)
    assert figures.p50_ms == pytest.approx(8.0, rel=1 / 32)
    assert figures.events == {"timed-out/issuer-timeout": 1}


def test_a_switch_that_was_restarted_begins_a_new_window() -> None:
    """Its counts are at zero again: nothing negative is shown."""
    recent = Recent(0.0)
    recent.add(look(1.0, 500, Histogram()))
    recent.add(look(2.0, 4, Histogram()))
    assert recent.add(look(3.0, 9, Histogram())).answered == 5
