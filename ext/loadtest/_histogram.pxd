"""A histogram of durations, for loops without the GIL."""

from libc.stdint cimport uint64_t

cdef enum:
    SUB_BITS = 7
    SUB_BUCKETS = 1 << SUB_BITS  # to each power of two
    BUCKETS = (64 - SUB_BITS + 1) * SUB_BUCKETS  # of all that 64 bits can hold


cdef class Histogram:
    cdef long long[BUCKETS] counts
    cdef readonly long long total

    cdef void add(self, double seconds) noexcept nogil


cdef int bucket_of(uint64_t value) noexcept nogil
