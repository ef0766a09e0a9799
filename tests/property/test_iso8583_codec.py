"""Layouts over random specifications: against pyiso8583, against themselves, and native against twin."""

from collections.abc import Callable
from typing import Any

import iso8583
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.iso8583 import _codec_c, _codec_py
from switch.iso8583.codec import EncodeError, FormatError
from switch.iso8583.dialect import load
from tests.support.iso8583_strategies import Spec, documents, mutations, specs

CODECS = pytest.mark.parametrize("codec", [_codec_c, _codec_py], ids=["native", "twin"])
SHIPPED = [load(name).spec for name in ("iso87-ascii", "iso87-bcd", "iso87-ebcdic", "iso93-ascii")]


@st.composite
def plain_specs(draw: st.DrawFn) -> Spec:
    """As pyiso8583 means them: a pad that it could not find again, in lower case, is none."""
    spec = draw(specs())
    for entry in spec.values():
        for pad in ("left_pad", "right_pad"):
            if entry.get(pad, "").islower():
                del entry[pad]
    return spec


@st.composite
def classed_specs(draw: st.DrawFn) -> Spec:
    """With what our dialects add: numeric fields, tracks, no third bitmap."""
    spec = draw(st.one_of(specs(), st.sampled_from(SHIPPED)))
    spec = {key: dict(entry) for key, entry in spec.items()}
    for key in draw(st.lists(st.sampled_from(sorted(spec)), max_size=4)):
        spec[key] |= draw(st.sampled_from([{"class": "n"}, {"class": "ans"}, {"track": True}]))
    spec["1"]["tertiary"] = draw(st.booleans())
    return spec


def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except FormatError as error:
        return error.field, error.position, error.reason, str(error), seen(error.partial)
    except (EncodeError, ValueError) as error:
        return type(error), str(error)


def wire_or_field(encode: Callable[..., Any], doc: dict[str, str], spec: Spec) -> bytes | str:
    """The message, or the field that could not be encoded."""
    try:
        return bytes(encode(doc, spec)[0])
    except (EncodeError, iso8583.EncodeError) as error:
        return error.field


def fits(layout: Any, key: str, text: str) -> bool:
    """Can the layout write this value?"""
    return isinstance(attempt(layout.encode, {"t": "0100", key: text}), bytes)


def seen(view: Any) -> Any:
    """Everything a view can tell."""
    numbers = [0, *view.fields()]
    values = [(number, view.has(number), view.span(number), view.raw(number), view.text(number)) for number in numbers]
    return view.mti, view.complete, view.fields(), repr(view), values


@CODECS
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_encode_and_decode_as_pyiso8583(codec: Any, data: st.DataObject) -> None:
    spec = data.draw(plain_specs())
    layout = codec.Layout(spec)
    doc = data.draw(documents(spec))
    frame = wire_or_field(iso8583.encode, dict(doc), spec)
    ours = wire_or_field(lambda *_: (layout.encode(doc),), doc, spec)
    if isinstance(frame, str) and _substituted(frame, doc, spec):
        return
    assert ours == frame
    if isinstance(frame, str):
        return
    mutated = data.draw(mutations(frame))
    try:
        ours = layout.decode(mutated)
    except FormatError:
        assert mutated != frame or _one_way(frame, spec)
        return
    try:
        theirs = iso8583.decode(mutated, spec)[0]
    except iso8583.DecodeError:  # a pad or a character that says nothing to us: written anew, both read the same
        written = attempt(layout.encode, ours)
        assert not isinstance(written, bytes) or layout.decode(written) == iso8583.decode(written, spec)[0]
        return
    assert ours == theirs


def _substituted(field: str, doc: dict[str, str], spec: Spec) -> bool:
    """Does pyiso8583 refuse this field for a character that its encoding lacks?"""
    try:
        doc[field].encode(spec[field]["data_enc"])
    except (LookupError, UnicodeError):
        return field.isdecimal() and spec[field]["data_enc"] != "b"
    return False


def _one_way(frame: bytes, spec: Spec) -> bool:
    """Did pyiso8583 write what it cannot read back, as an odd count without a pad?"""
    try:
        iso8583.decode(frame, spec)
    except iso8583.DecodeError:
        return True
    return False


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_native_and_twin_agree(data: st.DataObject) -> None:
    spec = data.draw(classed_specs())
    layouts = [attempt(codec.Layout, spec) for codec in (_codec_c, _codec_py)]
    if isinstance(layouts[0], tuple):
        assert layouts[0] == layouts[1]
        return
    native, twin = layouts
    doc = data.draw(documents(spec))
    frame = attempt(native.encode, doc)
    assert frame == attempt(twin.encode, doc)
    if not isinstance(frame, bytes):
        return
    frame = data.draw(mutations(frame))
    assert attempt(native.decode, frame) == attempt(twin.decode, frame)
    assert attempt(lambda: seen(native.scan(frame))) == attempt(lambda: seen(twin.scan(frame)))


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_native_and_twin_splice_alike(data: st.DataObject) -> None:
    target, other = data.draw(classed_specs()), data.draw(classed_specs())
    docs = [data.draw(documents(target)), data.draw(documents(other))]
    numbers = st.sets(st.integers(2, 192), max_size=60)
    masks = [data.draw(st.one_of(st.just(range(2, 193)), numbers)) for _ in docs]
    fields = st.sampled_from([0, *(int(key) for key in target if key.isdecimal())])
    patches = data.draw(
        st.dictionaries(fields, st.one_of(st.none(), st.text("0123456789ABCD", max_size=12)), max_size=4)
    )

    def spliced(codec: Any) -> Any:
        layouts = [codec.Layout(spec) for spec in (target, other)]
        views = [layout.scan(layout.encode(doc)) for layout, doc in zip(layouts, docs, strict=True)]
        spliced = [
            layouts[0].emit("0110", view, codec.FieldMask(mask), patches)
            for view, mask in zip(views, masks, strict=True)
        ]
        put = codec.Patches()
        for number, text in patches.items():
            put.put(number, text)
        again = layouts[0].emit("0110", views[1], codec.FieldMask(masks[1]), put)
        return spliced, again, views[0].patch(patches), views[0].patch({}, mti="0420")

    assert attempt(spliced, _codec_c) == attempt(spliced, _codec_py)


@CODECS
@given(st.data())
@settings(max_examples=100, deadline=None)
def test_an_empty_patch_gives_the_same_message(codec: Any, data: st.DataObject) -> None:
    spec = data.draw(st.sampled_from(SHIPPED))
    layout = codec.Layout(spec)
    doc = data.draw(documents(spec))
    frame = layout.encode({key: text for key, text in doc.items() if fits(layout, key, text)})
    view = layout.scan(frame)
    assert view.patch({}) == frame == layout.encode(layout.decode(frame))
    patch = {number: view.text(number) for number in view.fields()}
    assert layout.emit(view.mti, None, None, patch) == frame
