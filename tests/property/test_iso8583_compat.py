"""`compat` against pyiso8583 itself: the same result, or the same error with the same attributes."""

import copy
from collections.abc import Callable
from typing import Any

import iso8583
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.iso8583 import compat
from tests.support.iso8583_strategies import documents, entries, mutations, specs


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or everything that can be seen of its exception."""
    try:
        result = function(*arguments)
    except Exception as error:
        return type(error), str(error), vars(error)
    return [type(part) for part in result], result, [list(part) for part in result]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_encode(data: st.DataObject) -> None:
    spec = data.draw(specs())
    ours = data.draw(documents(spec))
    if data.draw(st.integers(0, 4)) == 0:
        strange = ["1", "65", "p", "h", "bm", "0", "193", "02", "²", "129"]
        ours |= dict.fromkeys(data.draw(st.lists(st.sampled_from(strange), max_size=3)), "00")
    theirs = copy.deepcopy(ours)
    assert outcome(compat.encode, ours, spec) == outcome(iso8583.encode, theirs, spec)
    assert list(ours.items()) == list(theirs.items())


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_decode(data: st.DataObject) -> None:
    spec = data.draw(specs())
    try:
        frame = bytes(iso8583.encode(data.draw(documents(spec)), spec)[0])
    except (iso8583.EncodeError, KeyError):
        frame = data.draw(st.binary(max_size=60))
    frame = data.draw(mutations(frame))
    for given_frame in (frame, bytearray(frame)):
        assert outcome(compat.decode, given_frame, spec) == outcome(iso8583.decode, given_frame, spec)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_specification_may_change_between_calls(data: st.DataObject) -> None:
    spec = data.draw(specs())
    doc = data.draw(documents(spec))
    for _ in range(4):
        assert outcome(compat.encode, dict(doc), spec) == outcome(iso8583.encode, dict(doc), spec)
        key = data.draw(st.sampled_from(sorted(spec)))
        change = data.draw(entries())
        match data.draw(st.integers(0, 3)):
            case 0:
                spec[key] = change
            case 1:
                spec[key].clear()
                spec[key].update(change)
            case 2:
                name = data.draw(st.sampled_from(sorted(change)))
                spec[key][name] = change[name]
            case 3:
                spec.pop(key)
                spec.setdefault("h", change)
