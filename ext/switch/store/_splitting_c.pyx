"""Putting frames together, finding them, taking them apart, compiled; `_splitting_py` is the readable twin.

Bounds: `header_at` finds the header within the data and all that it says within the frame, or nothing. Lengths are added
up as they stand, in 64 bits, and must come to the frame's size; only then are records taken, one behind the other.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from zlib import crc32


cdef enum:
    SIZED_FROM = 8  # what the checksum is of
    MAX_SIZE = 0xFFFFFFFF


cdef struct Header:  # as it lies there, on a little-endian machine
    char[4] marker
    uint32_t checksum
    uint32_t size
    uint32_t count
    uint64_t first
    uint64_t durable


cdef inline uint32_t length_at(const uint8_t* lengths, uint32_t place) noexcept nogil:
    cdef uint32_t length
    memcpy(&length, lengths + 4 * <uint64_t>place, 4)
    return length


cdef bint header_at(const uint8_t[::1] data, Py_ssize_t start, Header* header) noexcept nogil:
    """Does a frame lie there, with sizes that agree?"""
    cdef uint64_t left, used
    cdef const uint8_t* lengths
    cdef uint32_t i
    if start < 0 or data.shape[0] - start < <Py_ssize_t>sizeof(Header):
        return False
    memcpy(header, &data[start], sizeof(Header))
    left = data.shape[0] - start - sizeof(Header)
    used = 4 * <uint64_t>header.count
    if memcmp(header.marker, b"MTQ1", 4) != 0 or header.size > left or used > header.size:
        return False
    lengths = &data[0] + start + sizeof(Header)
    for i in range(header.count):
        used += length_at(lengths, i)
    return used == header.size


cpdef bytes encode(uint64_t first, uint64_t durable, payloads):
    """One frame holding `payloads` as records `first`, `first + 1` …"""
    cdef list records = list(payloads)
    cdef uint64_t size = 4 * <uint64_t>len(records)
    cdef uint32_t length
    cdef bytes record, frame
    cdef Header header
    cdef uint8_t* lengths
    cdef uint8_t* place
    for record in records:
        size += <uint64_t>len(record)
    if size > MAX_SIZE:
        raise OverflowError(f"a frame of {size} bytes")
    frame = PyBytes_FromStringAndSize(NULL, sizeof(Header) + size)
    memcpy(header.marker, b"MTQ1", 4)
    header.checksum, header.size, header.count = 0, <uint32_t>size, <uint32_t>len(records)
    header.first, header.durable = first, durable
    memcpy(PyBytes_AS_STRING(frame), &header, sizeof(Header))
    lengths = <uint8_t*>PyBytes_AS_STRING(frame) + sizeof(Header)
    place = lengths + 4 * <uint64_t>header.count
    for record in records:
        length = <uint32_t>len(record)
        memcpy(lengths, &length, 4)
        memcpy(place, PyBytes_AS_STRING(record), length)
        lengths += 4
        place += length
    header.checksum = crc32(memoryview(frame)[SIZED_FROM:])
    memcpy(PyBytes_AS_STRING(frame), &header, SIZED_FROM)
    return frame


def span_at(const uint8_t[::1] data not None, Py_ssize_t start, bint checked=False):
    """The valid frame at `start`."""
    cdef Header header
    cdef Py_ssize_t end
    if not header_at(data, start, &header):
        return None
    end = start + sizeof(Header) + header.size
    if not checked and crc32(data[start + SIZED_FROM : end]) != header.checksum:
        return None
    return end, header.first, header.durable, header.count


def payloads_of(const uint8_t[::1] data not None, Py_ssize_t start):
    """The records of the valid frame at `start`. ValueError where there is none."""
    cdef Header header
    cdef const uint8_t* lengths
    cdef const uint8_t* place
    cdef uint32_t i, length
    cdef list found = []
    if not header_at(data, start, &header):
        raise ValueError(f"no frame at {start}")
    lengths = &data[0] + start + sizeof(Header)
    place = lengths + 4 * <uint64_t>header.count
    for i in range(header.count):
        length = length_at(lengths, i)
        found.append(PyBytes_FromStringAndSize(<const char*>place, length))
        place += length
    return found


def written(const uint8_t[::1] data not None):
    """Where the bytes end that are not zero."""
    cdef Py_ssize_t end = data.shape[0]
    cdef uint64_t word
    while end >= 8:
        memcpy(&word, &data[0] + end - 8, 8)
        if word:
            break
        end -= 8
    while end > 0 and data[end - 1] == 0:
        end -= 1
    return end
