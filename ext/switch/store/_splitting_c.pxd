"""What compiled modules call of the putting together of frames."""

from libc.stdint cimport uint64_t

cpdef bytes encode(uint64_t first, uint64_t durable, payloads)
