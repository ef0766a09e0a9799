"""The card-number map beside dicts, ten million numbers in each.

    python -m tests.bench.number_map

What is asked for was made a moment before, as from a frame: its text is warm and no hash is cached in it, while what
the maps hold is mostly not in any cache. The three take turns within each round. CPU time of one lookup, the loop in
Python around it included, as in any caller; a batch is one call for 1024 numbers. Bytes an entry are resident memory:
by how much the process grows while a map is filled with numbers and their records (indices below 2³²).
"""

import gc
import os
import random
from array import array
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

from switch.cards.disposable import number_for
from switch.cards.number_map import ABSENT, KEY_BYTES, NumberMap
from tests.bench.table import Row, row, show

ENTRIES = 10_000_000
ROUNDS = 9
# Batches a round, of which it gives the median; each is 1024 numbers drawn from all of them.
BATCHES, BATCH = 41, 1_024
ISSUED = 2_000  # disposable numbers made a round

NS_PER_S, US_PER_S = 1e9, 1e6

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# A prime and 10¹⁰ have no common divisor: all numbers differ, and neighbours are far apart.
STEP = 7_368_787


def number(index: int) -> str:
    """The number of a record: sixteen digits in a range for tests."""
    return f"468738{index * STEP % 10**10:010}"


def resident_bytes() -> int:
    """What the process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def filled_map() -> NumberMap:
    """Ours."""
    numbers = NumberMap(random.Random(1).randbytes(KEY_BYTES))
    for index in range(ENTRIES):
        numbers.insert(number(index), index)
    return numbers


def dict_of_str() -> dict[str, int]:
    """Text to record."""
    return {number(index): index for index in range(ENTRIES)}


def dict_of_int() -> dict[int, int]:
    """The number's value to record."""
    return {int(number(index)): index for index in range(ENTRIES)}


def measured(make: Callable[[], object]) -> tuple[object, float]:
    """What `make` makes, and the resident bytes an entry of it."""
    gc.collect()
    before = resident_bytes()
    made = make()
    return made, (resident_bytes() - before) / ENTRIES


def one_by_one(find: Callable[[str], int | None], asked: list[str]) -> float:
    """CPU seconds of a lookup."""
    started = process_time()
    for text in asked:
        find(text)
    return (process_time() - started) / len(asked)


def issuing_us() -> float:
    """CPU microseconds to make a disposable number that is not taken."""
    started = process_time()
    for serial in range(ISSUED):
        number_for("4687380000000016", epoch=1, serial=serial, key=bytes(32), taken=lambda number: False)
    return (process_time() - started) / ISSUED * US_PER_S


def rows() -> list[Row]:
    """All rows of this module."""
    gc.disable()  # three times ten million objects that all live
    try:
        return measured_rows()
    finally:
        gc.enable()


def measured_rows() -> list[Row]:
    """The three maps, filled and asked."""
    numbers, our_bytes = measured(filled_map)
    by_text, text_bytes = measured(dict_of_str)
    by_value, value_bytes = measured(dict_of_int)
    assert isinstance(numbers, NumberMap)
    assert isinstance(by_text, dict)
    assert isinstance(by_value, dict)
    find_text, find_value = by_text.get, by_value.get
    draw = random.Random(2)
    records = array("I", bytes(4 * BATCH))

    def asked() -> list[str]:
        return [number(draw.randrange(ENTRIES)) for _ in range(BATCH)]

    def batch() -> float:
        texts = asked()
        started = process_time()
        numbers.find_many(texts, records)
        elapsed = process_time() - started
        assert ABSENT not in records
        return elapsed / BATCH

    subjects: dict[str, Callable[[], float]] = {
        "single": lambda: one_by_one(numbers.find, asked()),
        "batch": batch,
        "dict of str": lambda: one_by_one(find_text, asked()),
        "dict of int": lambda: one_by_one(lambda text: find_value(int(text)), asked()),
    }
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            samples[name].append(median(subject() for _ in range(BATCHES)) * NS_PER_S)
    single = median(samples["single"])
    return [
        reference_row("number map lookup (10M, from Python)", "ns", samples["single"], "dict of str", samples),
        reference_row("number map lookup (10M, batch)", "ns", samples["batch"], "dict of str", samples),
        row("dict of int lookup (10M, from Python)", "ns", samples["dict of int"], "number map", single),
        row("number map bytes an entry", "B", [our_bytes], "dict of str", text_bytes),
        row("dict of int bytes an entry", "B", [value_bytes], "number map", our_bytes),
        row("disposable number made", "us", [issuing_us() for _ in range(ROUNDS)]),
    ]


def reference_row(name: str, unit: str, ours: list[float], reference: str, samples: dict[str, list[float]]) -> Row:
    """A row beside the median of another subject."""
    return row(name, unit, ours, reference, median(samples[reference]))


if __name__ == "__main__":
    show(rows)
