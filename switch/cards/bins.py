"""The BIN table: whose card is this? The longest prefix of the PAN decides.

A tree by digits: a lookup walks down as many levels as the longest prefix that begins like the PAN has digits, whatever
the number of prefixes.

    >>> table = BinTable([("468738", "bank"), ("46873891", "branch"), ("9", "test")])
    >>> table.find("4687389100000003"), table.find("4687380000000010"), table.find("5555555555554444")
    ('branch', 'bank', None)
"""

from collections.abc import Iterable
from typing import Any


class _Node:
    __slots__ = ("below", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.below: list[_Node | None] = [None] * 10  # by the next digit

    def child(self, digit: int) -> "_Node":
        """The one below, made if need be."""
        below = self.below[digit]
        if below is None:
            below = self.below[digit] = _Node()
        return below


class BinTable:
    """Immutable map from PAN prefixes to values."""

    __slots__ = ("_root",)

    def __init__(self, entries: Iterable[tuple[str, Any]]) -> None:
        """`entries`: (prefix, value); raises ValueError for a prefix that is not digits or is given twice."""
        self._root = _Node()
        for prefix, value in entries:
            if not (prefix.isascii() and prefix.isdigit()):
                raise ValueError(f"a BIN prefix is decimal digits, not {prefix!r}")
            node = self._root
            for digit in prefix:
                node = node.child(int(digit))
            if node.value is not None:
                raise ValueError(f"BIN prefix {prefix} is in the table twice")
            node.value = value

    def find(self, pan: str) -> Any:
        """The value of the longest prefix that `pan` starts with, or None."""
        found = None
        node = self._root
        for character in pan:
            below = node.below[ord(character) - 48] if "0" <= character <= "9" else None
            if below is None:
                break
            node = below
            if node.value is not None:
                found = node.value
        return found
