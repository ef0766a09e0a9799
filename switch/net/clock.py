"""The time that parts are told: seconds since the epoch that never run backwards.

The wall clock is read once, at start; from there the monotonic clock counts. So a step of the wall clock (NTP, an
operator) can neither fire every timer at once nor stop them.
"""

import time


class Clock:
    """`clock()` is now, in seconds since the epoch."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def __call__(self) -> float:
        return self._offset_s + time.monotonic()
