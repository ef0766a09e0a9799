"""The zone PIN keys of one link, all under the LMK (R15).

PIN blocks to an institution go out under the current key. One that comes in is read under the current key and, if that
fails, under the one before it, for as long as that is valid: until its grace is over or the current key has served.

    current ──change──▶ previous ──grace over, or the new one has served──▶ gone
"""

from typing import Final

# HSM error codes of a block that is none, or of no account, under the key that was tried: it may be under another.
WRONG_KEY: Final = frozenset({"10", "20", "24"})


class ZoneKeys:
    """`previous` is the current key itself where no other is valid any more."""

    __slots__ = ("changed_at", "current", "kcv", "previous", "previous_until")

    def __init__(self, current: str) -> None:
        self.current = self.previous = current
        self.kcv = ""  # of the current one, where an exchange has told it
        self.previous_until = 0.0
        self.changed_at = 0.0  # 0: still the configured key

    def change(self, key: str, kcv: str, at: float, grace_s: float) -> None:
        """`key` is the current one from `at` on."""
        self.previous, self.current, self.kcv = self.current, key, kcv
        self.changed_at, self.previous_until = at, at + grace_s

    def served(self, key: str) -> None:
        """A PIN block was read under `key`: once that is the current one, its predecessor has had its time."""
        if key == self.current:
            self.previous = key

    def fallback(self, key: str, error: str, now: float) -> str:
        """The key to try after the HSM has answered `error` to a block under `key`; empty when there is none."""
        valid = error in WRONG_KEY and key == self.current != self.previous and now < self.previous_until
        return self.previous if valid else ""
