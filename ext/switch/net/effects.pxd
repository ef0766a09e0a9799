"""The types of `switch/net/effects.py`, compiled."""

cimport cython

from switch.core cimport effects as kinds
from switch.core.part cimport Part
from switch.core.transaction cimport Transaction
from switch.net.clock cimport Clock
from switch.net.commits cimport GroupCommit
from switch.net.marks cimport WakeUps


cdef class Outlet:
    cpdef put(self, bytes frame)
    cpdef put_all(self, frames)
    cpdef flush(self)


cdef class HsmPort:
    cpdef ask(self, long long tag, bytes command)
    cpdef bint flush(self) except -1


@cython.final
cdef class Driver:
    cdef public Part part
    cdef public Clock clock
    cdef public HsmPort hsm
    cdef public object counts, _lines, tap
    cdef object _loop, _observe, _refuse_new, _stalled, _failed, _timer
    cdef public set _answering, _closing
    cdef dict _left, _refusals, _outlets
    cdef long long _refused, _last_number
    cdef double _refused_at, _turn_began, _timer_at, _grain_s
    cdef list _next_turn, _pending
    cdef GroupCommit _commits
    cdef WakeUps _wake_ups
    cdef bint _scheduled, _closed, _looking

    cpdef wake(self)
    cdef _begin(self, double now)
    cpdef next_turn(self, call)
    @cython.locals(
        answering=bint, left=Py_ssize_t, taken=Py_ssize_t, effects=list, effect=tuple, kind=int, pending=list,
        closing=set, part=Part, frame=bytes,
    )
    cpdef Py_ssize_t received(self, long long number, list frames, double now, double since=*) except -1
    cpdef list refused(self, long long number, list frames, double now)
    cdef _write_refusals(self)
    cpdef hang_up(self, long long number)
    @cython.locals(part=Part)
    cpdef hsm_replied(self, list replies, double now)
    cdef _stumbled(self, error)
    cpdef event(self, str name, dict fields)
    @cython.locals(effects=list)
    cpdef _run(self)
    @cython.locals(commits=GroupCommit, hsm=HsmPort, due=list, effect=tuple, kind=int)
    cdef _carry_out(self, list effects)
    cpdef _released(self, list effects)
    @cython.locals(touched=dict, closing=list, outlets=dict, outlet=Outlet, effect=tuple, kind=int)
    cdef _write(self, list effects)
    @cython.locals(now=double, at=double, answered=list, effect=tuple, kind=int, tx=Transaction)
    cdef _note(self, list effects, dict written)
    cdef _arm(self)
    cpdef _look(self)
    cdef _arm_timer(self)
    cpdef _tick(self)
