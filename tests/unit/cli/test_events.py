"""`events`: the parts' files merged by time, as sentences or as they are; files that grow and are replaced."""

import json
from pathlib import Path
from typing import Any

import pytest

from switch.commands.events import Tails


def line(ts: float, part: str = "switch", **fields: Any) -> str:
    return json.dumps({"ts": ts, "part": part, "event": "declined", "why": "no route", **fields}) + "\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "switch.events.jsonl.1").write_text(line(1.0, stan="000001"))
    (tmp_path / "switch.events.jsonl").write_text(line(3.0, stan="000003", terminal="T1      ") + line(5.0))
    (tmp_path / "issuer-1.events.jsonl").write_text(line(4.0, "issuer-1", terminal="T2", de39="51"))
    (tmp_path / "hsm.events.jsonl").write_text("Traceback (most recent call last):\n" + line(2.0, "hsm"))
    return tmp_path


def test_all_parts_by_time(monetique, data: Path) -> None:
    shown = monetique("events", "--data", str(data)).out.splitlines()
    assert [row.split()[1] for row in shown] == ["hsm", "switch", "hsm", "switch", "issuer-1", "switch"]
    assert "Traceback" in shown[0]
    assert shown[4].endswith("declined: no route  (de39 51)")
    assert "T2" in shown[4]


def test_one_terminal_as_json(monetique, data: Path) -> None:
    result = monetique("events", "--data", str(data), "--terminal", "T1", "--json")
    assert [json.loads(row)["stan"] for row in result.out.splitlines()] == ["000003"]


def test_nothing_there(monetique, tmp_path: Path) -> None:
    result = monetique("events", "--data", str(tmp_path))
    assert result.status == 3
    assert "no part has run" in result.err


def test_a_terminal_cannot_be_driven_by_what_a_message_held(monetique, data: Path) -> None:
    (data / "switch.events.jsonl").write_text(line(1.0, terminal="\x1b[2J"))
    assert "\x1b" not in monetique("events", "--data", str(data)).out


def stans(tails: Tails) -> list[str]:
    return [event["stan"] for event in tails.read()]


def test_following_through_growth_truncation_and_replacement(tmp_path: Path) -> None:
    tails = Tails(tmp_path)
    assert stans(tails) == []
    path = tmp_path / "switch.events.jsonl"
    path.write_text(line(1.0, stan="1") + line(2.0, stan="2")[:10])
    assert stans(tails) == ["1"], "half a line waits"
    with path.open("a") as file:
        file.write(line(2.0, stan="2")[10:])
        file.flush()
        assert stans(tails) == ["2"]
        path.write_text(line(3.0, stan="3"))
        assert stans(tails) == ["3"], "truncated"
        path.rename(tmp_path / "switch.events.jsonl.1")
        file.write(line(4.0, stan="4"))
        file.flush()
        path.write_text(line(5.0, stan="5"))
        assert stans(tails) == ["4", "5"], "replaced: the old one to its end, then the new one"
    path.unlink()
    assert stans(tails) == []
    path.write_text(line(6.0, stan="6"))
    assert stans(tails) == ["6"], "`up` was started again"
