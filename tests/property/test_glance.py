"""A glance at a record says what decoding it would have said, or nothing: over odd records and any bytes."""

from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.core import _glance_c, _glance_py, records  # type: ignore[attr-defined]  # compiled
from switch.core.transaction import reference_of

ASKED = ("number", "link", "issuer", "issuer_stan", "key", "processing_code", "amount", "currency", "business_date")
ENDED = ("number", "at", "approved", "approved_amount")
BOTH = pytest.mark.parametrize("module", [_glance_c, _glance_py], ids=["native", "twin"])

# Around each size at which MessagePack changes its encoding.
numbers = st.one_of(
    st.integers(0, 2**63 - 1), st.sampled_from([0, 127, 128, 255, 256, 2**16, 2**32 - 1, 2**32, 2**63 - 1])
)
odd_numbers = st.one_of(numbers, st.sampled_from([-1, -33, -(2**63), 2**63, 2**64 - 1]))
times = st.floats(allow_nan=False)
words = st.text(st.characters(codec="ascii"), max_size=20)
odd_words = st.one_of(
    words, st.text(max_size=5), st.integers(0, 300).map("x".__mul__), st.just("y" * 65_535), st.just("z" * 65_536)
)
blobs = st.one_of(st.binary(max_size=50), st.sampled_from([255, 256, 65_535]).map(bytes))
odd_blobs = st.one_of(blobs, st.just(bytes(65_536)))

Some = dict[type, st.SearchStrategy[Any]]
USUAL: Some = {str: words, bytes: blobs, int: numbers, float: times, bool: st.booleans()}
ODD: Some = USUAL | {str: odd_words, bytes: odd_blobs, int: odd_numbers}


def made(kind: type, of: Some) -> st.SearchStrategy[Any]:
    """Records of a kind, their fields by type."""
    return st.builds(kind, **{field.name: of[field.type] for field in msgspec.structs.fields(kind)})


ordinary_intents = made(records.Intent, USUAL).map(
    lambda intent: msgspec.structs.replace(intent, mti="0100", preauthorised=False, original=0, mark=0)
)
intents, outcomes = made(records.Intent, ODD), made(records.Outcome, ODD)


def told(seen: object, names: tuple[str, ...]) -> tuple[object, ...] | None:
    return None if seen is None else tuple(getattr(seen, name) for name in names)


def both(payload: bytes) -> list[tuple[tuple[object, ...] | None, tuple[object, ...] | None]]:
    """What each says of a record: as an intent and as an outcome."""
    glances = [module.Glance() for module in (_glance_c, _glance_py)]
    return [(told(glance.asked(payload), ASKED), told(glance.ended(payload), ENDED)) for glance in glances]


def agree(payload: bytes) -> None:
    native, twin = both(payload)
    assert native in (twin, (None, None))


@BOTH
@given(st.data())
def test_of_ordinary_records_it_says_what_is_needed(module: ModuleType, data: st.DataObject) -> None:
    glance = module.Glance()  # one for several: it keeps what repeats itself
    for intent in data.draw(st.lists(ordinary_intents, min_size=1, max_size=4)):
        payload = records.encode(intent)
        asked = glance.asked(payload)
        key = reference_of(intent.acquirer_id, intent.stan, intent.rrn, intent.terminal, intent.mti)
        assert told(asked, ASKED) == tuple(key if name == "key" else getattr(intent, name) for name in ASKED)
        assert asked.record == payload
        assert glance.ended(payload) is None
    for outcome in data.draw(st.lists(made(records.Outcome, USUAL), min_size=1, max_size=4)):
        payload = records.encode(outcome)
        if outcome.reversal_owed and not outcome.approved:
            assert glance.ended(payload) is None
        else:
            assert told(glance.ended(payload), ENDED) == tuple(getattr(outcome, name) for name in ENDED)
        assert glance.asked(payload) is None


@BOTH
@pytest.mark.parametrize("change", [{"preauthorised": True}, {"original": 300}, {"mark": 1}, {"mti": "0"}, {"mti": ""}])
def test_of_an_intent_that_becomes_an_object_it_says_nothing(module: ModuleType, change: dict[str, object]) -> None:
    assert module.Glance().asked(records.encode(msgspec.structs.replace(ORDINARY, **change))) is None


@given(st.one_of(intents, outcomes))
def test_of_odd_values_it_says_the_same_or_nothing(record: records.Record) -> None:
    agree(records.encode(record))


@given(st.one_of(intents, outcomes), st.data())
def test_of_damaged_and_foreign_encodings_too(record: records.Record, data: st.DataObject) -> None:
    """Cut, lengthened, a byte changed, elements of other types, fewer or more of them, as other versions have."""
    payload = records.encode(record)
    at = data.draw(st.integers(0, min(len(payload) - 1, 400)), label="at")
    agree(payload[:at])
    agree(payload + data.draw(st.binary(min_size=1, max_size=3)))
    agree(payload[:at] + data.draw(st.binary(min_size=1, max_size=1)) + payload[at + 1 :])
    elements = msgspec.msgpack.decode(payload)
    place = data.draw(st.integers(0, len(elements) - 1), label="place")
    others: tuple[Any, ...] = (None, 1, 1.5, "text", b"bytes", True, -5, 2**64 - 1, [], {})
    for other in others:
        agree(msgspec.msgpack.encode([*elements[:place], other, *elements[place + 1 :]]))
    agree(msgspec.msgpack.encode(elements[:place]))
    agree(msgspec.msgpack.encode([*elements, "more"]))


@given(st.binary(max_size=100))
def test_of_any_bytes(payload: bytes) -> None:
    agree(payload)
    agree(b"\xdc\x00\x17\x01" + payload)
    agree(b"\x99\x02" + payload)


@BOTH
def test_a_record_is_bytes(module: ModuleType) -> None:
    for wrong in (None, "text", 7):
        with pytest.raises(TypeError):
            module.Glance().asked(wrong)
        with pytest.raises(TypeError):
            module.Glance().ended(wrong)


ORDINARY = records.Intent(
    1, 1e9, "acquirer", "0100", "10000000001", "000001", "R00000000001", "TERM0001", "1121", "000000", "000000002000",
    "978", "1121120000", "MERCHANT0000001", bytes(16), bytes(44), "issuer-1", 1, "261121",
)  # fmt: skip
