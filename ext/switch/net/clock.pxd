"""The types of `switch/net/clock.py`, compiled."""


cdef class Clock:
    cdef double _offset_s

    cpdef double now(self) except? -1.0
