"""The types of `switch/iso8583/dates.py`, compiled."""

cimport cython


@cython.locals(month=int, day=int)
cpdef bint is_month_day(str text, Py_ssize_t at=*) except -1
cpdef bint is_time(str text, Py_ssize_t at=*) except -1
cpdef bint is_year_month(str text) except -1
cpdef int two_digits(str text, Py_ssize_t at) except -2
