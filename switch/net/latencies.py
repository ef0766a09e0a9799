"""Where the milliseconds go: the time of each hop of every authorization, in cheap histograms.

An authorization's time is cut at the moments that its transaction carries and at those that it shares with its wake-up
(`switch.net.marks`), each to the next, and every piece belongs to one hop. So the hops of `PATH` add up to `total`:

    arrived ─line─▶ at the rules ─queue─▶ HSM asked ─hsm─▶ HSM answered ─log─▶ intent durable ─queue─▶ forwarded
            ─issuer─▶ decided ─log─▶ outcome durable ─answer─▶ written to the acquirer

A histogram is log-linear: every power of two of microseconds is cut into 32 equal buckets, so a quantile is off by
3 % at most, from 1 µs to two minutes, in 7 KiB.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from switch.core.transaction import Transaction
from switch.net.marks import WakeUps

_STEPS: Final = 32  # buckets an octave: 1/32 = 3 % wide, finer than run-to-run noise
_OCTAVES: Final = 27  # 2^27 µs = 134 s, beyond the 120 s that a late answer is watched for
_BUCKETS: Final = _STEPS * _OCTAVES
_LONGEST_US: Final = 2.0**_OCTAVES - 1.0

PATH: Final = {
    "line": "from the acquirer's bytes in our process to the rules: behind others of the same wake-up, or held back",
    "queue": "from the rules to the command written to the HSM, and from the durable intent to the request written",
    "hsm": "PIN translation, from the command written to its answer",
    "log": "until the intent was durable, and from the decision until the outcome was: waiting for the disk",
    "issuer": "from the request written to the decision: the issuer's answer, or its timer",
    "answer": "from the durable outcome to the answer written",
}
ANSWER_DURABLE: Final = "answer_durable"  # from the decision to the answer written: the end of `log`, and `answer`
TOTAL: Final = "total"  # what the acquirer waits for us
HOPS: Final = (*PATH, ANSWER_DURABLE, TOTAL)

MOMENT_WORDS: Final = {
    "hsm_asked_at": "asked the HSM to translate the PIN block",
    "hsm_answered_at": "the HSM answered",
    "forwarded_at": "the intent is durable: forwarded to the issuer",
    "issuer_answered_at": "the issuer answered",
    "decided_at": "decided",
    "answered_at": "the outcome is durable: answered the acquirer",
}


class Histogram:
    """Counts of durations in microseconds.

    >>> histogram = Histogram()
    >>> for value_us in [100.0] * 98 + [5_000.0, 70_000.0]:
    ...     histogram.record(value_us)
    >>> histogram.count, round(histogram.percentile(50) / 100, 1), round(histogram.percentile(99) / 5_000, 1)
    (100, 1.0, 1.0)
    >>> histogram.at_most([90.0, 200.0, 1e6])
    [0, 98, 100]
    """

    def __init__(self) -> None:
        self._buckets = array("q", bytes(8 * _BUCKETS))
        self.count = 0
        self.sum_us = 0.0

    def record(self, value_us: float) -> None:
        """Add one; below 1 µs counts as 1 µs, beyond the last bucket as the last."""
        steps = int(min(max(value_us, 1.0), _LONGEST_US) * _STEPS)
        octave = 0
        while steps >= 2 * _STEPS:
            steps >>= 1
            octave += 1
        self._buckets[octave * _STEPS + steps - _STEPS] += 1
        self.count += 1
        self.sum_us += value_us

    def percentile(self, percent: float) -> float:
        """The middle of the bucket below which `percent` of the values lie, in µs; 0.0 when there are none."""
        if not self.count:
            return 0.0
        rank = max(1, int(np.ceil(self.count * percent / 100)))
        octave, step = divmod(int(np.searchsorted(np.cumsum(self._buckets), rank)), _STEPS)
        return float(2.0**octave * (1 + (step + 0.5) / _STEPS))

    def filled(self) -> list[tuple[float, int]]:
        """Where each bucket that is not empty starts, in µs, and how many values it holds.

        >>> histogram = Histogram()
        >>> histogram.record(3.0), histogram.record(3.01), histogram.record(4.0)
        (None, None, None)
        >>> histogram.filled()
        [(3.0, 2), (4.0, 1)]
        """
        return [
            (2.0 ** (at // _STEPS) * (1 + at % _STEPS / _STEPS), count)
            for at, count in enumerate(self._buckets)
            if count
        ]

    def at_most(self, bounds_us: Sequence[float]) -> list[int]:
        """How many values lie in buckets that start below each bound: cumulative, as Prometheus wants them."""
        starts = 2.0 ** np.repeat(np.arange(_OCTAVES), _STEPS) * (1 + np.tile(np.arange(_STEPS), _OCTAVES) / _STEPS)
        upto = np.concatenate(([0], np.cumsum(self._buckets)))
        return [int(count) for count in upto[np.searchsorted(starts, bounds_us)]]


class Latencies:
    """The histograms of all hops, fed with answered transactions; the objects themselves are not kept."""

    def __init__(self) -> None:
        self.wake_ups = WakeUps()  # of the driver whose transactions these are
        self.hops = {name: Histogram() for name in HOPS}
        self.first_with_pin: dict[int, dict[str, float]] = {}  # by acquirer link, `timeline` of the first approved
        self._line, self._queue, self._hsm = self.hops["line"], self.hops["queue"], self.hops["hsm"]
        self._log, self._issuer, self._answer = self.hops["log"], self.hops["issuer"], self.hops["answer"]
        self._answer_durable, self._total = self.hops[ANSWER_DURABLE], self.hops[TOTAL]

    def observe(self, transactions: Iterable[Transaction]) -> None:
        """They were answered; one whose acquirer's connection was gone by then (`answered_at` 0.0) is not counted."""
        for tx in transactions:
            if tx.answered_at > 0.0:
                self._attribute(tx)
                if tx.hsm_answered_at > 0.0 and tx.acquirer_link not in self.first_with_pin and tx.de39 == "00":
                    self.first_with_pin[tx.acquirer_link] = self.timeline(tx)

    def _attribute(self, tx: Transaction) -> None:
        """Give every piece of its time to a hop."""
        wake_ups = self.wake_ups
        arrived = min(wake_ups.arrival(tx.received_at), tx.received_at)
        self._line.record((tx.received_at - arrived) * 1e6)
        at, queued, logged = tx.received_at, 0.0, 0.0  # `at`: up to where its time is attributed
        if tx.hsm_answered_at > 0.0:
            asked = min(wake_ups.asked.after(tx.hsm_asked_at), tx.hsm_answered_at)
            queued = asked - at
            at = tx.hsm_answered_at
            self._hsm.record((at - asked) * 1e6)
        decided = max(tx.decided_at, at)
        if at <= tx.forwarded_at <= decided:
            durable = max(wake_ups.durable.before(tx.forwarded_at), at)
            logged = durable - at
            queued += tx.forwarded_at - durable
            self._issuer.record((decided - tx.forwarded_at) * 1e6)
        else:  # it had not left before it was decided: if it waited, then for its intent
            logged = decided - at
        durable = max(wake_ups.durable.before(tx.answered_at), decided)
        self._queue.record(queued * 1e6)
        self._log.record((logged + durable - decided) * 1e6)
        self._answer.record((tx.answered_at - durable) * 1e6)
        self._answer_durable.record((tx.answered_at - decided) * 1e6)
        self._total.record((tx.answered_at - arrived) * 1e6)

    def timeline(self, tx: Transaction) -> dict[str, float]:
        """When each moment of a transaction was, in milliseconds after its arrival; those that did not happen not."""
        moments = {moment: float(getattr(tx, moment)) for moment in MOMENT_WORDS}
        if tx.hsm_answered_at > 0.0:
            moments["hsm_asked_at"] = min(self.wake_ups.asked.after(tx.hsm_asked_at), tx.hsm_answered_at)
        arrived = self.wake_ups.arrival(tx.received_at)
        return {moment: round((at - arrived) * 1000, 3) for moment, at in moments.items() if at}

    def since_start(self) -> dict[str, dict[str, object]]:
        """Each hop's histogram, for `control latencies`: a difference of two answers is what happened between them."""
        return {
            name: {"count": hop.count, "sum_us": round(hop.sum_us, 3), "buckets": hop.filled()}
            for name, hop in self.hops.items()
        }

    def percentiles_ms(self) -> dict[str, dict[str, float]]:
        """p50, p90, p99 in milliseconds and the count, a hop each, as `status` reports them."""
        return {
            name: {"count": hop.count, **{f"p{p}": round(hop.percentile(p) / 1000, 3) for p in (50, 90, 99)}}
            for name, hop in self.hops.items()
        }
