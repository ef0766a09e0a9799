"""The simulator: production parts under faults, by seed; what it prints; and that the same seed is the same run."""

import json
import os
import subprocess
import sys
from typing import Any

import iso8583
import pytest

from switch import cli
from switch.config.tables import Config
from switch.simulation.bench import Bench
from switch.simulation.faults import KINDS, LEVELS, Level, Plan
from switch.simulation.run import run, trace
from switch.simulation.scenario import stressed
from switch.simulation.wiretap import read_frame, read_log
from switch.simulation.world import Watch
from switch.store import frames
from tests.support.foreign import SPECS

HEAVY_SEEDS, SOAK_SEEDS = 200, 2_000
AUTHORIZATIONS = 100


@pytest.mark.rule(
    "I1", "I2", "I3", "I5", "I6", "I7", "I8", "I9", "R11", "R13", "R15", "R16", "OC1", "OC2", "OC3", "OC4", "OC5"
)
def test_under_heavy_faults_every_invariant_holds(config: Config, pytestconfig: pytest.Config) -> None:
    struck = set()
    for seed in range(SOAK_SEEDS if pytestconfig.getoption("--soak") else HEAVY_SEEDS):
        result = run(config, seed, AUTHORIZATIONS, "heavy")
        assert (seed, result.violations) == (seed, ()), "monetique simulate --seed tells the story"
        assert result.authorizations >= AUTHORIZATIONS
        struck.update(fault.kind for fault in result.struck)
    assert struck == {kind.name for kind in KINDS}, "every kind of fault should come up"


@pytest.mark.parametrize("level", ["none", "light"])
def test_lighter_runs_are_clean_too(config: Config, level: Level) -> None:
    for seed in range(5):
        result = run(config, seed, AUTHORIZATIONS, level)
        assert (seed, result.violations) == (seed, ())
        assert result.authorizations >= AUTHORIZATIONS, "and what follows from them"
        assert bool(result.struck) == (level == "light")


def test_the_same_seed_is_the_same_run_in_any_process(config: Config) -> None:
    """Native or twin, whatever the order of hashes."""
    hashes = {run(config, 3, 40, "heavy").log_sha256}
    for native, hash_seed in (("0", "1"), ("1", "2")):
        environment = {**os.environ, "MONETIQUE_NATIVE": native, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-m", "switch.cli", "simulate", "--seed", "3", "--authorizations", "40", "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        hashes.add(json.loads(done.stdout)["log_sha256"])
    assert len(hashes) == 1
    assert run(config, 4, 40, "heavy").log_sha256 not in hashes


def test_a_fault_left_out_moves_no_other() -> None:
    """Draws belong to their occasions: that is what lets a failing run be made shorter."""
    places = [(kind.place, where) for kind in KINDS for where in ("one", "other")]

    def struck(plan: Plan) -> list[Any]:
        for _ in range(400):
            for place in places:
                plan.strike(*place)
        return plan.struck

    everything = struck(Plan(5, "heavy"))
    some = [fault for number, fault in enumerate(everything) if number % 3]
    assert struck(Plan(5, "heavy", {fault.occasion for fault in some})) == some
    assert not struck(Plan(5, "none"))
    assert 0 < len(struck(Plan(5, "light"))) < len(everything)
    quiet = Plan(5, "heavy")
    quiet.quiet()
    assert not struck(quiet)


def test_shares_of_kinds_are_shares() -> None:
    for place in {kind.place for kind in KINDS}:
        for rates in (
            [kind.light for kind in KINDS if kind.place == place],
            [k.heavy for k in KINDS if k.place == place],
        ):
            assert sum(rates) < 1.0
    assert all(kind.light < kind.heavy for kind in KINDS)


class Recorder(Watch):
    def __init__(self) -> None:
        self.frames: list[tuple[str, bytes]] = []

    def sent(self, sender: str, receiver: str, frame: bytes, now: float) -> None:
        self.frames.append((receiver if sender == "switch" else sender, frame))


def test_the_wiretap_reads_what_pyiso8583_reads(config: Config) -> None:
    """Every kind of frame that a run has, in both dialects, those with PINs and balances included."""
    recorder = Recorder()
    bench = Bench(stressed(config, 1), 1, watch=recorder)
    bench.world.run(1.0)
    bench.start_traffic()
    bench.world.run(20.0)
    dialects = {link.name: link.dialect for link in config.link}
    seen = set()
    for name, frame in recorder.frames:
        dialect = dialects[name.removeprefix("traffic-")]
        decoded, _ = iso8583.decode(frame, SPECS[dialect])
        expected = {0: decoded["t"]} | {int(n): v.upper() for n, v in decoded.items() if n.isdigit() and n != "1"}
        assert {n: v.upper() for n, v in read_frame(dialect, frame).items()} == expected
        seen.update((dialect, number) for number in expected)
    assert {(dialect, number) for dialect in dialects.values() for number in (2, 32, 38, 52, 54, 70)} <= seen


def test_the_wiretap_refuses_what_does_not_fit() -> None:
    frame = b"08100220000002000000112112000000000700"
    with pytest.raises(ValueError, match="1 bytes stand behind the last field"):
        read_frame("iso87-ascii", frame + b"?")
    log = frames.encode(1, 0, [b"\x01"])
    assert list(read_log(log, 1)) == [1]
    for damaged, expected in ((log, 2), (log[:-1] + b"\x02", 1), (bytes(len(log)), 1)):
        with pytest.raises(ValueError, match=f"begins with record {expected}"):
            list(read_log(damaged, expected))


@pytest.mark.parametrize("level", LEVELS)
def test_the_command(capsys: pytest.CaptureFixture[str], level: str) -> None:
    assert cli.main(["simulate", "--seed", "2", "--authorizations", "20", "--faults", level, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["seed"], document["authorizations"], document["faults"]) == (2, 20, level)
    assert (document["verdict"], document["violations"], document["trace"]) == ("clean", [], [])
    assert len(document["log_sha256"]) == 64


def test_the_command_on_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Config
) -> None:  # fmt: skip
    """Exit status 1, the violation, the story; and no card number, PIN block or track in any of it."""
    monkeypatch.setattr("switch.issuers.requests.AFTER_HSM", ())
    command = ["simulate", "--seed", "1", "--faults", "light"]
    assert cli.main([*command, "--json"]) == 1
    text = capsys.readouterr().out
    document = json.loads(text)
    assert document["verdict"] == "violated"
    assert document["violations"][0]["invariant"] == "I2"
    assert "I2 violated" in document["trace"][-1]
    assert cli.main(command) == 1
    text += capsys.readouterr().out
    assert "verdict: violated" in text
    assert "shortest run that still fails" in text
    assert not any(card.pan in text for card in config.card)
    assert "DE 52" not in text


def test_a_part_that_fails_is_a_violation_without_its_text(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("4687389000000017")

    monkeypatch.setattr("switch.issuers.issuer.Issuer.receive", fail)
    result = run(config, 1, 20, "none")
    assert [violation.invariant for violation in result.violations] == ["stopped"]
    assert result.violations[0].why.startswith("a part failed: RuntimeError in fail, test_simulate.py line ")
    assert "4687389000000017" not in repr(result.violations) + "".join(trace(result))


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_wrong_usage_is_2(number: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["simulate", "--authorizations", number])
    assert stopped.value.code == 2
