"""The types of `switch/store/file.py`, compiled."""

cimport cython

from switch.store.splitting cimport encode


cdef class FileLog:
    cdef public object _directory, _segment_lock, _thread, _syncing, _found, _buffer, _recovery
    cdef public Py_ssize_t _segment_bytes, _keep_segments, _offset, _capacity, _blank_end
    cdef public str _failure
    cdef public list _unsynced, _retired
    cdef public unsigned long long _last, _durable, _snapshot_sequence
    cdef public int _fd, _lock_fd

    cpdef unsigned long long append(self, payloads) except? 0
    cpdef begin_sync(self)
    @cython.locals(failure=int)
    cpdef end_sync(self)
    @cython.locals(end=Py_ssize_t, blank_end=Py_ssize_t)
    cdef _write(self, bytes frame)
    @cython.locals(written=Py_ssize_t)
    cdef _pwrite(self, frame, Py_ssize_t offset)
    cdef _synced(self, unsigned long long last, Py_ssize_t covered)
    cdef _refuse_after_failure(self)
