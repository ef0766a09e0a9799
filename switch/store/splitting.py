"""Finding frames and taking them apart: compiled, or with `MONETIQUE_NATIVE=0` its twin in Python.

`span_at(data, start, checked)` is the valid frame that lies at `start`, as a tuple: where it ends, the number of its
first record, `durable`, how many records; or None. `checked` says that its checksum was found right before.
`payloads_of(data, start)` are its records. `written(data)` is where the bytes end that are not zero.
"""

from typing import TYPE_CHECKING

from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.store._splitting_py import payloads_of, span_at, written
else:
    from switch.store._splitting_c import payloads_of, span_at, written

MARKER = b"MTQ1"
HEADER_BYTES = 32

Span = tuple[int, int, int, int]

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["HEADER_BYTES", "IMPLEMENTATION", "MARKER", "Span", "payloads_of", "span_at", "written"]
