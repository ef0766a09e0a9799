"""The types of `switch/net/latencies.py`, compiled."""

cimport cython

from switch.core.transaction cimport Transaction
from switch.net.marks cimport WakeUps

cdef long _STEPS
cdef double _LONGEST_US


@cython.final
cdef class Histogram:
    cdef long long[::1] _buckets
    cdef public long long count
    cdef public double sum_us

    @cython.locals(steps=cython.longlong, octave=cython.int)
    cpdef record(self, double value_us)


@cython.final
cdef class Latencies:
    cdef public WakeUps wake_ups
    cdef public dict hops, first_with_pin
    cdef Histogram _line, _queue, _hsm, _log, _issuer, _answer, _answer_durable, _total

    @cython.locals(tx=Transaction)
    cpdef observe(self, transactions)
    @cython.locals(
        wake_ups=WakeUps, arrived=double, at=double, queued=double, logged=double, asked=double, durable=double,
        decided=double,
    )
    cdef _attribute(self, Transaction tx)
