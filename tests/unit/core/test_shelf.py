"""The shelf, native and twin: many entries, what it occupies, what it refuses."""

from types import ModuleType

import pytest

from switch.core import _shelf_c, _shelf_py, shelf
from switch.native import NATIVE

BOTH = pytest.mark.parametrize("module", [_shelf_c, _shelf_py], ids=["native", "twin"])
HASH_KEY = bytes(range(16))

PLACES = 1_000
MANY = 5 * PLACES


def test_the_choice_follows_the_environment() -> None:
    expected = "twin" if not NATIVE else "native"
    assert expected == shelf.IMPLEMENTATION


@BOTH
def test_the_last_of_many_are_there_and_the_others_gone(module: ModuleType) -> None:
    """Every place, bucket and byte has been used several times over."""
    held = module.Shelf(PLACES, 30 * PLACES, HASH_KEY)
    for number in range(1, MANY + 1):
        if len(held) == PLACES:
            held.drop()
        assert held.put(f"R{number:011d}", float(number), b"intent%d" % number, b"outcome%d" % number) == number
    assert len(held) == PLACES
    assert held.oldest_at == held.oldest == MANY - PLACES + 1
    for number in range(1, MANY + 1):
        kept = number > MANY - PLACES
        assert list(held.find(f"R{number:011d}")) == [number] * kept
        if kept:
            assert held.records(number) == (b"intent%d" % number, b"outcome%d" % number)


@BOTH
def test_equal_references_are_found_newest_first(module: ModuleType) -> None:
    held = module.Shelf(10, 1_000, HASH_KEY)
    for number in range(10):
        held.put("same" if number % 2 else f"R{number}", 0.0, b"", b"refusal")
    assert list(held.find("same")) == [10, 8, 6, 4, 2]
    for _ in range(5):
        held.drop()
    assert list(held.find("same")) == [10, 8, 6]


@BOTH
def test_a_record_may_pass_the_end_of_the_ring(module: ModuleType) -> None:
    held = module.Shelf(10, 100, HASH_KEY)
    for number in range(1, 60):
        while not held.put("R", 0.0, bytes([number]) * 29, bytes([255 - number]) * 8):
            held.drop()
        assert held.records(number) == (bytes([number]) * 29, bytes([255 - number]) * 8)
    assert held.contents() == b"".join(bytes([n]) * 29 + bytes([255 - n]) * 8 for n in (58, 59))


@BOTH
def test_what_is_larger_than_the_shelf_has_no_room(module: ModuleType) -> None:
    held = module.Shelf(10, 100, HASH_KEY)
    assert held.put("R", 0.0, bytes(60), bytes(41)) == 0
    assert held.put("R", 0.0, bytes(60), bytes(40)) == 1
    assert held.put("S", 0.0, b"", b"1") == 0


@BOTH
def test_a_shelf_that_cannot_be_is_refused(module: ModuleType) -> None:
    for places, room, key in [(0, 1, HASH_KEY), (1, 0, HASH_KEY), (1 << 31, 1, HASH_KEY), (1, 1, bytes(15))]:
        with pytest.raises(ValueError, match="shelf"):
            module.Shelf(places, room, key)


@BOTH
def test_a_serial_that_is_gone_is_a_key_error(module: ModuleType) -> None:
    held = module.Shelf(2, 100, HASH_KEY)
    held.put("R", 0.0, b"", b"refusal")
    held.drop()
    for ask in (held.records, held.finished_at):
        for serial in (0, 1, 2):
            with pytest.raises(KeyError, match="under"):
                ask(serial)
    with pytest.raises(KeyError):
        held.drop()


def test_the_native_shelf_says_what_it_may_come_to_occupy() -> None:
    """40 bytes an entry, two to four buckets of four bytes, and the records."""
    assert _shelf_c.Shelf(500_000, 1 << 20, HASH_KEY).memory_bytes == 500_000 * 40 + (1 << 20) * 4 + (1 << 20)
