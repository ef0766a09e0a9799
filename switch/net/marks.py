"""Moments that all transactions of a wake-up share: its bytes came, its commands were written, its records durable.

A transaction carries the times at which it was handed to the rules. What happens for many at once is not noted in each
of them but once a wake-up, here, and found again by its time: a command is written by the first write after it was
asked for, a batch is durable when the last sync before its release has ended. So knowing where every authorization's
milliseconds went costs a few clock readings a wake-up.
"""

from array import array
from typing import Final

KEPT: Final = 1 << 15  # marks of a kind: some seconds of the busiest switch, in 256 KiB; a power of two
_SIZE: Final = KEPT  # compiled, a number that is not an object
MAX_HELD_BACK: Final = 1 << 10  # connections whose frames waited for a later wake-up


class Marks:
    """The latest `KEPT` moments of one kind, in order of time.

    >>> marks = Marks()
    >>> for at in (1.0, 2.0, 4.0):
    ...     marks.add(at)
    >>> marks.before(3.0), marks.before(4.0), marks.after(3.0), marks.after(2.0)
    (2.0, 4.0, 4.0, 2.0)
    >>> marks.before(0.5), marks.after(4.5)
    (0.5, 4.5)
    """

    def __init__(self) -> None:
        self._times = array("d", bytes(8 * KEPT))
        self._count = 0

    def add(self, at: float) -> None:
        """It happened again."""
        self._times[self._count & _SIZE - 1] = at
        self._count += 1

    def before(self, at: float) -> float:
        """When it last happened, up to `at`; `at` itself where that is not known."""
        found = self._later_than(at) - 1
        return self._times[found & _SIZE - 1] if found >= max(0, self._count - _SIZE) else at

    def after(self, at: float) -> float:
        """When it happened next, from `at` on; `at` itself where that is not known."""
        times = self._times
        if self._count > _SIZE and times[self._count & _SIZE - 1] > at:  # the oldest kept: there were others before it
            return at
        found = self._later_than(at)
        if found and times[found - 1 & _SIZE - 1] == at:
            return at
        return times[found & _SIZE - 1] if found < self._count else at

    def _later_than(self, at: float) -> int:
        """The number of the first mark that is later than `at`: looked for from the newest, where it mostly is."""
        times = self._times
        oldest = max(0, self._count - _SIZE)
        high = low = self._count
        step = 1
        while low > oldest and times[low - 1 & _SIZE - 1] > at:
            high = low - 1
            low = max(oldest, low - step)
            step *= 2
        while low < high:
            middle = (low + high) // 2
            if times[middle & _SIZE - 1] <= at:
                low = middle + 1
            else:
                high = middle
        return high


class WakeUps:
    """The marks of one driver."""

    def __init__(self) -> None:
        self.began = Marks()  # the first bytes of a wake-up were there
        self.asked = Marks()  # commands were written to the HSM
        self.durable = Marks()  # a batch of records had become durable
        self._held_back: dict[float, float] = {}

    def held_back(self, since: float, until: float) -> None:
        """Frames that came at `since` were handed to the rules at `until` only: there had been too many."""
        if len(self._held_back) >= MAX_HELD_BACK:
            del self._held_back[next(iter(self._held_back))]
        self._held_back[until] = since

    def arrival(self, received_at: float) -> float:
        """When what the rules were given at `received_at` had come."""
        if self._held_back and received_at in self._held_back:
            return self._held_back[received_at]
        return self.began.before(received_at)
