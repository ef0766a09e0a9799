"""The codec against pyiso8583: a purchase of 20 fields, 500 bytes of iso87-ascii.

One round times every operation, ours and theirs, one after the other, so that both see the same machine; a value is
the median of the rounds. Times are CPU time of one call, the collector of garbage at work as in any program.
"""

import gc
from collections.abc import Callable
from statistics import median
from time import process_time
from timeit import Timer

import iso8583
from iso8583.specs import default_ascii

from switch.iso8583 import compat
from switch.iso8583.dialect import load
from tests.bench.table import Row, row, show
from tests.support.iso8583_samples import PURCHASE

ROUNDS = 9
# Calls a round: enough for 10 ms and more of each.
FAST_CALLS, SLOW_CALLS = 20_000, 500

# The two fields that a switch replaces in every request.
PATCHES = {11: "000777", 52: "FEDCBA9876543210"}


def operations() -> tuple[dict[str, Callable[[], object]], dict[str, Callable[[], object]]]:
    """What is timed: ours by row, pyiso8583's by name."""
    layout = load("iso87-ascii").layout
    frame = layout.encode(PURCHASE)
    doc, compat_doc, their_doc = dict(PURCHASE), dict(PURCHASE), dict(PURCHASE)

    def their_patch() -> bytearray:
        decoded, _ = iso8583.decode(frame, default_ascii)
        decoded["11"], decoded["52"] = PATCHES[11], PATCHES[52]
        return iso8583.encode(decoded, default_ascii)[0]

    ours: dict[str, Callable[[], object]] = {
        "scan": lambda: layout.scan(frame),
        "scan and patch": lambda: layout.scan(frame).patch(PATCHES),
        "decode": lambda: layout.decode(frame),
        "encode": lambda: layout.encode(doc),
        "compat decode": lambda: compat.decode(frame, default_ascii),
        "compat encode": lambda: compat.encode(compat_doc, default_ascii),
    }
    theirs: dict[str, Callable[[], object]] = {
        "pyiso8583 decode": lambda: iso8583.decode(frame, default_ascii),
        "pyiso8583 decode and encode": their_patch,
        "pyiso8583 encode": lambda: iso8583.encode(their_doc, default_ascii),
    }
    return ours, theirs


REFERENCES = {
    "scan": "pyiso8583 decode",
    "scan and patch": "pyiso8583 decode and encode",
    "decode": "pyiso8583 decode",
    "encode": "pyiso8583 encode",
    "compat decode": "pyiso8583 decode",
    "compat encode": "pyiso8583 encode",
}


def rows() -> list[Row]:
    """One row an operation, in µs of CPU time."""
    ours, theirs = operations()
    samples: dict[str, list[float]] = {name: [] for name in (*ours, *theirs)}
    for _ in range(ROUNDS):
        for operation, calls in ((ours, FAST_CALLS), (theirs, SLOW_CALLS)):
            for name, function in operation.items():
                seconds = Timer(function, setup=gc.enable, timer=process_time).timeit(calls)
                samples[name].append(seconds / calls * 1e6)
    return [row(name, "us", samples[name], REFERENCES[name], median(samples[REFERENCES[name]])) for name in ours]


if __name__ == "__main__":
    show(rows)
