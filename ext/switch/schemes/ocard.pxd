"""The types of `switch/schemes/ocard.py`, compiled."""

cimport cython

from switch.cards.number_records cimport Number, NumberRecords
from switch.cards.vault cimport Vault
from switch.core.schemes cimport Payment, Resolved, Scheme


cdef frozenset KINDS
cdef tuple CURRENCIES
cdef dict OVER
cdef str PURCHASE, REFUND, CVV2_HEAD


cdef class Ocard(Scheme):
    cdef object _parameters, _map, _by_reference
    cdef frozenset _bins, _cards
    cdef double _final_after_s
    cdef bint _returns_amount, _returns_use
    cdef dict _places, _index_of
    cdef Vault _vault
    cdef bytes _key
    cdef NumberRecords _records
    cdef list _sites

    cpdef long long find(self, str number) except -1
    @cython.locals(found=Number, cvv2=str, private=str)
    cpdef resolve(self, long long mark, Payment payment, double now)
    cdef _objection(self, long long mark, Number found, Payment payment, str cvv2, double now)
    @cython.locals(found=Number)
    cpdef weighs(
        self, long long mark, str currency, long long before, long long now, int uses, bint taken_back,
    )
    @cython.locals(ends=double)
    cdef str _life(self, Number found, double now)
    cdef str _cvv2(self, long long mark, Number found)
    @cython.locals(found=Number)
    cdef Number _number_of(self, terms)


cdef bint _spent(Number found) except -1
@cython.locals(own=str)
cdef long long _held(long long amount, str currency, Number found) except? -1
cdef str _yymm(int expiry)

@cython.locals(told=dict, rest=str, head=str, ends=Py_ssize_t)
cpdef dict elements(str private)
cpdef str joined(dict told)
@cython.locals(told=dict)
cpdef tuple without_cvv2(str private)
