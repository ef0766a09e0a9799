"""The types of `switch/core/transaction.py`, compiled."""

cimport cython

from switch.iso8583._codec_c cimport View as CView


@cython.final
cdef class Transaction:
    cdef public long long number
    cdef public object state, hold
    cdef public int acquirer_link, issuer_link
    cdef public long long issuer_stan, conn, standing, stood_in_for, mark, weight
    cdef public str mti, acquirer_id, stan, rrn, terminal, local_date, de3, amount, currency, transmitted, merchant
    cdef public str de39, approval, reason, leg_mti, business_date, pin_key, approved_amount
    cdef public bytes token, sealed_pan, sealed_extras, sealed_fields
    cdef public CView request
    cdef public list waiters, additions, completions, entries
    cdef public Transaction older, original
    cdef public bint approved, taken_back, preauthorised
    cdef public object resolved
    cdef public double deadline, received_at, hsm_asked_at, hsm_answered_at, forwarded_at
    cdef public double issuer_answered_at, decided_at, answered_at

    cpdef move(self, state)
    cpdef move_hold(self, hold)
    cpdef approve(self, amount)
    cpdef bint asked_under(self, long long stan)


@cython.final
cdef class Transactions:
    cdef dict _newest
    cdef object _by_age
    cdef Py_ssize_t _limit
    cdef double _retention_s
    cdef public Py_ssize_t forgotten_early

    cpdef bint knows(self, str key)
    @cython.locals(tx=Transaction)
    cpdef Transaction find(self, str key, str local_date)
    @cython.locals(tx=Transaction, newest=Transaction)
    cpdef Transaction find_original(self, str key, str transmitted)
    cpdef add(self, Transaction tx)
    @cython.locals(oldest=Transaction, finished_at=double)
    cpdef finished(self, Transaction tx, double now)
    @cython.locals(link=Transaction)
    cdef _forget(self, Transaction tx)


cdef bint _is_needed(Transaction tx, double now) except -1
cdef bint _awaits_completion(Transaction tx, double now) except -1
