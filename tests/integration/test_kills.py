"""Real `kill -9`: what was answered is remembered, what was not is reversed, and the books agree."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.support.foreign import Foreign
from tests.support.running import RunningBench, Tcp, eventually

TRAFFIC = """
[[traffic]]
link = "acquirer"
rate_per_s = 60.0

[[traffic]]
link = "acquirer-bcd"
rate_per_s = 60.0
"""

# Each part after each other one, and the switch most: its state is the one that all rests on.
KILLS = ("switch", "issuer-1", "switch", "hsm", "switch", "issuer-2", "issuer-1", "hsm", "issuer-2", "switch") * 2
PATIENCE_S = 120.0  # of a busy machine: the load must have been one
UNDER_LOAD_S = 1.6  # back within two thirds of a second, and then a hundred authorizations


def kill(bench: RunningBench, part: str) -> None:
    """kill -9, and wait until it runs again under a new pid and the switch is in service."""
    pid = bench.pid(part)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: bench.pid(part) != pid)


def test_twenty_kills_under_load(tmp_path: Path) -> None:
    config = tmp_path / "busy.toml"
    config.write_text(TRAFFIC)
    with RunningBench(tmp_path / "data", "--config", str(config)) as bench:
        for part in KILLS:
            time.sleep(UNDER_LOAD_S)
            kill(bench, part)
        time.sleep(UNDER_LOAD_S)
        eventually(lambda: bench.json("reconcile")["acquirer"]["requests"] > 1_000, PATIENCE_S)
        status = bench.stop()
        restarts = [line for line in bench.stderr().splitlines() if '"reason":"restarted"' in line]
    assert len(restarts) == len(KILLS) == 20
    result = bench.json("reconcile")
    assert result["verdict"] == "clean", result
    assert result["acquirer"]["requests"] > 1_000
    assert result["acquirer"]["approved"] > 500
    assert (result["double_effects"], result["orphan_reversals"], result["unanswered"]) == (0, 0, 0)
    assert status in (0, 130)


def card_and_client(bench: RunningBench) -> tuple[dict[str, Any], Tcp]:
    card = next(card for card in bench.json("cards") if card["behaviour"] == "approve")
    row = next(row for row in bench.json("keys") if row["link"] == "acquirer" and row["type"] == "ZPK")
    return card, Tcp(bench.addresses["acquirer"], Foreign(row)).sign_on()


def reconnected(bench: RunningBench, foreign: Foreign) -> Tcp:
    def attempt() -> Tcp | None:
        try:
            return Tcp(bench.addresses["acquirer"], foreign).sign_on()
        except (ConnectionError, TimeoutError):
            return None

    client: Tcp = eventually(attempt)
    return client


def test_parts_killed_one_by_one(tmp_path: Path) -> None:
    with RunningBench(tmp_path / "data") as bench:
        card, client = card_and_client(bench)
        with client:
            request = client.foreign.purchase(card)
            first = client.ask(request)
            assert first["39"] == "00"

            def approved(tcp: Tcp) -> bool:
                return tcp.ask(tcp.foreign.purchase(card))["39"] == "00"

            for part in ("hsm", card["issuer"]):
                client.send(client.foreign.purchase(card))
                kill(bench, part)
                assert client.receive()["39"] in ("00", "91", "96")
                eventually(lambda: approved(client))
            kill(bench, "switch")
            foreign = client.foreign
        with reconnected(bench, foreign) as again:
            assert again.ask(foreign.repeat(request)) == first
            eventually(lambda: approved(again))
        assert bench.stop() in (0, 130)
    assert bench.json("reconcile")["verdict"] == "clean"
