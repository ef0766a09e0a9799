"""Reading and writing one field on the wire: the good path of the common encodings, without a Python object.

Layout of a field:   [length prefix: `width` bytes] [value: `size` bytes]

Both directions end in "-1: not here": the value is malformed, or its encoding is none of these. The caller then asks
`switch.iso8583.fields.Field`, which knows every encoding and the words for every error. So nothing here needs to say
why, and there is one place that does.

Every pointer comes with the number of bytes behind it, and each function proves its bounds before its first access.
"""

from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy


cdef extern from "Python.h":
    bint PyUnicode_CheckExact(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 highest)


cdef extern from *:
    """
    static const unsigned char monetique_hex[] = "0123456789ABCDEF";
    """
    const uint8_t HEX "monetique_hex" [17]
    int leading_zeros "__builtin_clzll" (unsigned long long word) noexcept nogil


cdef enum Data:
    ABSENT = 0  # no such field
    TEXT = 1  # ASCII characters
    BINARY = 2  # bytes, or BCD where lengths count nibbles
    OTHER = 3  # another encoding: the Field's business


cdef enum Length:
    FIXED = 0
    DECIMAL = 1  # characters
    BCD = 2
    UNSIGNED = 3  # big-endian


cdef enum:
    MAX_FRAME = 65535  # offsets are held in 16 bits
    SLOTS = 193  # 0 the header, 1 the secondary bitmap, 2–192 the fields
    NO_PAD = 16  # no nibble is 16
    MAX_PREFIX = 4  # a longer length prefix is the Field's business: its number might not fit


cdef struct Rule:
    uint8_t data
    uint8_t length
    uint8_t width
    uint8_t nibbles
    uint8_t left_pad
    uint8_t right_pad
    uint8_t numeric
    uint8_t track
    uint8_t lenient  # text of any bytes, odd counts with any pad; never in pyiso8583's manner
    uint8_t zero  # DECIMAL: the character code of "0", from which the others follow
    int max_len


cdef struct Writer:
    uint8_t* buffer
    Py_ssize_t used
    Py_ssize_t capacity


cdef inline uint64_t load8(const uint8_t* at) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, at, 8)
    return word


cdef inline bint all_ascii(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef uint64_t seen = 0
    while size >= 8:
        seen |= load8(at)
        at += 8
        size -= 8
    while size > 0:
        seen |= at[0]
        at += 1
        size -= 1
    return seen & 0x8080808080808080ULL == 0


cdef inline bint all_digits(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    """Are all bytes "0" … "9"? Eight at a time: the high nibble is 3, and still is after adding 6."""
    cdef uint64_t word
    while size >= 8:
        word = load8(at)
        if (word & 0xF0F0F0F0F0F0F0F0ULL) != 0x3030303030303030ULL:
            return False
        if ((word + 0x0606060606060606ULL) & 0xF0F0F0F0F0F0F0F0ULL) != 0x3030303030303030ULL:
            return False
        at += 8
        size -= 8
    while size > 0:
        if not 48 <= at[0] <= 57:
            return False
        at += 1
        size -= 1
    return True


cdef inline int nibble_of(uint8_t character) noexcept nogil:
    """The value of a hexadecimal digit, or -1."""
    if 48 <= character <= 57:
        return character - 48
    character |= 0x20
    if 97 <= character <= 102:
        return character - 87
    return -1


cdef inline int nibble_at(const uint8_t* value, Py_ssize_t index) noexcept nogil:
    return value[index >> 1] & 15 if index & 1 else value[index >> 1] >> 4


cdef inline bint odd_units(const Rule* rule, const uint8_t* frame, Py_ssize_t start) noexcept nogil:
    """Does the value at `start` end in half a byte? The last byte of a prefix has the parity of its number."""
    if not rule.nibbles:
        return False
    return (frame[start - 1] if rule.width else rule.max_len) & 1


cdef inline Py_ssize_t first_nibble(const Rule* rule, const uint8_t* value) noexcept nogil:
    """In a padded value: 1 when the pad stands left, else 0."""
    if rule.lenient and rule.right_pad == NO_PAD:
        return 1
    return 1 if value[0] >> 4 == rule.left_pad else 0


cdef inline int read_units(const Rule* rule, const uint8_t* prefix) noexcept nogil:
    """The number in a prefix of `rule.width` bytes, or -1."""
    cdef int units = 0, index
    for index in range(rule.width):
        if rule.length == DECIMAL:
            if not 0 <= prefix[index] - rule.zero <= 9:
                return -1
            units = units * 10 + prefix[index] - rule.zero
        elif rule.length == BCD:
            if prefix[index] >> 4 > 9 or prefix[index] & 15 > 9:
                return -1
            units = units * 100 + (prefix[index] >> 4) * 10 + (prefix[index] & 15)
        else:
            if units > 0xFFFF:
                return -1
            units = units << 8 | prefix[index]
    return units


cdef inline Py_ssize_t read_span(
    const Rule* rule, const uint8_t* frame, Py_ssize_t size, Py_ssize_t at, Py_ssize_t* units
) noexcept nogil:
    """The end of the value whose prefix is at `at`, unchecked, or -1; `units` becomes its length."""
    cdef Py_ssize_t start = at + rule.width, bytes_long
    units[0] = rule.max_len
    if start > size:
        return -1
    if rule.width:
        units[0] = read_units(rule, frame + at)
        if not 0 <= units[0] <= rule.max_len:
            return -1
    bytes_long = (units[0] + 1) >> 1 if rule.nibbles else units[0]
    return start + bytes_long if bytes_long <= size - start else -1


cdef inline Py_ssize_t read_field(
    const Rule* rule, const uint8_t* frame, Py_ssize_t size, Py_ssize_t at, bint ascii
) noexcept nogil:
    """The end of the value whose prefix is at `at`, or -1. `ascii`: the whole frame is known to be ASCII."""
    cdef Py_ssize_t units = 0, start = at + rule.width
    cdef Py_ssize_t end = read_span(rule, frame, size, at, &units)
    cdef bint good = False
    if end < 0:
        return -1
    if rule.data == TEXT:
        if rule.numeric:
            good = all_digits(frame + start, end - start)
        else:
            good = ascii or rule.lenient or all_ascii(frame + start, end - start)
    elif rule.data == BINARY:
        good = check_nibbles(rule, frame + start, units)
    return end if good else -1


cdef inline bint check_nibbles(const Rule* rule, const uint8_t* value, Py_ssize_t units) noexcept nogil:
    """Is the pad of a binary value the declared one, and are its digits decimal if they must be?"""
    cdef Py_ssize_t index, first = 0, last = units if rule.nibbles else units * 2
    if rule.nibbles and units & 1:
        first = first_nibble(rule, value)
        if first == 0:
            if value[units >> 1] & 15 != rule.right_pad:
                return False
        elif value[0] >> 4 != rule.left_pad:
            return False
        last = units + first
    if rule.numeric:
        for index in range(first, last):
            if nibble_at(value, index) > 9:
                return False
    return True


cdef inline object text_of(const Rule* rule, const uint8_t* frame, Py_ssize_t start, Py_ssize_t end):
    """The canonical text of a value that `read_field` has accepted. Text must be ASCII."""
    cdef Py_ssize_t index, first = 0, count = end - start
    cdef object text
    cdef uint8_t* target
    if rule.data == TEXT:
        text = PyUnicode_New(count, 127)
        memcpy(PyUnicode_DATA(text), frame + start, count)
        return text
    count *= 2
    if odd_units(rule, frame, start):
        first = first_nibble(rule, frame + start)
        count -= 1
    text = PyUnicode_New(count, 127)
    target = <uint8_t*>PyUnicode_DATA(text)
    for index in range(count):
        target[index] = HEX[nibble_at(frame + start, first + index)]
    return text


cdef inline bint put(Writer* out, const void* source, Py_ssize_t count) noexcept nogil:
    """Append; False when there is no room."""
    if count > out.capacity - out.used:
        return False
    memcpy(out.buffer + out.used, source, count)
    out.used += count
    return True


cdef inline bint write_units(const Rule* rule, int units, uint8_t* prefix) noexcept nogil:
    """The number into a prefix of `rule.width` bytes; False when it does not fit."""
    cdef int index
    for index in range(rule.width - 1, -1, -1):
        if rule.length == DECIMAL:
            prefix[index] = rule.zero + units % 10
            units //= 10
        elif rule.length == BCD:
            prefix[index] = (units // 10 % 10) << 4 | units % 10
            units //= 100
        else:
            prefix[index] = units & 0xFF
            units >>= 8
    return units == 0


cdef inline bint write_nibbles(const Rule* rule, const uint8_t* text, Py_ssize_t count, uint8_t* target) noexcept nogil:
    """`count` hexadecimal digits into (count + 1) / 2 bytes, padded if odd; False when one is none."""
    cdef Py_ssize_t index = 0, place = 0
    cdef int nibble, high = 0
    if count & 1 and rule.left_pad != NO_PAD:
        high, place = rule.left_pad, 1
    for index in range(count):
        nibble = 13 if rule.track and text[index] == 61 else nibble_of(text[index])
        if nibble < 0 or (rule.numeric and nibble > 9):
            return False
        if place & 1:
            target[place >> 1] = high << 4 | nibble
        else:
            high = nibble
        place += 1
    if place & 1:
        target[place >> 1] = high << 4 | rule.right_pad
    return True


cdef inline bint write_field(const Rule* rule, object text, Writer* out) noexcept:
    """Append prefix and value of `text`; False, with nothing appended, when it does not fit the rule."""
    cdef Py_ssize_t units, bytes_long, count
    cdef const uint8_t* source
    cdef uint8_t* target
    if not PyUnicode_CheckExact(text) or not PyUnicode_IS_COMPACT_ASCII(text):
        return False
    count = units = bytes_long = PyUnicode_GET_LENGTH(text)
    source = <const uint8_t*>PyUnicode_DATA(text)
    if rule.data == BINARY:
        if count & 1 and (not rule.nibbles or (rule.left_pad == NO_PAD and rule.right_pad == NO_PAD)):
            return False
        bytes_long = (count + 1) >> 1
        units = count if rule.nibbles else bytes_long
    elif rule.data != TEXT:
        return False
    if units > rule.max_len or (not rule.width and units != rule.max_len):
        return False
    if rule.width + bytes_long > out.capacity - out.used:
        return False
    target = out.buffer + out.used
    if rule.width and not write_units(rule, <int>units, target):
        return False
    target += rule.width
    if rule.data == BINARY:
        if not write_nibbles(rule, source, count, target):
            return False
    else:
        if rule.numeric and not all_digits(source, count):
            return False
        memcpy(target, source, count)
    out.used += rule.width + bytes_long
    return True


cdef inline bint read_word(bint binary, const uint8_t* at, uint64_t* word) noexcept nogil:
    """A bitmap of 8 bytes, or of 16 hexadecimal characters; False when they are none. The caller proved the size."""
    cdef int index, nibble
    word[0] = 0
    for index in range(8 if binary else 16):
        if binary:
            word[0] = word[0] << 8 | at[index]
        else:
            nibble = nibble_of(at[index])
            if nibble < 0:
                return False
            word[0] = word[0] << 4 | <uint64_t>nibble
    return True


cdef inline bint put_word(Writer* out, bint binary, uint64_t word) noexcept nogil:
    """Append a bitmap."""
    cdef uint8_t text[16]
    cdef int index
    cdef int count = 8 if binary else 16
    for index in range(count):
        if binary:
            text[index] = (word >> (56 - 8 * index)) & 0xFF
        else:
            text[index] = HEX[(word >> (60 - 4 * index)) & 15]
    return put(out, text, count)


cdef inline void rule_of(object field, Rule* rule):
    """The `Rule` of a `Field`, or of None."""
    rule.data, rule.length, rule.width, rule.nibbles = ABSENT, FIXED, 0, 0
    rule.left_pad, rule.right_pad, rule.numeric, rule.track, rule.lenient = NO_PAD, NO_PAD, 0, 0, 0
    rule.zero, rule.max_len = 48, 0
    if field is None:
        return
    rule.width, rule.max_len, rule.nibbles = field.width, field.max_len, field.nibbles
    rule.numeric, rule.track = field.numeric, field.track
    if field.left_pad:
        rule.left_pad = nibble_of(ord(field.left_pad))
    if field.right_pad:
        rule.right_pad = nibble_of(ord(field.right_pad))
    rule.data = OTHER
    if rule.width > MAX_PREFIX or field.signed:
        return
    if rule.width:
        rule.length = {"bcd": BCD, "b": UNSIGNED}.get(field.length_codec, DECIMAL)
        if rule.length == DECIMAL and field.length_codec != "ascii":
            return
    if field.binary:
        rule.data, rule.lenient = BINARY, 1
    elif field.codec == "ascii" and not rule.nibbles:
        rule.data, rule.lenient = TEXT, field.lenient


cdef inline int key_slot(object key):
    """The slot of a dictionary's key, "h" or "2" … "192"; else -1."""
    cdef const uint8_t* at
    cdef Py_ssize_t size, index
    cdef int number = 0
    if not PyUnicode_CheckExact(key) or not PyUnicode_IS_COMPACT_ASCII(key):
        return -1
    size, at = PyUnicode_GET_LENGTH(key), <const uint8_t*>PyUnicode_DATA(key)
    if size == 1 and at[0] == 104:
        return 0
    if not 1 <= size <= 3 or at[0] == 48 or not all_digits(at, size):
        return -1
    for index in range(size):
        number = number * 10 + at[index] - 48
    return number if 2 <= number < SLOTS else -1


cdef inline int word_of(int field) noexcept nogil:
    return (field - 1) >> 6


cdef inline uint64_t bit_of(int field) noexcept nogil:
    """Fields count from the left: field 1 is the highest bit of word 0."""
    return 1ULL << (63 - ((field - 1) & 63))
