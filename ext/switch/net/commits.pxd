"""The types of `switch/net/commits.py`, compiled."""

cimport cython

from switch.core cimport effects as kinds


@cython.final
cdef class _Batch:
    cdef list records, held
    cdef Py_ssize_t size


@cython.final
cdef class GroupCommit:
    cdef object _journal, _release, _stalled, _overfull, _loop, _retry, _idle, _watched, _backstop
    cdef _Batch _open, _syncing
    cdef bint _broken
    cdef double _went_at
    cdef Py_ssize_t _went_with
    cdef long long _kept_bytes

    @cython.locals(batch=_Batch)
    cpdef append(self, bytes record)
    cpdef bint hold(self, tuple effect) except -1
    @cython.locals(now=double)
    cpdef flush(self)
    cdef bint _is_due(self, double now) except -1
    cdef _stop_backstop(self)
    cpdef _wait_no_more(self)
    cdef _commit(self)
    cdef _append(self, list records, Py_ssize_t size)
    cpdef _sync_ended(self)
    @cython.locals(batch=_Batch)
    cpdef _synced(self, error)
    cdef _break(self, _Batch batch, error)
    cdef _keep(self, Py_ssize_t size)
