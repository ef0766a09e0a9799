"""The types of `switch/core/checks.py`, compiled."""

cimport cython

from switch.core cimport fields as de
from switch.core.digits cimport is_decimal, leading_two
from switch.core.links cimport AcquirerLink
from switch.iso8583._codec_c cimport FieldMask as CFieldMask, View as CView
from switch.iso8583.dates cimport is_month_day, is_time, is_year_month


cdef dict MOVES

cpdef absent(CView view, CFieldMask mandatory)
cpdef missing(CView view, CFieldMask mandatory, str pan)
@cython.locals(institution=str)
cpdef foreign_acquirer(CView view, AcquirerLink link)
@cython.locals(track=str, expiry=str)
cpdef authorization(CView view, AcquirerLink link, spec, str pan)
cpdef advice(CView view, AcquirerLink link, spec, str pan)
@cython.locals(sent=str, time=str, date=str, number=Py_ssize_t)
cpdef impossible_dates(CView view, str expiry)
@cython.locals(digits=Py_ssize_t, same=bint, on_track=str, rest=str)
cpdef track_disagrees(str track, str expiry, str pan)
@cython.locals(code=str, currency=str)
cpdef business(CView view, spec)
@cython.locals(digit=Py_UCS4)
cpdef bint is_zero(str amount) except -1

@cython.locals(pan=str, track2=str)
cpdef str pan_of(CView view)
@cython.locals(account=str)
cpdef str account_number(str pan)
