"""The BIN table: whose card is this? The longest prefix of the PAN decides.

A tree by digits, in one array: a lookup takes a step for each digit of the longest prefix that begins like the PAN,
whatever the number of prefixes.

    >>> table = BinTable([("468738", "bank"), ("46873891", "branch"), ("9", "test")])
    >>> table.find("4687389100000003"), table.find("4687380000000010"), table.find("5555555555554444")
    ('branch', 'bank', None)
"""

from array import array
from collections.abc import Iterable
from typing import Any

_NOWHERE = 0  # the root, below which no node has it


class BinTable:
    """Immutable map from PAN prefixes to values."""

    __slots__ = ("_below", "_values")

    def __init__(self, entries: Iterable[tuple[str, Any]]) -> None:
        """`entries`: (prefix, value); raises ValueError for a prefix that is not digits or is given twice."""
        below, values = array("i", bytes(40)), [None]  # of each node, the ten below it, and its value
        for prefix, value in entries:
            if not (prefix.isascii() and prefix.isdigit()):
                raise ValueError(f"a BIN prefix is decimal digits, not {prefix!r}")
            node = 0
            for digit in prefix:
                place = node * 10 + int(digit)
                if below[place] == _NOWHERE:
                    below[place] = len(values)
                    below.extend([_NOWHERE] * 10)
                    values.append(None)
                node = below[place]
            if values[node] is not None:
                raise ValueError(f"BIN prefix {prefix} is in the table twice")
            values[node] = value
        self._below, self._values = below, values

    def find(self, pan: str) -> Any:
        """The value of the longest prefix that `pan` starts with, or None."""
        found = None
        node = 0
        for character in pan:
            if not "0" <= character <= "9":
                break
            node = self._below[node * 10 + ord(character) - 48]
            if node == _NOWHERE:
                break
            if self._values[node] is not None:
                found = self._values[node]
        return found
