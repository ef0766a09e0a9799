"""The types of `switch/core/authorizations.py`, compiled."""

cimport cython

from switch.cards.bins cimport BinTable
from switch.cards.vault cimport Vault
from switch.core cimport checks, fields as de
from switch.core.context cimport Context
from switch.core.endings cimport Endings
from switch.core.digits cimport decimal, is_alphanumeric, is_decimal
from switch.core.duplicates cimport identify, repeated
from switch.core.journal cimport packed_intent
from switch.core.links cimport AcquirerLink, IssuerLink, Line
from switch.core.schemes cimport resolve, weigh
from switch.core.transaction cimport Transaction
from switch.iso8583._codec_c cimport Patches as CPatches, View as CView
from switch.iso8583.codec cimport emit


@cython.final
cdef class Translation:
    cdef public Transaction tx
    cdef public str source, target, block, account


@cython.final
cdef class Authorizations:
    cdef public Context context
    cdef public Endings ends
    cdef public object deliveries, stand_in, _on_reply
    cdef public BinTable routes
    cdef public Vault vault

    @cython.locals(context=Context, pan=str, tx=Transaction, why=str)
    cpdef request(self, long long conn, AcquirerLink link, CView view, double now)
    @cython.locals(issuer=IssuerLink)
    cdef str _busy(self, route)
    @cython.locals(named=Transaction, head=Transaction)
    cdef bint _adds_to(self, Transaction tx, CView view) except -1
    @cython.locals(issuer=IssuerLink)
    cdef _send(self, Transaction tx, str pan, route, double now)
    @cython.locals(source=str, acquirer=AcquirerLink)
    cdef _translate(self, Transaction tx, IssuerLink issuer, str pan, str block, double now)
    @cython.locals(command=str)
    cdef _ask_translation(self, Translation asked)
    @cython.locals(tx=Transaction, acquirer=AcquirerLink, issuer=IssuerLink, block=str, code=str, previous=str)
    cpdef _translated(self, Translation asked, bytes reply, double now)
    @cython.locals(context=Context, stan=long, patches=CPatches, acquirer=AcquirerLink)
    cdef _forward(self, Transaction tx, IssuerLink issuer, str pin_block, double now)
    @cython.locals(stan_text=str, stan=long, tx=Transaction, code=str)
    cpdef response(self, IssuerLink issuer, CView view, double now)
    @cython.locals(acquirer=AcquirerLink)
    cdef _outcome(self, Transaction tx, IssuerLink issuer, CView view, str code, double now)
    cdef _partly(self, Transaction tx, AcquirerLink acquirer, CView view, double now)
    @cython.locals(amount=str, currency=str)
    cdef _compare(self, Transaction tx, IssuerLink issuer, CView view)
    cdef _approve(self, Transaction tx, CView view, amount)
    cdef dict _extras(self, Transaction tx, CView view)
    cdef dict _fitting(self, Transaction tx, dict extras)
    @cython.locals(issuer=IssuerLink)
    cpdef time_out(self, Transaction tx, str reason, str why, double now)
    cdef _without_issuer(self, Transaction tx, str reason, str why, double now)
    cpdef tick(self, double now)
    @cython.locals(tx=Transaction)
    cdef _tick_issuer(self, IssuerLink issuer, double now)
    cpdef line_lost(self, Line line, long long conn, double now)


cpdef tuple translated(bytes reply)

@cython.locals(place=Py_ssize_t, digit=int)
cdef bint holds_block(bytes reply) except -1

cpdef bint answers(CView view, Transaction tx, IssuerLink issuer) except -1
