"""`keys exchange`: what the switch says of it, and the exit status; never a key."""

from typing import Any

import pytest

from switch.net import control

KEY = "0123456789ABCDEFFEDCBA9876543210"


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the switch answers; `asked` is filled in."""
    said: dict[str, Any] = {"ok": True, "done": True, "kcv": "08D7B4", "why": "issuer-1 has a new key", "key": KEY}

    def request(path, document, timeout_s):
        said["asked"] = (path.name, document, timeout_s)
        return said

    monkeypatch.setattr(control, "request", request)
    return said


def test_a_key_that_was_taken(monetique, answer: dict[str, Any]) -> None:
    result = monetique("keys", "exchange", "issuer-1")
    assert (result.status, result.out) == (0, "issuer-1 has a new key, check value 08D7B4\n")
    path, document, timeout_s = answer["asked"]
    assert (path, document) == ("switch.control", {"command": "exchange-key", "name": "issuer-1"})
    assert timeout_s > 2.0 + 5.0  # the HSM's time and the link's timer


def test_a_key_that_was_not(monetique, answer: dict[str, Any]) -> None:
    answer |= {"done": False, "kcv": "", "why": "issuer-1 answered 63: the old key stays"}
    result = monetique("keys", "exchange", "issuer-1", "--json")
    expected = {"link": "issuer-1", "done": False, "kcv": "", "why": "issuer-1 answered 63: the old key stays"}
    assert (result.status, result.json) == (1, expected)
    assert KEY not in result.out


def test_no_such_link(monetique, answer: dict[str, Any]) -> None:
    assert monetique("keys", "exchange", "nobody").status == 2
    assert "asked" not in answer


def test_no_bench_runs(monetique) -> None:
    assert monetique("keys", "exchange", "issuer-1").status == 3
