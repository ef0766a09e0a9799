"""The types of `switch/net/connections.py`, compiled."""

cimport cython

from switch.iso8583.framing cimport Joiner, Splitter
from switch.net.effects cimport Driver, Outlet


cdef class Connection(Outlet):
    cdef public double delay_ms
    cdef public str link_name
    cdef Driver _driver
    cdef Splitter _splitter
    cdef Joiner _joiner
    cdef object _framing, _closed, _loop, _tpdus, _transport, _watch, _patience
    cdef int _link
    cdef long long _number
    cdef bint _dialled, _ending, _ciphered
    cdef list _queue, _waiting, _late
    cdef double _delayed_until, _waiting_since, _started_at, _heard_at
    cdef Py_ssize_t _owed

    @cython.locals(now=double, frames=list)
    cpdef data_received(self, bytes data)
    @cython.locals(taken=Py_ssize_t)
    cdef _hand_in(self, list frames, double now, double since)
    @cython.locals(keep_alives=Py_ssize_t)
    cdef _passed_over(self, bytes data, Py_ssize_t count)
    cdef _pause(self, double seconds)
    cpdef _go_on(self)
    cpdef put(self, bytes frame)
    cpdef put_all(self, frames)
    @cython.locals(count=Py_ssize_t)
    cpdef flush(self)
    cpdef close(self)
    @cython.locals(frames=list)
    cdef _show_tap(self)
    cdef _write_late(self, bytes data, Py_ssize_t count)
    cpdef _write_oldest(self)
    cpdef _write(self, bytes data, Py_ssize_t count)
    cdef _break_off(self, str reason, str why)
    cdef _end(self)
    cdef _refuse(self, str event, str reason, str why)
    cdef _event(self, str event, str reason, str why)
    cdef _watch_frame(self, double now)
    cpdef _check_frame(self)
