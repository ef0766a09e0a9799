"""What the user of the bench sees while it runs: the first transaction field by field, then one line that lives."""

import os
import shutil
import signal
import sys
from typing import Any

from switch.iso8583.codec import View
from switch.iso8583.describe import describe
from switch.iso8583.dialect import Dialect
from switch.net.latencies import MOMENT_WORDS

EVERY_S = 1.0  # on a terminal
EVERY_S_IN_FILE = 5.0  # a line each: a day's log stays readable
_DE39 = "de39-"


def say(line: str) -> None:
    """A line on standard output, flushed: scripts read it as it comes."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `up | head -1`: who reads no more wants it to end, and its status to be the verdict's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGTERM)


def transaction(dialect: Dialect, link: str, request: View, answer: View, moments: dict[str, float]) -> list[str]:
    """One transaction for people: request, answer, and where its milliseconds went. Masked."""
    return [
        f"first approved transaction with a PIN, from {link} ({dialect.name}):",
        *(f"  → {line}" for line in describe(request, dialect)),
        *(f"  ← {line}" for line in describe(answer, dialect)),
        "inside the switch, after arrival:",
        *(f"  {line}" for line in hops(moments)),
    ]


def hops(moments: dict[str, float]) -> list[str]:
    """The way of one transaction through the switch, a line a hop, from `switch.net.latencies.timeline`.

    >>> for line in hops({"hsm_asked_at": 0.05, "hsm_answered_at": 0.35, "answered_at": 1.0}):
    ...     print(line)
       0.050 ms  +0.050  asked the HSM to translate the PIN block
       0.350 ms  +0.300  the HSM answered
       1.000 ms  +0.650  the outcome is durable: answered the acquirer
    """
    lines, before_ms = [], 0.0
    for moment, words in MOMENT_WORDS.items():
        if moment in moments:
            lines.append(f"{moments[moment]:8.3f} ms  +{moments[moment] - before_ms:.3f}  {words}")
            before_ms = moments[moment]
    return lines


class LiveLine:
    """One line about the run, from the switch's `status`: rewritten in place on a terminal, else now and then."""

    def __init__(self, now: float) -> None:
        self._on_terminal = sys.stdout.isatty()
        self._begun = self._at = now
        self._answers = 0
        self._dirty = False

    @property
    def every_s(self) -> float:
        """How often to show it."""
        return EVERY_S if self._on_terminal else EVERY_S_IN_FILE

    def show(self, now: float, status: dict[str, Any]) -> None:
        """Show the line for this moment."""
        answers = sum(count for name, count in status["counters"].items() if name.startswith(_DE39))
        rate = max(0, answers - self._answers) / (now - self._at)  # a switch that was restarted counts from 0 again
        self._answers, self._at = answers, now
        line = live_text(now - self._begun, rate, answers, status)
        if not self._on_terminal:
            say(line)
            return
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write(f"\r{line[:width]:<{width}}")
        sys.stdout.flush()
        self._dirty = True

    def end(self) -> None:
        """Leave the line standing and begin a new one."""
        if self._dirty:
            say("")
            self._dirty = False


def live_text(elapsed_s: float, rate: float, answers: int, status: dict[str, Any]) -> str:
    """The line: answers a second, approvals, percentiles, links that are not as they should be or all well.

    >>> hops = {"total": {"count": 9, "p50": 1.25, "p90": 2.5, "p99": 4.0}}
    >>> links = [{"name": "issuer-1", "role": "issuer", "state": "signed-on", "connections": 1}]
    >>> live_text(12.0, 99.6, 1200, {"counters": {"de39-00": 1140}, "latency_ms": hops, "links": links})
    '    12 s  100/s  1200 answered  95.0 % approved  p50 1.2 ms  p99 4.0 ms  issuer-1 signed-on'
    """
    approved = status["counters"].get(f"{_DE39}00", 0) / answers * 100 if answers else 0.0
    total = status["latency_ms"]["total"]
    links = "  ".join(f"{link['name']} {link['state']}" for link in status["links"])
    figures = f"{elapsed_s:6.0f} s  {rate:.0f}/s  {answers} answered  {approved:.1f} % approved"
    return f"{figures}  p50 {total['p50']:.1f} ms  p99 {total['p99']:.1f} ms  {links}"
