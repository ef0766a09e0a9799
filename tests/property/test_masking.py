"""Frames in layouts of anybody's, with a card number in them: `describe` shows no eight digits of it in a row.

Whatever it takes the frame for. Layouts mix encodings, bitmaps, lengths and headers, most are nobody's; frames come as
bytes and in hexadecimal. The number stands in fields where one may be, in others, or between them. To search further:
`python -m tests.property.test_masking 60000`.
"""

import random
import sys
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from iso8583.specs import default_ascii

from switch.cards.pan import check_digit
from switch.commands.describe import as_json, as_lines
from switch.iso8583._codec_py import Layout
from switch.iso8583.dialect import SHIPPED, load
from switch.iso8583.errors import EncodeError
from switch.iso8583.readings import best_reading

DIALECTS = [load(name) for name in SHIPPED]
FIELDS = [2, 3, 4, 7, 11, 12, 13, 14, 18, 22, 25, 32, 34, 35, 37, 38, 39, 41, 42, 43, 45, 48, 49, 70, 90, 95, 102, 127]
NUMERIC = {2, 3, 4, 7, 11, 12, 13, 14, 18, 22, 25, 32, 70, 90}
DIGITS, CAPITALS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ "
PART = 8


def card_number(rng: random.Random) -> str:
    """13 to 19 digits, none of them 0 before the check digit: an amount must not have eight of them by chance."""
    digits = "".join(rng.choices("123456789", k=rng.choice([12, 14, 15, 15, 15, 15, 17, 18])))
    return digits + check_digit(digits)


def layout(rng: random.Random) -> dict[str, dict[str, Any]]:
    """A specification: one style for all fields, and sometimes another one for some."""
    spec = {key: dict(entry) for key, entry in default_ascii.items()}
    styles = [_style(rng) for _ in range(rng.choice([1, 1, 2, 3]))]
    spec["t"]["data_enc"] = rng.choice(["ascii", "b", "cp500"])
    spec["p"]["data_enc"] = spec["1"]["data_enc"] = rng.choice(["ascii", "b"])
    for field in FIELDS:
        entry, style = spec[str(field)], rng.choice(styles)
        if field in NUMERIC or field == 35:
            entry |= {"data_enc": style["digits"], "left_pad": rng.choice("0F"), "right_pad": ""}
            entry["len_count"] = "nibbles" if style["digits"] == "b" else "bytes"
        else:
            entry["data_enc"] = style["text"]
        if entry["len_type"]:
            entry["len_enc"] = style["lengths"]
            if style["lengths"] in ("b", "bcd"):
                entry["len_type"] = 1 if entry["max_len"] < 100 and rng.random() < 0.8 else 2
    return spec


def _style(rng: random.Random) -> dict[str, str]:
    return {
        "digits": rng.choice(["ascii", "b", "cp500"]),
        "text": rng.choice(["ascii", "ascii", "cp500"]),
        "lengths": rng.choice(["ascii", "b", "bcd", "cp500"]),
    }


def document(rng: random.Random, spec: dict[str, dict[str, Any]], number: str) -> dict[str, str]:
    """A message whose card number stands in one to three of its fields, or in none."""
    doc = {"t": rng.choice(["0100", "0110", "0200", "0420", "0800", "0810", "1100", "1804"])}
    fields = rng.sample(FIELDS, rng.randint(1, 12))
    for field in fields:
        entry = spec[str(field)]
        size = entry["max_len"] if not entry["len_type"] else rng.randint(1, min(entry["max_len"], 60))
        alphabet = DIGITS if field in NUMERIC or rng.random() < 0.3 else CAPITALS + DIGITS
        doc[str(field)] = _usual(field) if rng.random() < 0.5 else "".join(rng.choices(alphabet, k=size))
    for field in rng.sample(fields, rng.randint(0, min(3, len(fields)))):
        entry, text = spec[str(field)], _with_number(rng, field, number)
        if len(text) <= entry["max_len"]:  # nobody can tell half a card number from a time or a merchant's number
            doc[str(field)] = text if entry["len_type"] else text.ljust(entry["max_len"], "0")
    return {key: text for key, text in doc.items() if text}


def _usual(field: int) -> str:
    usual = {
        3: "000000", 4: "000000001250", 7: "1130221812", 11: "000001", 12: "221812", 13: "1130", 14: "2812", 18: "5999",
        22: "051", 25: "00", 32: "00000000001", 37: "633422000001", 38: "046809", 39: "00", 41: "TERM0001",
        42: "MERCHANT0000001", 43: "A SHOP                 PARIS        FR  ", 49: "978", 70: "301",
        90: "0100" + "000001" + "1130221812" + "00000000001" + "00000000000",
    }  # fmt: skip
    return usual.get(field, "")


def _with_number(rng: random.Random, field: int, number: str) -> str:
    if field == 2:
        return number
    if field == 35:
        return f"{number}D2812201" if rng.random() < 0.7 else number
    if field == 45:
        return f"B{number}^A CARDHOLDER^2812201"
    before = _usual(field)[: rng.choice([0, 0, 20])] or "".join(rng.choices(DIGITS + CAPITALS, k=rng.randint(0, 6)))
    return (
        (before if field not in NUMERIC or before.isdecimal() else "") + number + rng.choice(["", "=2812201", "0000"])
    )


def forms(number: str) -> Iterator[bytes]:
    """A card number as it may stand in a frame."""
    yield from (number.encode(), number.encode("cp500"), number.encode().hex().encode())
    yield from (
        bytes.fromhex(digits) for digits in (number + "0" * (len(number) % 2), "0" * (len(number) % 2) + number)
    )


def frame(rng: random.Random, number: str) -> bytes:
    """A frame that holds it."""
    while True:
        spec = layout(rng)
        doc = document(rng, spec, number)
        try:
            body = Layout(spec).encode(doc)
            break
        except EncodeError:
            continue
    if rng.random() < 0.3:
        at = rng.randint(0, len(body))
        body = body[:at] + rng.choice([*forms(number)]) + body[at:]
    if rng.random() < 0.2:
        body = body[: rng.randint(4, len(body))]
    header = rng.choice(
        [b"", b"", b"", b"ISO025000070", bytes.fromhex("6000030000"), rng.randbytes(rng.randint(1, 12))]
    )
    body = header + body
    return rng.choice([b"", b"", len(body).to_bytes(2, "big"), b"%04d" % len(body)]) + body


def shown_parts(number: str, told: str) -> list[str]:
    """Eight digits of the number that stand in what was told, as characters or in hexadecimal."""
    hexadecimal = "".join(character for character in told if character in "0123456789abcdefABCDEF*").upper()
    parts = [number[at : at + PART] for at in range(len(number) - PART + 1)]
    codes = [(part, form.hex().upper()) for part in parts for form in (part.encode(), part.encode("cp500"))]
    return [part for part in parts if part in told] + [part for part, code in codes if code in hexadecimal]


def leaks(rng: random.Random, *, named: bool) -> list[str]:
    """What describe shows of one frame's card number, and the frame."""
    number = card_number(rng)
    given_frame = frame(rng, number)
    data = given_frame if rng.random() < 0.5 else given_frame.hex().encode()
    dialects = [rng.choice(DIALECTS)] if named else DIALECTS
    reading = best_reading(data, dialects, named=named)
    text = as_lines(reading, clear=False, dump=False)
    dump = as_lines(reading, clear=False, dump=True)[len(text) :]
    pairs = "".join(line[6:54].replace(" ", "") for line in dump)
    characters = "".join(line[55:] for line in dump)
    told = ["\n".join(text), repr(as_json(reading, clear=False)), pairs, characters]
    found = [part for one in told for part in shown_parts(number, one)]
    return [*found, number, data.hex(), *text, *dump] if found else []


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**64))
def test_nobody_sees_a_card_number_in_a_layout_that_was_guessed(seed: int) -> None:
    assert leaks(random.Random(seed), named=False) == []


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64))
def test_nobody_sees_a_card_number_in_a_layout_that_was_named(seed: int) -> None:
    assert leaks(random.Random(seed), named=True) == []


if __name__ == "__main__":
    for extra in range(int(sys.argv[1])):
        for by_name in (False, True):
            if told_of := leaks(random.Random(extra), named=by_name):
                print(extra, by_name, *told_of, sep="\n")
