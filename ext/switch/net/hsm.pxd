"""The types of `switch/net/hsm.py`, compiled."""

cimport cython

from switch.core.window cimport Window
from switch.iso8583.framing cimport Joiner, Splitter
from switch.iso8583.frames cimport parted
from switch.net.effects cimport Driver, HsmPort


cdef class HsmClient(HsmPort):
    cdef Driver _driver
    cdef object _address
    cdef int _header_bytes
    cdef public list _sockets
    cdef list _hopeless, _tasks
    cdef Py_ssize_t _turn

    @cython.locals(socket=_Socket)
    cpdef ask(self, long long tag, bytes command)
    @cython.locals(socket=_Socket, wrote=bint)
    cpdef bint flush(self) except -1
    cdef _Socket _socket_of_turn(self)
    cpdef replied_none(self, list tags)
    cdef _event(self, str reason, str why)


@cython.final
cdef class _Socket:
    cdef public object lost
    cdef HsmClient _client
    cdef Driver _driver
    cdef Splitter _splitter
    cdef Joiner _joiner
    cdef Window _window
    cdef object _transport, _timer
    cdef double _deadline
    cdef dict _outstanding
    cdef list _queue
    cdef long _count, _headers
    cdef int _header_bytes
    cdef bytes _zeros
    cdef str _reason, _headers_too

    @cython.locals(header=bytes)
    cdef bint put(self, long long tag, bytes command) except -1
    cdef bint flush(self) except -1
    @cython.locals(answers=list, now=double, replies=list, outstanding=dict, header=bytes, asked=tuple, deadline=double)
    cpdef data_received(self, bytes data)
    cpdef _check_oldest(self)
