"""Frames behind binary lengths in bulk: compiled, or with `MONETIQUE_NATIVE=0` the twin in Python."""

from typing import TYPE_CHECKING

from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.iso8583._frames_py import cut, join, parted
else:
    from switch.iso8583._frames_c import cut, join, parted

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["IMPLEMENTATION", "cut", "join", "parted"]
