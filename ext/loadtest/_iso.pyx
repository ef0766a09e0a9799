"""Scan frames of a dialect whose every field is ASCII, such as iso87-ascii: MTI, hexadecimal bitmaps, fields.

The switch's own scanner is what the bench measures, so its counterparts bring one of their own, which knows just this.
"""

from libc.string cimport memset


cdef int decimal(const unsigned char *text, int digits) noexcept nogil:
    """The number that `digits` ASCII digits spell, or -1."""
    cdef int value = 0
    cdef int index
    for index in range(digits):
        if not 48 <= text[index] <= 57:
            return -1
        value = value * 10 + text[index] - 48
    return value


cdef void put_decimal(unsigned char *text, int digits, unsigned long long value) noexcept nogil:
    """Write the last `digits` decimal digits of `value`, zero-padded."""
    cdef int index
    for index in range(digits - 1, -1, -1):
        text[index] = 48 + value % 10
        value //= 10


cdef inline int nibble(unsigned char digit) noexcept nogil:
    """The value of a hexadecimal digit, or -1."""
    if 48 <= digit <= 57:
        return digit - 48
    digit &= 0xDF
    return digit - 55 if 65 <= digit <= 70 else -1


cdef class AsciiLayout:
    """Field widths: `fields[n] = (length digits, most characters)`, as `len_type` and `max_len` of a spec."""

    def __init__(self, fields):
        for number in range(2, LAST_FIELD + 1):
            self.prefixes[number], self.widths[number] = fields[number]

    cdef bint scan(self, const unsigned char *frame, Py_ssize_t size, Span *spans) noexcept nogil:
        """Fill `spans[2..128]`; false for anything but a well-formed frame of exactly `size` bytes."""
        cdef Py_ssize_t at = 20
        cdef int digits, field, index, length
        memset(spans, 0, (LAST_FIELD + 1) * sizeof(Span))
        if size < at:
            return False
        digits = 32 if nibble(frame[4]) & 8 else 16
        at = 4 + digits
        if size < at:
            return False
        for index in range(digits):
            if nibble(frame[4 + index]) < 0:
                return False
        for field in range(2, digits * 4 + 1):
            index = field - 1
            if field == 65 or not nibble(frame[4 + index // 4]) & (8 >> index % 4):
                continue
            length = self.widths[field]
            if self.prefixes[field]:
                if size - at < self.prefixes[field]:
                    return False
                length = decimal(frame + at, self.prefixes[field])
                if not 0 <= length <= self.widths[field]:
                    return False
                length += self.prefixes[field]
            if size - at < length:
                return False
            spans[field].start = <unsigned short> at
            at += length
            spans[field].end = <unsigned short> at
        return at == size
