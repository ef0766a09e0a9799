"""Guessing why a peer's bytes make no sense: wrong framing, wrong encoding, wrong port.

Only the first bytes are looked at, and only a message type is ever quoted: what stands further on may be a card number.
"""

from collections.abc import Callable

MTI_VERSIONS = b"0129"  # ISO 8583:1987, :1993, :2003, and private use
MTI_CLASSES = b"12345678"

BCD_MTI_BYTES = 2
TPDU_BYTES = 5  # 60, then destination and originator address of two bytes each
TPDU_ID = 0x60

EBCDIC_DIGITS = frozenset(range(0xF0, 0xFA))

# Lengths as peers send them: name, bytes, and whether these bytes may be the length of a frame as long as we take.
LENGTH_FORMS: tuple[tuple[str, int, Callable[[bytes], bool]], ...] = (
    ("four digits", 4, bytes.isdigit),
    ("four bytes", 4, lambda raw: b"\0\0\0\1" <= raw < b"\0\0\x20"),
    ("two bytes", 2, lambda raw: raw < b"\x20"),
)


def guess(frame: bytes) -> str | None:
    """What a frame that would not scan looks like, if anything.

    >>> guess(bytes.fromhex("0100 7024")), guess(bytes.fromhex("F0F1F0F0"))
    ('BCD on an ASCII port? MTI 0100 as binary', 'EBCDIC digits: MTI 0100')
    >>> guess(bytes.fromhex("6000010000 0800 2020")), guess(b"ISO0250000700800")
    ('TPDU 60… before the MTI 0800?', 'header ISO… before the MTI 0800?')
    """
    if len(frame) > TPDU_BYTES and frame[0] == TPDU_ID:
        mti = _bcd_mti(frame[TPDU_BYTES:]) or _ascii_mti(frame[TPDU_BYTES:])
        if mti:
            return f"TPDU 60… before the MTI {mti}?"
    if frame[:3] == b"ISO" and _ascii_mti(frame[12:]):
        return f"header ISO… before the MTI {_ascii_mti(frame[12:])}?"
    if _bcd_mti(frame[2:]) and int.from_bytes(frame[:2], "big") in (len(frame), len(frame) - 2):
        return f"a second length header before the MTI {_bcd_mti(frame[2:])}?"
    if len(frame) >= 4 and set(frame[:4]) <= EBCDIC_DIGITS:
        mti = _ascii_mti(bytes(byte - 0xC0 for byte in frame[:4]))
        return f"EBCDIC digits: MTI {mti}" if mti else None
    if _ascii_mti(frame):
        return f"ASCII on a BCD port? MTI {_ascii_mti(frame)} in characters"
    if _bcd_mti(frame):
        return f"BCD on an ASCII port? MTI {_bcd_mti(frame)} as binary"
    return None


def guess_stream(first: bytes, expected: str = "two bytes") -> str | None:
    """What the first bytes of a stream look like when they hold no possible length of the form `expected`.

    >>> guess_stream(b"0100F238"), guess_stream(b"03250100F238"), guess_stream(b"GET / HTTP/1.1")
    ('first bytes 0100: no length header?', 'four digits as length header before the MTI 0100?', 'HTTP?')
    >>> guess_stream(bytes.fromhex("00F0 3031 3030"), "four digits")
    'two bytes as length header before the MTI 0100?'
    """
    if first[:4] in (b"GET ", b"POST", b"HEAD", b"PUT "):
        return "HTTP?"
    for words, width, possible in LENGTH_FORMS:
        if not expected.startswith(words) and possible(first[:width]) and (mti := leading_mti(first[width:])):
            return f"{words} as length header before the MTI {mti}?"
    mti = _ascii_mti(first)
    if mti:
        return f"first bytes {mti}: no length header?"
    if first[:1] == bytes([TPDU_ID]) and _bcd_mti(first[TPDU_BYTES:]):
        return f"first bytes 60…{_bcd_mti(first[TPDU_BYTES:])}: a TPDU, and no length header?"
    if len(first) >= 4 and set(first[:4]) <= EBCDIC_DIGITS:
        return "EBCDIC digits, and no length header?"
    if len(first) > BCD_MTI_BYTES and _bcd_mti(first):
        return f"first bytes {_bcd_mti(first)} in BCD: no length header?"
    return None


def leading_mti(data: bytes) -> str | None:
    """The message type that the bytes begin with, in ASCII or in BCD.

    >>> leading_mti(b"0100F23C"), leading_mti(b"\\x01\\x00"), leading_mti(b"4687")
    ('0100', '0100', None)
    """
    return _ascii_mti(data) or _bcd_mti(data)


def _ascii_mti(data: bytes) -> str | None:
    """The message type in the first four characters, if they can be one."""
    mti = data[:4]
    if len(mti) == 4 and mti.isdigit() and mti[0] in MTI_VERSIONS and mti[1] in MTI_CLASSES:
        return mti.decode("ascii")
    return None


def _bcd_mti(data: bytes) -> str | None:
    """The message type in the first two bytes, if they can be one."""
    return _ascii_mti(data[:2].hex().encode("ascii"))
