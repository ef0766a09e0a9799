"""`reconcile`: the verdict decides the exit status."""

import pytest


@pytest.mark.parametrize(("verdict", "status"), [("clean", 0), ("violated", 1)])
def test_the_verdict_decides(monetique, monkeypatch: pytest.MonkeyPatch, verdict: str, status: int) -> None:
    books = {"verdict": verdict, "acquirer": None, "switch": {"answered": 3}, "disagreements": []}
    monkeypatch.setattr("switch.reconcile.reconcile", lambda data: books | {"data": str(data)})
    shown = monetique("reconcile", "--data", "D")
    assert (shown.status, shown.out.splitlines()[0]) == (status, f"verdict: {verdict}")
    assert "switch: answered 3" in shown.out
    result = monetique("reconcile", "--data", "D", "--json")
    assert (result.status, result.json["verdict"], result.json["data"]) == (status, verdict, "D")


def test_people_are_told_why_and_programs_everything(monetique, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"kind": "exhausted", "why": "issuer-1 never took the 0220", "switch": [{"number": 1}]}
    monkeypatch.setattr("switch.reconcile.reconcile", lambda _: {"verdict": "violated", "disagreements": [found]})
    assert "    exhausted: issuer-1 never took the 0220\n" in monetique("reconcile").out + "\n"
    assert monetique("reconcile", "--json").json["disagreements"] == [found]
