"""The types of `switch/core/window.py`, compiled."""

cimport cython


@cython.final
cdef class Window:
    cdef public Py_ssize_t limit
    cdef double _patience_s, _began
    cdef Py_ssize_t _count

    cpdef answered(self, double now, double after_s, Py_ssize_t answers=*)
