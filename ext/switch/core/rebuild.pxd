"""The types of `switch/core/rebuild.py`, compiled."""

cimport cython

from switch.core.transaction cimport Transaction


@cython.locals(tx=Transaction)
cpdef Transaction begun(record, int link)
@cython.locals(tx=Transaction)
cpdef Transaction forwarded(record, int link, int issuer)
@cython.locals(tx=Transaction)
cpdef Transaction asked(record, int link, int issuer)
cpdef answer(Transaction tx, record)
@cython.locals(tx=Transaction)
cpdef Transaction refused(record, int link)
cpdef finish(Transaction tx, double at)
@cython.locals(tx=Transaction)
cpdef Transaction from_shelf(bytes first, bytes second, index_of)
