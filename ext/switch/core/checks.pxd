"""The types of `switch/core/checks.py`, compiled."""

cimport cython

from switch.core cimport fields as de
from switch.core.links cimport AcquirerLink
from switch.iso8583._codec_c cimport FieldMask as CFieldMask, View as CView


cdef frozenset WITH_AMOUNT, WITHOUT_AMOUNT, ZEROS

@cython.locals(number=Py_ssize_t)
cpdef absent(CView view, CFieldMask mandatory)
@cython.locals(pan=str)
cpdef missing(CView view, CFieldMask mandatory)
cpdef foreign_acquirer(CView view, AcquirerLink link)
cpdef authorization(CView view, AcquirerLink link, spec)
cpdef advice(CView view, AcquirerLink link, spec)
@cython.locals(track=str, sent=str, expiry=str, pan=str, rest=str)
cpdef track_disagrees(CView view)
@cython.locals(kind=str, currency=str, moves=bint)
cpdef business(CView view, spec)
cpdef bint is_zero(str amount) except -1

@cython.locals(pan=str, track2=str)
cpdef str pan_of(CView view)
@cython.locals(account=str)
cpdef str account_number(str pan)
