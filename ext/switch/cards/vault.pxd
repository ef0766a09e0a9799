"""The types of `switch/cards/vault.py`, compiled."""

cimport cython


@cython.final
cdef class Vault:
    cdef object _cipher
    cdef object _keyed
    cdef long long _last_epoch
    cdef unsigned long long _last_sequence
    cdef bytes _token_key
    cdef dict _sealed
    cdef readonly dict _tokens

    cpdef bytes seal(self, str pan, long long epoch, unsigned long long sequence)
    @cython.locals(found=bytes)
    cpdef bytes sealed(self, str pan, long long epoch, unsigned long long sequence)
    cpdef str open(self, bytes sealed)
    cpdef bytes seal_bytes(self, bytes clear, long long epoch, unsigned long long sequence)
    cpdef bytes open_bytes(self, bytes sealed)
    @cython.locals(found=bytes)
    cpdef bytes token(self, str pan)
