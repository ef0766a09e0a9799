"""A part's event file: appended to, bounded, and no trouble to the part when the disk is full."""

import json
import resource
from pathlib import Path

import pytest

from switch.net import event_file
from switch.net.event_file import EventFile
from switch.net.lines import Lines


def events_in(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def test_lines_go_both_to_standard_error_and_into_the_file(tmp_path: Path, lines_file: int) -> None:
    lines = Lines("switch", lines_file, EventFile(tmp_path / "events"))
    for name in ("declined", "timed-out"):
        lines.event(1.0, name, {})
        lines.flush()
    assert events_in(tmp_path / "events") == events_in(tmp_path / "lines") == ["declined", "timed-out"]
    assert (tmp_path / "events").stat().st_mode & 0o777 == 0o600


def test_a_part_that_is_started_again_goes_on_in_its_file(tmp_path: Path, lines_file: int) -> None:
    for name in ("first", "second"):
        EventFile(tmp_path / "events").write(b'{"event":"%s"}\n' % name.encode())
    assert events_in(tmp_path / "events") == ["first", "second"]


def test_a_quiet_part_keeps_its_lines_in_the_file_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = Lines("up", None, EventFile(tmp_path / "events"))
    lines.event(1.0, "declined", {})
    lines.flush()
    assert events_in(tmp_path / "events") == ["declined"]
    assert capfd.readouterr().err == ""


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_file, "MAX_BYTES", 100)
    path, before = tmp_path / "events", tmp_path / "events.1"
    kept = EventFile(path)
    for number in range(20):
        kept.write(b'{"event":"%d"}\n' % number)
    kept_events = events_in(before) + events_in(path)
    assert kept_events == [str(number) for number in range(20 - len(kept_events), 20)]
    assert 8 < len(kept_events) < 20
    assert path.stat().st_size < 150
    assert before.stat().st_size < 150


def test_a_full_disk_loses_lines_and_nothing_else(tmp_path: Path, lines_file: int) -> None:
    kept = EventFile(tmp_path / "events")
    kept.write(b'{"event":"before"}\n')
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))  # in the middle of the next line
    try:
        kept.write(b'{"event":"cut short"}\n')
        kept.write(b'{"event":"lost"}\n')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept.write(b'{"event":"after"}\n')
    first, cut, last = (tmp_path / "events").read_text().splitlines()
    assert (first, cut, last) == ('{"event":"before"}', '{"even', '{"event":"after"}')


def test_a_directory_that_is_not_there_yet(tmp_path: Path, lines_file: int) -> None:
    kept = EventFile(tmp_path / "data" / "events")
    kept.write(b'{"event":"lost"}\n')
    (tmp_path / "data").mkdir()
    kept.write(b'{"event":"kept"}\n')
    assert events_in(tmp_path / "data" / "events") == ["kept"]
