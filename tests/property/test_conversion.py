"""What the rules say in 1987 survives 1993 and back; what comes in 1993 is answered whatever it is. Native and twin."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from switch.core import fields as de
from switch.core.context import response_mti
from switch.iso8583 import _codec_c, _codec_py, interpreter
from switch.iso8583.codec import FormatError
from switch.iso8583.dialect import load
from switch.iso8583.interpreter import Interpreter
from tests.support.foreign import Doc
from tests.support.iso8583_strategies import mutations

NOW = 1_795_219_200.0  # 21 November 2026
CODECS = pytest.mark.parametrize("codec", [_codec_c, _codec_py], ids=["native", "twin"])
RAW = load("iso93-ascii")


def interpreter_of(codec: Any) -> Interpreter:
    """An interpreter for iso93-ascii on this codec."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreter, "Layout", codec.Layout)
        layout = RAW.for_link().layout
    assert isinstance(layout, Interpreter)
    layout.now = NOW
    return layout


INTERPRETERS = {codec: interpreter_of(codec) for codec in (_codec_c, _codec_py)}

# DE 39 that both editions have one code for each; 00 is accepted in all classes.
REVERSIBLE = sorted(INTERPRETERS[_codec_py]._converter.edition.action_of.keys() - {"00"})


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def texts(longest: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=longest)


days = st.dates().map(lambda day: f"{day:%m%d}")
times = st.times().map(lambda time: f"{time:%H%M%S}")
transmitted = st.builds(str.__add__, days, times)
acquirers = digits(11).filter(lambda text: text[0] != "0")
hexes = st.binary(min_size=1, max_size=40).map(lambda raw: raw.hex().upper())


@st.composite
def originals(draw: st.DrawFn) -> str:
    mti = draw(st.sampled_from(["0100", "0200", "0120", "0220"]))
    return mti + draw(digits(6)) + draw(transmitted) + draw(acquirers) + "0" * 11


COMMON = {
    "2": digits(16), "3": digits(6), "7": transmitted, "11": digits(6), "15": days, "32": acquirers,
    "37": texts(12).map(lambda text: text.ljust(12)), "41": texts(8).map(lambda text: text.ljust(8)),
    "42": texts(15).map(lambda text: text.ljust(15)), "49": st.sampled_from(["978", "250"]), "48": texts(99),
    "54": texts(120), "55": hexes, "60": texts(99), "62": texts(99), "63": texts(99),
}  # fmt: skip
MANDATORY = ("2", "3", "7", "11", "32", "37", "41", "42", "49")
REQUEST = {
    "12": times, "13": days, "14": days, "22": st.sampled_from(["051", "052", "021", "022", "020", "010", "012"]),
    "25": st.just("06"), "35": st.just("4687380000000003=28121011234"), "52": digits(16), "90": originals(),
    "43": texts(40).map(lambda text: text.ljust(40)),
}  # fmt: skip
TOTALS = {str(number): digits(10) for number in (74, 75, 76, 77, 80, 81)}
TOTALS |= {str(number): digits(16) for number in (86, 87, 88, 89)} | {"97": digits(16).map("C".__add__)}
MESSAGE_TYPES = [
    "0100",
    "0101",
    "0110",
    "0120",
    "0121",
    "0130",
    "0200",
    "0201",
    "0210",
    "0220",
    "0230",
    "0400",
    "0410",
    "0420",
    "0421",
    "0430",
    "0500",
    "0510",
    "0520",
    "0521",
    "0530",
    "0800",
    "0801",
    "0810",
]


@st.composite
def documents(draw: st.DrawFn) -> Doc:
    """A message as the rules, the simulated issuers and acquirers exchange it."""
    mti = draw(st.sampled_from(MESSAGE_TYPES))
    asking, kind = mti[2] in "02", mti[1]
    fields: dict[str, st.SearchStrategy[str]] = dict(COMMON)
    must = set(MANDATORY) if kind in "124" else {"7", "11"}
    if kind in "12" and asking:
        fields |= REQUEST
        if kind == "2":
            del fields["25"]
    if kind in "124":
        must.add("4")
        fields["4"] = digits(12)
    if kind == "4" and asking:
        must.add("90")
        rest = "0" * 12 + "D00000000" * 2
        fields |= {"90": originals(), "39": st.just("68"), "95": digits(12).map(lambda amount: amount + rest)}
    if kind == "5":
        fields |= TOTALS | {"50": st.just("978")}
    if kind == "8":
        must.add("70")
        fields["70"] = st.sampled_from(["001", "002", "101", "201", "301"])
    doc = {"t": mti}
    for key, strategy in fields.items():
        if key in must or draw(st.booleans()):
            doc[key] = draw(strategy)
    if not asking:
        doc["39"] = draw(st.sampled_from(["00", "00", *REVERSIBLE]))
        if kind == "5" and doc["39"] == "00":
            doc["66"] = draw(st.sampled_from("123"))
        if kind == "5" and doc["39"] == "95":
            doc["39"] = "96"
    if "12" in doc or "13" in doc:
        doc |= {"12": doc.get("12") or draw(times), "13": doc.get("13") or draw(days)}
    return doc


@CODECS
@given(doc=documents())
@settings(max_examples=300, deadline=None)
def test_what_is_said_in_1987_is_heard_again(codec: Any, doc: Doc) -> None:
    layout = INTERPRETERS[codec]
    frame = layout.encode(doc)
    sent, back = RAW.layout.decode(frame), layout.decode(frame)
    assert sent["t"][0] == "1"
    assert {key: back[key] for key in doc if key in back} == doc
    added = {int(key) for key in back if key.isdecimal() and key != "1" and key not in doc}
    assert {number for number in added if number <= 128} <= ({12, 13} if doc["t"][2] in "02" else set())


@CODECS
@given(doc=documents())
@settings(max_examples=60, deadline=None)
def test_native_and_twin_speak_alike(codec: Any, doc: Doc) -> None:
    assert INTERPRETERS[codec].encode(doc) == INTERPRETERS[_codec_py].encode(doc)


@CODECS
@given(doc=documents())
@settings(max_examples=100, deadline=None)
def test_what_is_forwarded_unchanged_is_the_same_frame(codec: Any, doc: Doc) -> None:
    """Requests: what came in 1993 leaves as it came."""
    if doc["t"][2] not in "02":
        return
    layout = INTERPRETERS[codec]
    frame = layout.encode(doc)
    view = layout.scan(frame)
    assert layout.emit(view.mti, view, layout.mask(range(2, 129)), {}) == frame


@CODECS
@given(doc=documents(), data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_damage_is_an_error_with_its_place_and_can_be_answered(codec: Any, doc: Doc, data: st.DataObject) -> None:
    """R18: whatever came, what was read of it is enough to answer it; nothing but a FormatError ever comes out."""
    layout = INTERPRETERS[codec]
    frame = data.draw(mutations(layout.encode(doc)))
    fault = None
    try:
        view = layout.scan(frame)
    except FormatError as error:
        view, fault = error.partial, error
    assert view.complete or fault is not None
    assert fault is None or 0 <= fault.position <= len(frame)
    if view.mti and view.mti[2] in "02":
        answer = layout.emit(response_mti(view.mti), view, layout.mask((*de.ECHOED, de.NETWORK_CODE)), {39: "30"})
        read = RAW.layout.decode(answer)
        assert read["39"] == "904"
        assert read.get("11") == view.text(11)


@CODECS
@given(code=st.integers(0, 999).map("{:03d}".format), kind=st.sampled_from("1248"))
@example(code="000", kind="1")
@settings(max_examples=200, deadline=None)
def test_every_action_code_has_a_response_code(codec: Any, code: str, kind: str) -> None:
    """An approval is never heard as a decline nor a decline as an approval."""
    mti = {"1": "1110", "2": "1210", "4": "1430", "8": "1814"}[kind]
    heard = INTERPRETERS[codec].scan(RAW.layout.encode({"t": mti, "11": "000001", "39": code})).text(39)
    assert heard is not None
    approved = heard in ("00", "08", "10", "11", "16")
    assert approved == (code[0] == "0" or code in ("300", "400", "600", "700", "800", "900", "901"))
