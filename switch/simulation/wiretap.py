"""Reading frames and logs for the checkers, with nothing of the code that wrote them.

Two layouts of ISO 8583:1987 as far as simulated institutions use them, and the frames of a log file: written from the
standards and from the description in `switch.store.frames`, not with its functions. What is unexpected raises.
"""

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import Any, Final, TypeAlias
from zlib import crc32

import msgspec

Doc: TypeAlias = dict[int, str]  # field 0 is the MTI

# DE → (n: digits, z: digits of a track, a: text, x: sign and digits, b: bytes written as hexadecimal text; length;
# digits of the length before it, 0 for none).
_FIELDS: Final[dict[int, tuple[str, int, int]]] = {
    2: ("n", 19, 2), 3: ("n", 6, 0), 4: ("n", 12, 0), 7: ("n", 10, 0), 11: ("n", 6, 0), 12: ("n", 6, 0),
    13: ("n", 4, 0), 14: ("n", 4, 0), 15: ("n", 4, 0), 22: ("n", 3, 0), 25: ("n", 2, 0), 32: ("n", 11, 2),
    35: ("z", 37, 2), 37: ("a", 12, 0), 38: ("a", 6, 0), 39: ("a", 2, 0), 41: ("a", 8, 0), 42: ("a", 15, 0),
    48: ("a", 999, 3), 49: ("a", 3, 0), 50: ("a", 3, 0), 52: ("b", 16, 0), 54: ("a", 240, 3), 64: ("b", 16, 0),
    66: ("n", 1, 0), 70: ("n", 3, 0), **dict.fromkeys(range(74, 82), ("n", 10, 0)),
    **dict.fromkeys(range(86, 90), ("n", 16, 0)), 90: ("n", 42, 0), 95: ("a", 42, 0), 97: ("x", 17, 0),
    128: ("b", 16, 0),
}  # fmt: skip

_LOG_HEADER: Final = Struct("<4sIIIQQ")
_CHECKED_FROM: Final = 8  # marker and checksum stand before what is checked


@lru_cache(maxsize=1024)  # a frame is looked at when it is sent and when it arrives
def read_frame(dialect: str, frame: bytes) -> Doc:
    """The fields of a frame in `iso87-ascii` or `iso87-bcd`; to be read, not changed.

    >>> read_frame("iso87-ascii", b"0810" b"0220000002000000" b"1121120000" b"000007" b"00")
    {0: '0810', 7: '1121120000', 11: '000007', 39: '00'}
    >>> read_frame("iso87-bcd", bytes.fromhex("0810 0220000002000000 1121120000 000007 3030"))
    {0: '0810', 7: '1121120000', 11: '000007', 39: '00'}
    """
    packed = dialect == "iso87-bcd"
    doc, at = {0: frame[:2].hex() if packed else frame[:4].decode()}, 2 if packed else 4
    bitmap, at = _bitmap(frame, at, packed)
    for number in range(2, 129):
        if bitmap >> (128 - number) & 1:
            kind, length, prefix = _FIELDS[number]
            if prefix:
                length, at = _length(frame, at, prefix, packed)
            doc[number], at = _value(frame, at, kind, length, packed, left=bool(prefix))
    if at != len(frame):
        raise ValueError(f"{len(frame) - at} bytes stand behind the last field")
    return doc


def _bitmap(frame: bytes, at: int, packed: bool) -> tuple[int, int]:
    size = 8 if packed else 16
    text = frame[at : at + size].hex() if packed else frame[at : at + size].decode()
    at += size
    if int(text[0], 16) & 8:
        text += frame[at : at + size].hex() if packed else frame[at : at + size].decode()
        at += size
    return int(text.ljust(32, "0"), 16), at


def _length(frame: bytes, at: int, digits: int, packed: bool) -> tuple[int, int]:
    size = (digits + 1) // 2 if packed else digits
    text = frame[at : at + size].hex() if packed else frame[at : at + size].decode()
    return int(text), at + size


def _value(frame: bytes, at: int, kind: str, length: int, packed: bool, *, left: bool) -> tuple[str, int]:
    """`left`: an odd number of packed digits stands at the left of its bytes, as jPOS has it for variable fields."""
    if not packed or kind == "a":
        return frame[at : at + length].decode(), at + length
    if kind == "x":  # the sign is a character
        digits, end = _value(frame, at + 1, "n", length - 1, packed, left=False)
        return frame[at : at + 1].decode() + digits, end
    size = (length + 1) // 2
    digits = frame[at : at + size].hex().upper()
    return (digits[:length] if left else digits[-length:]), at + size


def read_log(data: bytes, expected: int) -> Iterator[list[Any]]:
    """The records of some whole frames of a log, the first of which must hold record number `expected`."""
    at = 0
    while at < len(data):
        marker, checksum, size, count, first, _ = _LOG_HEADER.unpack_from(data, at)
        start, end = at + _LOG_HEADER.size, at + _LOG_HEADER.size + size
        if marker != b"MTQ1" or crc32(data[at + _CHECKED_FROM : end]) != checksum or first != expected:
            raise ValueError(f"what is durable is no frame that begins with record {expected}")
        position = start + 4 * count
        for index in range(count):
            length = int.from_bytes(data[start + 4 * index : start + 4 * index + 4], "little")
            yield msgspec.msgpack.decode(data[position : position + length])
            position += length
        at, expected = end, expected + count
