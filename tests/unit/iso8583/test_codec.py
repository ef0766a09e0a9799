"""Scanning, reading, writing and splicing messages, on the compiled codec and its twin."""

from typing import Any

import iso8583
import pytest
from iso8583.specs import default, default_ascii

from switch.iso8583 import codec as chooser
from switch.iso8583.codec import EncodeError, FormatError
from switch.iso8583.dialect import load
from switch.native import NATIVE
from tests.support.iso8583_samples import PURCHASE, SHORT_PURCHASE, bcd_spec

ASCII = load("iso87-ascii").spec
BCD = load("iso87-bcd").spec


def test_the_compiled_codec_is_the_one_in_use() -> None:
    expected = "twin" if not NATIVE else "native"
    assert expected == chooser.IMPLEMENTATION
    assert chooser.Layout.__module__.endswith("_codec_py" if expected == "twin" else "_codec_c")


# The example of pyiso8583's documentation, `iso8583.decode`.
DOCUMENTED = b"02004010100000000000161234567890123456123456111"


def test_reads_the_documented_example(codec: Any) -> None:
    view = codec.Layout(default_ascii).scan(DOCUMENTED)
    assert (view.mti, view.fields(), view.complete) == ("0200", (2, 12, 20), True)
    assert (view.text(2), view.text(12), view.text(20)) == ("1234567890123456", "123456", "111")
    assert (view.raw(2), view.span(2)) == (b"1234567890123456", (22, 38))
    assert view.has(12)
    assert not view.has(11)
    assert (view.text(11), view.raw(11), view.span(11)) == (None, None, None)


def test_every_byte_of_a_bcd_message(codec: Any) -> None:
    """By the definition of jPOS's iso87binary: each line is one field."""
    wire = bytes.fromhex(
        "0100"  # MTI
        "7000041120009000"  # bits 2 3 4 22 28 32 35 49 52
        "16 4687380000000003"
        "000000"
        "000000010000"
        "0051"  # three digits, a 0 before
        "43 00000100"  # "C" and eight digits
        "05 123450"  # five digits, a 0 behind
        "25 4687380000000003D281220100"  # 25 digits with the separator, a 0 behind
        "393738"  # characters
        "0123456789ABCDEF"
    )
    layout = codec.Layout(BCD)
    doc = {
        "t": "0100",
        "2": "4687380000000003",
        "3": "000000",
        "4": "000000010000",
        "22": "051",
        "28": "C00000100",
        "32": "12345",
        "35": "4687380000000003=28122010",
        "49": "978",
        "52": "0123456789ABCDEF",
    }
    assert layout.encode(doc) == wire
    assert layout.decode(wire) == doc | {"p": "7000041120009000", "35": "4687380000000003D28122010"}


@pytest.mark.parametrize("doc", [PURCHASE, SHORT_PURCHASE, {"t": "0800", "11": "000001", "70": "301"}, {"t": "0800"}])
def test_ascii_is_pyiso8583s_default_ascii(codec: Any, doc: dict[str, str]) -> None:
    frame, _ = iso8583.encode(dict(doc), default_ascii)
    for spec in (default_ascii, ASCII):
        layout = codec.Layout(spec)
        assert layout.encode(doc) == frame
        assert layout.decode(bytes(frame)) == iso8583.decode(frame, default_ascii)[0]


def test_bcd_is_what_an_independent_specification_writes(codec: Any) -> None:
    frame, _ = iso8583.encode(dict(SHORT_PURCHASE), bcd_spec())
    layout = codec.Layout(BCD)
    assert layout.encode(SHORT_PURCHASE) == frame
    assert layout.decode(bytes(frame)) == iso8583.decode(frame, bcd_spec())[0]


def test_every_field_of_the_bcd_dialect_against_the_independent_specification(codec: Any) -> None:
    layout, oracle = codec.Layout(BCD), bcd_spec()
    for number in sorted(set(range(2, 129)) - {65}):
        entry = oracle[str(number)]
        size = entry["max_len"] * (2 if entry["data_enc"] == "b" and "len_count" not in entry else 1)
        text = ("1234567890" * 200)[:size]
        signed = number in (28, 29, 30, 31, 97)
        theirs = {"t": "0100", str(number): "43" + text[2:] if signed else text}
        ours = {"t": "0100", str(number): "C" + text[2:] if signed else text}
        frame = bytes(iso8583.encode(theirs, oracle)[0])
        assert layout.encode(ours) == frame, number
        assert layout.scan(frame).text(number) == ours[str(number)], number


def test_a_third_bitmap_as_in_pyiso8583(codec: Any) -> None:
    spec = default_ascii | {"130": default_ascii["3"], "192": default_ascii["4"]}
    for doc in ({"t": "0100", "130": "123456"}, {"t": "0100", "3": "000000", "70": "301", "192": "000000000001"}):
        frame, _ = iso8583.encode(dict(doc), spec)
        layout = codec.Layout(spec)
        assert layout.encode(doc) == frame
        assert layout.decode(bytes(frame)) == iso8583.decode(frame, spec)[0]
        assert not layout.scan(bytes(frame)).has(65)


def test_a_header_is_field_0(codec: Any) -> None:
    spec = default | {"h": default["h"] | {"max_len": 4}}
    doc = {"h": "ISO0", "t": "0800", "11": "000001"}
    frame = bytes(iso8583.encode(dict(doc), spec)[0])
    layout = codec.Layout(spec)
    view = layout.scan(frame)
    assert (layout.encode(doc), view.text(0), view.span(0)) == (frame, "ISO0", (0, 4))
    assert view.patch({0: "ISO1", 11: "000002"}) == b"ISO1" + view.patch({11: "000002"})[4:]
    with pytest.raises(EncodeError, match="needs a header"):
        layout.encode({"t": "0800"})
    bare = codec.Layout(default)
    assert bare.emit("0800", view, bare.mask([11]), {}) == frame[4:]
    with pytest.raises(EncodeError, match="header: no such field"):
        bare.encode({"h": "ISO0", "t": "0800"})


@pytest.mark.parametrize("encoding", ["cp500", "latin-1"])
def test_any_text_codec_of_python(codec: Any, encoding: str) -> None:
    changes = {"data_enc": encoding, "len_enc": encoding}
    spec = {key: default_ascii[key] | changes for key in default_ascii}
    doc = {"t": "0100", "2": "4687380000000003", "3": "000000", "43": "ÉPICERIE".ljust(40), "70": "301"}
    frame = bytes(iso8583.encode(dict(doc), spec)[0])
    layout = codec.Layout(spec)
    assert layout.encode(doc) == frame
    assert layout.decode(frame) == iso8583.decode(frame, spec)[0]
    assert layout.scan(frame).patch({3: "010000"}) == layout.encode(doc | {"3": "010000"})
    plain = codec.Layout(default_ascii | {"43": default_ascii["43"] | changes})
    assert plain.emit("0100", layout.scan(frame), plain.mask(range(2, 129)), {}) == plain.encode(doc)


# Where reading stops: what is cut or changed in the purchase, then field, position and reason of the error.
BROKEN = [
    (lambda f: f[:3], "t", 0, "needs 4 bytes, 3 are left"),
    (lambda f: b"01A0" + f[4:], "t", 0, "expected 4 digits"),
    (lambda f: f[:12], "p", 4, "needs 16 bytes, 8 are left"),
    (lambda f: f[:4] + b"723405412880E2 1" + f[20:], "p", 4, "expected 16 hexadecimal digits"),
    (lambda f: f[:20] + b"20" + f[22:], "2", 20, "length 20 is above the maximum 19"),
    (lambda f: f[:20] + b" 6" + f[22:], "2", 20, "the length is not decimal"),
    (lambda f: f[:21], "2", 20, "needs a length of 2 bytes, 1 are left"),
    (lambda f: f[:30], "2", 22, "needs 16 bytes, 8 are left"),
    (lambda f: f[:40] + b"x" + f[41:-1], "3", 38, "expected 6 digits"),
    (lambda f: f + b"00", "55", 500, "2 bytes too many after the last field"),
]


@pytest.mark.parametrize(("breaks", "field", "position", "reason"), BROKEN)
def test_an_error_names_field_position_and_what_was_read(
    codec: Any, breaks: Any, field: str, position: int, reason: str
) -> None:
    layout = codec.Layout(ASCII)
    frame = layout.encode(PURCHASE)
    with pytest.raises(FormatError) as caught:
        layout.scan(breaks(frame))
    error = caught.value
    assert (error.field, error.position, error.reason) == (field, position, reason)
    assert str(error).endswith(f"{reason}, position {position}")
    assert error.partial.mti == ("" if field == "t" else "0100")
    assert not error.partial.complete
    before = [n for n in (int(k) for k in PURCHASE if k != "t") if field.isdecimal() and n < int(field)]
    if "too many" in reason:
        before.append(int(field))
    assert error.partial.fields() == tuple(before)
    assert [error.partial.text(n) for n in before] == [PURCHASE[str(n)] for n in before]


# A value that is wrong, but as long as it should be: what is changed in the purchase, then as above.
BAD_VALUES = [
    (lambda f: f.replace(b"000000010000", b"        1000"), "4", 44, "expected 12 digits"),
    (lambda f: f.replace(b"281205100", b"2812A5100"), "22", 86, "expected 3 digits"),
    (lambda f: f.replace(PURCHASE["52"].encode(), b"\xff" * 16), "52", 371, "expected ascii text"),
]


@pytest.mark.parametrize(("breaks", "field", "position", "reason"), BAD_VALUES)
def test_reading_goes_on_behind_a_bad_value(codec: Any, breaks: Any, field: str, position: int, reason: str) -> None:
    layout = codec.Layout(ASCII)
    with pytest.raises(FormatError) as caught:
        layout.scan(breaks(layout.encode(PURCHASE)))
    error = caught.value
    assert (error.field, error.position, error.reason) == (field, position, reason)
    rest = {key: text for key, text in PURCHASE.items() if key != field}
    assert error.partial.complete
    assert error.partial.patch({}) == layout.encode(rest)
    assert [error.partial.text(number) for number in error.partial.fields()] == list(rest.values())[1:]


def test_the_first_of_several_bad_values_is_named_and_none_is_in_the_view(codec: Any) -> None:
    layout = codec.Layout(ASCII)
    frame = layout.encode(PURCHASE).replace(b"000000010000", b"        1000").replace(b"281205100", b"2812A5100")
    with pytest.raises(FormatError, match="DE 4: expected 12 digits, position 44") as caught:
        layout.scan(frame)
    assert caught.value.partial.fields() == tuple(int(key) for key in PURCHASE if key not in ("t", "4", "22"))


def test_a_value_that_is_too_long_is_passed_over(codec: Any) -> None:
    wide = codec.Layout(ASCII | {"32": ASCII["32"] | {"max_len": 15}})
    with pytest.raises(FormatError, match="DE 32: length 12 is above the maximum 11") as caught:
        codec.Layout(ASCII).scan(wide.encode(PURCHASE | {"32": "123456789012"}))
    assert caught.value.partial.text(37) == PURCHASE["37"]
    assert not caught.value.partial.has(32)


@pytest.mark.parametrize("damaged", [lambda f: f[:-1], lambda f: f + b"0"], ids=["short", "long"])
def test_nothing_behind_a_bad_value_is_trusted_where_the_lengths_do_not_come_out(codec: Any, damaged: Any) -> None:
    """A digit too few in DE 4 moves all that follows: the card number of track 2 would pass for the reference."""
    layout = codec.Layout(ASCII)
    frame = layout.encode(PURCHASE).replace(b"000000010000", b"        1000")
    with pytest.raises(FormatError, match="DE 4: expected 12 digits") as caught:
        layout.scan(damaged(frame))
    assert caught.value.partial.fields() == (2, 3)
    assert not caught.value.partial.complete


@pytest.mark.parametrize("pad", "0123456789ABCDEF")
def test_any_pad_is_read_and_the_declared_one_is_written(codec: Any, pad: str) -> None:
    layout = codec.Layout(BCD)
    doc = {"t": "0100", "2": "4687380000000000003", "22": "051", "35": "4687380000000003D281220100000000"[:31]}
    frame = bytes.fromhex(
        f"0100 4000040020000000 19 4687380000000000003{pad} {pad}051 31 4687380000000003D28122010000000{pad}"
    )
    view = layout.scan(frame)
    assert [view.text(number) for number in (2, 22, 35)] == [doc["2"], doc["22"], doc["35"]]
    assert layout.decode(frame) == doc | {"p": "4000040020000000"}
    assert view.frame == frame
    assert view.patch({}) == layout.emit("0100", view, layout.mask([2, 22, 35]), {}) == layout.encode(doc)
    again = codec.Layout(BCD)
    assert again.emit("0100", view, again.mask([2, 22, 35]), {}) == layout.encode(doc)


def test_a_frame_with_other_pads_may_have_a_bad_value_too(codec: Any) -> None:
    layout = codec.Layout(BCD)
    with pytest.raises(FormatError, match="DE 4: expected 12 digits") as caught:
        layout.scan(bytes.fromhex("0100 5000040000000000 19 4687380000000000003F A00000010000 F051"))
    answer = caught.value.partial.patch({39: "30"}, mti="0110")
    assert answer == layout.encode({"t": "0110", "2": "4687380000000000003", "22": "051", "39": "30"})


def test_text_of_a_strange_encoding_is_no_error(codec: Any) -> None:
    """Names of people: what the encoding of a side lacks is read as Latin-1, and written without its accent or "?"."""
    ascii_, ebcdic = codec.Layout(ASCII), codec.Layout(load("iso87-ebcdic").spec)
    name = "ÉPICERIE ŁÓDŹ ß"
    frame = ascii_.encode({"t": "0100", "43": "X" * 40}).replace(b"X" * 40, b"\xc9PICERIE \xdf".ljust(40))
    view = ascii_.scan(frame)
    assert view.text(43) == "ÉPICERIE ß".ljust(40)
    assert view.patch({}) == frame, "copied where both sides have one encoding"
    there = ebcdic.emit("0100", view, ebcdic.mask([43]), {})
    assert ebcdic.scan(there).text(43) == "ÉPICERIE ß".ljust(40)
    back = ascii_.emit("0110", ebcdic.scan(there), ascii_.mask([43]), {})
    assert ascii_.decode(back)["43"] == "EPICERIE ?".ljust(40)
    assert ascii_.decode(ascii_.encode({"t": "0100", "43": name.ljust(40)}))["43"] == "EPICERIE ?ODZ ?".ljust(40)


def test_a_field_outside_the_layout_is_an_error(codec: Any) -> None:
    layout = codec.Layout({key: default_ascii[key] for key in ("t", "p", "3")})
    with pytest.raises(FormatError, match="DE 2: no such field in this layout, position 20"):
        layout.scan(b"01006000000000000000")
    with pytest.raises(FormatError, match="secondary bitmap: no such field"):
        layout.scan(b"0100" + b"8" + b"0" * 31)
    for doc in ({"2": "1"}, {"1x": ""}, {"192": ""}):
        with pytest.raises(EncodeError, match="no such field"):
            layout.encode({"t": "0100"} | doc)


def test_a_frame_longer_than_offsets_reach_is_refused(codec: Any) -> None:
    with pytest.raises(FormatError, match="longer than 65535 bytes, position 0"):
        codec.Layout(ASCII).scan(bytes(65_536))
    with pytest.raises(TypeError, match="bytearray"):
        codec.Layout(ASCII).scan(bytearray(20))


def test_a_message_longer_than_that_is_not_written(codec: Any) -> None:
    long = default_ascii["63"] | {"len_type": 4, "max_len": 9999}
    layout = codec.Layout(default_ascii | {str(number): long for number in range(120, 128)})
    with pytest.raises(EncodeError, match="longer than 65535 bytes"):
        layout.encode({"t": "0100"} | {str(number): "x" * 9999 for number in range(120, 128)})


UNWRITABLE = [
    ({}, "t", "a message needs its type"),
    ({"t": "010"}, "t", "is 3 bytes long, expected 4"),
    ({"t": "0100", "3": "12345"}, "3", "is 5 bytes long, expected 6"),
    ({"t": "0100", "3": "12345x"}, "3", "expected digits alone"),
    ({"t": "0100", "3": 123456}, "3", "expected text, not int"),
    ({"t": "0100", "2": "4" * 20}, "2", "is 20 bytes long, above the maximum 19"),
    ({"t": "0100", "52": "0123456789ABCDEÉ"}, "52", "expected ascii text"),
    ({"t": "0100", "65": "0" * 16}, "65", "no such field in this layout"),
    ({"t": "0100", 3: "000000"}, "3", "no such field in this layout"),
]


@pytest.mark.parametrize(("doc", "field", "reason"), UNWRITABLE)
def test_an_encode_error_names_the_field(codec: Any, doc: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        codec.Layout(ASCII).encode(doc)
    assert (caught.value.field, caught.value.reason) == (field, reason)


UNWRITABLE_BCD = [
    ({"52": "0123456789ABCDE"}, "expected an even count of hexadecimal digits"),
    ({"52": "0123456789ABCDEX"}, "expected hexadecimal digits"),
    ({"52": "0123456789ABCDE="}, "expected hexadecimal digits"),
    ({"22": "51"}, "is 2 digits long, expected 3"),
    ({"28": "X00000100"}, "expected C or D and an even count of digits"),
    ({"28": "C000001"}, "is 7 characters long, expected 9"),
    ({"55": "00" * 1000}, "is 1000 bytes long, above the maximum 999"),
]


@pytest.mark.parametrize(("doc", "reason"), UNWRITABLE_BCD)
def test_an_encode_error_in_bcd(codec: Any, doc: dict[str, str], reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        codec.Layout(BCD).encode({"t": "0100"} | doc)
    assert (caught.value.field, caught.value.reason) == (next(iter(doc)), reason)


@pytest.mark.parametrize(("length_encoding", "most"), [("ascii", 9), ("bcd", 99), ("b", 255), ("cp500", 9)])
def test_a_length_that_its_prefix_cannot_hold(codec: Any, length_encoding: str, most: int) -> None:
    entry = default_ascii["63"] | {"len_enc": length_encoding, "len_type": 1}
    layout = codec.Layout(default_ascii | {"63": entry})
    assert layout.decode(layout.encode({"t": "0100", "63": "x" * most}))["63"] == "x" * most
    with pytest.raises(EncodeError, match=f"DE 63: a length of {most + 1} does not fit its 1 bytes"):
        layout.encode({"t": "0100", "63": "x" * (most + 1)})


@pytest.mark.parametrize(
    ("field", "wire", "reason"),
    [
        ("2", "05 1234", "needs 3 bytes, 2 are left"),
        ("2", "0A 12345678", "the length is not decimal"),
        ("2", "05 F12345", "expected 5 digits; odd count padded on the other side? set left_pad"),
        ("2", "05 12A450", "expected 5 digits"),
        ("22", "051F", "expected 3 digits; odd count padded on the other side? set right_pad"),
        ("28", "58 00000100", "expected C or D and 8 digits"),
        ("28", "43 0000010A", "expected C or D and 8 digits"),
    ],
)
def test_malformed_bcd_is_an_error(codec: Any, field: str, wire: str, reason: str) -> None:
    bitmap = 1 << (64 - int(field))
    with pytest.raises(FormatError) as caught:
        codec.Layout(BCD).scan(bytes.fromhex(f"0100 {bitmap:016X} {wire}"))
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_errors_and_reprs_never_hold_a_value(codec: Any) -> None:
    layout = codec.Layout(ASCII)
    frame = layout.encode(PURCHASE)
    texts = [repr(layout.scan(frame))]
    for at in range(len(frame)):
        for broken in (frame[:at], frame[:at] + b"\xff" + frame[at + 1 :]):
            try:
                texts.append(repr(layout.scan(broken)))
            except FormatError as error:
                texts.append(f"{error!r} {error.partial!r}")
    for field, text in PURCHASE.items():
        with pytest.raises(EncodeError) as caught:
            layout.encode(PURCHASE | {field: text + 1000 * "é"})
        texts.append(repr(caught.value))
    for secret in ("468738", "000003", "0123456789ABCDEF", "2812"):
        assert not any(secret in text for text in texts)


def test_a_patch_replaces_adds_and_leaves_out(codec: Any) -> None:
    layout = codec.Layout(ASCII)
    view = layout.scan(layout.encode(PURCHASE))
    patched = view.patch({11: "000777", 52: None, 70: "301", 2: "468738000000000013"}, mti="0200")
    expected = PURCHASE | {"t": "0200", "11": "000777", "70": "301", "2": "468738000000000013"}
    assert patched == layout.encode({key: text for key, text in expected.items() if key != "52"})
    assert view.patch({}) == view.frame
    assert layout.scan(view.patch({70: "301"})).patch({70: None}) == view.frame
    for patches in ({193: "1"}, {-1: "1"}, {1: "0" * 16}, {65: "0" * 16}):
        with pytest.raises(EncodeError, match="no such field"):
            view.patch(patches)
    with pytest.raises(EncodeError, match="DE 11: is 5 bytes long, expected 6"):
        view.patch({11: "12345"})


def test_what_was_read_of_a_broken_frame_can_be_answered(codec: Any) -> None:
    layout = codec.Layout(ASCII)
    with pytest.raises(FormatError) as caught:
        layout.scan(layout.encode({"t": "0800", "11": "000001", "70": "301"})[:-1])
    answer = caught.value.partial.patch({39: "30"}, mti="0810")
    assert answer == layout.encode({"t": "0810", "11": "000001", "39": "30"})
    with pytest.raises(FormatError) as caught:
        layout.scan(b"08")
    with pytest.raises(EncodeError, match="MTI: is 0 bytes long, expected 4"):
        caught.value.partial.patch({39: "30"})


def test_emit_takes_each_field_from_the_patches_or_else_from_the_view_if_it_is_in_the_mask(codec: Any) -> None:
    layout = codec.Layout(ASCII)
    request = layout.scan(layout.encode(PURCHASE))
    echoed = layout.mask([2, 3, 4, 7, 11, 41, 90])
    answer = layout.emit("0110", request, echoed, {4: "000000005000", 7: None, 38: "ABCDEF", 39: "00"})
    expected = {key: PURCHASE[key] for key in ("2", "3", "11", "41")}
    assert answer == layout.encode(expected | {"t": "0110", "4": "000000005000", "38": "ABCDEF", "39": "00"})


def test_a_message_type_of_zeros(codec: Any) -> None:
    layout = codec.Layout(BCD)
    frame = layout.encode({"t": "0000", "11": "000001"})
    assert layout.scan(frame).mti == "0000"
    assert layout.decode(frame)["t"] == "0000"


def test_emit_needs_no_view(codec: Any) -> None:
    layout = codec.Layout(ASCII)
    frame = layout.encode({"t": "0800", "11": "000001"})
    assert layout.emit("0800", None, None, {11: "000001"}) == frame
    assert layout.emit("0800", layout.scan(frame), None, {11: "000001"}) == frame
    assert layout.emit("0800", None, layout.mask([11]), {}) == layout.encode({"t": "0800"})


def test_patches_are_a_dictionary_of_fields(codec: Any) -> None:
    layout = codec.Layout(ASCII)
    request = layout.scan(layout.encode(PURCHASE))
    texts = {4: "000000005000", 7: None, 38: "ABCDEF", 39: "00"}
    patches = codec.Patches()
    patches.put(7, "0909014640")
    patches.put(38, None)
    patches.put(39, "05")
    for number, text in texts.items():
        patches.put(number, text)
    echoed = layout.mask([2, 3, 4, 7, 11, 41])
    assert layout.emit("0110", request, echoed, patches) == layout.emit("0110", request, echoed, texts)
    for number in (-1, 1, 193):
        with pytest.raises(ValueError, match="a patch is for"):
            patches.put(number, "00")
    patches.put(65, "00")
    with pytest.raises(EncodeError, match="DE 65: no such field"):
        layout.emit("0110", request, echoed, patches)


def test_emit_translates_between_dialects(codec: Any) -> None:
    bcd, ascii_ = codec.Layout(BCD), codec.Layout(ASCII)
    every = bcd.mask(range(2, 129))
    doc = SHORT_PURCHASE | {"28": "D00000012", "22": "051", "32": "12345"}
    binary = bcd.scan(bcd.encode(doc))
    text = ascii_.emit("0100", binary, every, {})
    with_equals = doc | {"35": doc["35"].replace("D", "=")}
    assert text == ascii_.encode(with_equals)
    assert bcd.emit("0100", ascii_.scan(text), every, {}) == binary.frame
    with pytest.raises(EncodeError, match="DE 52: expected hexadecimal digits"):
        bcd.emit("0100", ascii_.scan(ascii_.encode(doc | {"52": "not hexadecimal!"})), every, {})
    with pytest.raises(EncodeError, match="DE 65: no such field"):
        ascii_.emit("0100", bcd.scan(bcd.encode({"t": "0100", "65": "00"})), every, {})


def test_emit_checks_what_another_layout_let_pass(codec: Any) -> None:
    """The same encoding without the class "n" is not copied blindly into a layout that has it."""
    lax, strict = codec.Layout(default_ascii), codec.Layout(ASCII)
    view = lax.scan(lax.encode({"t": "0100", "3": "ABCDEF"}))
    with pytest.raises(EncodeError, match="DE 3: expected digits alone"):
        strict.emit("0100", view, strict.mask([3]), {})


def test_a_mask_is_a_set(codec: Any) -> None:
    mask = codec.FieldMask([2, 64]) | codec.FieldMask([65, 192])
    assert [field for field in range(-1, 300) if field in mask] == [2, 64, 65, 192]
    assert mask == codec.FieldMask([2, 64, 65, 192])
    assert mask != codec.FieldMask([2])
    assert hash(mask) == hash(codec.FieldMask([192, 65, 64, 2]))
    assert repr(mask) == "FieldMask([2, 64, 65, 192])"
    for number in (1, 193, -5):
        with pytest.raises(ValueError, match="from 2 to 192"):
            codec.FieldMask([number])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"3": {"data_enc": "klingon"}}, r"unknown encoding 'klingon' - at `\$.3.data_enc`"),
        ({"3": {"data_enc": "hex"}}, r"unknown encoding 'hex' - at `\$.3.data_enc`"),
        ({"3": {"data_enc": 7}}, r"expected `str`, got `int` - at `\$.3.data_enc`"),
        ({"2": {"len_enc": "klingon"}}, r"`\$.2.len_enc`"),
        ({"2": {"max_len": None}}, r"expected `int` from 0 to 65535 - at `\$.2.max_len`"),
        ({"2": {"max_len": -1}}, r"expected `int` from 0 to 65535 - at `\$.2.max_len`"),
        ({"2": {"len_type": 9}}, r"`\$.2.len_type`"),
        ({"2": {"left_pad": "x"}}, r"expected a hexadecimal digit - at `\$.2.left_pad`"),
        ({"28": {"signed": True}}, r"`\$.28.signed`"),
    ],
)
def test_a_wrong_specification_names_the_path(codec: Any, change: dict[str, Any], message: str) -> None:
    spec = default_ascii | {key: default_ascii[key] | entry for key, entry in change.items()}
    with pytest.raises(ValueError, match=message):
        codec.Layout(spec)
    with pytest.raises(ValueError, match=r"has no entry - at `\$.p`"):
        codec.Layout({"t": default_ascii["t"]})
