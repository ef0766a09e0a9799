"""The types of `switch/iso8583/framing.py`, compiled."""

cimport cython

from switch.iso8583.frames cimport cut, join as join_frames


@cython.final
cdef class Joiner:
    cdef object _framing
    cdef bytes _header
    cdef bint _binary, _inclusive
    cdef int _width

    cpdef bytes join(self, list payloads)


@cython.final
cdef class Splitter:
    cdef public object framing, fault
    cdef public list headers
    cdef public Py_ssize_t keep_alives
    cdef object _length
    cdef bint _bulk, _inclusive
    cdef int _width
    cdef Py_ssize_t _header_bytes, _max_frame
    cdef public long long taken
    cdef bytes _held

    @cython.locals(frames=list, headers=list, at=Py_ssize_t, size=Py_ssize_t)
    cpdef list feed(self, bytes data)
    @cython.locals(
        width=int, inclusive=bint, tpdu=bint, start=Py_ssize_t, length=cython.longlong, end=Py_ssize_t, body=Py_ssize_t,
        size=Py_ssize_t,
    )
    cdef Py_ssize_t _cut(self, bytes data, Py_ssize_t at, list frames, list headers) except -1
