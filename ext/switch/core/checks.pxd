"""The types of `switch/core/checks.py`, compiled."""

from switch.core cimport fields as de
from switch.core.links cimport AcquirerLink
from switch.iso8583._codec_c cimport FieldMask as CFieldMask, View as CView


cpdef absent(CView view, CFieldMask mandatory)
cpdef missing(CView view, CFieldMask mandatory)
cpdef foreign_acquirer(CView view, AcquirerLink link)
cpdef authorization(CView view, AcquirerLink link, spec)
cpdef advice(CView view, AcquirerLink link, spec)
cpdef track_disagrees(CView view)
cpdef business(CView view, spec)
cpdef str pan_of(CView view)
cpdef str account_number(str pan)
