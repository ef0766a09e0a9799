"""PANs: check digits against published numbers, and what counts as a test number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.pan import PUBLISHED_TEST_PANS, TEST_PREFIXES, check_digit, is_pan, is_test_number

DIGITS = st.text("0123456789", min_size=11, max_size=18)


@pytest.mark.parametrize("pan", sorted(PUBLISHED_TEST_PANS))
def test_published_numbers_end_in_their_check_digit(pan: str) -> None:
    assert is_pan(pan)
    assert is_test_number(pan)


@given(DIGITS)
def test_a_check_digit_completes_any_number(digits: str) -> None:
    assert is_pan(digits + check_digit(digits))


@given(DIGITS, st.data())
def test_every_single_wrong_digit_is_found(digits: str, data: st.DataObject) -> None:
    pan = digits + check_digit(digits)
    at = data.draw(st.integers(0, len(pan) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != pan[at]]))
    assert not is_pan(pan[:at] + other + pan[at + 1 :])


@pytest.mark.parametrize(
    "text", ["", "0", "41111111111", "4111 1111 1111 1111", "٤١١١١١١١١١١١١١١١", "4" * 20, "4111111111111111="]
)
def test_what_is_no_pan(text: str) -> None:
    assert not is_pan(text)


@pytest.mark.parametrize("prefix", TEST_PREFIXES)
def test_ranges_set_aside_for_tests(prefix: str) -> None:
    assert is_test_number(prefix)
    assert is_test_number(prefix + "00")
    assert not is_test_number(prefix[:-1])


def test_a_prefix_of_a_published_number_is_not_for_tests() -> None:
    assert not is_test_number("411111")
