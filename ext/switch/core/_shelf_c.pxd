"""What compiled modules may reach of the shelf."""

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from switch._siphash cimport Key


cdef struct Entry:
    uint64_t hashed  # of the reference
    double at
    uint64_t begin  # of its bytes, counted from the first that were ever put in
    uint32_t first_size
    uint32_t second_size
    uint32_t step  # back to the next older serial of its bucket; 0: there was none


@cython.final
cdef class Shelf:
    cdef Key key
    cdef Entry* entries
    cdef uint32_t* buckets  # the low half of the newest serial in each
    cdef uint8_t* ring
    cdef uint64_t places
    cdef uint64_t mask
    cdef uint64_t room
    cdef uint64_t first  # serials that are there: first <= serial < next
    cdef uint64_t next
    cdef uint64_t begin  # bytes that are there: begin <= place < end
    cdef uint64_t end
    cdef readonly uint64_t record_count

    cpdef uint64_t put(self, str reference, double at, bytes first, bytes second) except? 0
    cpdef find(self, str reference)
    cpdef tuple records(self, uint64_t serial)
    cpdef drop(self)
    cdef uint64_t hash_of(self, str reference) except? 0
    cdef uint64_t newest_in(self, uint64_t hashed) noexcept nogil
    cdef uint64_t older_than(self, uint64_t serial) noexcept nogil
    cdef Entry* entry_of(self, uint64_t serial) except NULL
    cdef void copy_in(self, bytes record) noexcept
    cdef bytes copy_out(self, uint64_t begin, uint64_t size)
