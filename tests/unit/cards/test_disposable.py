"""Disposable numbers: their form, that no two are the same, and that their digits look random."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.disposable import MAX_TRIES, RangeExhaustedError, cvv2_for, expiry_for, number_for
from switch.cards.pan import check_digit, is_pan

PAN = "4687380000000016"
KEY = bytes(range(32))

PANS = st.text("0123456789", min_size=11, max_size=18).map(lambda digits: digits + check_digit(digits))
SERIALS = st.integers(0, 2**64 - 1)
KEYS = st.binary(min_size=32, max_size=32)

# Chi-square, the value that random digits exceed once in 1000 times, by degrees of freedom (NIST/SEMATECH e-Handbook,
# section 1.3.6.7.4; for 999 by Wilson and Hilferty). Keys are fixed: a test passes always or never.
CHI_SQUARE = {9: 27.877, 23: 49.728, 99: 148.230, 999: 1142.85}
SAMPLES = 20_000


def free(number: str) -> bool:
    """Whether a number is taken: none is."""
    return False


def numbers_of(pan: str, count: int) -> list[str]:
    return [number_for(pan, epoch=1, serial=serial, key=KEY, taken=free) for serial in range(count)]


def looks_random(seen: list[str], cells: int) -> bool:
    """Whether each of `cells` values comes as often as it should."""
    counts = Counter(seen)
    expected = len(seen) / cells
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    return statistic + (cells - len(counts)) * expected < CHI_SQUARE[cells - 1]


@given(PANS, SERIALS, KEYS)
def test_form(pan: str, serial: int, key: bytes) -> None:
    number = number_for(pan, epoch=1, serial=serial, key=key, taken=free)
    assert is_pan(number)
    assert len(number) == len(pan)
    assert number[:6] == pan[:6]
    assert number[-4:] != pan[-4:]


@given(PANS, SERIALS, KEYS)
def test_the_same_again_from_the_same(pan: str, serial: int, key: bytes) -> None:
    first, second = (number_for(pan, epoch=1, serial=serial, key=key, taken=free) for _ in range(2))
    assert first == second


def test_card_epoch_serial_and_key_each_change_it() -> None:
    numbers = {
        number_for(pan, epoch=epoch, serial=serial, key=key, taken=free)
        for pan in (PAN, "4687380000000024")
        for epoch in (1, 2)
        for serial in (1, 2)
        for key in (KEY, bytes(32))
    }
    assert len(numbers) == 16


def test_a_taken_number_is_passed_over() -> None:
    first = number_for(PAN, epoch=1, serial=1, key=KEY, taken=free)
    second = number_for(PAN, epoch=1, serial=1, key=KEY, taken={first}.__contains__)
    assert second != first


def test_none_is_given_twice_in_a_small_range() -> None:
    """A card of 12 digits has a range of 10⁵, and 50,000 numbers are found in it."""
    pan = "46873800001" + check_digit("46873800001")
    live = {pan}
    for serial in range(50_000):
        number = number_for(pan, epoch=1, serial=serial, key=KEY, taken=live.__contains__)
        assert number not in live
        live.add(number)


def test_an_exhausted_range_says_so_without_the_card() -> None:
    tried: list[str] = []

    def taken(number: str) -> bool:
        tried.append(number)
        return True

    with pytest.raises(RangeExhaustedError, match="range 468738 of 16 digits") as error:
        number_for(PAN, epoch=1, serial=1, key=KEY, taken=taken)
    assert PAN not in str(error.value)
    assert len(set(tried)) == MAX_TRIES


def test_the_cards_last_four_are_avoided_not_only_by_chance() -> None:
    """Cards whose first try would end as they do: among 60,000 pairs there are about six."""
    numbers = numbers_of(PAN, 1000)
    for tail in range(60):
        digits = f"46873800000{tail:04}"
        pan = digits + check_digit(digits)
        assert all(
            number_for(pan, epoch=2, serial=serial, key=KEY, taken=free)[-4:] != pan[-4:] for serial in range(1000)
        )
    assert all(number[-4:] != PAN[-4:] for number in numbers)


def test_digits_look_random() -> None:
    """Each place by itself, neighbours, and a place with the same one in the next number."""
    numbers = numbers_of(PAN, SAMPLES)
    for place in range(6, 16):
        assert looks_random([number[place] for number in numbers], 10)
    for place in range(6, 15):
        assert looks_random([number[place : place + 2] for number in numbers], 100)
        following = pairwise(numbers)
        assert looks_random([one[place] + other[place] for one, other in following], 100)


def test_digits_look_random_across_cards() -> None:
    pans = [digits + check_digit(digits) for digits in (f"46873800{index:07}" for index in range(SAMPLES))]
    numbers = [number_for(pan, epoch=1, serial=1, key=KEY, taken=free) for pan in pans]
    for place in range(6, 16):
        assert looks_random([number[place] for number in numbers], 10)
        assert looks_random([number[place] + pan[14] for number, pan in zip(numbers, pans, strict=True)], 100)


@pytest.mark.parametrize("pan", ["", "4687380000000017", "46873800000", "4687380000000016=", "x" * 16])
def test_what_is_no_card_has_no_disposable_numbers(pan: str) -> None:
    with pytest.raises(ValueError, match="card number") as refused:
        number_for(pan, epoch=1, serial=1, key=KEY, taken=free)
    assert not pan or pan not in str(refused.value)


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        number_for(PAN, epoch=1, serial=1, key=bytes(16), taken=free)


@given(PANS, st.integers(0, 99), st.integers(1, 12), KEYS)
def test_an_expiry_does_not_come_before_the_last_month(number: str, year: int, month: int, key: bytes) -> None:
    expiry = expiry_for(number, f"{year:02}{month:02}", key)
    assert 1 <= int(expiry[2:]) <= 12
    later = 12 * int(expiry[:2]) + int(expiry[2:]) - 12 * year - month
    assert 0 <= later % 1200 < 24


@pytest.mark.parametrize("month", ["", "2800", "2813", "28013", "2a01", "٢٨٠١"])
def test_an_expiry_is_a_month(month: str) -> None:
    with pytest.raises(ValueError, match="YYMM"):
        expiry_for(PAN, month, KEY)


def test_cvv2_and_expiry_look_random() -> None:
    numbers = numbers_of(PAN, SAMPLES)
    codes = [cvv2_for(number, "2812", KEY) for number in numbers]
    assert all(len(code) == 3 and code.isdigit() for code in codes)
    assert looks_random(codes, 1000)
    assert looks_random([expiry_for(number, "2801", KEY) for number in numbers], 24)


def test_a_cvv2_goes_with_its_number_its_expiry_and_its_key() -> None:
    codes = [cvv2_for(PAN, "2812", KEY), cvv2_for(PAN, "2901", KEY), cvv2_for(PAN, "2812", bytes(32))]
    assert len({*codes, cvv2_for("4687380000000024", "2812", KEY)}) == 4
