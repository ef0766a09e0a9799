"""System trace audit numbers of one issuer link: an array of a million slots, matched by index.

A STAN is only a hint (R3): at 65,000 a second a million of them wrap in 15 seconds, so the caller still compares
DE 37 and DE 41, and a timed-out number stays taken, in quarantine, for as long as its late answer may come (R8).
"""

from switch.core.transaction import Transaction

STAN_MAX = 999_999  # six digits; 000000 is not used


class Stans:
    """Numbers 1 … 999999, given out in turn, skipping those still taken.

    >>> from switch.core.transaction import Transaction
    >>> stans = Stans(last=999_999)
    >>> tx = Transaction()
    >>> stans.take(tx), stans.holder(1) is tx
    (1, True)
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.taken = 0
        self._slots: list[Transaction | None] = [None] * (STAN_MAX + 1)

    def take(self, tx: Transaction) -> int | None:
        """The next free number for `tx`, or None when all are taken."""
        if self.taken == STAN_MAX:
            return None
        slots, number = self._slots, self.last
        while True:
            number = number + 1 if number < STAN_MAX else 1
            if slots[number] is None:
                break
        slots[number] = tx
        self.last = number
        self.taken += 1
        return number

    def holder(self, number: int) -> Transaction | None:
        """Who holds `number` now."""
        return self._slots[number] if 0 < number <= STAN_MAX else None

    def release(self, number: int) -> None:
        """Give `number` back; giving back a free one is a mistake in the rules."""
        assert self._slots[number] is not None, f"STAN {number:06d} is not taken"
        self._slots[number] = None
        self.taken -= 1
