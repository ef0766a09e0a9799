"""Scan frames of a dialect whose every field is ASCII, such as iso87-ascii: MTI, hexadecimal bitmaps, fields.

The switch's own scanner is part of what the bench measures, so its counterparts bring one of their own, which knows
just this.
"""

cdef extern from *:
    int __builtin_clzll(unsigned long long value) noexcept nogil


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


cdef void put_hex(unsigned char *text, uint64_t value) noexcept nogil:
    """Write one bitmap, sixteen upper-case digits."""
    cdef int index
    for index in range(BITMAP_DIGITS - 1, -1, -1):
        text[index] = b"0123456789ABCDEF"[value & 15]
        value >>= 4


cdef bint hexadecimal(const unsigned char *text, uint64_t *value) noexcept nogil:
    """Read one bitmap; false when a digit is none."""
    cdef int index
    cdef unsigned char digit
    value[0] = 0
    for index in range(BITMAP_DIGITS):
        digit = text[index]
        if 48 <= digit <= 57:
            digit -= 48
        elif 65 <= digit & 0xDF <= 70:
            digit = (digit & 0xDF) - 55
        else:
            return False
        value[0] = value[0] << 4 | digit
    return True


cdef uint64_t bit(int field) noexcept nogil:
    """The field's bit in its bitmap."""
    return <uint64_t> 1 << (63 - (field - 1) % 64)


cdef bint has(const Scan *found, int field) noexcept nogil:
    """Whether the frame has the field."""
    return (found.present[(field - 1) // 64] & bit(field)) != 0


cdef int take_field(uint64_t *present) noexcept nogil:
    """The first field of a bitmap that is not empty, 1 to 64, which is taken out of it."""
    cdef int field = __builtin_clzll(present[0]) + 1
    present[0] &= ~bit(field)
    return field


cdef class AsciiLayout:
    """Field widths: `fields[n] = (length digits, most characters)`, as `len_type` and `max_len` of a spec."""

    def __init__(self, fields):
        for number in range(2, LAST_FIELD + 1):
            self.prefixes[number], self.widths[number] = fields[number]

    cdef bint scan(self, const unsigned char *frame, Py_ssize_t size, Scan *found) noexcept nogil:
        """False for anything but a well-formed frame of exactly `size` bytes, at most 65,535."""
        cdef Py_ssize_t at = 4 + BITMAP_DIGITS
        cdef uint64_t left
        cdef int field, half, length
        if size < at or not hexadecimal(frame + 4, &found.present[0]):
            return False
        found.present[1] = 0
        if has(found, 1):
            at += BITMAP_DIGITS
            if size < at or not hexadecimal(frame + 4 + BITMAP_DIGITS, &found.present[1]):
                return False
        found.present[0] &= ~bit(1)  # the bitmap flags are not fields
        found.present[1] &= ~bit(65)
        for half in range(2):
            left = found.present[half]
            while left:
                field = 64 * half + take_field(&left)
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
                found.spans[field].start = <unsigned short> at
                at += length
                found.spans[field].end = <unsigned short> at
        return at == size
