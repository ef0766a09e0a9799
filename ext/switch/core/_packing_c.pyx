"""A flat tuple as a MessagePack array, in one pass into one buffer; `_packing_py` is the twin and says what it is for.

    array of up to 15 | 65535        9x | dc ....             text  ax | d9 .. | da .... | db ........   and its UTF-8
    integers         00-7f, e0-ff | cc-cf, d0-d3              bytes c4 .. | c5 .... | c6 ........        and themselves
    float            cb and eight bytes                       None  c0      False, True  c2, c3

Always the shortest form, as msgspec writes it. Bounds: `room_for` adds up the most that each value can take, before the
first byte is written; the writers below then never ask.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    bint PyUnicode_CheckExact(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    const void* PyUnicode_DATA(object text)
    unsigned long long PyLong_AsUnsignedLongLong(object number) except? 0xFFFFFFFFFFFFFFFF
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1


cdef enum:
    HEAD = 9  # the longest: a number's type and its eight bytes
    STACK = 4096  # more than the records of all but odd transactions
    MOST_VALUES = 65535


cdef inline const char* utf8_of(object text, Py_ssize_t* size) except NULL:
    if PyUnicode_IS_COMPACT_ASCII(text):  # as nearly all are: they are their own UTF-8
        size[0] = PyUnicode_GET_LENGTH(text)
        return <const char*>PyUnicode_DATA(text)
    return PyUnicode_AsUTF8AndSize(text, size)


cdef inline uint8_t* big_endian(uint8_t* at, uint8_t kind, uint64_t number, int size) noexcept:
    cdef int place
    at[0] = kind
    for place in range(size):
        at[size - place] = <uint8_t>(number >> (8 * place))
    return at + 1 + size


cdef inline uint8_t* sized(uint8_t* at, Py_ssize_t size, uint8_t first, const char* bytes_of) noexcept:
    """Length and content; `first` is the form with one byte of length, and the next two those with two and four."""
    if size < 1 << 8:
        at = big_endian(at, first, size, 1)
    elif size < 1 << 16:
        at = big_endian(at, first + 1, size, 2)
    else:
        at = big_endian(at, first + 2, size, 4)
    memcpy(at, bytes_of, size)
    return at + size


cdef inline uint8_t* put_integer(uint8_t* at, object number) except NULL:
    cdef int overflow = 0
    cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        return big_endian(at, 0xCF, PyLong_AsUnsignedLongLong(number), 8)  # raises OverflowError beyond 64 bits
    if value >= 0:
        if value < 1 << 7:
            at[0] = <uint8_t>value
            return at + 1
        if value < 1 << 8:
            return big_endian(at, 0xCC, value, 1)
        if value < 1 << 16:
            return big_endian(at, 0xCD, value, 2)
        if value < <int64_t>1 << 32:
            return big_endian(at, 0xCE, value, 4)
        return big_endian(at, 0xCF, value, 8)
    if value >= -32:
        at[0] = <uint8_t>value
        return at + 1
    if value >= -(1 << 7):
        return big_endian(at, 0xD0, <uint64_t>value, 1)
    if value >= -(1 << 15):
        return big_endian(at, 0xD1, <uint64_t>value, 2)
    if value >= -(<int64_t>1 << 31):
        return big_endian(at, 0xD2, <uint64_t>value, 4)
    return big_endian(at, 0xD3, <uint64_t>value, 8)


cdef inline uint8_t* put(uint8_t* at, object value) except NULL:
    cdef Py_ssize_t size
    cdef const char* text
    cdef double number
    cdef uint64_t bits
    if PyUnicode_CheckExact(value):
        text = utf8_of(value, &size)
        if size < 32:
            at[0] = 0xA0 | <uint8_t>size
            memcpy(at + 1, text, size)
            return at + 1 + size
        return sized(at, size, 0xD9, text)
    if PyLong_CheckExact(value):
        return put_integer(at, value)
    if PyBytes_CheckExact(value):
        return sized(at, PyBytes_GET_SIZE(value), 0xC4, PyBytes_AS_STRING(value))
    if PyFloat_CheckExact(value):
        number = PyFloat_AS_DOUBLE(value)
        memcpy(&bits, &number, 8)
        return big_endian(at, 0xCB, bits, 8)
    if value is None or value is True or value is False:
        at[0] = 0xC0 if value is None else 0xC3 if value is True else 0xC2
        return at + 1
    raise TypeError(f"a record holds text, numbers and bytes, not {type(value).__name__}")


cdef Py_ssize_t room_for(tuple values) except -1:
    cdef Py_ssize_t room = HEAD, size
    for value in values:
        room += HEAD
        if PyUnicode_CheckExact(value):
            utf8_of(value, &size)
            room += size
        elif PyBytes_CheckExact(value):
            room += PyBytes_GET_SIZE(value)
    return room


cpdef bytes pack(tuple values):
    """The array of `values`. TypeError for anything but text, bytes, numbers, truth values and None."""
    cdef uint8_t stack[STACK]
    cdef uint8_t* begin = stack
    cdef uint8_t* at
    if values is None or len(values) > MOST_VALUES:
        raise TypeError(f"a record is a tuple of up to {MOST_VALUES} values")
    cdef Py_ssize_t room = room_for(values)
    if room > STACK:
        begin = <uint8_t*>PyMem_Malloc(room)
        if begin == NULL:
            raise MemoryError
    try:
        if len(values) < 16:
            begin[0] = 0x90 | <uint8_t>len(values)
            at = begin + 1
        else:
            at = big_endian(begin, 0xDC, len(values), 2)
        for value in values:
            at = put(at, value)
        return PyBytes_FromStringAndSize(<const char*>begin, at - begin)
    finally:
        if begin != stack:
            PyMem_Free(begin)
