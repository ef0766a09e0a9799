"""What each authorization writes to the log, packed without a struct of its own in between.

An `Intent` and an `Outcome` are written for nearly every authorization; of the way from a transaction over a struct to
bytes the struct is half. `pack` writes the same bytes from a tuple of the same values behind the record's tag.

    >>> pack((2, 1, 0.5, "00")).hex(" ")
    '94 02 01 cb 3f e0 00 00 00 00 00 00 a2 30 30'
"""

from typing import TYPE_CHECKING

from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.core._packing_py import pack
else:
    from switch.core._packing_c import pack

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["IMPLEMENTATION", "pack"]
