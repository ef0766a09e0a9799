"""Records by mark, over the seams of their blocks, against plain objects."""

import random
from typing import Any

import pytest

from switch.cards.number_records import BLOCK, NOT_KNOWN, Number, NumberRecords

FIXED = (
    "number", "card", "digits", "expiry", "card_expiry", "place", "currency", "cap", "single", "valid_until",
)  # fmt: skip
CHANGING = ("used", "uses", "cancelled_at", "cvv2")
COUNT = 2 * BLOCK + 3


def drawn(draws: random.Random) -> Number:
    number = Number()
    number.digits = draws.randint(12, 19)
    number.number, number.card = (draws.randrange(10**number.digits) for _ in range(2))
    number.expiry, number.card_expiry = draws.randrange(10_000), draws.choice([NOT_KNOWN, 0, 9912])
    number.place, number.currency, number.cap = draws.randrange(70_000), draws.randrange(2), draws.randrange(10**12)
    number.single, number.valid_until = draws.random() < 0.5, draws.random() * 2e9
    change(number, draws)
    return number


def change(number: Number, draws: random.Random) -> None:
    number.used, number.uses = draws.randrange(-(10**15), 10**15), draws.randrange(-5, 100_000)
    number.cancelled_at, number.cvv2 = draws.random() * 2e9, draws.randrange(NOT_KNOWN, 1000)


def values(number: Number) -> dict[str, Any]:
    return {name: getattr(number, name) for name in FIXED + CHANGING}


def test_what_goes_in_comes_out() -> None:
    draws, records, known = random.Random(1), NumberRecords(), []
    for mark in range(1, COUNT + 1):
        number, sealed = drawn(draws), draws.randbytes(draws.randrange(200))
        assert records.append(number, sealed) == mark == len(records)
        known.append((values(number), sealed))
    for mark in draws.sample(range(1, COUNT + 1), COUNT // 2):
        found = records.get(mark)
        change(found, draws)
        records.put(mark, found)
        known[mark - 1] = (values(found), known[mark - 1][1])
    assert [(values(records.get(mark)), records.sealed(mark)) for mark in range(1, COUNT + 1)] == known


def test_only_what_may_change_does() -> None:
    draws, records = random.Random(2), NumberRecords()
    first, other = drawn(draws), drawn(draws)
    records.append(first, b"")
    records.put(1, other)
    expected = {name: getattr(first, name) for name in FIXED} | {name: getattr(other, name) for name in CHANGING}
    assert values(records.get(1)) == expected


@pytest.mark.parametrize(("number", "digits", "text"), [(12, 12, "0" * 10 + "12"), (10**19 - 1, 19, "9" * 19)])
def test_leading_zeros_and_the_longest(number: int, digits: int, text: str) -> None:
    record = Number()
    record.number = record.card = number
    record.digits = digits
    assert (record.text(), record.pan()) == (text, text)


@pytest.mark.parametrize("mark", [-1, 0, 2, BLOCK + 1])
def test_a_mark_that_there_is_not(mark: int) -> None:
    records = NumberRecords()
    records.append(Number(), b"sealed")
    for ask in (records.get, records.sealed, lambda mark: records.put(mark, Number())):
        with pytest.raises(IndexError):
            ask(mark)
