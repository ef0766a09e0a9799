"""The types of `switch/net/marks.py`, compiled."""

cimport cython


cdef Py_ssize_t _SIZE


@cython.final
cdef class Marks:
    cdef double[::1] _times
    cdef Py_ssize_t _count

    cpdef add(self, double at)
    @cython.locals(found=Py_ssize_t)
    cpdef double before(self, double at) except? -1.0
    @cython.locals(found=Py_ssize_t)
    cpdef double after(self, double at) except? -1.0
    @cython.locals(
        times="double[::1]", oldest=Py_ssize_t, high=Py_ssize_t, low=Py_ssize_t, step=Py_ssize_t, middle=Py_ssize_t
    )
    cpdef Py_ssize_t _later_than(self, double at) except -1


@cython.final
cdef class WakeUps:
    cdef public Marks began, asked, durable
    cdef dict _held_back

    cpdef held_back(self, double since, double until)
    cpdef double arrival(self, double received_at) except? -1.0
