"""Cutting and joining frames behind binary lengths: the twin of `_frames_c`."""


def cut(data: bytes, width: int, inclusive: bool, header_bytes: int, max_frame: int) -> tuple[list[bytes], int, int]:
    """Cut the whole frames from the start of `data`: they without lengths and headers, where they end, keep-alives.

    Keep-alives, frames of nothing or of the header alone, are counted and passed over. The end stands before a frame
    that is not whole and before a length that is not right; `Splitter` tells which.
    """
    frames: list[bytes] = []
    at, size, keep_alives = 0, len(data), 0
    while size - at >= width:
        start = at + width
        length = int.from_bytes(data[at:start], "big")
        if inclusive and length:
            length -= width
        if header_bytes < length <= max_frame and length <= size - start:
            frames.append(data[start + header_bytes : start + length])
        elif length in (0, header_bytes) and length <= size - start:
            keep_alives += 1
        else:
            break
        at = start + length
    return frames, at, keep_alives


def join(payloads: list[bytes], header: bytes, width: int, inclusive: bool) -> bytes:
    """The payloads, which are not empty and fit the length, each behind its length and `header`, in one piece."""
    extra = len(header) + (width if inclusive else 0)
    pieces: list[bytes] = []
    for payload in payloads:
        length = len(payload) + extra
        if not payload or length >> 8 * width:
            raise ValueError(f"a frame holds 1 to {(1 << 8 * width) - 1 - extra} bytes, not {len(payload)}")
        pieces += (length.to_bytes(width, "big"), header, payload)
    return b"".join(pieces)


def parted(frames: list[bytes], count: int) -> list[tuple[bytes, bytes]]:
    """Each frame in two: its first `count` bytes, and the rest."""
    return [(frame[:count], frame[count:]) for frame in frames]
