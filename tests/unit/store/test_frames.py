"""Frames whose checksum is right and whose sizes are not: bytes of a record may imitate a frame."""

import struct
from zlib import crc32

import pytest

from switch.store import frames


def forged(count: int, body: bytes) -> bytes:
    """A frame of `count` records, as it says, with the checksum of what it holds."""
    content = struct.pack("<IIQQ", len(body), count, 1, 0) + body
    return struct.pack("<4sI", frames.MARKER, crc32(content)) + content


def test_the_forger_can_write_a_right_one() -> None:
    assert forged(2, struct.pack("<II", 1, 2) + b"abb") == frames.encode(1, 0, [b"a", b"bb"])


@pytest.mark.parametrize(
    ("count", "body"),
    [
        (0xFFFF_FFFF, b"record"),
        (2, struct.pack("<I", 4)),
        (1, struct.pack("<I", 7) + b"record"),
        (1, struct.pack("<I", 5) + b"record"),
        (0, b"record"),
    ],
)
def test_sizes_that_do_not_add_up_are_no_frame(count: int, body: bytes) -> None:
    """Found by the coverage-guided fuzzer: the count alone decided how much was read."""
    imitation = forged(count, body)
    assert frames.read(imitation, 0) is None
    whole = frames.encode(1, 0, [b"a"])
    assert frames.find_end(whole + imitation, 1).offset == len(whole)
    assert frames.find_end(imitation + whole, 1).next_sequence == 1
