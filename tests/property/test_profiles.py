"""What is drawn depends on the names of the draw and on nothing else."""

import random

from hypothesis import given
from hypothesis import strategies as st

from switch.profiles.draws import exponential, lognormal, uniform
from switch.profiles.latency import profile
from switch.profiles.mix import EVERYDAY, draw, gap_s

seeds = st.integers(0, 2**63)
keys = st.text(max_size=40)


@given(st.lists(st.one_of(seeds, keys), max_size=6))
def test_uniforms_lie_strictly_between_0_and_1(words):
    assert 0 < uniform(*words) < 1
    assert uniform(*words) == uniform(*words)


@given(st.floats(2**-54, 1 - 2**-53))
def test_every_uniform_maps_to_a_finite_positive_number(u):
    assert 0 <= exponential(1.0, u) < 40
    assert 0 < lognormal(100.0, 0.7, u) < 1e6


@given(seeds, keys, st.lists(keys, min_size=2, max_size=8, unique=True))
def test_latencies_do_not_depend_on_order_or_on_other_generators(seed, issuer, transactions):
    drawn = profile("issuer-europe")
    forward = {key: drawn.draw_ms(seed, issuer, key) for key in transactions}
    random.seed(0)
    backward = {key: drawn.draw_ms(seed, issuer, key) for key in reversed(transactions)}
    assert forward == backward
    assert len(set(forward.values())) == len(transactions)


@given(seeds, st.integers(0, 10**9))
def test_traffic_is_keyed_by_seed_acquirer_and_number(seed, number):
    drawn = draw(EVERYDAY, seed, "acquirer", number)
    assert drawn == draw(EVERYDAY, seed, "acquirer", number)
    assert drawn.share in EVERYDAY.shares
    assert 0 <= drawn.amount_cents <= 50_000
    assert (drawn.amount_cents == 0) == (drawn.share.kind in ("balance", "verification"))
    assert gap_s(5.0, seed, "acquirer", number) > 0
