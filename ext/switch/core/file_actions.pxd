"""The types of `switch/core/file_actions.py`, compiled."""

cimport cython

from switch.core cimport checks, fields as de
from switch.core.context cimport Context
from switch.core.links cimport AcquirerLink
from switch.core.schemes cimport Scheme
from switch.iso8583._codec_c cimport View as CView


@cython.final
cdef class FileActions:
    cdef public Context context

    @cython.locals(context=Context)
    cpdef request(self, long long conn, AcquirerLink link, CView view, double now)
    @cython.locals(scheme=Scheme)
    cdef _no_such_file(self, CView view)
    @cython.locals(scheme=Scheme, reference=str, amount=str)
    cdef _act(self, CView view, double now)
    @cython.locals(context=Context, sealed=bytes)
    cdef _keep(self, kept, double now)
