"""The card-number map, native and twin: what is in it, what it costs in slots and bytes, what it refuses."""

import os
import subprocess
import sys
import tracemalloc
from array import array
from types import ModuleType
from typing import Any

import pytest

from switch.cards import _number_map_c, _number_map_py, number_map
from switch.cards._number_map_rules import MEAN_ENTRIES, SLOTS
from switch.cards.number_map import ABSENT
from switch.native import NATIVE

HASH_KEY = bytes(range(16))
BOTH = pytest.mark.parametrize("module", [_number_map_c, _number_map_py], ids=["native", "twin"])

# SipHash-1-3 of the bytes 0 to 7 under the key of the bytes 0 to 15: vector 8 of Rust's coretests (hash/sip.rs,
# test_siphash_1_3).
SIPHASH_VECTOR = "8e9a298d11959036"

# A map of so many has three groups of two tables on their way to three: each kind of expansion has been.
MANY = 9 * MEAN_ENTRIES


def number(index: int) -> str:
    """Any number of test numbers, far apart."""
    return f"468738{index * 7_919 % 10**10:010}"


def filled(module: ModuleType, count: int) -> Any:
    numbers = module.NumberMap(HASH_KEY)
    for index in range(count):
        numbers.insert(number(index), index)
    return numbers


def test_the_choice_follows_the_environment() -> None:
    expected = "twin" if not NATIVE else "native"
    assert expected == number_map.IMPLEMENTATION


@BOTH
def test_the_hash_is_siphash_1_3(module: ModuleType) -> None:
    assert module.hash_word(HASH_KEY, int.from_bytes(bytes(range(8)), "little")).to_bytes(8, "little").hex() == (
        SIPHASH_VECTOR
    )


@BOTH
@pytest.mark.skipif(sys.hash_info.algorithm != "siphash13", reason="this Python hashes bytes otherwise")
def test_the_hash_is_that_of_the_interpreter(module: ModuleType) -> None:
    """Python 3.11 hashes bytes with SipHash-1-3; with PYTHONHASHSEED=0 its key is all zeros."""
    words = [0, 1, 2**64 - 1, 0x0123456789ABCDEF]
    program = f"print(*[hash(word.to_bytes(8, 'little')) for word in {words}])"
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    printed = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
    assert [module.hash_word(bytes(16), word) for word in words] == [int(text) % 2**64 for text in printed.split()]


@BOTH
def test_numbers_of_every_length_are_kept_apart(module: ModuleType) -> None:
    """Leading zeros count, and the longest number is below 2⁶⁴ when packed."""
    given = [digit * size for size in range(12, 20) for digit in "09"] + ["0" * size + "1" for size in range(11, 19)]
    numbers = module.NumberMap(HASH_KEY)
    for record, text in enumerate(given):
        numbers.insert(text, record)
    assert [numbers.find(text) for text in given] == list(range(len(given)))
    assert dict(numbers) == {text: record for record, text in enumerate(given)}


@BOTH
def test_text_bytes_and_spans_are_the_same_number(module: ModuleType) -> None:
    numbers = module.NumberMap(HASH_KEY)
    numbers.insert(b"4687380000000016", 5)
    assert numbers.find("4687380000000016") == numbers.find(b"4687380000000016") == 5
    assert "4687380000000016" in numbers
    frame = b"0100164687380000000016000000"
    assert numbers.find_in(frame, 6, 22) == 5
    assert numbers.find_in(frame, 5, 22) is None
    for start, end in [(-1, 22), (6, 29), (22, 6)]:
        with pytest.raises(IndexError):
            numbers.find_in(frame, start, end)


NO_NUMBERS = [
    "",
    "4" * 11,
    "4" * 20,
    "46873800000000/6",
    "46873800000000:6",
    "4687380000000-16",
    "4687380000000016=28",
    "/687380000000016",
    "46873800000000\N{ARABIC-INDIC DIGIT FOUR}6",
    "\N{FULLWIDTH DIGIT FOUR}" * 12,
    "4687380000000\xb016",
    " 468738000000016",
]


@BOTH
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_not_there_and_cannot_be_added(module: ModuleType, text: str) -> None:
    numbers = filled(module, 10)
    assert numbers.find(text) is None
    assert numbers.delete(text) is None
    assert numbers.probes(text) == 0
    assert numbers.find(text.encode()) is None
    with pytest.raises(ValueError, match="card number") as refused:
        numbers.insert(text, 1)
    assert not text or text not in str(refused.value)
    assert len(numbers) == 10


@BOTH
def test_every_wrong_byte_in_every_place_is_seen(module: ModuleType) -> None:
    numbers = filled(module, 1)
    good = number(0).encode()
    for size in (12, 15, 16, 19):
        text = good[:size].ljust(size, b"0")
        for at in range(size):
            for byte in set(range(256)) - set(b"0123456789"):
                assert numbers.probes(text[:at] + bytes([byte]) + text[at + 1 :]) == 0


@BOTH
def test_refusals(module: ModuleType) -> None:
    numbers = filled(module, 1)
    with pytest.raises(ValueError, match=r"468738\*\*\*\*\*\*0000 is in the map already"):
        numbers.insert(number(0), 1)
    for record in (-1, ABSENT, 2**40):
        with pytest.raises(ValueError, match="record index"):
            numbers.insert(number(1), record)
    with pytest.raises(TypeError):
        numbers.find(4687380000000016)
    with pytest.raises(ValueError, match="16 bytes"):
        module.NumberMap(bytes(8))
    assert dict(numbers) == {number(0): 0}


@BOTH
def test_a_batch_gives_what_single_lookups_give(module: ModuleType) -> None:
    numbers = filled(module, 100)
    asked = [number(index) for index in range(0, 200, 3)] + ["no number"]
    records = array("I", bytes(4 * len(asked)))
    numbers.find_many(asked, records)
    assert list(records) == [index if index < 100 else ABSENT for index in range(0, 200, 3)] + [ABSENT]
    numbers.find_many([], array("I"))
    with pytest.raises(ValueError, match="places for records"):
        numbers.find_many(asked, array("I", bytes(4)))
    with pytest.raises(TypeError):
        numbers.find_many([12], array("I", bytes(4)))


@BOTH
def test_a_change_ends_an_iteration(module: ModuleType) -> None:
    numbers = filled(module, 3)
    entries = iter(numbers)
    text, _ = next(entries)
    numbers.delete(text)
    with pytest.raises(RuntimeError, match="changed"):
        next(entries)


def test_native_and_twin_are_the_same_slot_for_slot() -> None:
    """Through growth, dealing out and deletion: the order of iteration and the cost of each search agree."""
    maps = [filled(module, MANY) for module in (_number_map_c, _number_map_py)]
    for numbers in maps:
        for index in range(0, MANY, 3):
            assert numbers.delete(number(index)) == index
    native, twin = maps
    assert list(native) == list(twin)
    asked = [number(index) for index in range(0, MANY + 100, 7)]
    assert [native.probes(text) for text in asked] == [twin.probes(text) for text in asked]


def test_another_key_is_another_order() -> None:
    one, other = _number_map_c.NumberMap(bytes(16)), _number_map_c.NumberMap(HASH_KEY)
    for index in range(100):
        one.insert(number(index), index)
        other.insert(number(index), index)
    assert list(one) != list(other)
    assert sorted(one) == sorted(other)


def test_churn_leaves_no_traces() -> None:
    """Five generations of numbers, each dead before the next but one: searches cost what they cost in a new map."""
    generation = 10 * MEAN_ENTRIES
    numbers = filled(_number_map_c, generation)
    before = numbers.memory_bytes
    for index in range(generation, 6 * generation):
        assert numbers.delete(number(index - generation)) == index - generation
        numbers.insert(number(index), index)
    assert len(numbers) == generation
    new = _number_map_c.NumberMap(HASH_KEY)
    for index in range(5 * generation, 6 * generation):
        new.insert(number(index), index)
    present = [number(index) for index in range(5 * generation, 6 * generation)]
    absent = [number(index) for index in range(4 * generation, 5 * generation)]
    for asked in (present, absent):
        old_cost, new_cost = (sum(map(each.probes, asked)) / generation for each in (numbers, new))
        assert old_cost <= 1.1 * new_cost
    assert numbers.memory_bytes <= 1.1 * before


def test_memory_at_every_size() -> None:
    """22 bytes an entry and the chunk of 2 MiB that is being filled; there is no spike when the map grows."""
    numbers = _number_map_c.NumberMap(HASH_KEY)
    for index in range(120 * MEAN_ENTRIES):
        numbers.insert(number(index), 0)
        if index % 1000 == 0:
            assert numbers.memory_bytes <= 22 * len(numbers) + 2.1 * 2**20


def test_an_insert_needs_little_memory_aside() -> None:
    """As the allocator of the interpreter sees it: the tables of one group, four at most, and the list of chunks."""
    numbers = filled(_number_map_c, 20 * MEAN_ENTRIES)
    tracemalloc.start()
    try:
        for index in range(20 * MEAN_ENTRIES, 60 * MEAN_ENTRIES):
            numbers.insert(number(index), 0)
        assert tracemalloc.get_traced_memory()[1] <= 5 * 65_536
    finally:
        tracemalloc.stop()


def test_searches_stay_short_at_every_size() -> None:
    """A table 84 % full costs 3.6 slots for a number that is there and 20 for one that is not (Knuth, TAOCP 3, 6.4).

    Few are that full at any time: on the average it is never more than half of that.
    """
    numbers = _number_map_c.NumberMap(HASH_KEY)
    for index in range(50 * MEAN_ENTRIES):
        numbers.insert(number(index), 0)
        if index % 4_000 == 3_999:
            present = [numbers.probes(number(each)) for each in range(0, index, 10)]
            absent = [numbers.probes(number(index + each)) for each in range(1, 2000)]
            assert sum(present) <= 2 * len(present)
            assert sum(absent) <= 6 * len(absent)
            assert max(present + absent) <= 400


@BOTH
def test_who_knows_the_key_can_fill_a_table_but_not_harm_the_map(module: ModuleType) -> None:
    """Numbers of one table only: refused before it is full, and what was there before is still found."""
    numbers = module.NumberMap(HASH_KEY)
    # The packed form of a number of 12 digits is its value and one; even hashes belong into the first of two tables.
    chosen = (f"{value:012}" for value in range(10**6) if _number_map_c.hash_word(HASH_KEY, value + 1) % 2 == 0)
    placed = [next(chosen) for _ in range(SLOTS - 1)]
    for text in placed:
        numbers.insert(text, 1)
    with pytest.raises(RuntimeError, match="hash key"):
        numbers.insert(next(chosen), 1)
    assert len(numbers) == SLOTS - 1
    assert sorted(text for text, _ in numbers) == placed
    assert numbers.find(next(chosen)) is None
