"""The types of `switch/core/journal.py`, compiled."""

from switch.core.transaction cimport Transaction


cpdef intent_of(Transaction tx, str link, str issuer, double at)
cpdef outcome_of(Transaction tx, double at)
cpdef refusal_of(Transaction tx, str link, double at)
