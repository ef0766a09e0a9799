"""Where the milliseconds go: the time of each hop of an authorization, in cheap histograms.

A histogram is log-linear: every power of two of microseconds is cut into 32 equal buckets, so a quantile is off by
3 % at most, from 1 µs to two minutes, in 7 KiB. Values arrive in batches as numpy arrays: finished transactions are
put aside on the hot path (their moments, in one array) and folded here a thousand at a time.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_STEPS: Final = 32  # buckets an octave: 1/32 = 3 % wide, finer than run-to-run noise
_OCTAVES: Final = 27  # 2^27 µs = 134 s, beyond the 120 s that a late answer is watched for
FOLD_AT: Final = 1024  # transactions put aside before they are folded: amortises numpy's fixed cost per call

Microseconds = npt.NDArray[np.float64]

# Each hop is the time between two moments of a transaction; a moment that did not happen is 0.0 and so is its hop.
MOMENT_WORDS: Final = {
    "hsm_asked_at": "asked the HSM to translate the PIN block",
    "hsm_answered_at": "the HSM answered",
    "forwarded_at": "the intent is durable: forwarded to the issuer",
    "issuer_answered_at": "the issuer answered",
    "decided_at": "decided",
    "answered_at": "the outcome is durable: answered the acquirer",
}
_MOMENTS: Final = ("received_at", *MOMENT_WORDS)
HOPS: Final[dict[str, tuple[str, str]]] = {
    "hsm": ("hsm_asked_at", "hsm_answered_at"),  # PIN translation
    "issuer": ("forwarded_at", "issuer_answered_at"),  # from leaving us to the issuer's answer
    "answer_durable": ("decided_at", "answered_at"),  # the outcome's way to the disk and out
    "total": ("received_at", "answered_at"),  # what the acquirer waits for us
}
_moments: Callable[[Any], tuple[float, ...]] = attrgetter(*_MOMENTS)


def timeline(tx: Any) -> dict[str, float]:
    """When each moment of a transaction was, in milliseconds after its arrival; those that did not happen left out."""
    moments = {moment: getattr(tx, moment) for moment in MOMENT_WORDS}
    return {moment: round((at - tx.received_at) * 1000, 3) for moment, at in moments.items() if at}


class Histogram:
    """Counts of durations in microseconds.

    >>> histogram = Histogram()
    >>> histogram.record(np.array([100.0] * 98 + [5_000.0, 70_000.0]))
    >>> histogram.count, round(histogram.percentile(50) / 100, 1), round(histogram.percentile(99) / 5_000, 1)
    (100, 1.0, 1.0)
    >>> histogram.at_most([90.0, 200.0, 1e6])
    [0, 98, 100]
    """

    def __init__(self) -> None:
        self._buckets: npt.NDArray[np.int64] = np.zeros(_STEPS * _OCTAVES, dtype=np.int64)
        self.count = 0
        self.sum_us = 0.0

    def record(self, values_us: Microseconds) -> None:
        """Add a batch; below 1 µs counts as 1 µs, beyond the last bucket as the last."""
        fraction, exponent = np.frexp(np.maximum(values_us, 1.0))  # value = fraction · 2^exponent, fraction in [½, 1)
        index = (exponent - 1) * _STEPS + ((fraction * 2 - 1) * _STEPS).astype(np.int64)
        np.add.at(self._buckets, np.minimum(index, len(self._buckets) - 1), 1)
        self.count += len(values_us)
        self.sum_us += float(values_us.sum())

    def percentile(self, percent: float) -> float:
        """The middle of the bucket below which `percent` of the values lie, in µs; 0.0 when there are none."""
        if not self.count:
            return 0.0
        rank = max(1, int(np.ceil(self.count * percent / 100)))
        octave, step = divmod(int(np.searchsorted(np.cumsum(self._buckets), rank)), _STEPS)
        return float(2.0**octave * (1 + (step + 0.5) / _STEPS))

    def at_most(self, bounds_us: Sequence[float]) -> list[int]:
        """How many values lie in buckets that start below each bound: cumulative, as Prometheus wants them."""
        starts = 2.0 ** np.repeat(np.arange(_OCTAVES), _STEPS) * (1 + np.tile(np.arange(_STEPS), _OCTAVES) / _STEPS)
        upto = np.concatenate(([0], np.cumsum(self._buckets)))
        return [int(count) for count in upto[np.searchsorted(starts, bounds_us)]]


class Latencies:
    """The histograms of all hops, fed with finished transactions."""

    def __init__(self) -> None:
        self._aside = array("d")  # the moments of one transaction after the other
        self._hops = {name: Histogram() for name in HOPS}

    def observe(self, transactions: Iterable[Any]) -> None:
        """Note the moments of transactions; the objects themselves are not kept."""
        self._aside.extend(chain.from_iterable(map(_moments, transactions)))
        if len(self._aside) >= FOLD_AT * len(_MOMENTS):
            self._fold()

    def _fold(self) -> None:
        if not self._aside:
            return
        moments = np.array(self._aside).reshape(-1, len(_MOMENTS))
        self._aside = array("d")
        for name, (start, end) in HOPS.items():
            first, last = moments[:, _MOMENTS.index(start)], moments[:, _MOMENTS.index(end)]
            happened = (first > 0) & (last > 0)
            self._hops[name].record((last[happened] - first[happened]) * 1e6)

    def hops(self) -> dict[str, Histogram]:
        """Every hop's histogram, up to date."""
        self._fold()
        return self._hops

    def percentiles_ms(self) -> dict[str, dict[str, float]]:
        """p50, p90, p99 in milliseconds and the count, a hop each, as `status` reports them."""
        return {
            name: {"count": hop.count, **{f"p{p}": round(hop.percentile(p) / 1000, 3) for p in (50, 90, 99)}}
            for name, hop in self.hops().items()
        }
