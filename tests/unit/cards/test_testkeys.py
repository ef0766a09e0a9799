"""Test keys against published values and against `hsm_sim`, which knows the whole LMK."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psec import des

from hsm_sim.crypto import lmk
from switch.cards.testkeys import KEY_TYPES, check_value, has_odd_parity, under_test_lmk


def test_check_value_of_the_manuals_example_key() -> None:
    assert check_value("0123456789ABCDEFFEDCBA9876543210") == "08D7B4"


@given(st.binary(min_size=16, max_size=16) | st.binary(min_size=24, max_size=24))
def test_check_value_against_an_oracle(key: bytes) -> None:
    assert check_value(key.hex()) == des.generate_kcv(key, 3).hex().upper()


@given(st.binary(min_size=16, max_size=24))
def test_parity_against_an_oracle(key: bytes) -> None:
    assert has_odd_parity(des.adjust_key_parity(key).hex())
    assert has_odd_parity(key.hex()) == (des.adjust_key_parity(key) == key)


@pytest.mark.parametrize("type_name", KEY_TYPES)
@given(key=st.binary(min_size=16, max_size=16) | st.binary(min_size=24, max_size=24))
def test_the_test_hsm_opens_what_we_wrap(type_name: str, key: bytes) -> None:
    wrapped = under_test_lmk(type_name, key.hex())
    scheme, cryptogram = wrapped[:1].encode(), bytes.fromhex(wrapped[1:])
    assert lmk.published_test_lmk().unwrap(KEY_TYPES[type_name].encode(), scheme, cryptogram) == key
