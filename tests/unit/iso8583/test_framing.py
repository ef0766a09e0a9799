"""Cutting streams into frames, and what is said of streams that are none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.iso8583 import _frames_c, _frames_py  # type: ignore[attr-defined]  # compiled
from switch.iso8583.doctor import guess, guess_stream
from switch.iso8583.framing import LENGTHS, Framing, Kind, Splitter

LEN2 = Framing()
KINDS = list(LENGTHS)
HEADERS = ["", "49534F30", "tpdu", "tpdu:6000030000"]
NO_LENGTH = b"\xff" * 8  # in none of the framings
NO_DIGITS = "no length: expected four digits"
ABOVE = " is above the maximum 8192"
IS_LEN2, IS_LEN4, IS_ASCII4 = (
    f" ({words} as length header before the MTI 0800?)" for words in ("two bytes", "four bytes", "four digits")
)
ADDRESSES = [bytes.fromhex("6000010002"), bytes.fromhex("6812345678")]

# Written by hand from the descriptions: the four bytes 0800 behind each length, plain and behind a TPDU.
ON_THE_WIRE: dict[Kind, tuple[str, str]] = {
    "len2": ("0004 30383030", "0009 6000030000 30383030"),
    "len2-inclusive": ("0006 30383030", "000B 6000030000 30383030"),
    "len4": ("00000004 30383030", "00000009 6000030000 30383030"),
    "len4-inclusive": ("00000008 30383030", "0000000D 6000030000 30383030"),
    "ascii4": ("30303034 30383030", "30303039 6000030000 30383030"),
    "ascii4-inclusive": ("30303038 30383030", "30303133 6000030000 30383030"),
    "bcd2": ("0004 30383030", "0009 6000030000 30383030"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_known_frames(kind: Kind) -> None:
    plain, behind_tpdu = map(bytes.fromhex, ON_THE_WIRE[kind])
    assert Framing.parse(kind, "").wrap(b"0800") == plain
    assert Framing.parse(kind, "tpdu:6000030000").wrap(b"0800") == behind_tpdu
    assert Splitter(Framing(kind)).feed(plain) == [b"0800"]
    assert Splitter(Framing.parse(kind, "tpdu")).feed(behind_tpdu) == [b"0800"]


def test_digits_of_a_longer_frame() -> None:
    payload = bytes(1234)
    assert Framing("bcd2").wrap(payload)[:2].hex() == "1234"
    assert Framing("ascii4").wrap(payload)[:4] == b"1234"
    assert Framing("len2").wrap(payload)[:2].hex() == "04d2"


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("kind", KINDS)
@given(payloads=st.lists(st.binary(min_size=1, max_size=300), max_size=5), data=st.data())
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    kind: Kind, header: str, payloads: list[bytes], data: st.DataObject
) -> None:
    framing = Framing.parse(kind, header)
    headers = data.draw(st.lists(st.sampled_from([None, *ADDRESSES]), min_size=len(payloads), max_size=len(payloads)))
    if not framing.tpdu:
        headers = [None] * len(payloads)
    stream = b"".join(map(framing.wrap, payloads, headers))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    splitter = Splitter(framing)
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    seen = [(splitter.feed(piece), splitter.headers) for piece in pieces]
    assert [frame for frames, _ in seen for frame in frames] == payloads
    tpdus = [tpdu for _, tpdus in seen for tpdu in tpdus]
    assert tpdus == ([tpdu or framing.header for tpdu in headers] if framing.tpdu else [])
    assert splitter.partial == 0


def test_byte_by_byte() -> None:
    splitter = Splitter(LEN2)
    out = [splitter.feed(bytes([byte])) for byte in b"\x00\x040800\x00"]
    assert out == [[], [], [], [], [], [b"0800"], []]
    assert splitter.partial == 1


@pytest.mark.parametrize(
    ("stream", "position", "reason"),
    [
        (b"\x00\x040800\xff\xff", 6, "a frame of 65535 bytes is above the maximum 8192"),
        (b"\x00\x00\x00\x040800\x00\x00\xff\xff", 10, "a frame of 65535 bytes is above the maximum 8192"),
        (b"\x20\x01", 0, "a frame of 8193 bytes is above the maximum 8192"),
        (b"0100F238", 0, "a frame of 12337 bytes is above the maximum 8192 (first bytes 0100: no length header?)"),
    ],
)
def test_a_stream_that_cannot_be_cut(stream: bytes, position: int, reason: str) -> None:
    splitter = Splitter(LEN2)
    assert splitter.feed(stream) == ([b"0800"] if position else [])
    fault = splitter.fault
    assert fault is not None
    assert (fault.position, fault.reason) == (position, reason)
    assert splitter.feed(b"\x00\x040800") == []
    assert (splitter.fault, splitter.partial) == (fault, 0)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("kind", KINDS)
@given(payloads=st.lists(st.binary(min_size=1, max_size=300), max_size=5), data=st.data())
def test_frames_before_a_fault_come_out_whether_it_comes_with_them_or_later(
    kind: Kind, header: str, payloads: list[bytes], data: st.DataObject
) -> None:
    framing = Framing.parse(kind, header)
    whole = b"".join(map(framing.wrap, payloads))
    stream = whole + NO_LENGTH
    cut = data.draw(st.integers(0, len(whole)))
    for pieces in ([stream], [stream[:cut], stream[cut:]], [whole, NO_LENGTH]):
        splitter = Splitter(framing)
        frames: list[bytes] = []
        tpdus: list[bytes] = []
        for piece in pieces:
            assert splitter.fault is None
            frames += splitter.feed(piece)
            tpdus += splitter.headers
        assert frames == payloads
        assert len(tpdus) == (len(payloads) if framing.tpdu else 0)
        assert splitter.fault is not None
        assert splitter.fault.position == len(whole)


def idle_of(kind: Kind, header: str) -> list[bytes]:
    """What a keep-alive may be in this framing, written down anew: no bytes, a plain zero, or the header alone."""
    length, size = LENGTHS[kind], len(Framing.parse(kind, header).header)
    own = length.width if length.inclusive else 0
    front = ADDRESSES[1] if header.startswith("tpdu") else b"\xff" * size
    return [length.write(own), length.write(0), length.write(own + size) + front]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("kind", KINDS)
@given(payloads=st.lists(st.binary(min_size=1, max_size=300), max_size=5), data=st.data())
def test_keep_alives_between_frames_change_nothing(
    kind: Kind, header: str, payloads: list[bytes], data: st.DataObject
) -> None:
    framing = Framing.parse(kind, header)
    idle = st.lists(st.sampled_from(idle_of(kind, header)), max_size=3)
    between = [data.draw(idle) for _ in range(len(payloads) + 1)]
    wrapped = [*map(framing.wrap, payloads), b""]
    stream = b"".join(b"".join(idles) + frame for idles, frame in zip(between, wrapped, strict=True))
    cut = data.draw(st.integers(0, len(stream)))
    splitter = Splitter(framing)
    frames, passed_over, tpdus = [], 0, []
    for piece in (stream[:cut], stream[cut:]):
        frames += splitter.feed(piece)
        passed_over += splitter.keep_alives
        tpdus += splitter.headers
    assert (frames, passed_over) == (payloads, sum(map(len, between)))
    assert tpdus == [framing.header] * (len(payloads) if framing.tpdu else 0)
    assert (splitter.fault, splitter.partial) == (None, 0)


@pytest.mark.parametrize(
    ("kind", "header", "stream"),
    [
        ("len2", "", "0000"),
        ("len2", "49534F30", "0004 49534F31"),
        ("len2", "tpdu", "0005 6000030000"),
        ("len2-inclusive", "", "0002"),
        ("len2-inclusive", "", "0000"),
        ("len2-inclusive", "tpdu", "0007 6800030000"),
        ("len4", "", "00000000"),
        ("len4-inclusive", "", "00000004"),
        ("ascii4", "", "30303030"),
        ("ascii4-inclusive", "", "30303034"),
        ("bcd2", "tpdu", "0005 6000030000"),
    ],
)
def test_keep_alives(kind: Kind, header: str, stream: str) -> None:
    splitter = Splitter(Framing.parse(kind, header))
    assert splitter.feed(bytes.fromhex(stream)) == []
    assert (splitter.keep_alives, splitter.partial, splitter.fault) == (1, 0, None)


def test_the_position_counts_from_the_start_of_the_stream() -> None:
    splitter = Splitter(LEN2, max_frame=4)
    assert splitter.feed(b"\x00\x040800\x00") == [b"0800"]
    assert splitter.feed(b"\x05") == []
    assert str(splitter.fault) == "a frame of 5 bytes is above the maximum 4, position 6"


@pytest.mark.parametrize(
    ("kind", "header", "stream", "position", "reason"),
    [
        ("ascii4", "", b"00040800\x00\x040800", 8, NO_DIGITS + IS_LEN2),
        ("ascii4", "", b"\x00\x840800F23C", 0, NO_DIGITS + IS_LEN2),
        ("ascii4", "", b"-004", 0, NO_DIGITS),
        ("ascii4", "", b"9999", 0, "a frame of 9999 bytes" + ABOVE),
        ("bcd2", "", b"\x01\x0A", 0, "no length: expected two bytes of BCD digits"),
        ("len4", "", b"\x00\x840800F23C", 0, "a frame of 8663096 bytes" + ABOVE + IS_LEN2),
        ("len2", "", b"01320800F23C", 0, "a frame of 12337 bytes" + ABOVE + IS_ASCII4),
        ("len2-inclusive", "", b"\x00\x01", 0, "a length that counts itself is too short for that"),
        ("len2-inclusive", "", b"\x20\x03", 0, "a frame of 8193 bytes is above the maximum 8192"),
        ("len2", "49534F30", b"\x00\x03ISO0", 0, "a frame of 3 bytes is shorter than its header of 4"),
        ("len2", "tpdu", b"\x00\x0520800", 0, "expected a TPDU, whose first byte is 60"),
        ("len2", "tpdu", b"\x00\x080800F23C", 0, "no TPDU (60…) before the MTI 0800"),
        ("len2", "tpdu", b"\x00\x06\x08\x00\x82\x20\x00\x00", 0, "no TPDU (60…) before the MTI 0800"),
        ("len2", "tpdu", b"\x00\x064687380", 0, "expected a TPDU, whose first byte is 60"),
    ],
)  # fmt: skip
def test_what_is_no_frame_of_this_kind(kind: Kind, header: str, stream: bytes, position: int, reason: str) -> None:
    splitter = Splitter(Framing.parse(kind, header))
    assert splitter.feed(stream) == ([b"0800"] if position else [])
    fault = splitter.fault
    assert fault is not None
    assert (fault.position, fault.reason) == (position, reason)


@pytest.mark.parametrize(
    ("kind", "stream", "hint"),
    [
        ("len2", Framing("len2-inclusive").wrap(b"0800F23C"), "does the length count itself? that is len2-inclusive"),
        ("ascii4", Framing("ascii4-inclusive").wrap(b"0800"), "does the length count itself? that is ascii4-inclusive"),
        ("bcd2", b"\x00\x06\x08\x00\x82\x20", None),
        ("len2", b"\x10\x00", None),
    ],
)
def test_a_frame_whose_rest_does_not_come(kind: Kind, stream: bytes, hint: str | None) -> None:
    splitter = Splitter(Framing(kind))
    assert splitter.feed(stream) == []
    assert splitter.hint() == hint


def test_a_payload_has_a_length() -> None:
    for payload in (b"", bytes(65_536)):
        with pytest.raises(ValueError, match="1 to 65535 bytes"):
            LEN2.wrap(payload)
    with pytest.raises(ValueError, match="1 to 9990 bytes, not 9991"):
        Framing.parse("ascii4-inclusive", "tpdu").wrap(bytes(9991))
    assert Framing.parse("ascii4-inclusive", "tpdu").wrap(bytes(9990))[:4] == b"9999"


@pytest.mark.parametrize(
    ("frame", "hint"),
    [
        ("01 00 72 34", "BCD on an ASCII port? MTI 0100 as binary"),
        ("30 31 30 30 72 34", "ASCII on a BCD port? MTI 0100 in characters"),
        ("F0 F8 F0 F0 82 20", "EBCDIC digits: MTI 0800"),
        ("60 00 03 00 00 02 00 70 24", "TPDU 60… before the MTI 0200?"),
        ("60 00 03 00 00 30 32 30 30", "TPDU 60… before the MTI 0200?"),
        ("00 06 08 00 82 20 00 00", "a second length header before the MTI 0800?"),
        ("49 53 4F" + "30" * 9 + "30 32 30 30", "header ISO… before the MTI 0200?"),
        ("FF FF FF FF", None),
        ("F9 F9 F9 F9", None),
        ("46 87 38 00", None),
        ("", None),
    ],
)
def test_a_frame_is_guessed_from_its_first_bytes(frame: str, hint: str | None) -> None:
    assert guess(bytes.fromhex(frame)) == hint


@pytest.mark.parametrize(
    ("first", "hint"),
    [
        (b"0800", "first bytes 0800: no length header?"),
        (b"00440800", "four digits as length header before the MTI 0800?"),
        (bytes.fromhex("60 00 03 00 00 02 00"), "first bytes 60…0200: a TPDU, and no length header?"),
        (bytes.fromhex("F0F1F0F0"), "EBCDIC digits, and no length header?"),
        (b"POST /", "HTTP?"),
        (b"4687380000000003", None),
        (b"", None),
    ],
)
def test_a_stream_is_guessed_from_its_first_bytes(first: bytes, hint: str | None) -> None:
    assert guess_stream(first) == hint


@given(st.binary(max_size=40))
def test_guessing_never_fails(data: bytes) -> None:
    assert guess(data) is None or guess(data)
    assert guess_stream(data) is None or guess_stream(data)


BULK = pytest.mark.parametrize("bulk", [_frames_c, _frames_py], ids=["native", "twin"])
LONGEST = 300
CUTS = [(width, inclusive, header) for width in (1, 2, 4) for inclusive in (False, True) for header in (b"", b"ISO0")]


@BULK
@pytest.mark.parametrize(("width", "inclusive", "header"), CUTS)
@given(payloads=st.lists(st.binary(min_size=1, max_size=200), max_size=5), rest=st.binary(max_size=6))
def test_in_bulk_frames_come_out_as_they_went_in(
    bulk: Any, width: int, inclusive: bool, header: bytes, payloads: list[bytes], rest: bytes
) -> None:
    stream = bulk.join(payloads, header, width, inclusive)
    assert stream == _frames_py.join(payloads, header, width, inclusive)
    assert bulk.cut(stream, width, inclusive, len(header), LONGEST) == (payloads, len(stream), 0)
    behind = bulk.cut(stream + rest, width, inclusive, len(header), LONGEST)
    assert behind == _frames_py.cut(stream + rest, width, inclusive, len(header), LONGEST)
    assert behind[0][: len(payloads)] == payloads


@given(
    stream=st.binary(max_size=60), width=st.sampled_from([1, 2, 4]), inclusive=st.booleans(), header=st.integers(0, 9)
)
def test_in_bulk_both_stop_at_the_same_byte_of_any_stream(
    stream: bytes, width: int, inclusive: bool, header: int
) -> None:
    native = _frames_c.cut(stream, width, inclusive, header, 20)
    assert native == _frames_py.cut(stream, width, inclusive, header, 20)


@BULK
def test_in_bulk_what_does_not_fit_a_length_is_refused(bulk: Any) -> None:
    assert bulk.join([bytes(253)], b"", 1, True)[0] == 254
    with pytest.raises(ValueError, match="1 to 254 bytes, not 255"):
        bulk.join([b"a", bytes(255)], b"", 1, True)
    with pytest.raises(ValueError, match="1 to 65531 bytes, not 0"):
        bulk.join([b""], b"ISO0", 2, False)
