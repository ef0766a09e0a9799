"""The types of `switch/core/checks.py`, compiled."""

cimport cython

from switch.core cimport fields as de
from switch.core.digits cimport is_decimal, leading_two
from switch.core.links cimport AcquirerLink
from switch.iso8583._codec_c cimport FieldMask as CFieldMask, View as CView


cdef dict MOVES

@cython.locals(number=Py_ssize_t)
cpdef absent(CView view, CFieldMask mandatory)
cpdef missing(CView view, CFieldMask mandatory, str pan)
cpdef foreign_acquirer(CView view, AcquirerLink link)
cpdef authorization(CView view, AcquirerLink link, spec, str pan)
cpdef advice(CView view, AcquirerLink link, spec, str pan)
@cython.locals(track=str, expiry=str, digits=Py_ssize_t, same=bint, on_track=str, rest=str)
cpdef track_disagrees(CView view, str pan)
@cython.locals(code=str, currency=str)
cpdef business(CView view, spec)
@cython.locals(digit=Py_UCS4)
cpdef bint is_zero(str amount) except -1

@cython.locals(pan=str, track2=str)
cpdef str pan_of(CView view)
@cython.locals(account=str)
cpdef str account_number(str pan)
