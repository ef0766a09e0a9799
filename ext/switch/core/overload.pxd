"""The types of `switch/core/overload.py`, compiled."""

cimport cython

from switch.core cimport fields as de
from switch.core.context cimport Context
from switch.core.links cimport AcquirerLink
from switch.core.transaction cimport reference_of
from switch.core.transactions cimport Transactions
from switch.iso8583._codec_c cimport FieldMask as CFieldMask, View as CView
from switch.iso8583.codec cimport emit, scan


cdef dict ANSWERS

@cython.locals(
    link=AcquirerLink, transactions=Transactions, echoed=CFieldMask, patches=dict, kept=list, answers=list, frame=bytes,
    view=CView, mti=str, answer=str, key=str,
)
cpdef tuple refuse_new(Context context, long long conn, frames)
