"""The types of `switch/core/digits.py`, compiled."""

cimport cython


@cython.locals(character=Py_UCS4)
cpdef bint is_decimal(str text) except -1
@cython.locals(character=Py_UCS4)
cpdef bint is_alphanumeric(str text) except -1
cpdef int leading_two(str text) except -2
@cython.locals(character=Py_UCS4, number=cython.longlong)
cpdef decimal(str text)
