"""The types of `switch/core/zonekeys.py`, compiled."""

cimport cython


@cython.final
cdef class ZoneKeys:
    cdef public str current, kcv, previous
    cdef public double previous_until, changed_at

    cpdef change(self, str key, str kcv, double at, double grace_s)
    cpdef served(self, str key)
    cpdef str fallback(self, str key, str error, double now)
