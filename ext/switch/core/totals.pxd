"""The types of `switch/core/totals.py`, compiled."""

cimport cython

from switch.core.transaction cimport Transaction


@cython.final
cdef class Figures:
    cdef list _counts, _sums

    @cython.locals(place=Py_ssize_t)
    cpdef add(self, int column, long long amount)


@cython.final
cdef class Totals:
    cdef dict _of

    @cython.locals(column=int, amount=cython.longlong)
    cpdef approved(self, Transaction tx)
    cpdef taken_back(self, Transaction tx, long long amount)
    @cython.locals(day=dict, figures=Figures)
    cdef Figures _figures_of(self, Transaction tx, int link)
    @cython.locals(days=dict, day=dict)
    cdef dict _day(self, int link, str business_date)


@cython.locals(kind=str)
cpdef int column_of(Transaction tx) except -1
