"""The issuer and the HSM around a measured switch, for the generator that shares their process."""

from libc.stdint cimport uint64_t

from loadtest._iso cimport AsciiLayout
from loadtest._wire cimport Peer, Wire


cdef class Hosts(Wire):
    cdef AsciiLayout layout
    cdef uint64_t[2] echoed  # two bitmaps
    cdef readonly long long authorizations  # answered by the issuer; network messages and reversals count too
    cdef readonly long long translations  # answered by the HSM

    cdef int authorize(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil
    cdef int translate(self, Peer *peer, const unsigned char *data, Py_ssize_t size) except -1 nogil
