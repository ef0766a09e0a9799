"""The types of `switch/core/transaction.py`, compiled."""

cimport cython

from switch.core.digits cimport decimal
from switch.iso8583._codec_c cimport View as CView


cdef tuple AFTER_STATE, AFTER_HOLD


@cython.final
cdef class Transaction:
    cdef public long long number
    cdef public object state, hold
    cdef public int acquirer_link, issuer_link
    cdef public long long issuer_stan, conn, standing, stood_in_for, mark, weight
    cdef public str mti, acquirer_id, stan, rrn, terminal, local_date, de3, amount, currency, transmitted, merchant
    cdef public str key, de39, approval, reason, leg_mti, business_date, pin_key, approved_amount
    cdef public bytes intent_record, outcome_record, token, sealed_pan, sealed_extras, sealed_fields
    cdef public CView request
    cdef public list waiters, additions, completions, entries
    cdef public Transaction older, original
    cdef public bint approved, taken_back, preauthorised
    cdef public object resolved
    cdef public double deadline, received_at, hsm_asked_at, hsm_answered_at, forwarded_at
    cdef public double issuer_answered_at, decided_at, answered_at

    @cython.locals(before=int, after=int, following=int)
    cpdef move(self, state)
    @cython.locals(before=int, after=int, following=int)
    cpdef move_hold(self, hold)
    cpdef approve(self, amount)
    cpdef long long request_stan(self)
    cpdef bint asked_under(self, long long stan)
    cpdef asked(self)
    cpdef bint is_plain(self)


cpdef str reference_of(str acquirer_id, str stan, str rrn, str terminal, str mti)
