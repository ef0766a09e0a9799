"""`pack` against msgspec: the same bytes for everything that a record may hold, natively and in its twin."""

from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from switch.core import _packing_c, _packing_py

# Where one form of an integer ends and the next begins.
EDGES = [sign * 2**bits + step for bits in (5, 7, 8, 15, 16, 31, 32, 63) for sign in (1, -1) for step in (-1, 0, 1)]
VALUES = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([edge for edge in EDGES if edge >= -(2**63)]),
    st.floats(),
    st.text(max_size=40),
    st.binary(max_size=40),
    st.booleans(),
    st.none(),
)


@pytest.fixture(params=[_packing_c, _packing_py], ids=["native", "twin"], scope="module")
def packing(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


@given(values=st.lists(VALUES, max_size=40).map(tuple))
@example(values=("x" * 255, "x" * 256, b"x" * 255, b"x" * 256, "é" * 16))
@example(values=("x" * 65_535, "x" * 65_536, b"x" * 65_536))
def test_the_same_bytes_as_msgspec(packing: ModuleType, values: tuple[Any, ...]) -> None:
    assert packing.pack(values) == msgspec.msgpack.encode(values)


@pytest.mark.parametrize("value", [[], {}, object(), bytearray(b"x")])
def test_nothing_else_is_packed(packing: ModuleType, value: object) -> None:
    with pytest.raises(TypeError, match="not "):
        packing.pack((1, value))


def test_numbers_have_64_bits(packing: ModuleType) -> None:
    for number in (2**64, -(2**63) - 1):
        with pytest.raises(OverflowError):
            packing.pack((number,))
