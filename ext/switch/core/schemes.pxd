"""The types of `switch/core/schemes.py`, compiled."""

cimport cython

from switch.core cimport fields as de
from switch.core.checks cimport pan_of
from switch.core.links cimport AcquirerLink
from switch.core.totals cimport column_of_kind
from switch.core.transaction cimport Transaction
from switch.iso8583._codec_c cimport View as CView


@cython.final
cdef class Payment:
    cdef public str number, acquirer_id, merchant, kind, currency, expiry, private
    cdef public long long amount
    cdef public bint of_a_card, begins, asks


@cython.final
cdef class Resolved:
    cdef public str number, pan, expiry, private

    cpdef dict patches(self)
    cpdef str disguised(self, str text)


cdef class Scheme:
    cpdef long long find(self, str number) except -1
    cpdef resolve(self, long long mark, Payment payment, double now)
    cpdef weighs(
        self, long long mark, str currency, long long before, long long now, int uses, bint taken_back,
    )


cpdef resolve(Scheme scheme, long long mark, AcquirerLink link, CView view, Transaction tx, double now)
@cython.locals(payment=Payment)
cdef Payment _payment_of(Transaction tx, CView view)
@cython.locals(number=Py_ssize_t)
cdef bint _brings_a_card(CView view) except -1
@cython.locals(before=cython.longlong, now=cython.longlong, lived=bint)
cpdef weigh(Scheme scheme, Transaction tx, bint taken_back=*)
cpdef weigh_completed(Scheme scheme, Transaction completion)
@cython.locals(head=Transaction)
cdef bint _weighs(Transaction tx) except -1
cpdef long long weight_of(Transaction tx) except -1
