"""Putting frames together, finding them, taking them apart: compiled, or with `MONETIQUE_NATIVE=0` its twin in Python.

`encode(first, durable, payloads)` is one frame that holds `payloads` as records `first`, `first + 1` ….
`span_at(data, start, checked)` is the valid frame that lies at `start`, as a tuple: where it ends, the number of its
first record, `durable`, how many records; or None. `checked` says that its checksum was found right before.
`payloads_of(data, start)` are its records. `written(data)` is where the bytes end that are not zero.
"""

from typing import TYPE_CHECKING

from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.store._splitting_py import encode, payloads_of, span_at, written
else:
    from switch.store._splitting_c import encode, payloads_of, span_at, written

MARKER = b"MTQ1"
HEADER_BYTES = 32

Span = tuple[int, int, int, int]

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["HEADER_BYTES", "IMPLEMENTATION", "MARKER", "Span", "encode", "payloads_of", "span_at", "written"]
