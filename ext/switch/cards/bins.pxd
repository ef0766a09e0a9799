"""The types of `switch/cards/bins.py`, compiled."""

cimport cython


@cython.final
cdef class BinTable:
    cdef tuple _by_length

    @cython.locals(length=Py_ssize_t, values=dict)
    cpdef find(self, str pan)
