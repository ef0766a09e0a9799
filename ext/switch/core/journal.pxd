"""The types of `switch/core/journal.py`, compiled."""

cimport cython

from switch.core.packing cimport pack
from switch.core.transaction cimport Transaction


cdef int INTENT, OUTCOME

cdef tuple _intent(Transaction tx, str link, str issuer, double at)
@cython.locals(reversal_owed=bint)
cdef tuple _outcome(Transaction tx, double at)
cpdef intent_of(Transaction tx, str link, str issuer, double at)
cpdef outcome_of(Transaction tx, double at)
cpdef bytes packed_intent(Transaction tx, str link, str issuer, double at)
cpdef bytes packed_outcome(Transaction tx, double at)
cpdef refusal_of(Transaction tx, str link, double at)
