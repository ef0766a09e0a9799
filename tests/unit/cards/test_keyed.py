"""Against the standard library's."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.keyed import Keyed


@given(st.binary(max_size=64), st.binary(max_size=300), st.binary(max_size=300))
def test_it_is_hmac_text_after_text(key: bytes, first: bytes, second: bytes) -> None:
    keyed = Keyed(key)
    assert [keyed.digest(text) for text in (first, second, first)] == [
        hmac.digest(key, text, "sha256") for text in (first, second, first)
    ]


def test_a_longer_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 bytes, not 65"):
        Keyed(bytes(65))
