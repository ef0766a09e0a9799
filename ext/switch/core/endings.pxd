"""The types of `switch/core/endings.py`, compiled."""

cimport cython

from switch.core.context cimport Context
from switch.core.journal cimport packed_outcome, refusal_of
from switch.core.links cimport AcquirerLink, IssuerLink
from switch.core.schemes cimport weigh
from switch.core.transaction cimport Transaction
from switch.iso8583._codec_c cimport View as CView


@cython.final
cdef class Endings:
    cdef public Context context
    cdef public object deliveries

    @cython.locals(context=Context, link=AcquirerLink)
    cpdef decline(self, Transaction tx, str result, str reason, str why, double now)
    cpdef give_up(self, Transaction tx, str result, str reason, str why, double now)
    cpdef stood_in(self, Transaction tx, list entries, str why, double now)
    cpdef withdraw(self, Transaction tx, double now)
    cpdef recover(self, Transaction tx, double now)
    cpdef finish(self, Transaction tx, double now, dict extras=*)
    @cython.locals(context=Context, view=CView, conn=cython.longlong)
    cdef _answer_waiters(self, Transaction tx, double now, dict extras=*)
    cpdef event(self, str name, Transaction tx, str reason, str why)
