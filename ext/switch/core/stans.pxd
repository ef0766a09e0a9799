"""The types of `switch/core/stans.py`, compiled."""

cimport cython

from switch.core.transaction cimport Transaction


@cython.final
cdef class Stans:
    cdef public long last, taken
    cdef list _slots

    @cython.locals(slots=list, number=long)
    cpdef take(self, Transaction tx)
    cpdef Transaction holder(self, long number)
    cpdef release(self, long number)
