"""The types of `switch/cards/bins.py`, compiled."""

cimport cython


@cython.final
cdef class _Node:
    cdef public object value
    cdef public list below

    @cython.locals(below=_Node)
    cpdef _Node child(self, Py_ssize_t digit)


@cython.final
cdef class BinTable:
    cdef _Node _root

    @cython.locals(node=_Node, below=_Node, character=Py_UCS4)
    cpdef find(self, str pan)
