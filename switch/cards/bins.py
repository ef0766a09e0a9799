"""The BIN table: whose card is this? The longest prefix of the PAN decides.

Prefixes are grouped by length, so a lookup costs one dict access for each length in use (two or three in practice),
whatever the number of prefixes.

    >>> table = BinTable([("468738", "bank"), ("46873891", "branch"), ("9", "test")])
    >>> table.find("4687389100000003"), table.find("4687380000000010"), table.find("5555555555554444")
    ('branch', 'bank', None)
"""

from collections.abc import Iterable
from typing import Any


class BinTable:
    """Immutable map from PAN prefixes to values."""

    __slots__ = ("_by_length",)

    def __init__(self, entries: Iterable[tuple[str, Any]]) -> None:
        """`entries`: (prefix, value); raises ValueError for a prefix that is not digits or is given twice."""
        lengths: dict[int, dict[str, Any]] = {}
        for prefix, value in entries:
            if not (prefix.isascii() and prefix.isdigit()):
                raise ValueError(f"a BIN prefix is decimal digits, not {prefix!r}")
            same_length = lengths.setdefault(len(prefix), {})
            if prefix in same_length:
                raise ValueError(f"BIN prefix {prefix} is in the table twice")
            same_length[prefix] = value
        self._by_length = tuple(sorted(lengths.items(), reverse=True))

    def find(self, pan: str) -> Any:
        """The value of the longest prefix that `pan` starts with, or None."""
        for length, values in self._by_length:
            value = values.get(pan[:length])
            if value is not None:
                return value
        return None
