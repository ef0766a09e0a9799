"""The types of `switch/net/commits.py`, compiled."""

cimport cython

from switch.core cimport effects as kinds


@cython.final
cdef class _Batch:
    cdef list records, held


@cython.final
cdef class GroupCommit:
    cdef object _journal, _release, _stalled, _overfull, _loop, _retry, _idle, _watched
    cdef _Batch _open, _syncing
    cdef bint _broken
    cdef long long _kept_bytes

    cpdef append(self, bytes record)
    cpdef bint hold(self, tuple effect) except -1
    cpdef flush(self)
    @cython.locals(records=list)
    cdef _commit(self)
    cpdef _sync_ended(self)
    @cython.locals(batch=_Batch)
    cpdef _synced(self, error)
    cdef _break(self, _Batch batch, error)
    cdef _keep(self, Py_ssize_t size)
