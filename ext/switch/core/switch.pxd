"""The types of `switch/core/switch.py`, compiled."""

cimport cython

from switch.core.authorizations cimport Authorizations
from switch.core.context cimport Context
from switch.core.endings cimport Endings
from switch.core.links cimport AcquirerLink, IssuerLink, Line
from switch.core.part cimport Part
from switch.iso8583._codec_c cimport View as CView
from switch.iso8583.codec cimport scan


cdef frozenset AUTHORIZATION_MTIS, REVERSAL_MTIS, NETWORK_MTIS, ADVICE_MTIS, AUTHORIZATION_ANSWERS, DELIVERY_ANSWERS


cdef class Switch(Part):
    cdef public Context _context
    cdef public object _deliveries, _reversals, _questions, _keys, _days, _network, _reconciliation, _closings
    cdef public object _file_actions, _advices, _macs
    cdef bint _guards
    cdef public Endings _ends
    cdef public Authorizations _authorizations
    cdef tuple _timed, _dated

    cpdef receive(self, long long conn, bytes frame, double now)
    @cython.locals(acquirer=AcquirerLink, line=Line)
    cpdef _hand_in(self, long long conn, bytes frame, double now)
    @cython.locals(view=CView, mti=str)
    cdef _from_acquirer(self, long long conn, AcquirerLink link, bytes frame, double now)
    cdef _unknown_mti(self, long long conn, AcquirerLink link, CView view)
    cdef _malformed(self, long long conn, AcquirerLink link, bytes frame, error)
    @cython.locals(view=CView, mti=str, issuer=IssuerLink)
    cdef _from_issuer(self, Line line, bytes frame, double now)
    cdef _malformed_from_issuer(self, Line line, bytes frame, error)
    cpdef hsm_reply(self, long long tag, bytes reply, double now)
    @cython.locals(context=Context, effects=list)
    cpdef list take_effects(self)
