"""Frames found and taken apart, native and twin: the same of whole ones, of damaged ones, of any bytes."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.native import NATIVE
from switch.store import _splitting_c, _splitting_py, frames, splitting  # type: ignore[attr-defined]  # compiled

BOTH = pytest.mark.parametrize("module", [_splitting_c, _splitting_py], ids=["native", "twin"])

batches = st.lists(st.lists(st.binary(max_size=30), max_size=4), min_size=1, max_size=4)
sizes = st.sampled_from([0, 1, 4, 31, 32, 2**16, 2**31, 2**32 - 1])


def test_the_choice_follows_the_environment() -> None:
    assert ("twin" if not NATIVE else "native") == splitting.IMPLEMENTATION


def segment(batches: list[list[bytes]]) -> bytes:
    first, whole = 1, b""
    for batch in batches:
        whole += frames.encode(first, first - 1, batch)
        first += len(batch)
    return whole


def told(module: ModuleType, data: bytes | bytearray, start: int, checked: bool) -> Any:
    """All that is said of one place."""
    span = module.span_at(data, start, checked)
    try:
        return span, module.payloads_of(data, start)
    except ValueError:
        return span, None


numbers = st.integers(0, 2**64 - 1)


@given(numbers, numbers, st.lists(st.binary(max_size=300), max_size=20))
def test_both_put_the_same_together(first: int, durable: int, batch: list[bytes]) -> None:
    assert _splitting_c.encode(first, durable, batch) == _splitting_py.encode(first, durable, batch)
    assert _splitting_c.encode(first, durable, tuple(batch)) == _splitting_c.encode(first, durable, batch)


def test_records_are_bytes() -> None:
    with pytest.raises(TypeError):
        _splitting_c.encode(1, 0, ["text"])
    with pytest.raises(TypeError):
        _splitting_c.encode(1, 0, [None])


@BOTH
@pytest.mark.parametrize("kind", [bytes, bytearray])
@given(batches=batches)
def test_every_batch_is_found_again(module: ModuleType, kind: type, batches: list[list[bytes]]) -> None:
    data = kind(segment(batches) + bytes(40))
    start, first = 0, 1
    for batch in batches:
        end, *rest = module.span_at(data, start)
        assert rest == [first, first - 1, len(batch)]
        assert module.payloads_of(data, start) == batch
        start, first = end, first + len(batch)
    assert module.span_at(data, start) is None
    assert module.written(data) <= start


@given(batches, st.data())
def test_of_damaged_ones_both_say_the_same(batches: list[list[bytes]], data: st.DataObject) -> None:
    """A byte changed, a size or the count replaced, cut: with the checksum asked, and taken for right."""
    damaged = bytearray(segment(batches))
    for offset in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=2), label="bytes"):
        damaged[offset] = data.draw(st.integers(0, 255), label="byte")
    if data.draw(st.booleans(), label="sizes"):
        offset = data.draw(st.sampled_from([8, 12, 32]), label="which")
        damaged[offset : offset + 4] = data.draw(sizes, label="size").to_bytes(4, "little")
    del damaged[data.draw(st.integers(0, len(damaged)), label="cut") :]
    for start in (0, 36, data.draw(st.integers(-5, len(damaged) + 5), label="start")):
        for checked in (False, True):
            assert told(_splitting_c, damaged, start, checked) == told(_splitting_py, damaged, start, checked)


@BOTH
@pytest.mark.parametrize(("data", "end"), [(b"", 0), (bytes(50), 0), (b"\0a" + bytes(9), 2), (bytes(20) + b"a", 21)])
def test_where_zeros_begin(module: ModuleType, data: bytes, end: int) -> None:
    assert module.written(data) == module.written(bytearray(data)) == end


@given(st.binary(max_size=40))
def test_where_zeros_begin_in_any_bytes(data: bytes) -> None:
    assert _splitting_c.written(data) == _splitting_py.written(data) == len(data.rstrip(b"\0"))
