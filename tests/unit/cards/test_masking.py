"""The net under all output: what it takes for a card number, and what it leaves alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.masking import without_card_numbers
from switch.cards.pan import check_digit

PAN, DINERS, OLD_VISA, LONG = "4916338506082832", "30569309025904", "4222222222222", "4000000000000000006"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (PAN, "491633******2832"),
        (f"card {DINERS}, card {OLD_VISA}.", "card 305693****5904, card 422222***2222."),
        (LONG, "400000*********0006"),
        ("4916 3385 0608 2832", "4916 33** **** 2832"),
        ("3782-822463-10005", "3782-82****-*0005"),
        (f"B{PAN}^NAME^2812", "B491633******2832^NAME^2812"),
        (f"{PAN}=28122011234567890", "491633******2832=281220*******7890"),
        (f"{PAN}D2812201", "491633******2832D2812201"),
        (f"5A08{PAN}9F26", "5A084916*********8329F26"),
        (f"16{PAN}000000000000001250", "*" * 36),
        (PAN.encode().hex(), "343931363333************32383332"),
        (PAN.encode("cp500").hex().upper(), "F4F9F1F6F3F3************F2F8F3F2"),
        (PAN.encode().hex(" "), "34 39 31 36 33 33 ** ** ** ** ** ** 32 38 33 32"),
        (PAN.encode().hex(":"), "34:39:31:36:33:33:**:**:**:**:**:**:32:38:33:32"),
        (", ".join(f"0x{byte:02x}" for byte in DINERS.encode()),
         "0x33, 0x30, 0x35, 0x36, 0x39, 0x33, 0x**, 0x**, 0x**, 0x**, 0x35, 0x39, 0x30, 0x34"),
    ],
)  # fmt: skip
def test_card_numbers(text: str, masked: str) -> None:
    assert without_card_numbers(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "903509905164 000001 1130221812 000000001250",  # RRN, STAN, DE 7, DE 4
        PAN[:-1] + "3",  # the wrong check digit
        "0000000000123455",  # DE 86 to 89: an amount
        '{"ts":1795309114.855107,"ms":0.4916338506082832}',
        "0100" + "000001" + "1130221812" + "00012345674" + "0" * 11,  # DE 90
        "000000123400" + "000000000000" + "C00000000" * 2,  # DE 95
        "a" * 23 + PAN + "f" * 25,  # a SHA-256 sum
        "468738******0016",
    ],
)
def test_what_cannot_be_one(text: str) -> None:
    assert without_card_numbers(text) == text


@given(st.from_regex("[1-9][0-9]{11,17}", fullmatch=True), st.text("abc: ,-", max_size=5), st.data())
def test_no_form_of_any_card_number_gets_through(digits: str, around: str, data: st.DataObject) -> None:
    """As characters and in the hexadecimal form of characters, whatever stands around it."""
    number = digits + check_digit(digits)
    forms = [number, number.encode().hex(), number.encode("cp500").hex(), number.encode("cp500").hex().upper()]
    text = around + data.draw(st.sampled_from(forms)) + " " + around
    shown = without_card_numbers(text)
    assert len(shown) == len(text)
    assert not any(form in shown for form in forms)
