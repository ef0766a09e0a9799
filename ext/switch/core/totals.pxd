"""The types of `switch/core/totals.py`, compiled."""

cimport cython

from switch.core.digits cimport leading_two
from switch.core.transaction cimport Transaction


@cython.final
cdef class Figures:
    cdef long long[::1] _counts, _sums

    @cython.locals(place=Py_ssize_t)
    cpdef add(self, int column, long long amount)


@cython.final
cdef class _Latest:
    cdef str business_date, currency
    cdef Figures figures


@cython.final
cdef class Totals:
    cdef dict _of, _latest

    @cython.locals(column=int)
    cpdef approved(self, Transaction tx, long long amount)
    cpdef taken_back(self, Transaction tx, long long amount)
    @cython.locals(day=dict, figures=Figures, latest=_Latest)
    cdef Figures _figures_of(self, Transaction tx, int link)
    @cython.locals(days=dict, day=dict)
    cdef dict _day(self, int link, str business_date)


cdef dict _COLUMN_OF

@cython.locals(column=int)
cpdef int column_of(Transaction tx) except -1
cpdef int column_of_kind(str processing_code) except -1
