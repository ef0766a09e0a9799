"""The compiled stubs' own look at an all-ASCII ISO 8583 frame: which fields it has, and where."""

from libc.stdint cimport uint64_t

cdef enum:
    LAST_FIELD = 128
    BITMAP_DIGITS = 16  # of one bitmap

cdef struct Span:
    unsigned short start  # of the length prefix, where the field has one
    unsigned short end

cdef struct Scan:
    uint64_t[2] present  # primary and secondary bitmap; the highest bit is field 1, or 65
    Span[LAST_FIELD + 1] spans  # of the fields present, all others are undefined


cdef class AsciiLayout:
    cdef short[LAST_FIELD + 1] widths
    cdef short[LAST_FIELD + 1] prefixes

    cdef bint scan(self, const unsigned char *frame, Py_ssize_t size, Scan *found) noexcept nogil


cdef bint has(const Scan *found, int field) noexcept nogil
cdef uint64_t bit(int field) noexcept nogil
cdef int take_field(uint64_t *present) noexcept nogil
cdef int decimal(const unsigned char *text, int digits) noexcept nogil
cdef void put_decimal(unsigned char *text, int digits, unsigned long long value) noexcept nogil
cdef void put_hex(unsigned char *text, uint64_t value) noexcept nogil
