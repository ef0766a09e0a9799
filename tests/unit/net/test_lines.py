"""Lines: one JSON object each, never waiting for the reader, bounded."""

import json
import os
from pathlib import Path

from switch.net import lines
from switch.net.lines import BACKLOG_BYTES, LINES_PER_S, Lines


def test_a_line_is_a_json_object(tmp_path: Path, lines_file: int) -> None:
    writer = Lines("switch", lines_file)
    writer.event(1795305600.25, "declined", {"reason": "no-route", "why": "no route", "de39": "92"})
    writer.flush()
    expected = {"ts": 1795305600.25, "part": "switch", "event": "declined", "reason": "no-route", "why": "no route"}
    assert json.loads((tmp_path / "lines").read_text()) == expected | {"de39": "92"}


def test_a_reader_that_does_not_read_makes_nobody_wait() -> None:
    reading, writing = os.pipe()
    writer = Lines("switch", writing)
    second, sent = 0, 0
    while not writer.dropped:
        second += 1
        for _ in range(100):
            writer.event(float(second), "declined", {"reason": "no-route", "why": "x" * 1000})
            sent += 1
        writer.flush()
    assert sent * 1000 > BACKLOG_BYTES
    received = os.read(reading, 1 << 20)
    writer.flush()
    received += os.read(reading, 1 << 20)
    whole = received[: received.rindex(b"\n")].split(b"\n")
    assert all(json.loads(line)["event"] == "declined" for line in whole)
    os.close(reading)
    writer.flush()  # the reader is gone: nothing raises
    os.close(writing)


def test_a_storm_is_cut_and_counted(tmp_path: Path, lines_file: int) -> None:
    writer = Lines("switch", lines_file)
    for _ in range(LINES_PER_S + 5):
        writer.event(100.5, "declined", {"reason": "no-route"})
    writer.event(101.5, "declined", {"reason": "no-route"})
    writer.flush()
    written = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert len(written) == LINES_PER_S + 2
    assert written[LINES_PER_S] == {
        "ts": 101.5,
        "part": "switch",
        "event": "lines",
        "reason": "suppressed",
        "why": f"5 lines declined/no-route over {LINES_PER_S} a second were left out; /metrics counts all",
        "count": 5,
    }


def test_a_storm_of_one_reason_hides_no_other(tmp_path: Path, lines_file: int) -> None:
    writer = Lines("switch", lines_file)
    for _ in range(10 * LINES_PER_S):
        writer.event(100.5, "declined", {"reason": "no-route"})
    writer.event(100.5, "log", {"reason": "log-failed"})
    writer.flush()
    written = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert len(written) == LINES_PER_S + 1
    assert written[-1]["reason"] == "log-failed"


def test_a_pipe_takes_a_chunk_without_blocking() -> None:
    assert os.pathconf("/", "PC_PIPE_BUF") >= lines.CHUNK_BYTES


def test_no_card_number_leaves(tmp_path: Path, lines_file: int) -> None:
    writer = Lines("switch", lines_file)
    writer.event(100.5, "declined", {"reason": "x", "why": "card 4916338506082832", "rrn": "903509905164", "n": 7})
    writer.flush()
    line = json.loads((tmp_path / "lines").read_text())
    assert (line["why"], line["rrn"], line["n"]) == ("card 491633******2832", "903509905164", 7)
