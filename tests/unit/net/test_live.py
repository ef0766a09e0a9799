"""The live display as text: plain lines off a terminal, trouble first, and no percentiles while something is built."""

import io
import os
import re
import sys
from typing import Any

import pytest

from switch.net.latencies import Histogram
from switch.net.live import LiveLine

ADDRESSES = {"acquirer": "127.0.0.1:8583", "acquirer-bcd": "127.0.0.1:8584", "hsm": "127.0.0.1:1500"}


def status(answered: int, *, down: str = "", events: dict[str, int] | None = None) -> dict[str, Any]:
    states = {"issuer-1": "signed-on", "[red]": "signed-on", "issuer-down": "disabled"}
    links = [{"name": name, "role": "issuer", "state": state} for name, state in states.items()]
    return {
        "counters": {"de39-00": answered},
        "events": events or {},
        "links": [link | {"state": "down"} if link["name"] == down else link for link in links],
        "in_flight": 0,
    }


def latencies(count: int) -> dict[str, Any]:
    histogram = Histogram()
    for _ in range(count):
        histogram.record(150_000.0)
    return {"total": {"buckets": histogram.filled()}}


class Screen(io.StringIO):
    """A stream that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[40, 80, 100])
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Screen:
    size = {"COLUMNS": str(request.param), "LINES": "24", "TERM": "xterm", "NO_COLOR": "1"}
    for name, value in size.items():
        monkeypatch.setitem(os.environ, name, value)
    return Screen()


def test_the_display_fits_and_shows_trouble_first(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link named like markup stands as it is; a link that was disabled from the start is no trouble."""
    monkeypatch.setattr(sys, "stdout", screen)
    with LiveLine(0.0, ADDRESSES) as line:
        line.show(1.0, status(10), latencies(10))
        assert "all well" in screen.getvalue()
        screen.seek(0)
        screen.truncate()
        line.show(2.0, status(20, down="[red]", events={"timed-out/issuer-timeout": 3}), latencies(20))
        drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).replace("\r", "")
    assert drawn.index("[red] is down") < drawn.index("3 timed out (issuer-timeout)") < drawn.index("answers/s")
    assert drawn.rstrip().endswith("hsm=127.0.0.1:1500")
    assert max(map(len, drawn.splitlines())) <= int(os.environ["COLUMNS"])
    assert len(drawn.rstrip().splitlines()) <= 15


def test_a_plain_line_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveLine(0.0, ADDRESSES, dropped=lambda: 2) as line:
        line.show(5.0, status(10), latencies(10))
    assert capsys.readouterr().out == (
        "     5 s  10 answered  last 5 s: 10 answered  approved 100.0 %  p50 147 ms  p99 147 ms"
        "  2 arrivals of the sample traffic dropped\n"
    )


def test_a_notice_takes_the_place_of_percentiles(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveLine(0.0, ADDRESSES, notice=lambda: "building 17/51") as line:
        line.show(5.0, status(10), latencies(10))
    told = capsys.readouterr().out
    assert "building 17/51" in told
    assert "p50" not in told
