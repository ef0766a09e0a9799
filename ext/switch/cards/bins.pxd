"""The types of `switch/cards/bins.py`, compiled."""

cimport cython


cdef int _NOWHERE


@cython.final
cdef class BinTable:
    cdef int[::1] _below
    cdef list _values

    @cython.locals(node=Py_ssize_t, character=Py_UCS4)
    cpdef find(self, str pan)
