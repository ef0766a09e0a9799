"""Latency profiles: the figures they claim, and how a profile of one's own is checked."""

import msgspec
import numpy as np
import pytest

from switch.profiles.latency import Constant, Lognormal, Mixture, Part, Profile, profile, shipped


def sample(name: str, count: int = 20_000) -> np.ndarray:
    drawn = profile(name)
    return np.array([drawn.draw_ms(1, "issuer", str(number)) for number in range(count)])


def test_issuer_europe_has_the_percentiles_it_claims():
    drawn = sample("issuer-europe")
    p50, p90, p99 = np.percentile(drawn, [50, 90, 99])
    assert p50 == pytest.approx(153, rel=0.03)
    assert p90 == pytest.approx(264, rel=0.05)
    assert p99 == pytest.approx(1016, rel=0.15)
    assert 0 < (drawn > 5000).mean() < 0.002  # late means late: nothing is cut off at the timer


def test_gateway_has_the_percentiles_it_claims():
    p50, p99 = np.percentile(sample("gateway"), [50, 99])
    assert p50 == pytest.approx(180, rel=0.03)
    assert p99 == pytest.approx(600, rel=0.1)


def test_every_shipped_profile_names_its_source_and_draws():
    assert {"instant", "steady", "issuer-europe", "gateway"} <= shipped().keys()
    for name, drawn in shipped().items():
        assert name == drawn.name
        assert drawn.source
        assert drawn.draw_ms(1, "issuer", "x") >= 0
    assert profile("instant").draw_ms(1, "issuer", "x") == 0
    assert profile("steady").draw_ms(1, "issuer", "x") == 5


def test_an_unknown_profile_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"no latency profile 'issuer-mars'; there are: .*gateway, instant"):
        profile("issuer-mars")


def test_hops_add_up_and_draw_apart():
    hop = Lognormal(median_ms=100, sigma=0.5)
    both = Profile(name="x", source="test", hops=(hop, hop, Constant(ms=7)))
    drawn = both.draw_ms(1, "issuer", "a")
    first = Profile(name="y", source="test", hops=(hop,)).draw_ms(1, "issuer", "a")
    assert drawn > first + 7
    assert drawn != pytest.approx(2 * first + 7)


def test_a_mixture_takes_its_parts_by_weight():
    mixture = Mixture(parts=(Part(weight=9, median_ms=1, sigma=0.01), Part(weight=1, median_ms=1000, sigma=0.01)))
    slow = sum(mixture.draw_ms("seed", number) > 100 for number in range(5000))
    assert slow / 5000 == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("hop", "error"),
    [
        ('shape = "constant", ms = -1', r"\$\.hops\[0\]\.ms"),
        ('shape = "lognormal", median_ms = 10, sigma = 0', r"\$\.hops\[0\]\.sigma"),
        ('shape = "mixture", parts = []', r"\$\.hops\[0\]\.parts"),
        ('shape = "constant", ms = inf', r"\$\.hops\[0\]\.ms"),
        ('shape = "lognormal", median_ms = 1e308, sigma = 1', r"\$\.hops\[0\]\.median_ms"),
        ('shape = "lognormal", median_ms = 10, sigma = 1e308', r"\$\.hops\[0\]\.sigma"),
        ('shape = "mixture", parts = [{weight = inf, median_ms = 1, sigma = 1}]', r"\$\.hops\[0\]\.parts\[0\]\.weight"),
        ('shape = "gaussian"', r"\$\.hops\[0\]\.shape"),
        ('shape = "constant", ms = 1, jitter = 2', "jitter"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_path(hop, error):
    with pytest.raises(msgspec.ValidationError, match=error):
        msgspec.toml.decode(f'name = "x"\nsource = "y"\nhops = [{{ {hop} }}]', type=Profile)
