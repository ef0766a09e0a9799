"""A dialect file made of a specification writes and reads what pyiso8583 does with that specification."""

from collections.abc import Callable

import iso8583
from hypothesis import given, settings
from hypothesis import strategies as st
from iso8583.specs import default, default_ascii

from switch.documents import DocumentError
from switch.iso8583.codec import EncodeError, FormatError
from switch.iso8583.dialect import load_text, shipped_words
from switch.iso8583.pyiso8583 import to_toml
from tests.support.iso8583_samples import bcd_spec
from tests.support.iso8583_strategies import Spec, documents, in_its_encodings, mutations, specs


@st.composite
def plain_specs(draw: st.DrawFn) -> Spec:
    """Without a header, and without pads in lower case, which pyiso8583 writes and then does not find again."""
    spec = draw(specs())
    spec["h"] = dict(default["h"])
    spec["1"]["data_enc"] = spec["p"]["data_enc"]
    for entry in spec.values():
        for pad in ("left_pad", "right_pad"):
            if entry.get(pad, "").islower():
                del entry[pad]
    return spec


def sayable(spec: Spec) -> Spec:
    """What is left without the fields that a file cannot say; each of them was named."""
    try:
        to_toml(spec, "house", *shipped_words())
    except DocumentError as error:
        refused = {path.split(".")[1] for _, path in error.problems}
        assert all(key.isdecimal() for key in refused)
        return {key: entry for key, entry in spec.items() if key not in refused}
    return spec


def refused_field(frame: bytes, spec: Spec) -> str:
    """The field that pyiso8583 cannot read; "" where it reads all."""
    try:
        iso8583.decode(frame, spec)
    except iso8583.DecodeError as error:
        return error.field
    return ""


def written(encode: Callable[[], bytes | bytearray]) -> bytes | str:
    """The message, or the field that could not be written."""
    try:
        return bytes(encode())
    except (EncodeError, iso8583.EncodeError) as error:
        return error.field


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_byte_for_byte(data: st.DataObject) -> None:
    spec = sayable(data.draw(plain_specs()))
    if not any(key.isdecimal() and key != "1" for key in spec):
        return
    layout = load_text(to_toml(spec, "house", *shipped_words())).layout
    doc = data.draw(documents(spec).filter(lambda doc: in_its_encodings(doc, spec)))
    expected = written(lambda: iso8583.encode(dict(doc), spec)[0])
    assert written(lambda: layout.encode(doc)) == expected
    if isinstance(expected, str):
        return
    frame = data.draw(mutations(expected))
    try:
        got = layout.decode(frame)
    except FormatError:  # of the frame as it was written, only where pyiso8583 cannot read what it wrote
        assert frame != expected or refused_field(frame, spec)
        return
    refused = refused_field(frame, spec)
    if refused:  # the one thing that ours reads besides: characters that ASCII lacks
        assert not got[refused].isascii()
    else:
        assert got == iso8583.decode(frame, spec)[0]


def test_the_specifications_that_pyiso8583_ships() -> None:
    for spec in (default, default_ascii, bcd_spec()):
        dialect = load_text(to_toml(spec, "house", *shipped_words()))
        assert set(dialect.names) == {int(key) for key in spec if key.isdecimal()} - {1}
