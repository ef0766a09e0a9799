"""The BIN table against the plain definition: of all prefixes that fit, the longest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.bins import BinTable

PREFIXES = st.dictionaries(st.text("0123", min_size=1, max_size=5), st.integers(), max_size=20)


@given(PREFIXES, st.text("0123", min_size=1, max_size=8))
def test_the_longest_prefix_wins(prefixes: dict[str, int], pan: str) -> None:
    fitting = [prefix for prefix in prefixes if pan.startswith(prefix)]
    expected = prefixes[max(fitting, key=len)] if fitting else None
    assert BinTable(prefixes.items()).find(pan) == expected


def test_a_value_may_be_false() -> None:
    assert BinTable([("46", 0), ("4", 1)]).find("4687") == 0


@pytest.mark.parametrize("prefix", ["", "46x", "٤٦"])
def test_a_prefix_is_digits(prefix: str) -> None:
    with pytest.raises(ValueError, match="decimal digits"):
        BinTable([(prefix, 1)])


def test_a_prefix_stands_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        BinTable([("4687", 1), ("4687", 2)])
