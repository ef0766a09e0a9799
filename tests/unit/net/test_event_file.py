"""A part's event file: appended, bounded, and standard error does not fill it twice."""

import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.net import event_file
from switch.net.event_file import EventFile
from switch.net.lines import Lines


@pytest.fixture
def stderr(tmp_path: Path) -> Iterator[int]:
    """A descriptor of the event file, as `up` on a terminal gives its children for standard error."""
    descriptor = os.open(tmp_path / "events", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


def events_in(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def test_lines_go_both_to_standard_error_and_into_the_file(tmp_path: Path, lines_file: int) -> None:
    lines = Lines("switch", lines_file, EventFile(tmp_path / "events", lines_file))
    for name in ("declined", "timed-out"):
        lines.event(1.0, name, {})
        lines.flush()
    assert events_in(tmp_path / "events") == events_in(tmp_path / "lines") == ["declined", "timed-out"]
    assert (tmp_path / "events").stat().st_mode & 0o777 == 0o600


def test_a_part_that_is_started_again_goes_on_in_its_file(tmp_path: Path, lines_file: int) -> None:
    for name in ("first", "second"):
        EventFile(tmp_path / "events", lines_file).write(b'{"event":"%s"}\n' % name.encode())
    assert events_in(tmp_path / "events") == ["first", "second"]


def test_what_standard_error_leads_to_is_written_once(tmp_path: Path, stderr: int) -> None:
    lines = Lines("switch", stderr, EventFile(tmp_path / "events", stderr))
    lines.event(1.0, "declined", {})
    lines.flush()
    assert events_in(tmp_path / "events") == ["declined"]


def test_the_file_is_bounded(tmp_path: Path, stderr: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And standard error follows into the new one, also in a part that is started again with the old one."""
    monkeypatch.setattr(event_file, "MAX_BYTES", 100)
    path, before = tmp_path / "events", tmp_path / "events.1"
    kept = EventFile(path, stderr)
    for number in range(20):
        kept.write(b'{"event":"%d"}\n' % number)
    os.write(stderr, b'{"event":"traceback"}\n')
    kept_events = events_in(before) + events_in(path)
    assert kept_events[-1] == "traceback"
    assert kept_events[:-1] == [str(number) for number in range(21 - len(kept_events), 20)]
    assert 8 < len(kept_events) < 20
    assert path.stat().st_size < 150
    assert before.stat().st_size < 150
    old = os.open(before, os.O_WRONLY | os.O_APPEND)
    again = EventFile(path, old)
    assert again.is_descriptor
    again.write(b'{"event":"again"}\n')
    os.write(old, b'{"event":"printed"}\n')
    os.close(old)
    assert events_in(path)[-2:] == ["again", "printed"]


def test_a_full_disk_loses_lines_and_nothing_else(tmp_path: Path, lines_file: int) -> None:
    kept = EventFile(tmp_path / "events", lines_file)
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
    kept = EventFile(tmp_path / "data" / "events", lines_file)
    kept.write(b'{"event":"lost"}\n')
    (tmp_path / "data").mkdir()
    kept.write(b'{"event":"kept"}\n')
    assert events_in(tmp_path / "data" / "events") == ["kept"]
