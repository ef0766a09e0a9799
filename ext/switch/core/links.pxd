"""The types of `switch/core/links.py`, compiled."""

cimport cython

from switch.core.stans cimport Stans
from switch.core.transaction cimport Transaction
from switch.core.window cimport Window
from switch.core.zonekeys cimport ZoneKeys
from switch.iso8583._codec_c cimport FieldMask as CFieldMask


@cython.final
cdef class AcquirerLink:
    cdef public int index
    cdef public object spec, layout
    cdef public dict code_of
    cdef public str name, institution_id
    cdef public CFieldMask echoed, network_echoed
    cdef public bint enabled
    cdef public dict sessions
    cdef public ZoneKeys keys
    cdef public str business_date, cutover_reference



@cython.final
cdef class Line:
    cdef public IssuerLink issuer
    cdef public object spec
    cdef public bint enabled, asking
    cdef public object state
    cdef public long long conn
    cdef public double heard_at
    cdef public long missed_echoes

    cpdef bint serves(self)


@cython.final
cdef class IssuerLink:
    cdef public int index
    cdef public object spec, layout
    cdef public dict code_of
    cdef public str name
    cdef public double timeout_s
    cdef public bint matches_rrn, matches_terminal
    cdef public CFieldMask forwarded, network_echoed
    cdef public dict result_of, owed
    cdef public ZoneKeys keys
    cdef public Window window
    cdef public list lines
    cdef public Stans stans
    cdef public object waiting, quarantine, saf, closings, exhausted
    cdef public Py_ssize_t in_flight

    @cython.locals(line=Line)
    cpdef bint serves(self)
    cpdef Line line_for(self, Transaction tx)
    cpdef conn_for(self, Transaction tx)
    cpdef list sent_on(self, long long conn)
