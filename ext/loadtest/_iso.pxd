"""The compiled stubs' own look at an all-ASCII ISO 8583 frame: where each field starts and ends."""

cdef enum:
    LAST_FIELD = 128
    BITMAP_DIGITS = 32  # of both bitmaps

cdef struct Span:
    unsigned short start  # of the length prefix, where the field has one
    unsigned short end  # 0: the field is absent


cdef class AsciiLayout:
    cdef short[LAST_FIELD + 1] widths
    cdef short[LAST_FIELD + 1] prefixes

    cdef bint scan(self, const unsigned char *frame, Py_ssize_t size, Span *spans) noexcept nogil


cdef int decimal(const unsigned char *text, int digits) noexcept nogil
cdef void put_decimal(unsigned char *text, int digits, unsigned long long value) noexcept nogil
