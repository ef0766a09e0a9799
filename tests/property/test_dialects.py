"""The shipped dialects against pyiso8583, whose specifications for them are written apart from ours."""

from typing import Any

import iso8583
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.iso8583 import _codec_c, _codec_py
from switch.iso8583.codec import EncodeError
from switch.iso8583.dialect import load
from tests.support.foreign import SPECS
from tests.support.iso8583_samples import SHORT_PURCHASE
from tests.support.iso8583_strategies import documents, in_its_encodings

CODECS = pytest.mark.parametrize("codec", [_codec_c, _codec_py], ids=["native", "twin"])
NAMES = ["cb", "iso87-ebcdic"]


@CODECS
@pytest.mark.parametrize("name", NAMES)
@given(st.data())
@settings(max_examples=100, deadline=None)
def test_what_it_writes_is_what_pyiso8583_writes_and_reads(codec: Any, name: str, data: st.DataObject) -> None:
    spec, layout = SPECS[name], codec.Layout(load(name).spec)
    doc = data.draw(documents(spec).filter(lambda doc: in_its_encodings(doc, spec)))
    try:
        frame = layout.encode(doc)
    except EncodeError:
        return  # ours refuses more: what is no digit where digits are due
    assert frame == iso8583.encode(dict(doc), spec)[0]
    decoded = iso8583.decode(frame, spec)[0]
    read = layout.decode(frame)
    assert {key: decoded[key] for key in doc} == {key: read[key] for key in doc}


@CODECS
@pytest.mark.parametrize("name", NAMES)
def test_a_purchase_goes_there_and_back(codec: Any, name: str) -> None:
    """Spliced from each 1987 dialect into the other, as the switch forwards and answers."""
    doc = SHORT_PURCHASE | {"35": "4687380000000003D2812201"}
    other, here = codec.Layout(load("iso87-bcd").spec), codec.Layout(load(name).spec)
    view = other.scan(other.encode(doc))
    numbers = list(view.fields())
    forwarded = here.emit("0100", view, here.mask(numbers), {})
    assert iso8583.decode(forwarded, SPECS[name])[0]["35"] == "4687380000000003=2812201"
    back = other.emit("0100", here.scan(forwarded), other.mask(numbers), {})
    assert back == view.frame


def test_an_ebcdic_message_by_hand() -> None:
    frame = load("iso87-ebcdic").layout.encode(
        {
            "t": "0100",
            "2": "4687380000000003",
            "35": "4687380000000003=2812",
            "41": "TERM-1 A",
            "52": "0123456789ABCDEF",
        }
    )
    expected = [
        "F0F1F0F0", "4000000020801000", "F1F6 F4F6F8F7F3F8F0F0F0F0F0F0F0F0F0F3",
        "F2F1 F4F6F8F7F3F8F0F0F0F0F0F0F0F0F0F3 7E F2F8F1F2", "E3C5D9D460F140C1", "0123456789ABCDEF",
    ]  # fmt: skip
    assert frame == bytes.fromhex("".join(expected))
