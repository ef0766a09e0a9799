"""The types of `switch/core/duplicates.py`, compiled."""

cimport cython

from switch.core cimport fields as de
from switch.core.context cimport Context
from switch.core.links cimport AcquirerLink
from switch.core.transaction cimport Transaction, reference_of
from switch.iso8583._codec_c cimport View as CView


@cython.locals(tx=Transaction, mti=str, condition=str)
cpdef Transaction identify(AcquirerLink link, CView view, bytes token)
@cython.locals(known=Transaction)
cpdef bint repeated(Context context, long long conn, AcquirerLink link, CView view, Transaction tx) except -1
