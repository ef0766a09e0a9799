"""How batches of records lie in a log's bytes, and how a torn end is told from damage. Pure functions over bytes.

A batch is one frame, little-endian, directly after the frame before it:

      0  marker    4  "MTQ1"; four zeros (preallocated space) are the end of the log
      4  checksum  4  CRC-32 of everything from offset 8 to the end of the frame
      8  size      4  bytes after this header
     12  count     4  records in the batch; a frame of none only carries `durable`
     16  first     8  sequence number of the first record
     24  durable   8  newest record known durable when this frame was written
     32  lengths   4 × count, then the records, one after the other

One checksum a batch makes the batch atomic: it is found whole or not at all.

Torn or damaged? After a power cut the pages written since the last finished fdatasync may be on the disk or not, in
any order, so a bad frame with good frames behind it is no proof of damage. `durable` is the witness: when some later
frame states that record N was durable, and N is missing or unreadable, then the disk lost what it had promised. That
is damage, and must stop the switch. Without a witness nobody was told that the bytes were safe by any record we
still have: they are a torn end, and are cut. The one case left open is damage to the very last synced batch, where no
log can tell; `FileLog.close` therefore ends with an empty frame that bears witness for it. Bytes of a record that
imitate a frame could do no worse than stop a start, and that only from within a torn frame: they are never read as
records.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

MARKER = b"MTQ1"
_PREFIX = struct.Struct("<4sI")
_FIELDS = struct.Struct("<IIQQ")
HEADER_BYTES = _PREFIX.size + _FIELDS.size


class Frame(NamedTuple):
    """A valid frame, which lies at `data[start:end]`; `first` is the sequence number of `payloads[0]`."""

    start: int
    end: int
    first: int
    durable: int
    payloads: tuple[bytes, ...]


class End(NamedTuple):
    """Where the valid frames of some bytes end.

    `offset`: of the first byte after them; `next_sequence`: what the next record will be numbered; `torn_bytes`: how
    much was written behind `offset` nevertheless; `witness`: offset of a frame which states that some of this was
    durable, or None.
    """

    offset: int
    next_sequence: int
    torn_bytes: int
    witness: int | None


def encode(first: int, durable: int, payloads: Sequence[bytes]) -> bytes:
    """One frame holding `payloads` as records `first`, `first + 1` …

    >>> frame = encode(7, 5, [b"intent", b"outcome"])
    >>> read(frame, 0)
    Frame(start=0, end=53, first=7, durable=5, payloads=(b'intent', b'outcome'))
    """
    count = len(payloads)
    lengths = struct.pack(f"<{count}I", *map(len, payloads))
    size = len(lengths) + sum(map(len, payloads))
    content = b"".join((_FIELDS.pack(size, count, first, durable), lengths, *payloads))
    return _PREFIX.pack(MARKER, crc32(content)) + content


def read(data: bytes, start: int) -> Frame | None:
    """The frame at `start`, or None where there is no whole and undamaged one."""
    if len(data) - start < HEADER_BYTES:
        return None
    marker, checksum = _PREFIX.unpack_from(data, start)
    size, count, first, durable = _FIELDS.unpack_from(data, start + _PREFIX.size)
    end = start + HEADER_BYTES + size
    if marker != MARKER or end > len(data) or crc32(memoryview(data)[start + _PREFIX.size : end]) != checksum:
        return None
    position = start + HEADER_BYTES + 4 * count
    lengths = struct.unpack_from(f"<{count}I", data, start + HEADER_BYTES) if position <= end else ()
    if position + sum(lengths) != end:  # a right checksum over wrong sizes: a record that imitates a frame
        return None
    payloads = []
    for length in lengths:
        payloads.append(data[position : position + length])
        position += length
    return Frame(start, end, first, durable, tuple(payloads))


def read_all(data: bytes, expected: int) -> Iterator[Frame]:
    """The frames from the start of `data` on, whose first record is number `expected`, up to the first bad one.

    >>> [frame.payloads for frame in read_all(encode(1, 0, [b"a", b"b"]) + encode(3, 2, [b"c"]) + bytes(64), 1)]
    [(b'a', b'b'), (b'c',)]
    """
    frame = read(data, 0)
    while frame is not None and frame.first == expected:
        yield frame
        expected += len(frame.payloads)
        frame = read(data, frame.end)


def find_end(data: bytes, expected: int) -> End:
    """Where the log in `data`, whose first record is number `expected`, ends, and whether it may end there.

    >>> whole = encode(1, 0, [b"a"]) + encode(2, 1, [b"b"])
    >>> find_end(whole + bytes(64), 1)
    End(offset=74, next_sequence=3, torn_bytes=0, witness=None)
    >>> find_end(whole[:-1] + b"?" + bytes(64), 1)
    End(offset=37, next_sequence=2, torn_bytes=37, witness=None)
    >>> find_end(bytes(37) + whole[37:], 1)
    End(offset=0, next_sequence=1, torn_bytes=74, witness=37)
    """
    offset = 0
    for frame in read_all(data, expected):
        offset, expected = frame.end, frame.first + len(frame.payloads)
    written = max(offset, len(data.rstrip(b"\0")))
    return End(offset, expected, written - offset, _find_witness(data, offset, written, expected))


def _find_witness(data: bytes, offset: int, end: int, missing: int) -> int | None:
    """Offset of a frame within `data[offset:end]` which states that record `missing` was durable."""
    offset = data.find(MARKER, offset, end)
    while offset >= 0:
        frame = read(data, offset)
        if frame is not None and frame.first > frame.durable >= missing:
            return offset
        # Step over a valid frame as a whole: what its records hold is no frame of ours, whatever it looks like.
        offset = data.find(MARKER, frame.end if frame is not None else offset + 1, end)
    return None
