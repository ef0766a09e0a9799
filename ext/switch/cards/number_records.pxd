"""The types of `switch/cards/number_records.py`, compiled."""

cimport cython


@cython.final
cdef class Number:
    cdef public unsigned long long number, card
    cdef public long long cap, used
    cdef public double valid_until, cancelled_at
    cdef public Py_ssize_t digits, place, currency, uses
    cdef public int expiry, card_expiry, cvv2
    cdef public bint single

    cpdef str text(self)
    cpdef str pan(self)


@cython.final
cdef class Block:
    cdef unsigned long long[::1] numbers, cards
    cdef long long[::1] caps, used
    cdef double[::1] valid, cancelled
    cdef unsigned int[::1] places, ends
    cdef int[::1] uses
    cdef short[::1] expiries, card_expiries, cvv2s
    cdef unsigned char[::1] digits, singles, currencies
    cdef object sealed


@cython.final
cdef class NumberRecords:
    cdef list _blocks
    cdef Py_ssize_t _count

    @cython.locals(at=Py_ssize_t, block=Block)
    cpdef Py_ssize_t append(self, Number number, bytes sealed) except -1
    @cython.locals(at=Py_ssize_t, block=Block, found=Number)
    cpdef Number get(self, Py_ssize_t mark)
    @cython.locals(at=Py_ssize_t, block=Block)
    cpdef put(self, Py_ssize_t mark, Number number)
    @cython.locals(at=Py_ssize_t, block=Block)
    cpdef bytes sealed(self, Py_ssize_t mark)
    cdef _check(self, Py_ssize_t mark)


@cython.locals(text=str)
cpdef str in_digits(unsigned long long value, Py_ssize_t digits)
