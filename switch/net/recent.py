"""What happened in the last seconds: the difference of two of the switch's answers to `status` and `latencies`.

Everything that the switch reports counts from its start: answers, events, the buckets of its histograms. What happened
since an earlier look is the difference, percentiles included, for a bucket's counts can be subtracted too. When the
switch was restarted its counts begin at zero again, and so does the window.
"""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from switch.net.latencies import TOTAL

WINDOW_S: Final = 10.0  # long enough for a p99 of something at ten answers a second, short enough to show trouble
_DE39: Final = "de39-"
_APPROVED: Final = f"{_DE39}00"


class Look(NamedTuple):
    """One look at the switch: all counts since its start."""

    at: float
    counters: Mapping[str, int]  # answers by `de39-CC`
    events: Mapping[str, int]  # by name/reason
    buckets: Mapping[float, int]  # of the time of whole authorizations, by where a bucket starts, in µs

    @classmethod
    def of(cls, at: float, status: Mapping[str, Any], latencies: Mapping[str, Any]) -> "Look":
        """From the switch's answers to `status` and `latencies`."""
        answers = {name: count for name, count in status["counters"].items() if name.startswith(_DE39)}
        total = latencies.get(TOTAL, {"buckets": ()})
        return cls(at, answers, dict(status["events"]), dict(total["buckets"]))


class Figures(NamedTuple):
    """What happened within `seconds`."""

    seconds: float
    answered: int
    approved: int
    p50_ms: float
    p99_ms: float
    events: Mapping[str, int]

    @property
    def approved_percent(self) -> float:
        """Of those that were answered; 0.0 when none was."""
        return 100 * self.approved / self.answered if self.answered else 0.0


class Recent:
    """The looks of the last `seconds`."""

    def __init__(self, began: float, seconds: float = WINDOW_S) -> None:
        """Before `began` nothing happened."""
        self._seconds = seconds
        self._looks = deque([Look(began, {}, {}, {})])

    def add(self, look: Look) -> Figures:
        """Take another look, and return what happened since the oldest one that counts."""
        if sum(look.counters.values()) < sum(self._looks[-1].counters.values()):
            self._looks.clear()  # restarted
        self._looks.append(look)
        while len(self._looks) > 2 and look.at - self._looks[1].at >= self._seconds:
            self._looks.popleft()
        return between(self._looks[0], look)


def since_start(look: Look, began: float) -> Figures:
    """All that the switch counted, `began` being when it, or the bench, started."""
    return between(Look(began, {}, {}, {}), look)


def between(earlier: Look, later: Look) -> Figures:
    """What happened from one look to another."""
    answers = Counter(later.counters)
    answers.subtract(earlier.counters)
    events, buckets = Counter(later.events), Counter(dict(later.buckets))
    events.subtract(earlier.events)
    buckets.subtract(dict(earlier.buckets))
    return Figures(
        seconds=later.at - earlier.at,
        answered=answers.total(),
        approved=answers[_APPROVED],
        p50_ms=percentile_us(buckets, 50) / 1000,
        p99_ms=percentile_us(buckets, 99) / 1000,
        events=+events,
    )


def percentile_us(buckets: Mapping[float, int], percent: float) -> float:
    """The start of the bucket in which the percentile lies, in µs: at most 3 % below it; 0.0 when there are none.

    >>> percentile_us({100.0: 98, 5_000.0: 1, 70_000.0: 1}, 50), percentile_us({100.0: 98, 5_000.0: 2}, 99)
    (100.0, 5000.0)
    """
    rank, passed = sum(buckets.values()) * percent / 100, 0
    for start, count in sorted(buckets.items()):
        passed += count
        if count and passed >= rank:
            return start
    return 0.0
