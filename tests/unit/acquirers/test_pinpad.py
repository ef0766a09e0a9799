"""The PIN pad against psec, and what it refuses without saying what it saw."""

import psec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.acquirers.pinpad import clear_block, pin_block

KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


def digits(least, most):
    return st.text("0123456789", min_size=least, max_size=most)


@given(digits(4, 12), digits(13, 19), st.binary(min_size=16, max_size=16) | st.binary(min_size=24, max_size=24))
def test_blocks_are_psecs(pin, pan, key):
    assert clear_block(pin, pan) == psec.pinblock.encode_pinblock_iso_0(pin, pan)
    assert pin_block(pin, pan, key) == psec.des.encrypt_tdes_ecb(key, psec.pinblock.encode_pinblock_iso_0(pin, pan))


def test_known_answers_of_iso_9564():
    assert clear_block("1234", "4012345678909").hex().upper() == "041274EDCBA9876F"


@pytest.mark.parametrize(
    ("pin", "pan", "key"),
    [
        ("123", "4687380000000016", KEY), ("1234567890123", "4687380000000016", KEY), ("12A4", "4687380000000016", KEY),
        ("9876", "468738000000", KEY), ("9876", "46873800000000X6", KEY), ("9876", "4687380000000016", KEY[:8]),
        ("98７6", "4687380000000016", KEY),
    ],
)  # fmt: skip
def test_what_is_refused_is_not_shown(pin, pan, key):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is tested
        pin_block(pin, pan, key)
    assert pin not in str(caught.value)
    assert pan not in str(caught.value)
    assert key.hex() not in str(caught.value)
