"""Guessing why a peer's bytes make no sense: wrong framing, wrong encoding, wrong edition, wrong port.

Two questions are asked. `guess` is about a whole frame that the link's dialect could not read; `guess_stream` is about
a stream that cannot be cut into frames. Both look for what is certain before what is likely: another protocol by its
first bytes, a length that fits to the byte, then the link's own language, then other languages.

Only the first bytes are looked at, and only a message type is ever quoted: what stands further on may be a card number.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

MTI_PATTERN: Final = re.compile(rb"[0129][1-8][0-7][0-5]")  # edition, class, function, origin
EDITIONS: Final = {"0": "1987", "1": "1993", "2": "2003"}  # by the first digit; 9 is private use

TPDU_BYTES: Final = 5  # 60, then destination and originator address of two bytes each
TPDU_ID: Final = 0x60
ISO_HEADER_BYTES: Final = 12  # "ISO" and nine digits

STX: Final = b"\x02"
MAX_LENGTH: Final = 8192  # a longer frame is a length misread


class Language(NamedTuple):
    """What a link speaks: how its message types are written ("ASCII", "BCD", "EBCDIC"), and their first digit."""

    writing: str
    version: str

    @classmethod
    def of(cls, encoding: str, version: str) -> "Language":
        """From the encoding of a layout's message type.

        >>> Language.of("cp500", "0").writing, Language.of("b", "0").writing, Language.of("latin-1", "0").writing
        ('EBCDIC', 'BCD', 'ASCII')
        """
        if encoding == "b":
            return cls("BCD", version)
        return cls("EBCDIC" if "0".encode(encoding) == b"\xf0" else "ASCII", version)


def _ascii_mti(data: bytes) -> str | None:
    """The message type in the first four characters, if they can be one."""
    return data[:4].decode("ascii") if MTI_PATTERN.fullmatch(data[:4]) else None


def _ebcdic_mti(data: bytes) -> str | None:
    """The message type in the first four characters of EBCDIC, whose digits are F0 to F9."""
    return _ascii_mti(data[:4].decode("cp500").encode("ascii", "replace"))


def _bcd_mti(data: bytes) -> str | None:
    """The message type in the first two bytes."""
    return _ascii_mti(data[:2].hex().encode("ascii"))


WRITINGS: Final[dict[str, Callable[[bytes], str | None]]] = {
    "ASCII": _ascii_mti,
    "EBCDIC": _ebcdic_mti,
    "BCD": _bcd_mti,
}

# Other protocols, by how they begin.
PROTOCOLS: Final = (
    (re.compile(rb"\x16\x03[\x00-\x04](..\x01|.{0,2}\Z)", re.DOTALL), "TLS? this link has no tls_cert"),
    (re.compile(rb"\x15\x03[\x00-\x04]"), "TLS? the peer expects it; a link that we dial speaks it with tls_ca"),
    (re.compile(rb"PRI \* HTTP/2"), "HTTP/2?"),
    (re.compile(rb"(GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT) "), "HTTP?"),
    (re.compile(rb"HTTP/"), "HTTP? an HTTP server answers there"),
    (re.compile(rb"PROXY |\r\n\r\n\x00\r\nQUIT\n"), "PROXY protocol? switch it off at the load balancer"),
    (re.compile(rb"SSH-"), "SSH?"),
    (re.compile(rb"\xff[\xfb-\xfe]"), "telnet?"),
    (re.compile(rb"\s*<(\?xml|isomsg)"), "XML?"),
)


class LengthForm(NamedTuple):
    """A length as some peers send it; `read` gives -1 for bytes that are none."""

    words: str
    width: int
    read: Callable[[bytes], int]


def _digits(raw: bytes) -> int:
    return int(raw) if raw.isdigit() else -1


def _hex_digits(raw: bytes) -> int:
    return int(raw, 16) if raw.isalnum() and all(byte in b"0123456789ABCDEFabcdef" for byte in raw) else -1


def _bcd(raw: bytes) -> int:
    return _digits(raw.hex().encode("ascii"))


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


# The commonest first: of several that would do, the first is named. One that is not common and does not fit to the byte
# is believed only where the bytes do not begin with a message type themselves.
LENGTH_FORMS: Final = (
    LengthForm("four digits", 4, _digits),
    LengthForm("four bytes", 4, _big),
    LengthForm("two bytes", 2, _big),
    LengthForm("two bytes of BCD digits", 2, _bcd),
    LengthForm("two bytes, the low one first,", 2, _little),
    LengthForm("four bytes, the low one first,", 4, _little),
    LengthForm("four hexadecimal digits", 4, _hex_digits),
    LengthForm("six digits", 6, _digits),
    LengthForm("five digits", 5, _digits),
    LengthForm("three digits", 3, _digits),
    LengthForm("one byte", 1, _big),
)
COMMON: Final = 3


def guess(frame: bytes, speaks: Language | None = None) -> str | None:
    """What a frame looks like that a link of this language could not read; None where nothing else comes to mind.

    >>> guess(bytes.fromhex("0100 7024")), guess(bytes.fromhex("F0F1F0F0"))
    ('BCD on an ASCII port? MTI 0100 as binary', 'EBCDIC digits: MTI 0100')
    >>> guess(bytes.fromhex("6000010000 0800 2020")), guess(b"ISO0250000700800")
    ('TPDU 60… before the MTI 0800?', 'header ISO… before the MTI 0800?')
    >>> guess(b"18040030", Language("ASCII", "0")), guess(b"08008220", Language("ASCII", "0"))
    ('1804 is ISO 8583:1993; this link speaks 1987', None)
    """
    if certain := _protocol(frame) or _second_length(frame):
        return certain
    if speaks is not None and (mti := WRITINGS[speaks.writing](frame)):
        return other_edition(mti, speaks.version)
    return _before_the_mti(frame) or _other_writing(frame, speaks)


def other_edition(mti: str, version: str) -> str | None:
    """The sentence for a message type of another edition than that of the link, whose types begin with `version`.

    >>> other_edition("1804", "0"), other_edition("0800", "0"), other_edition("9800", "0")
    ('1804 is ISO 8583:1993; this link speaks 1987', None, None)
    """
    theirs, ours = EDITIONS.get(mti[:1]), EDITIONS.get(version)
    if theirs is None or ours is None or theirs == ours:
        return None
    return f"{mti} is ISO 8583:{theirs}; this link speaks {ours}"


def _other_writing(frame: bytes, speaks: Language | None) -> str | None:
    ours = speaks.writing if speaks is not None else ""
    if ours != "EBCDIC" and (mti := _ebcdic_mti(frame)):
        return f"EBCDIC digits: MTI {mti}" + (f"; this link reads {ours}" if ours else "")
    if ours != "ASCII" and (mti := _ascii_mti(frame)):
        return f"ASCII on {_port(ours or 'BCD')}? MTI {mti} in characters"
    if ours != "BCD" and (mti := _bcd_mti(frame)):
        return f"BCD on {_port(ours or 'ASCII')}? MTI {mti} as binary"
    return None


def _port(writing: str) -> str:
    return f"{'a' if writing == 'BCD' else 'an'} {writing} port"


def _protocol(data: bytes) -> str | None:
    """Another protocol, told by how it begins; STX is a framing that we do not have."""
    for pattern, words in PROTOCOLS:
        if pattern.match(data):
            return words
    if data[:1] == STX and (mti := _ascii_mti(data[1:]) or _ebcdic_mti(data[1:])):
        return f"STX (02) before the MTI {mti}: STX/ETX framing? this link expects a length"
    return None


def _second_length(frame: bytes) -> str | None:
    for form in LENGTH_FORMS:
        length = form.read(frame[: form.width])
        if length in (len(frame), len(frame) - form.width) and (mti := leading_mti(frame[form.width :])):
            return f"a second length header before the MTI {mti}?"
    return None


def _before_the_mti(frame: bytes) -> str | None:
    """A header that the link does not expect."""
    if mti := leading_mti(_behind_tpdu(frame)):
        return f"TPDU 60… before the MTI {mti}?"
    if frame[:3] == b"ISO" and (mti := leading_mti(frame[ISO_HEADER_BYTES:])):
        return f"header ISO… before the MTI {mti}?"
    if frame[:2] == b"\0\0" and (mti := leading_mti(frame[2:])):
        return f"two bytes of zero before the MTI {mti}: a header of theirs?"
    return None


def guess_stream(first: bytes, expected: str = "two bytes", *, whole: bool = False) -> str | None:
    """What a stream looks like that holds no possible length of the form `expected` at its beginning.

    `whole`: the length could be one, and yet these bytes are all that came; then only a length that fits is named.

    >>> guess_stream(b"0100F238"), guess_stream(b"03250100F238"), guess_stream(b"GET / HTTP/1.1")
    ('first bytes 0100: no length header?', 'four digits as length header before the MTI 0100?', 'HTTP?')
    >>> guess_stream(bytes.fromhex("00F0 3031 3030"), "four digits")
    'two bytes as length header before the MTI 0100?'
    """
    if certain := _protocol(first):
        return certain
    lengths = _lengths(first)
    others = {form: mti for form, mti in lengths.items() if form.words != expected}
    fitting = {form: mti for form, mti in others.items() if form.read(first[: form.width]) == len(first) - form.width}
    if whole and len(others) < len(lengths):
        return _length_header(fitting)
    common = {form: mti for form, mti in others.items() if form in LENGTH_FORMS[:COMMON]}
    return (
        _length_header(fitting)
        or _header_without_length(first)
        or _length_header(common)
        or _mti_without_length(first)
        or _length_header(others)
    )


def _length_header(lengths: dict[LengthForm, str]) -> str | None:
    return next((f"{form.words} as length header before the MTI {mti}?" for form, mti in lengths.items()), None)


def _lengths(data: bytes) -> dict[LengthForm, str]:
    """What could be a length before a message type, or before a TPDU and a message type, and that message type."""
    found = {}
    for form in LENGTH_FORMS:
        if 0 < form.read(data[: form.width]) <= MAX_LENGTH:
            behind = data[form.width :]
            mti = leading_mti(behind) or leading_mti(_behind_tpdu(behind))
            if mti is not None and (form.width > 1 or not _bcd_mti(behind)):  # one byte before BCD: nearly anything
                found[form] = mti
    return found


def _header_without_length(first: bytes) -> str | None:
    if mti := leading_mti(_behind_tpdu(first)):
        return f"first bytes 60…{mti}: a TPDU, and no length header?"
    for form, mti in _lengths(_behind_tpdu(first)).items():
        return f"TPDU 60… before the length of {form.words.rstrip(',')} and the MTI {mti}?"
    if first[:3] == b"ISO" and (mti := leading_mti(first[ISO_HEADER_BYTES:])):
        return f"header ISO… before the MTI {mti}, and no length header?"
    return None


def _mti_without_length(first: bytes) -> str | None:
    if mti := _ascii_mti(first):
        return f"first bytes {mti}: no length header?"
    if _ebcdic_mti(first):
        return "EBCDIC digits, and no length header?"
    if len(first) > 2 and (mti := _bcd_mti(first)):
        return f"first bytes {mti} in BCD: no length header?"
    return None


def _behind_tpdu(data: bytes) -> bytes:
    return data[TPDU_BYTES:] if data[:1] == bytes([TPDU_ID]) else b""


def leading_mti(data: bytes) -> str | None:
    """The message type that the bytes begin with, in ASCII, in EBCDIC or in BCD.

    >>> leading_mti(b"0100F23C"), leading_mti(b"\\x01\\x00"), leading_mti(b"4687")
    ('0100', '0100', None)
    """
    return next((mti for read in WRITINGS.values() if (mti := read(data))), None)
