"""Guesses at bytes that make no sense: they name the right side, and quote a message type and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.iso8583.dialect import load
from switch.iso8583.doctor import Language, guess, guess_stream
from switch.iso8583.framing import LENGTHS, Framing, Kind, Splitter

ASCII, BCD, EBCDIC = (Language(writing, "0") for writing in ("ASCII", "BCD", "EBCDIC"))
OF_1993 = Language("ASCII", "1")
IN_ASCII = b"0800" + b"8220000000000000" + b"0400000000000000" + b"1" * 98
IN_BCD = bytes.fromhex("0800 8220000000000000 0400000000000000") + bytes(range(60, 160))
IN_EBCDIC = IN_ASCII.decode().encode("cp500")


@pytest.mark.parametrize(
    ("dialect", "language"),
    [
        ("iso87-ascii", ASCII),
        ("iso87-bcd", BCD),
        ("iso87-ebcdic", EBCDIC),
        ("cb", ASCII),
        ("iso93-ascii", OF_1993),
    ],
)
def test_a_dialect_and_its_link_know_their_language(dialect: str, language: Language) -> None:
    assert load(dialect).language == load(dialect).for_link().language == language


@pytest.mark.parametrize(
    ("frame", "speaks", "hint"),
    [
        (IN_ASCII, ASCII, None),
        (IN_BCD, BCD, None),
        (IN_EBCDIC, EBCDIC, None),
        (b"1804" + IN_ASCII[4:], ASCII, "1804 is ISO 8583:1993; this link speaks 1987"),
        (bytes.fromhex("1804") + IN_BCD[2:], BCD, "1804 is ISO 8583:1993; this link speaks 1987"),
        (b"2100" + IN_ASCII[4:], ASCII, "2100 is ISO 8583:2003; this link speaks 1987"),
        (IN_ASCII, OF_1993, "0800 is ISO 8583:1987; this link speaks 1993"),
        (b"1804" + IN_ASCII[4:], OF_1993, None),
        (b"9804" + IN_ASCII[4:], ASCII, None),
        (IN_ASCII, BCD, "ASCII on a BCD port? MTI 0800 in characters"),
        (IN_ASCII, EBCDIC, "ASCII on an EBCDIC port? MTI 0800 in characters"),
        (IN_BCD, ASCII, "BCD on an ASCII port? MTI 0800 as binary"),
        (IN_BCD, EBCDIC, "BCD on an EBCDIC port? MTI 0800 as binary"),
        (IN_EBCDIC, ASCII, "EBCDIC digits: MTI 0800; this link reads ASCII"),
        (IN_EBCDIC, BCD, "EBCDIC digits: MTI 0800; this link reads BCD"),
        (bytes.fromhex("6000030000") + IN_BCD, ASCII, "TPDU 60… before the MTI 0800?"),
        (bytes.fromhex("6031000000") + IN_ASCII, BCD, "TPDU 60… before the MTI 0800?"),
        (b"ISO025000070" + IN_ASCII, BCD, "header ISO… before the MTI 0800?"),
        (b"\0\0" + IN_BCD, BCD, "two bytes of zero before the MTI 0800: a header of theirs?"),
        (b"0134" + IN_ASCII, BCD, "a second length header before the MTI 0800?"),
        (
            b"\x02" + IN_ASCII + b"\x03",
            BCD,
            "STX (02) before the MTI 0800: STX/ETX framing? this link expects a length",
        ),
        (b"GET / HTTP/1.1\r\n", ASCII, "HTTP?"),
        (b"4687380000000003", BCD, None),
        (bytes.fromhex("0890"), BCD, None),
        (bytes.fromhex("0006"), BCD, None),
    ],
)
def test_a_frame_is_seen_from_the_link(frame: bytes, speaks: Language, hint: str | None) -> None:
    assert guess(frame, speaks) == hint


CLIENT_HELLO = bytes.fromhex("16 03 01 02 00 01 00 01 FC 03 03") + bytes(40)
LOW_FIRST = (len(IN_ASCII) + 132).to_bytes(2, "little") + IN_ASCII + bytes(132)
STX_FRAMED = b"\x02" + IN_ASCII + b"\x03"


@pytest.mark.parametrize(
    ("first", "hint"),
    [
        (CLIENT_HELLO, "TLS? this link has no tls_cert"),
        (CLIENT_HELLO[:3], "TLS? this link has no tls_cert"),
        (bytes.fromhex("15 03 03 00 02 02 46"), "TLS? the peer expects it; a link that we dial speaks it with tls_ca"),
        (STX_FRAMED, "STX (02) before the MTI 0800: STX/ETX framing? this link expects a length"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH?"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2?"),
        (b"DELETE / HTTP/1.1\r\n", "HTTP?"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY protocol? switch it off at the load balancer"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "PROXY protocol? switch it off at the load balancer"),
        (bytes.fromhex("FFFD03 FFFB18"), "telnet?"),
        (b"<isomsg>", "XML?"),
        (bytes.fromhex("6000030000") + IN_ASCII, "first bytes 60…0800: a TPDU, and no length header?"),
        (bytes.fromhex("6000030000 0087") + IN_ASCII, "TPDU 60… before the length of two bytes and the MTI 0800?"),
        (b"ISO025000070" + IN_ASCII, "header ISO… before the MTI 0800, and no length header?"),
        (IN_ASCII, "first bytes 0800: no length header?"),
        (IN_BCD, "first bytes 0800 in BCD: no length header?"),
        (IN_EBCDIC, "EBCDIC digits, and no length header?"),
        (bytes.fromhex("4687380000000003"), None),
    ],
)
@pytest.mark.parametrize("kind", LENGTHS)
def test_a_stream_without_length_says_what_it_is(kind: Kind, first: bytes, hint: str | None) -> None:
    assert guess_stream(first, LENGTHS[kind].words) == hint


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (b"%04d", "four digits"),
        (b"%06d", "six digits"),
        (b"%05d", "five digits"),
        (b"%03d", "three digits"),
        (b"%04X", "four hexadecimal digits"),
    ],
)
@pytest.mark.parametrize("message", [IN_ASCII, IN_BCD, bytes.fromhex("6000030000") + IN_BCD])
@pytest.mark.parametrize("kind", ["len2", "len4", "bcd2"])
def test_lengths_in_characters(kind: Kind, message: bytes, length: bytes, words: str) -> None:
    said = LENGTHS[kind].words
    assert guess_stream(length % len(message) + message, said) == f"{words} as length header before the MTI 0800?"


@pytest.mark.parametrize(
    ("width", "order", "words"),
    [
        (1, "big", "one byte"),
        (2, "big", "two bytes"),
        (4, "big", "four bytes"),
        (2, "little", "two bytes, the low one first,"),
        (4, "little", "four bytes, the low one first,"),
    ],
)
@pytest.mark.parametrize("kind", ["ascii4", "ascii4-inclusive"])
def test_binary_lengths(kind: Kind, width: int, order: str, words: str) -> None:
    length = len(IN_ASCII).to_bytes(width, order)  # type: ignore[arg-type]
    hint = guess_stream(length + IN_ASCII, LENGTHS[kind].words)
    assert hint == f"{words} as length header before the MTI 0800?"


@pytest.mark.parametrize(
    ("kind", "stream", "hint"),
    [
        ("len2", CLIENT_HELLO, "TLS? this link has no tls_cert"),
        ("bcd2", CLIENT_HELLO, "TLS? this link has no tls_cert"),
        ("len2", STX_FRAMED, "STX (02) before the MTI 0800: STX/ETX framing? this link expects a length"),
        ("len2", Framing("bcd2").wrap(IN_ASCII), "two bytes of BCD digits as length header before the MTI 0800?"),
        ("len2", LOW_FIRST, "two bytes, the low one first, as length header before the MTI 0800?"),
        ("len2", IN_BCD, "first bytes 0800 in BCD: no length header?"),
        ("len2", b"\x01\x00" + IN_BCD[:9], None),  # the rest is on its way, or lost
    ],
)  # fmt: skip
def test_what_would_be_a_length_and_is_none(kind: Kind, stream: bytes, hint: str | None) -> None:
    """These bytes pass for a length, so it is the silence behind them that asks."""
    splitter = Splitter(Framing(kind))
    assert (splitter.feed(stream), splitter.fault) == ([], None)
    assert splitter.hint() == hint


@given(st.binary(max_size=60), st.sampled_from([ASCII, BCD, EBCDIC, OF_1993, None]))
def test_nothing_is_quoted_but_a_message_type(data: bytes, speaks: Language | None) -> None:
    for hint in (guess(data, speaks), guess_stream(data), guess_stream(data, whole=True)):
        own_words = re.sub(r"ISO 8583:\d{4}|speaks \d{4}|\(02\)|TPDU 60|bytes 60|HTTP/2", "", hint or "")
        assert re.fullmatch(r"\D*([0129][1-8][0-7][0-5]\D*)?", own_words)
