"""Cutting streams into frames, and what is said of streams that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.iso8583.doctor import guess, guess_stream
from switch.iso8583.framing import Framing, FramingError, Splitter

LEN2 = Framing()


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.data())
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(LEN2.wrap(payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    splitter = Splitter(LEN2)
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [frame for piece in pieces for frame in splitter.feed(piece)] == payloads
    assert splitter.partial == 0


def test_byte_by_byte() -> None:
    splitter = Splitter(LEN2)
    out = [splitter.feed(bytes([byte])) for byte in b"\x00\x040800\x00"]
    assert out == [[], [], [], [], [], [b"0800"], []]
    assert splitter.partial == 1


@pytest.mark.parametrize(
    ("stream", "position", "reason"),
    [
        (b"\x00\x00", 0, "a frame of no bytes"),
        (b"\x00\x040800\x00\x00", 6, "a frame of no bytes"),
        (b"\x20\x01", 0, "a frame of 8193 bytes is above the maximum 8192"),
        (b"0100F238", 0, "a frame of 12337 bytes is above the maximum 8192 (first bytes 0100: no length header?)"),
    ],
)
def test_a_stream_that_cannot_be_cut(stream: bytes, position: int, reason: str) -> None:
    splitter = Splitter(LEN2)
    with pytest.raises(FramingError) as caught:
        splitter.feed(stream)
    assert (caught.value.position, caught.value.reason) == (position, reason)
    assert caught.value.frames == ([b"0800"] if position else [])
    with pytest.raises(FramingError) as again:
        splitter.feed(b"\x00\x040800")
    assert (again.value.reason, again.value.frames) == (reason, [])


def test_the_position_counts_from_the_start_of_the_stream() -> None:
    splitter = Splitter(LEN2, max_frame=4)
    assert splitter.feed(b"\x00\x040800\x00") == [b"0800"]
    with pytest.raises(FramingError, match="position 6"):
        splitter.feed(b"\x05")


def test_a_payload_has_a_length() -> None:
    for payload in (b"", bytes(65_536)):
        with pytest.raises(ValueError, match="1 to 65535 bytes"):
            LEN2.wrap(payload)


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
