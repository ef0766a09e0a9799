"""Putting frames together, finding them, taking them apart, in Python: the readable twin of `_splitting_c`."""

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from zlib import crc32

_HEADER = struct.Struct("<4sIIIQQ")
_PREFIX = struct.Struct("<4sI")
_FIELDS = struct.Struct("<IIQQ")
_MARKER = b"MTQ1"
_SIZED_FROM = 8  # what the checksum is of


def encode(first: int, durable: int, payloads: Sequence[bytes]) -> bytes:
    """One frame holding `payloads` as records `first`, `first + 1` …

    >>> encode(7, 5, [b"intent", b"outcome"])[24:].hex(" ", -4)
    '05000000 00000000 06000000 07000000 696e7465 6e746f75 74636f6d 65'
    """
    count = len(payloads)
    lengths = struct.pack(f"<{count}I", *map(len, payloads))
    size = len(lengths) + sum(map(len, payloads))
    content = b"".join((_FIELDS.pack(size, count, first, durable), lengths, *payloads))
    return _PREFIX.pack(_MARKER, crc32(content)) + content


def span_at(data: bytes | bytearray, start: int, checked: bool = False) -> tuple[int, int, int, int] | None:
    """The valid frame at `start`."""
    if start < 0 or len(data) - start < _HEADER.size:
        return None
    marker, checksum, size, count, first, durable = _HEADER.unpack_from(data, start)
    end = start + _HEADER.size + size
    if marker != _MARKER or end > len(data):
        return None
    if not checked and crc32(memoryview(data)[start + _SIZED_FROM : end]) != checksum:
        return None
    if 4 * count > size or 4 * count + sum(_lengths(data, start, count)) != size:
        return None  # a right checksum over wrong sizes: a record that imitates a frame
    return end, first, durable, count


def payloads_of(data: bytes | bytearray, start: int) -> list[bytes]:
    """The records of the valid frame at `start`. ValueError where there is none."""
    span = span_at(data, start, True)
    if span is None:
        raise ValueError(f"no frame at {start}")
    lengths = _lengths(data, start, span[3])
    places = accumulate(lengths, initial=start + _HEADER.size + 4 * span[3])
    return [bytes(data[place:following]) for place, following in pairwise(places)]


def written(data: bytes | bytearray) -> int:
    """Where the bytes end that are not zero."""
    return len(data.rstrip(b"\0"))


def _lengths(data: bytes | bytearray, start: int, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"<{count}I", data, start + _HEADER.size)
