"""Finding frames and taking them apart, in Python: the readable twin; see `switch.store.splitting`."""

import struct
from itertools import accumulate, pairwise
from zlib import crc32

_HEADER = struct.Struct("<4sIIIQQ")
_MARKER = b"MTQ1"
_SIZED_FROM = 8  # what the checksum is of


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
