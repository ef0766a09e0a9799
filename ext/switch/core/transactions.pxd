"""The types of `switch/core/transactions.py`, compiled."""

cimport cython
from libc.stdint cimport uint64_t

from switch.core._shelf_c cimport Shelf as CShelf
from switch.core.transaction cimport Transaction


@cython.final
cdef class Transactions:
    cdef dict _newest, _lent
    cdef object _by_age, _rebuild
    cdef CShelf _shelf
    cdef list _borrowed
    cdef public Py_ssize_t _limit
    cdef double _retention_s
    cdef public Py_ssize_t forgotten_early

    cpdef bint knows(self, str key) except -1
    @cython.locals(tx=Transaction)
    cpdef Transaction find(self, str key, str local_date)
    @cython.locals(tx=Transaction, newest=Transaction)
    cpdef Transaction find_original(self, str key, str transmitted)
    @cython.locals(tx=Transaction)
    cpdef Transaction find_number(self, str key, long long number)
    cdef Transaction _newest_of(self, str key)
    @cython.locals(key=str, newer=Transaction, older=Transaction)
    cpdef add(self, Transaction tx)
    cpdef finished(self, Transaction tx, double now)
    @cython.locals(first=bytes, second=bytes, serial=uint64_t)
    cpdef bint put_away(self, Transaction tx, double at) except -1
    @cython.locals(serial=uint64_t)
    cpdef uint64_t shelve(self, str key, double at, bytes first, bytes second) except? 0
    @cython.locals(shelf=CShelf, shelved_at=double, kept_at=double, oldest_at=double, oldest=Transaction, kept=Py_ssize_t)
    cpdef expire(self, double now)
    @cython.locals(tx=Transaction)
    cdef _lend(self, uint64_t serial)
    @cython.locals(tx=Transaction)
    cdef _take_back(self)
    @cython.locals(tx=Transaction, shelf=CShelf)
    cdef bint _drop(self) except -1
    @cython.locals(key=str, link=Transaction)
    cdef _forget(self, Transaction tx)


cpdef bint can_be_shelved(Transaction tx) except -1
cdef bint _is_needed(Transaction tx, double now) except -1
cdef bint _awaits_completion(Transaction tx, double now) except -1
