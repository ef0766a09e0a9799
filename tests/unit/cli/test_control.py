"""`control`: the right part is asked the right thing."""

from typing import Any

import pytest

from switch.net import control

STATUS = {
    "counters": {"de39-00": 1140, "de39-51": 20, "hsm-reply-late": 1},
    "links": [{"name": "issuer-1", "role": "issuer", "state": "signed-on", "connections": 1}],
    "latency_ms": {"total": {"count": 9, "p50": 1.25, "p90": 2.5, "p99": 4.0}},
    "in_flight": 3,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    requests: list[tuple[str, dict[str, Any]]] = []

    def request(path, document, timeout_s):
        requests.append((path.name, document))
        return {"ok": True, "pid": 7} | STATUS

    monkeypatch.setattr(control, "request", request)
    return requests


def test_reset_asks_every_issuer(monetique, asked) -> None:
    assert monetique("control", "reset").status == 0
    assert asked == [("issuer-1.control", {"command": "reset"}), ("issuer-2.control", {"command": "reset"})]


def test_arm_asks_the_cards_issuer(monetique, asked) -> None:
    monetique("control", "arm", "--card", "4687390000000015", "--next", "2", "--de39", "05")
    assert asked == [
        ("issuer-2.control", {"command": "arm", "card": "4687390000000015", "next": 2, "de39": "05"}),
    ]


@pytest.mark.parametrize(
    ("words", "percent", "de39"),
    [
        (["issuer-1", "decline", "20%", "--de39", "51"], 20.0, "51"),
        (["issuer-1", "decline", "0.5%"], 0.5, "05"),
        (["decline", "issuer-1", "0%"], 0.0, "05"),
        (["issuer-1", "decline", "--de39", "91", "100%"], 100.0, "91"),
    ],
)
def test_decline_asks_the_issuer(monetique, asked, words, percent, de39) -> None:
    assert monetique("control", *words).status == 0
    assert asked == [("issuer-1.control", {"command": "decline", "percent": percent, "de39": de39})]


@pytest.mark.parametrize("words", [["profile", "issuer-2"], ["issuer-2", "profile"]])
def test_profile_asks_the_issuer(monetique, asked, words) -> None:
    assert monetique("control", *words, "steady").status == 0
    assert asked == [("issuer-2.control", {"command": "profile", "name": "steady"})]


def test_an_issuer_that_is_not_simulated(monetique, asked) -> None:
    for name in ("bank", "switch"):
        result = monetique("control", name, "decline", "20%")
        assert (result.status, f"no simulated issuer is named '{name}'; there is issuer-1" in result.err) == (2, True)
    assert asked == []


@pytest.mark.parametrize(
    ("words", "document"),
    [
        (["down"], {"action": "down"}),
        (["up", "--for", "3"], {"action": "up", "for_s": 3.0}),
        (["slow", "200"], {"action": "slow", "ms": 200.0}),
        (["slow", "200", "--for", "10"], {"action": "slow", "ms": 200.0, "for_s": 10.0}),
    ],
)
def test_link_asks_the_switch(monetique, asked, words, document) -> None:
    assert monetique("control", "link", "issuer-1", *words).status == 0
    assert asked == [("switch.control", {"command": "link", "name": "issuer-1"} | document)]


def test_status_for_programs_and_people(monetique, asked) -> None:
    assert set(monetique("control", "status", "--json").json) == {"switch", "issuer-1", "issuer-2"}
    shown = monetique("control", "status").out
    assert max(map(len, shown.splitlines())) < 80
    for line in ("switch: pid 7, in flight 3", "answered by DE 39: 00 1140, 51 20", "issuer-1  issuer  signed-on"):
        assert line in shown


def test_latencies_are_histograms(monetique, monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference of two answers is a run: for people percentiles, for programs the buckets."""
    hops = {"total": {"count": 4, "sum_us": 9_000.0, "buckets": [[1_000.0, 3], [6_000.0, 1]]}}
    monkeypatch.setattr(control, "request", lambda *_: {"ok": True, "latencies": hops})
    assert monetique("control", "latencies", "--json").json == hops
    assert monetique("control", "latencies").out.splitlines()[1].split() == ["total", "4", "1.000", "6.000", "6.000"]


@pytest.mark.parametrize("action", ["reset", "arm", "link", "hsm", "status", "cutover", "totals", "latencies"])
def test_every_action_has_examples_of_its_own(monetique, action: str) -> None:
    examples = monetique("control", action, "--help").out.partition("examples:\n")[2].splitlines()
    assert examples
    assert all(line.startswith(f"  monetique control {action}") for line in examples)


def test_cutover_asks_the_switch(monetique, asked) -> None:
    assert monetique("control", "cutover").status == 0
    assert asked == [("switch.control", {"command": "cutover"})]


ROW = {"link": "acquirer", "business_date": "261122", "currency": "978", "debits": 2, "debits_amount": 1250}


def test_totals_for_programs_and_people(monetique, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"ok": True, "business_dates": {"acquirer": "261122"}, "totals": [ROW]}
    monkeypatch.setattr(control, "request", lambda *_: answer)
    assert monetique("control", "totals", "--json").json == {"business_dates": {"acquirer": "261122"}, "totals": [ROW]}
    assert monetique("control", "totals").out.splitlines()[1].split() == [
        "acquirer",
        "261122",
        "EUR",
        "debits",
        "2",
        "12.50",
    ]
    answer["totals"] = []
    assert monetique("control", "totals").out == "nothing was approved yet\n"


@pytest.mark.parametrize(
    "words",
    [
        ["link", "issuer-1", "slow"],
        ["link", "issuer-1", "down", "5"],
        ["link", "issuer-1", "sideways"],
        ["arm", "--card", "9999900000000013", "--de39", "05"],
        ["arm", "--de39", "05"],
        ["issuer-1", "decline", "20"],
        ["issuer-1", "decline", "101%"],
        ["issuer-1", "decline", "-1%"],
        ["issuer-1", "decline", "20%", "--de39", "5"],
        ["issuer-1", "decline"],
        ["link", "issuer-1", "down", "--for", "nan"],
        ["link", "issuer-1", "down", "--for", "-5"],
        ["link", "issuer-1", "slow", "inf"],
        ["hsm", "stall", "nan"],
        ["arm", "--card", "approve", "--next", "x", "--de39", "05"],
        ["profile", "issuer-1"],
        [],
    ],
)
def test_wrong_usage(monetique, asked, words) -> None:
    assert monetique("control", *words).status == 2
    assert asked == []


def test_no_bench_runs(monetique) -> None:
    result = monetique("control", "status")
    assert result.status == 3
    assert "no switch runs on" in result.err
    assert "start `monetique up`" in result.err


def test_a_refusal(monetique, monkeypatch: pytest.MonkeyPatch) -> None:
    def request(path, document, timeout_s):
        raise control.ControlError("no such link", reachable=True)

    monkeypatch.setattr(control, "request", request)
    result = monetique("control", "link", "nowhere", "down")
    assert (result.status, "no such link" in result.err) == (2, True)
