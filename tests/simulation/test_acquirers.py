"""Simulated acquirers against the real switch on virtual time: what only both together can show."""

import msgspec
import pytest

from switch.acquirers.acquirer import Acquirer
from switch.config.tables import Config
from switch.simulation.bench import Bench


def with_macs(config: Config, algorithm: str, repeat: str) -> Config:
    link = tuple(
        msgspec.structs.replace(one, mac=True, mac_algorithm=algorithm, mac_repeat=repeat)
        if one.role == "acquirer"
        else one
        for one in config.link
    )
    traffic = tuple(msgspec.structs.replace(one, rate_per_s=20.0) for one in config.traffic)
    return msgspec.structs.replace(config, link=link, traffic=traffic)


@pytest.mark.parametrize("algorithm", ["1", "3"])
@pytest.mark.parametrize("repeat", ["as-sent", "as-original"])
def test_traffic_flows_over_links_with_macs(config: Config, algorithm: str, repeat: str) -> None:
    """Both sides agree on what a MAC covers, in both dialects, and on that of a repeat, which only an outage shows."""
    bench = Bench(with_macs(config, algorithm, repeat), seed=1)
    bench.world.run(1.0)
    acquirers = bench.start_traffic()
    bench.world.run(5.0)
    bench.hsm.up = False  # nothing can be verified or sealed: requests are reversed, their reversals repeated
    bench.world.run(20.0)
    bench.hsm.up = True
    bench.world.run(5.0)
    parts = [host.part for host in acquirers.values()]
    for part in parts:
        assert isinstance(part, Acquirer)
        part.stop_traffic()
    bench.world.run(120.0)
    for part in parts:
        assert isinstance(part, Acquirer)
        assert part.counters["de39-00"] > 100
        assert part.counters["reversals"] > 10
        assert part.counters["bad-mac"] == part.counters["de39-63"] == part.outstanding() == 0
