"""Histograms against numpy's own quantiles, and hops that add up."""

import random
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.core.transaction import Transaction
from switch.net.latencies import PATH, Histogram, Latencies


def histogram_of(values: Iterable[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(st.lists(st.floats(1.0, 1e8), min_size=1, max_size=200), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_quantile_is_off_by_less_than_a_bucket(values: list[float], percent: int) -> None:
    exact = float(np.percentile(values, percent, method="inverted_cdf"))
    assert histogram_of(values).percentile(percent) == pytest.approx(exact, rel=1 / 32)


def test_extremes_fall_into_the_outer_buckets() -> None:
    histogram = histogram_of([0.0, 1e12])
    assert histogram.count == 2
    assert histogram.percentile(1) == pytest.approx(1.0, rel=1 / 32)
    assert histogram.percentile(100) == pytest.approx(2.0**27, rel=1 / 16)


def transaction(**moments: float) -> Transaction:
    tx = Transaction()
    tx.received_at = 1000.0
    for moment, at in moments.items():
        setattr(tx, moment, at)
    return tx


def sums_ms(latencies: Latencies) -> dict[str, float]:
    """What each hop has taken in all; those that did not happen left out."""
    return {name: hop.sum_us / 1000 for name, hop in latencies.hops.items() if hop.count}


def test_an_authorization_is_attributed_moment_by_moment() -> None:
    latencies = Latencies()
    wake_ups = latencies.wake_ups
    for earlier in (990.0, 999.999):
        wake_ups.began.add(earlier)
        wake_ups.asked.add(earlier)
        wake_ups.durable.add(earlier)
    wake_ups.asked.add(1000.002)
    wake_ups.durable.add(1000.006)
    wake_ups.durable.add(1000.071)
    wake_ups.asked.add(1000.080)
    latencies.observe([transaction(
        hsm_asked_at=1000.0, hsm_answered_at=1000.005, forwarded_at=1000.009, issuer_answered_at=1000.06,
        decided_at=1000.06, answered_at=1000.075,
    )])  # fmt: skip
    assert sums_ms(latencies) == pytest.approx(
        {
            "line": 1, "queue": 2 + 3, "hsm": 3, "log": 1 + 11, "issuer": 51, "answer": 4,
            "answer_durable": 15, "total": 76,
        },
        rel=1e-4,
    )  # fmt: skip


def test_frames_held_back_came_before_the_rules_saw_them() -> None:
    latencies = Latencies()
    latencies.wake_ups.began.add(999.9995)
    latencies.wake_ups.held_back(999.95, 1000.0)
    latencies.observe([transaction(decided_at=1000.0, answered_at=1000.0)])
    assert sums_ms(latencies)["line"] == pytest.approx(50, rel=1e-4)


def test_hops_that_did_not_happen_are_not_counted() -> None:
    latencies = Latencies()
    latencies.observe([transaction(decided_at=1000.001, answered_at=1000.002)] * 7)
    figures = latencies.percentiles_ms()
    assert figures["hsm"] == figures["issuer"] == {"count": 0, "p50": 0.0, "p90": 0.0, "p99": 0.0}
    assert figures["total"]["count"] == 7
    assert figures["total"]["p50"] == pytest.approx(2.0, rel=1 / 32)
    assert figures["answer_durable"]["p99"] == pytest.approx(1.0, rel=1 / 32)


def test_waiting_for_an_issuer_that_does_not_answer_is_the_issuers() -> None:
    latencies = Latencies()
    latencies.observe([transaction(forwarded_at=1000.001, decided_at=1005.001, answered_at=1005.002)])
    assert sums_ms(latencies)["issuer"] == pytest.approx(5000, rel=1e-4)


def test_waiting_for_an_intent_that_was_not_durable_in_time_is_the_logs() -> None:
    latencies = Latencies()
    latencies.wake_ups.durable.add(1005.0)
    latencies.observe([transaction(forwarded_at=1006.0, decided_at=1005.0, answered_at=1006.0)])
    assert sums_ms(latencies)["log"] == pytest.approx(5000, rel=1e-4)
    assert "issuer" not in sums_ms(latencies)


def test_one_that_could_not_be_answered_is_not_counted() -> None:
    latencies = Latencies()
    latencies.observe([transaction(decided_at=1000.001)])
    assert sums_ms(latencies) == {}


@given(st.integers(0, 2**32))
def test_the_hops_of_each_authorization_add_up_to_its_total(seed: int) -> None:
    draw = random.Random(seed)
    latencies = Latencies()
    marks = latencies.wake_ups.began, latencies.wake_ups.asked, latencies.wake_ups.durable
    for mark in marks:
        for at in sorted(draw.uniform(999.5, 1002.0) for _ in range(draw.randrange(40))):
            mark.add(at)
    times = sorted(draw.uniform(1000.0, 1001.0) for _ in range(5))
    with_pin, sent, late = (draw.random() < chance for chance in (0.7, 0.7, 0.2))
    tx = transaction(decided_at=times[3], answered_at=times[4])
    if with_pin:
        tx.hsm_asked_at, tx.hsm_answered_at = times[0], times[1]
    if sent:
        tx.forwarded_at = times[4] if late else times[2]
    if draw.random() < 0.3:
        latencies.wake_ups.held_back(999.0, tx.received_at)
    latencies.observe([tx])
    sums = sums_ms(latencies)
    assert sum(sums.get(hop, 0.0) for hop in PATH) == pytest.approx(sums["total"], rel=1e-6)
    assert all(hop.count <= 1 and hop.sum_us >= 0.0 for hop in latencies.hops.values())


def test_a_timeline_leaves_out_what_was_not() -> None:
    latencies = Latencies()
    assert latencies.timeline(transaction(answered_at=1000.002)) == {"answered_at": 2.0}
    latencies.wake_ups.asked.add(1000.0005)
    tx = transaction(hsm_asked_at=1000.0, hsm_answered_at=1000.001, answered_at=1000.002)
    assert latencies.timeline(tx) == {"hsm_asked_at": 0.5, "hsm_answered_at": 1.0, "answered_at": 2.0}
