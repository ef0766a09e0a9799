"""What the user of the bench sees while it runs: the first transaction, abridged, then a display that lives.

On a terminal the display is redrawn in place, once a second: trouble first, then the last seconds, then all since the
start, and the addresses last, so that they stay in sight. Elsewhere it is a plain line every five seconds. It fits
80 columns; on a narrower terminal its lines are wrapped between words.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from switch import terminal
from switch.iso8583.codec import View
from switch.iso8583.describe import describe
from switch.iso8583.dialect import Dialect
from switch.net.latencies import MOMENT_WORDS
from switch.net.recent import Figures, Look, Recent, since_start

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

EVERY_S: Final = 1.0  # on a terminal
EVERY_S_IN_FILE: Final = 5.0  # a line each: a day's log stays readable
MAX_TROUBLES: Final = 5  # lines; the rest is counted, so that the display fits a small terminal

# Fields of the first transaction that are shown: what a person checks first. `monetique send` shows all of them.
_REQUEST_FIELDS: Final = ("t", "2", "3", "4", "11", "41", "52")
_ANSWER_FIELDS: Final = ("t", "38", "39")

# Events that are trouble, in words; the others are decisions, or are seen from the links' states.
_TROUBLE: Final = {
    "timed-out": "timed out",
    "refused": "refused",
    "unmatched": "late or unmatched",
    "unanswered": "left unanswered",
    "framing": "bad framing",
    "closed": "connections closed",
    "tls": "TLS failures",
    "hsm": "HSM",
    "log": "log",
    "bug": "bugs",
    "lines": "log lines left out",
}


def say(line: str) -> None:
    """A line on standard output, flushed: scripts read it as it comes."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `up | head -1`: who reads no more wants it to end, and its status to be the verdict's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGTERM)


def transaction(dialect: Dialect, link: str, request: View, answer: View, moments: dict[str, float]) -> list[str]:
    """One transaction for people: the fields that matter, and where its milliseconds went. Masked."""
    return [
        f"first approved transaction with a PIN, from {link} ({dialect.name}), abridged:",
        *(f"  → {line}" for line in _chosen(describe(request, dialect), _REQUEST_FIELDS)),
        *(f"  ← {line}" for line in _chosen(describe(answer, dialect), _ANSWER_FIELDS)),
        "inside the switch, after arrival:",
        *(f"  {line}" for line in hops(moments)),
    ]


def _chosen(lines: Sequence[str], fields: Sequence[str]) -> list[str]:
    return [line for line in lines if line.split(maxsplit=1)[0] in fields]


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
    """The display, fed with the switch's answers. Use it in a `with` statement, inside which `say` writes above it."""

    def __init__(
        self,
        now: float,
        addresses: Mapping[str, str],
        *,
        dropped: Callable[[], int] = lambda: 0,
        notice: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`dropped` counts arrivals of the sample traffic that were dropped. While `notice` returns a text, it is shown
        in the place of percentiles: they would say nothing about the bench when something else takes its time."""
        self._begun = now
        self._addresses = " ".join(f"{name}={address}" for name, address in addresses.items())
        self._dropped = dropped
        self._dropped_before = 0
        self._notice = notice
        self._recent = Recent(now)
        self._meant_down: frozenset[str] | None = None
        self._live: Live | None = None

    def __enter__(self) -> "LiveLine":
        if terminal.can_redraw():
            from rich.live import Live

            self._live = Live(console=terminal.console(), auto_refresh=False, redirect_stderr=sys.stderr.isatty())
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def every_s(self) -> float:
        """How often to show it."""
        return EVERY_S if self._live is not None else EVERY_S_IN_FILE

    def show(self, now: float, status: Mapping[str, Any], latencies: Mapping[str, Any]) -> None:
        """Show this moment, from the switch's answers to `status` and `latencies`."""
        if self._meant_down is None:  # a link that is disabled when the bench is ready is so by its configuration
            self._meant_down = frozenset(link["name"] for link in status["links"] if link["state"] == "disabled")
        look = Look.of(now, status, latencies)
        recent, total = self._recent.add(look), since_start(look, self._begun)
        dropped = self._dropped()
        troubles = troubles_of(status, self._meant_down, recent, dropped - self._dropped_before)
        self._dropped_before = dropped
        notice = self._notice()
        if self._live is None:
            say(plain_line(now - self._begun, recent, total, troubles, notice))
        else:
            lines = display(now - self._begun, status, recent, total, notice)
            self._live.update(self._drawn(troubles, [*lines, self._addresses]), refresh=True)

    def _drawn(self, troubles: Sequence[str], lines: Sequence[str]) -> "Text":
        from rich.text import Text

        drawn = Text()
        for trouble in troubles[:MAX_TROUBLES]:
            drawn.append(f"{terminal.printable(trouble)}\n", style="bold red")
        if len(troubles) > MAX_TROUBLES:
            drawn.append(f"and {len(troubles) - MAX_TROUBLES} more\n", style="bold red")
        if not troubles:
            drawn.append("all well: every link that should be is up\n", style="green")
        drawn.append("\n".join(lines))
        return drawn


def display(
    elapsed_s: float, status: Mapping[str, Any], recent: Figures, total: Figures, notice: str | None
) -> list[str]:
    """The lines about numbers: now, the last seconds, all since the start.

    >>> recent, total = Figures(10.0, 109, 106, 157.7, 912.0, {}), Figures(83.0, 487, 478, 158.0, 1300.0, {})
    >>> for line in display(83.0, {"in_flight": 3, "reversals_owed": 0}, recent, total, None):
    ...     print(line)
      1:23   10.9 answers/s   in flight 3   reversals owed 0
    last 10 s     answered 109   approved 97.2 %   p50 158 ms   p99 912 ms
    since start   answered 487   approved 98.2 %   p50 158 ms   p99 1300 ms
    """
    rate = recent.answered / recent.seconds if recent.seconds else 0.0
    minutes, seconds = divmod(int(elapsed_s), 60)
    now = [f"{minutes:3d}:{seconds:02d}", f"{rate:.1f} answers/s", f"in flight {status.get('in_flight', 0)}"]
    now.append(f"reversals owed {status.get('reversals_owed', 0)}")
    lines = ["   ".join(now)]
    for title, figures in ((f"last {recent.seconds:.0f} s", recent), ("since start", total)):
        told = _figures(figures, percentiles=notice is None)
        lines.append("   ".join([f"{title:<11}", f"answered {figures.answered}", *told]))
    return lines if notice is None else [*lines, terminal.printable(notice)]


def plain_line(
    elapsed_s: float, recent: Figures, total: Figures, troubles: Sequence[str], notice: str | None = None
) -> str:
    """One line for a file: all answers, the last seconds, trouble.

    >>> recent, total = Figures(10.0, 109, 106, 157.7, 912.0, {}), Figures(83.0, 487, 478, 158.0, 1300.0, {})
    >>> plain_line(83.0, recent, total, ["issuer-1 is down"])
    '    83 s  487 answered  last 10 s: 109 answered  approved 97.2 %  p50 158 ms  p99 912 ms  issuer-1 is down'
    """
    told = [f"{elapsed_s:6.0f} s", f"{total.answered} answered"]
    told.append(f"last {recent.seconds:.0f} s: {recent.answered} answered")
    told += [*_figures(recent, percentiles=notice is None), *([notice] if notice else []), *troubles]
    return "  ".join(told)


def _figures(figures: Figures, *, percentiles: bool) -> list[str]:
    told = [f"approved {figures.approved_percent:.1f} %"] if figures.answered else []
    if percentiles and figures.answered:
        told += [f"p50 {figures.p50_ms:.0f} ms", f"p99 {figures.p99_ms:.0f} ms"]
    return told


def troubles_of(
    status: Mapping[str, Any], meant_down: frozenset[str], recent: Figures, dropped: int
) -> list[str]:  # fmt: skip
    """What a person should look at: links that are not up, then what went wrong in the last seconds.

    >>> links = [{"name": "issuer-1", "role": "issuer", "state": "down"}]
    >>> events = {"timed-out/issuer-timeout": 12, "declined/no-route": 3}
    >>> troubles_of({"links": links}, frozenset(), Figures(10.0, 0, 0, 0.0, 0.0, events), 2)
    ['issuer-1 is down', '12 timed out (issuer-timeout) in the last 10 s', '2 arrivals of the sample traffic dropped']
    """
    troubles = [
        f"{link['name']} is {link['state']}"
        for link in status["links"]
        if link["role"] == "issuer" and link["state"] != "signed-on" and link["name"] not in meant_down
    ]
    for kind, count in sorted(recent.events.items(), key=lambda item: -item[1]):
        name, _, reason = kind.partition("/")
        if name in _TROUBLE:
            troubles.append(f"{count} {_TROUBLE[name]} ({reason}) in the last {recent.seconds:.0f} s")
    if dropped:
        troubles.append(f"{dropped} arrivals of the sample traffic dropped")
    return troubles
