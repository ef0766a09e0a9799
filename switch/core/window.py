"""How many requests may wait for a counterpart (an issuer, an HSM) that may fall behind.

What it has lately been seen to answer in half its timer, by Little's law. Without a limit everything would wait until
its timer in the end, and nothing be answered in time; with it, what is too much is refused at once.
"""

from typing import Final

FLOOR: Final = 8_000  # may always wait for one that answers in time: thirty bursts of 256 at once
LEAST: Final = 64  # and for one that does not: enough to notice that it has become faster
MEASURED_S: Final = 1.0  # how long answers are counted for a new limit


class Window:
    """How many requests may wait for one counterpart.

    >>> window = Window(patience_s=2.5)
    >>> window.limit
    8000
    >>> for number in range(4001):  # four thousand a second, each within a tenth
    ...     window.answered(100 + number / 4000, 0.1)
    >>> window.limit
    10000
    >>> for number in range(101):  # and then a hundred a second, after three
    ...     window.answered(101 + number / 100, 3.0)
    >>> window.limit
    252
    """

    __slots__ = ("_began", "_count", "_patience_s", "limit")

    def __init__(self, patience_s: float) -> None:
        self.limit = FLOOR
        self._patience_s = patience_s
        self._began = 0.0
        self._count = 0

    def answered(self, now: float, after_s: float, answers: int = 1) -> None:
        """So many answers came, the last of them `after_s` after it was asked for."""
        elapsed_s = now - self._began
        if elapsed_s >= MEASURED_S:
            if self._count:
                served = round(self._count / elapsed_s * self._patience_s)
                self.limit = max(FLOOR if after_s < self._patience_s else LEAST, served)
            self._began, self._count = now, 0
        self._count += answers
