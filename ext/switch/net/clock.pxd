"""The types of `switch/net/clock.py`, compiled."""

cimport cython


@cython.final
cdef class Clock:
    cdef double _offset_s
