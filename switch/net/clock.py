"""The time that parts are told: seconds since the epoch that never run backwards.

The wall clock is read once, at start; from there the monotonic clock counts. So a step of the wall clock (NTP, an
operator) can neither fire every timer at once nor stop them.
"""

import time
from time import monotonic


class Clock:
    """`clock()` is now, in seconds since the epoch; so is `clock.now()`, for compiled callers."""

    def __init__(self) -> None:
        self._offset_s = time.time() - monotonic()

    def now(self) -> float:
        """In seconds since the epoch."""
        return self._offset_s + monotonic()

    def __call__(self) -> float:
        return self.now()
