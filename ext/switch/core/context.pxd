"""The types of `switch/core/context.py`, compiled."""

cimport cython

from switch.core.links cimport AcquirerLink, IssuerLink
from switch.core.schemes cimport Scheme
from switch.core.totals cimport Totals
from switch.core.transaction cimport Transaction
from switch.core.transactions cimport Transactions
from switch.iso8583._codec_c cimport Patches as CPatches, View as CView
from switch.core cimport fields as de
from switch.iso8583.codec cimport emit


@cython.final
cdef class Context:
    cdef public object spec, vault, counters, exposures
    cdef public Scheme scheme
    cdef public long long epoch
    cdef public list effects
    cdef public dict answered, link_index
    cdef public Transactions transactions
    cdef list _acquirer_at, _issuer_at
    cdef public dict acquirers, issuers, lines, acquirer_of_conn, line_of_conn
    cdef public long long last_number
    cdef public Py_ssize_t in_flight
    cdef public Totals totals
    cdef dict _asked_hsm
    cdef long long _last_tag
    cdef str _day, _mmdd
    cdef long long _looked_in, _looks
    cdef public str stalled

    @cython.locals(link=AcquirerLink)
    cpdef AcquirerLink acquirer_of(self, Transaction tx)
    @cython.locals(link=IssuerLink)
    cpdef IssuerLink issuer_of(self, Transaction tx)
    cpdef str mmdd(self, str business_date)
    cpdef next_number(self)
    cpdef Transaction original_of(self, CView view)
    cpdef bytes commit(self, record)
    cpdef bytes log(self, bytes payload)
    cpdef ask_hsm(self, command, handler, subject)
    cpdef hsm_reply(self, long long tag, bytes reply, double now)
    @cython.locals(link=AcquirerLink, patches=CPatches)
    cpdef answer(self, long long conn, CView view, str code, Transaction tx, dict extras=*, bint timed=*)


cdef dict ANSWERED_BY

@cython.locals(answer=str)
cpdef str response_mti(str mti)
cpdef bint is_asking(str mti) except -1
