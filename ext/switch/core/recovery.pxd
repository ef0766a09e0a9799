"""The types of `switch/core/recovery.py`, compiled."""

cimport cython

from switch.core._glance_c cimport Asked as CAsked, Ended as CEnded, Glance as CGlance
from switch.core.context cimport Context
from switch.core.links cimport IssuerLink
from switch.core.transaction cimport Transaction


@cython.final
cdef class Fold:
    cdef public Context context
    cdef CGlance _glance
    cdef dict _open, _by_number
    cdef list _entries, _given_up, _ended
    cdef double _ended_at
    cdef bint _in_snapshot
    cdef Transaction _counted

    @cython.locals(asked=CAsked, ended=CEnded)
    cdef _apply(self, bytes payload)
    cpdef int _link(self, str name) except -1
    cdef _put_aside(self, CAsked asked)
    @cython.locals(tx=Transaction, index_of=dict)
    cdef _shelve(self, CAsked asked, CEnded ended, bytes payload)
    @cython.locals(context=Context, link=IssuerLink)
    cdef _used(self, long long number, int issuer, long stan)
