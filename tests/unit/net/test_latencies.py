"""Histograms against numpy's own quantiles."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.net.latencies import FOLD_AT, Histogram, Latencies, timeline


@given(st.lists(st.floats(1.0, 1e8), min_size=1, max_size=200), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_quantile_is_off_by_less_than_a_bucket(values: list[float], percent: int) -> None:
    histogram = Histogram()
    histogram.record(np.array(values))
    exact = float(np.percentile(values, percent, method="inverted_cdf"))
    assert histogram.percentile(percent) == pytest.approx(exact, rel=1 / 32)


def test_extremes_fall_into_the_outer_buckets() -> None:
    histogram = Histogram()
    histogram.record(np.array([0.0, 1e12]))
    assert histogram.count == 2
    assert histogram.percentile(1) == pytest.approx(1.0, rel=1 / 32)
    assert histogram.percentile(100) == pytest.approx(2.0**27, rel=1 / 16)


def transaction(**moments: float) -> SimpleNamespace:
    names = ("hsm_asked_at", "hsm_answered_at", "forwarded_at", "issuer_answered_at", "decided_at", "answered_at")
    return SimpleNamespace(received_at=1000.0, **dict.fromkeys(names, 0.0) | moments)


def test_hops_that_did_not_happen_are_not_counted() -> None:
    latencies = Latencies()
    for _ in range(FOLD_AT + 1):
        latencies.observe([transaction(decided_at=1000.001, answered_at=1000.002)])
    figures = latencies.percentiles_ms()
    assert figures["hsm"] == {"count": 0, "p50": 0.0, "p90": 0.0, "p99": 0.0}
    assert figures["total"]["count"] == FOLD_AT + 1
    assert figures["total"]["p50"] == pytest.approx(2.0, rel=1 / 32)
    assert figures["answer_durable"]["p99"] == pytest.approx(1.0, rel=1 / 32)


def test_a_timeline_leaves_out_what_was_not() -> None:
    assert timeline(transaction(hsm_asked_at=1000.0005, answered_at=1000.002)) == {
        "hsm_asked_at": 0.5,
        "answered_at": 2.0,
    }
