"""`monetique ocard` on a running bench: what docs/schemes/ocard.md promises, and that no secret is left behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.foreign import Foreign
from tests.support.running import RunningBench, Tcp, eventually, monetique
from tests.support.secrets import holders

DEMO, OTHER = "MERCHANT0000001", "MERCHANT0000002"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[RunningBench]:
    with RunningBench(tmp_path / "data", "--no-traffic") as bench:
        yield bench


def issued(bench: RunningBench, card: str, *options: str) -> dict[str, Any]:
    made: dict[str, Any] = bench.json(
        "ocard", "issue", "--card", card, "--max", "300.00", "--site", "demo-shop", *options
    )
    return made


def test_issue_spend_be_refused_refund_after_death(bench: RunningBench) -> None:
    rows, cards = bench.json("keys"), {card["behaviour"]: card for card in bench.json("cards")}
    card = cards["approve"]["pan"]
    made = issued(bench, card, "--uses", "many", "--valid", "30d")
    assert made.keys() == {"vpan", "expiry", "cvv2", "max", "currency", "uses", "valid_until", "site"}
    assert (made["max"], made["uses"], made["site"]) == ("300.00", "many", "demo-shop")
    number = {"pan": made["vpan"], "expiry": made["expiry"]}
    foreign = Foreign(next(row for row in rows if row["link"] == "acquirer" and row["type"] == "ZPK"))
    with Tcp(bench.addresses["acquirer"], foreign).sign_on() as client:

        def paid(cents: int, merchant: str = DEMO, kind: str = "000000") -> str:
            return str(client.ask(foreign.purchase(number, cents, None, f42=merchant, f3=kind))["39"])

        assert [paid(200_00), paid(100_01), paid(50_00, OTHER)] == ["00", "61", "57"]
        pid = bench.pid("switch")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: bench.pid("switch") != pid)
        eventually(lambda: bench.cli("send", "echo").returncode == 0, 30.0)
    with Tcp(bench.addresses["acquirer"], foreign).sign_on() as client:
        assert paid(100_01) == "61"
        masked = made["vpan"][:6] + "******" + made["vpan"][-4:]
        shown = bench.json("ocard", "show", made["vpan"])
        assert (shown["vpan"], shown["used"], shown["state"]) == (masked, "200.00", "active")
        assert made["vpan"] not in str(shown)
        assert bench.json("ocard", "show", made["vpan"], "--clear")["cvv2"] == made["cvv2"]
        assert bench.json("ocard", "cancel", made["vpan"])["state"] == "cancelled"
        assert [paid(1_00), paid(200_00, kind="200000")] == ["62", "00"]
    (row,) = bench.json("ocard", "list")
    assert (row["vpan"], row["state"], row["used"]) == (masked, "cancelled", "200.00")
    bench.stop()
    files = {str(path): path.read_bytes() for path in bench.data.rglob("*") if path.is_file()}
    artefacts = files | {"stdout": "".join(bench.stdout).encode(), "stderr": bench.stderr().encode()}
    assert holders({card, made["vpan"]}, artefacts) == []


def test_wrong_usage_and_refusals(bench: RunningBench) -> None:
    card = next(card["pan"] for card in bench.json("cards") if card["behaviour"] == "approve")
    issue = ("ocard", "issue", "--card", card, "--max", "10")
    assert bench.cli(*issue, "--site", "no-such-site").returncode == 1
    assert bench.cli(*issue, "--site", "demo-shop", "--valid", "soon").returncode == 2
    assert bench.cli(*issue, "--site", "demo-shop", "--link", "nowhere").returncode == 2
    assert bench.cli("ocard", "show", "4687381234567897").returncode == 1
    assert bench.cli("ocard", "list").stdout == "no number was given out yet\n"


def test_without_a_bench_it_is_unreachable(tmp_path: Path) -> None:
    asked = ("ocard", "cancel", "4687381234567897", "--data", str(tmp_path), "--port", "9")
    assert monetique(*asked).returncode == 3
    assert monetique("ocard", "list", "--data", str(tmp_path)).returncode == 3
