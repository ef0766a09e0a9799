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

To put frames together, to find where they lie and to take them apart is compiled: `switch.store.splitting`.

    >>> frame = encode(7, 5, [b"intent", b"outcome"])
    >>> read(frame, 0)
    Frame(start=0, end=53, first=7, durable=5, payloads=(b'intent', b'outcome'))
"""

from collections.abc import Iterator
from typing import NamedTuple

from switch.store.splitting import HEADER_BYTES, MARKER, Span, encode, payloads_of, span_at, written

__all__ = ["HEADER_BYTES", "MARKER", "Content", "End", "Frame", "encode", "find_end", "read", "read_all", "spans"]

Content = bytes | bytearray  # of a segment


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


def read(data: Content, start: int) -> Frame | None:
    """The frame at `start`, or None where there is no whole and undamaged one."""
    span = span_at(data, start)
    if span is None:
        return None
    end, first, durable, _ = span
    return Frame(start, end, first, durable, tuple(payloads_of(data, start)))


def spans(data: Content, expected: int, *, checked: bool = False) -> Iterator[tuple[int, Span]]:
    """Where the frames lie from the start of `data` on, whose first record is number `expected`, up to the first bad
    one: its offset, and what `span_at` says. `checked`: their checksums were right when they were last read."""
    start, span = 0, span_at(data, 0, checked)
    while span is not None and span[1] == expected:
        yield start, span
        start, expected = span[0], expected + span[3]
        span = span_at(data, start, checked)


def read_all(data: Content, expected: int) -> Iterator[Frame]:
    """The frames from the start of `data` on, whose first record is number `expected`, up to the first bad one.

    >>> [frame.payloads for frame in read_all(encode(1, 0, [b"a", b"b"]) + encode(3, 2, [b"c"]) + bytes(64), 1)]
    [(b'a', b'b'), (b'c',)]
    """
    for start, (end, first, durable, _) in spans(data, expected):
        yield Frame(start, end, first, durable, tuple(payloads_of(data, start)))


def find_end(data: Content, expected: int) -> End:
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
    for _, (end, first, _, count) in spans(data, expected):
        offset, expected = end, first + count
    end = max(offset, written(data))
    return End(offset, expected, end - offset, _find_witness(data, offset, end, expected))


def _find_witness(data: Content, offset: int, end: int, missing: int) -> int | None:
    """Offset of a frame within `data[offset:end]` which states that record `missing` was durable."""
    offset = data.find(MARKER, offset, end)
    while offset >= 0:
        span = span_at(data, offset)
        if span is not None and span[1] > span[2] >= missing:
            return offset
        # Step over a valid frame as a whole: what its records hold is no frame of ours, whatever it looks like.
        offset = data.find(MARKER, span[0] if span is not None else offset + 1, end)
    return None
