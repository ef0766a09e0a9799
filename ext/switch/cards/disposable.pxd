"""The types of `switch/cards/disposable.py`, compiled."""

cimport cython


@cython.locals(year=int, month=int, later=int)
cpdef str expiry_for(str number, str last_month, bytes key)
cpdef str cvv2_for(str number, str expiry, bytes key)
cpdef bytes reference_for(str text, bytes key)
cdef _keyed(bytes key, bytes purpose, bytes text)
