"""`reconcile`: the verdict is the first line and the exit status; people get a table, programs everything."""

from typing import Any

import pytest

BOOKS: dict[str, Any] = {
    "verdict": "clean",
    "acquirer": {"present": True, "requests": 7, "approved": 5, "declined": 1, "reversed": 1, "unanswered": 0},
    "switch": {
        "present": True, "requests": 7, "approved": 6, "declined": 0, "refused": 1, "open": 0, "reversed": 1,
        "owed": 0, "advices": 2, "stood_in": 0, "advices_owed": 0, "exhausted": 0, "unknown_reversals": 0,
    },
    "issuer": {
        "present": True, "books": ["issuer-1"], "absent": [], "requests": 6, "approved": 6, "declined": 0,
        "reversed": 1, "live": 5, "live_cents": -698406, "early_reversals": 0,
    },
    "unanswered": 0,
    "double_effects": 0,
    "orphan_reversals": 0,
    "disagreements": [],
}  # fmt: skip
TABLE = """\
book      requests  approved  declined  reversed  open
acquirer         7         5         1         1     0
switch           7         6         1         1     0
issuers          6         6         0         1     -
an acquirer counts a request that it reversed as reversed only
switch: advices 2
cardholders' accounts: 5 bookings stand, -6984.06 EUR in all
unanswered 0, double effects 0, orphan reversals 0
"""


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the comparison finds; a test changes it."""
    found = {key: value.copy() if isinstance(value, dict) else value for key, value in BOOKS.items()}
    monkeypatch.setattr("switch.reconcile.reconcile", lambda _: found)
    return found


@pytest.mark.parametrize(("verdict", "status"), [("clean", 0), ("violated", 1)])
def test_the_verdict_decides(monetique, books: dict[str, Any], verdict: str, status: int) -> None:
    books["verdict"] = verdict
    shown = monetique("reconcile", "--data", "D")
    assert (shown.status, shown.out) == (status, f"verdict: {verdict}\n{TABLE}")
    assert monetique("reconcile", "--json").json == books


def test_people_are_told_why_and_programs_everything(monetique, books: dict[str, Any]) -> None:
    found = {"kind": "exhausted", "why": "issuer-1 never took the 0220", "switch": [{"number": 1}]}
    books |= {"verdict": "violated", "disagreements": [found]}
    assert "exhausted: issuer-1 never took the 0220\n" in monetique("reconcile").out
    assert monetique("reconcile", "--json").json["disagreements"] == [found]


def test_a_book_that_is_not_here_is_not_shown_as_zeros(monetique, books: dict[str, Any]) -> None:
    """Whose issuer or acquirer is their own reads that nothing of it was compared."""
    books["issuer"] |= {"present": False, "absent": ["bank"], "requests": 0}
    books["acquirer"]["requests"] = 0
    shown = monetique("reconcile").out
    assert "bank: yours, not compared\n" in shown
    assert "acquirer: yours, not compared\n" in shown
    assert [line.split()[0] for line in shown.splitlines()[1:3]] == ["book", "switch"]
