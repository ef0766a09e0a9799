"""Cutting and joining frames behind binary lengths: many in one call (the twin: `switch.iso8583._frames_py`)."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

cdef enum:
    MAX_WIDTH = 4


cpdef tuple cut(bytes data, int width, bint inclusive, Py_ssize_t header_bytes, Py_ssize_t max_frame):
    """Cut the whole frames from the start of `data`: they without lengths and headers, where they end, keep-alives.

    Keep-alives, frames of nothing or of the header alone, are counted and passed over. The end stands before a frame
    that is not whole and before a length that is not right; `Splitter` tells which.
    """
    cdef const unsigned char *raw
    cdef Py_ssize_t size = len(data)
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t keep_alives = 0
    cdef Py_ssize_t length, start
    cdef int index
    cdef list frames = []
    raw = <const unsigned char *> PyBytes_AS_STRING(data)
    if not 0 < width <= MAX_WIDTH:
        raise ValueError(f"a length of {width} bytes")
    while size - at >= width:
        length = 0
        for index in range(width):
            length = length << 8 | raw[at + index]
        start = at + width
        if inclusive and length:
            length -= width
        # Bounds: header_bytes < length <= size - start, so the frame lies within `data` and is not empty.
        if header_bytes < length <= max_frame and length <= size - start:
            frames.append(PyBytes_FromStringAndSize(<const char *> raw + start + header_bytes, length - header_bytes))
        elif (length == 0 or length == header_bytes) and length <= size - start:
            keep_alives += 1
        else:
            break
        at = start + length
    return frames, at, keep_alives


cpdef bytes join(list payloads, bytes header, int width, bint inclusive):
    """The payloads, which are not empty and fit the length, each behind its length and `header`, in one piece."""
    cdef Py_ssize_t header_bytes = len(header)
    cdef Py_ssize_t extra = header_bytes + (width if inclusive else 0)
    cdef Py_ssize_t total = 0
    cdef Py_ssize_t size, length
    cdef int index
    cdef bytes payload, joined
    cdef unsigned char *raw
    if not 0 < width <= MAX_WIDTH:
        raise ValueError(f"a length of {width} bytes")
    for payload in payloads:
        size = len(payload)
        length = size + extra
        if size == 0 or length >> (8 * width):
            raise ValueError(f"a frame holds 1 to {(1 << 8 * width) - 1 - extra} bytes, not {size}")
        total += width + header_bytes + size
    joined = PyBytes_FromStringAndSize(NULL, total)
    raw = <unsigned char *> PyBytes_AS_STRING(joined)
    for payload in payloads:
        size = len(payload)
        length = size + extra
        for index in range(width):
            raw[index] = <unsigned char> (length >> (8 * (width - 1 - index)) & 0xFF)
        raw += width
        memcpy(raw, PyBytes_AS_STRING(header), header_bytes)
        raw += header_bytes
        memcpy(raw, PyBytes_AS_STRING(payload), size)
        raw += size
    return joined


cpdef list parted(list frames, Py_ssize_t count):
    """Each frame in two: its first `count` bytes, and the rest."""
    cdef list parts = []
    cdef bytes frame
    cdef Py_ssize_t size, front
    for frame in frames:
        size = len(frame)
        front = min(max(count, 0), size)
        parts.append(
            (
                PyBytes_FromStringAndSize(PyBytes_AS_STRING(frame), front),
                PyBytes_FromStringAndSize(PyBytes_AS_STRING(frame) + front, size - front),
            )
        )
    return parts
