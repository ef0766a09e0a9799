"""Sample traffic on virtual time, with crashes at random moments: afterwards the books agree to the cent.

The checker shares nothing with what it checks: it adds up what acquirers were told and compares it with what issuers
hold.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

import msgspec
import pytest

from switch.acquirers.acquirer import Acquirer
from switch.acquirers.records import AcquirerRecord
from switch.config.tables import Config
from switch.issuers.issuer import Issuer
from switch.simulation.bench import Bench

HELD = ("preauth", "incremental")
DRAIN_S = 200.0  # the acquirers' 10 s timer, then reversals repeated at 5, 10, 20, 40 s


def busy(config: Config) -> Config:
    traffic = tuple(msgspec.structs.replace(one, rate_per_s=20.0, mix="everything") for one in config.traffic)
    return msgspec.structs.replace(config, traffic=traffic)


def held_by_issuers(bench: Bench) -> int:
    """Cents that all accounts hold, refunds counted against them."""
    total = 0
    for host in bench.issuers.values():
        assert isinstance(host.part, Issuer)
        for account in host.part.ledger.accounts():
            total += account.card.balance_cents - account.available_cents
    return total


def told_to_acquirers(books: list[AcquirerRecord]) -> int:
    """Cents that cardholders owe by what their terminals were told: what stands of it, a completed hold no more."""
    sign = {"00": 1, "01": 1, "09": 1, "20": -1}
    completed = {(record.original_rrn, record.original_stan) for record in books if record.kind == "completion"}
    return sum(
        sign.get(record.de3[:2], 0) * (record.standing_cents or 0)
        for record in books
        if record.reversal == "none" and not (record.kind in HELD and chain(record) in completed)
    )


def chain(record: AcquirerRecord) -> tuple[str, str]:
    """DE 37 and STAN of the pre-authorization that it is, or adds to."""
    return record.rrn, record.original_stan or record.stan


def run(
    config: Config, seed: int, crashes: int, steer: Callable[[Bench, Random], None] | None = None
) -> tuple[Bench, list[AcquirerRecord]]:
    """Traffic with crashes, drained; `steer` is called every half second while it runs."""
    bench = Bench(busy(config), seed)
    random = Random(seed)
    if steer is not None:
        _steered(bench, random, steer)
    bench.world.run(1.0)
    acquirers = bench.start_traffic()
    for _ in range(crashes):
        bench.world.run(random.uniform(0.5, 8.0))
        victim = random.choice(["switch", *bench.issuers])
        if victim == "switch":
            bench.crash_switch()
        else:
            bench.crash_issuer(victim)
    bench.world.run(10.0)
    for host in acquirers.values():
        assert isinstance(host.part, Acquirer)
        host.part.stop_traffic()
    bench.world.run(DRAIN_S)
    books: dict[tuple[str, ...], AcquirerRecord] = {}
    for host in acquirers.values():
        assert isinstance(host.part, Acquirer)
        assert host.part.outstanding() == 0
        for _, payload in host.disk.replay():
            record = msgspec.json.decode(payload, type=AcquirerRecord)
            books[record.acquirer_id, record.terminal, record.stan, record.rrn] = record
    return bench, list(books.values())


def _steered(bench: Bench, random: Random, steer: Callable[[Bench, Random], None]) -> None:
    steer(bench, random)
    bench.world.after(0.5, lambda: _steered(bench, random, steer))


def decline_and_slow(bench: Bench, random: Random) -> None:
    """As `control ISSUER decline` and `control profile` do, with any code and any profile."""
    host = bench.issuers[random.choice(list(bench.issuers))]
    assert isinstance(host.part, Issuer)
    if host.up:
        codes = host.part.spec.dialect.response_codes
        de39 = random.choice([code for result, code in codes.items() if "approved" not in result])
        host.part.decline(random.choice([0, 12.5, 50, 100]), de39)
        host.part.use_profile(random.choice(bench.config.profile))


@pytest.mark.rule("I1")
@pytest.mark.parametrize("seed", range(4))
def test_quiet_traffic_balances(config: Config, seed: int) -> None:
    bench, books = run(config, seed, crashes=0)
    assert len(books) > 100
    assert Counter(record.de39 for record in books)["00"] > len(books) * 0.8
    assert {record.kind for record in books} >= {"purchase", "preauth", "incremental", "completion", "force-post"}
    assert held_by_issuers(bench) == told_to_acquirers(books)


@pytest.mark.rule("I1", "I5")
def test_crashes_balance_too(config: Config, pytestconfig: pytest.Config) -> None:
    seeds = 400 if pytestconfig.getoption("--soak") else 12
    for seed in range(seeds):
        bench, books = run(config, seed, crashes=6)
        assert (seed, held_by_issuers(bench)) == (seed, told_to_acquirers(books))
        assert (seed, bench.core.reversals_owed(), bench.core.in_flight()) == (seed, 0, 0)
        assert all(record.de39 is not None or record.reversal == "acknowledged" for record in books)


@pytest.mark.rule("I1", "I5")
def test_declines_and_latencies_changed_on_the_way_balance_too(config: Config) -> None:
    for seed in range(3):
        bench, books = run(config, seed, crashes=3, steer=decline_and_slow)
        assert (seed, held_by_issuers(bench)) == (seed, told_to_acquirers(books))
        assert (seed, bench.core.reversals_owed(), bench.core.in_flight()) == (seed, 0, 0)
        told = {line["why"] for line in bench.world.said if line["reason"] == "declined-by-control"}
        assert any(why.startswith("declined by control: 50% with ") for why in told)
        assert len({record.de39 for record in books}) > 8
