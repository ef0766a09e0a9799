"""A glance, compiled; `_glance_py` is its readable twin, and `switch.core.glance` tells what it is for.

It knows the one encoding that msgspec gives an `Intent` and an `Outcome` of today: a MessagePack array of so many
elements, its tag first. Whatever else it meets (another type, text that is not ASCII, a number of 64 bits, an end that
comes too early or too late) it leaves to those who decode, by saying nothing.

Bounds: a `Cursor` is moved by `taken` alone, which proves that so many bytes are left and otherwise ends the reading:
from then on there is nothing left to take. Every pointer that is read through came from it with that number.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy


cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 highest)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)


cdef enum:
    INTENT = 1  # tags
    OUTCOME = 2
    INTENT_ELEMENTS = 23  # with the tag
    OUTCOME_ELEMENTS = 9


cdef struct Cursor:
    const uint8_t* at
    Py_ssize_t left
    bint lost  # something came that is not known here


cdef struct Text:
    const uint8_t* at
    Py_ssize_t size


# -- MessagePack ---------------------------------------------------------------------------------------------------------


cdef inline const uint8_t* taken(Cursor* cursor, Py_ssize_t size) noexcept nogil:
    """The next `size` bytes; NULL where there are not so many."""
    cdef const uint8_t* at = cursor.at
    if cursor.lost or size > cursor.left:
        cursor.lost, cursor.left = True, 0
        return NULL
    cursor.at += size
    cursor.left -= size
    return at


cdef inline int byte_of(Cursor* cursor) noexcept nogil:
    """The next byte; -1 at the end."""
    cdef const uint8_t* at = taken(cursor, 1)
    return -1 if at == NULL else at[0]


cdef inline uint64_t big_endian(Cursor* cursor, int size) noexcept nogil:
    cdef const uint8_t* at = taken(cursor, size)
    cdef uint64_t value = 0
    cdef int i
    if at != NULL:
        for i in range(size):
            value = value << 8 | at[i]
    return value


cdef inline long long integer(Cursor* cursor) noexcept nogil:
    """One that is not negative, and of 32 bits at most where it is not a number of ours."""
    cdef int kind = byte_of(cursor)
    cdef uint64_t value
    if 0 <= kind < 0x80:
        return kind
    if not 0xCC <= kind <= 0xCF:  # unsigned, of 1, 2, 4, 8 bytes
        cursor.lost = True
        return 0
    value = big_endian(cursor, 1 << (kind - 0xCC))
    if value >> 63:
        cursor.lost = True
        return 0
    return <long long>value


cdef inline double real(Cursor* cursor) noexcept nogil:
    cdef double value
    cdef uint64_t word
    if byte_of(cursor) != 0xCB:
        cursor.lost = True
        return 0
    word = big_endian(cursor, 8)
    memcpy(&value, &word, 8)
    return value


cdef inline bint boolean(Cursor* cursor) noexcept nogil:
    cdef int kind = byte_of(cursor)
    if kind != 0xC2 and kind != 0xC3:
        cursor.lost = True
    return kind == 0xC3


cdef inline Text text(Cursor* cursor) noexcept nogil:
    """ASCII."""
    cdef int kind = byte_of(cursor)
    cdef Text found
    cdef uint8_t seen = 0
    cdef Py_ssize_t i
    found.size = 0
    if 0xA0 <= kind < 0xC0:
        found.size = kind & 0x1F
    elif kind == 0xD9 or kind == 0xDA:
        found.size = big_endian(cursor, kind - 0xD8)
    else:
        cursor.lost = True
    found.at = taken(cursor, found.size)
    if found.at == NULL:
        found.size = 0
    for i in range(found.size):
        seen |= found.at[i]
    if seen & 0x80:
        cursor.lost = True
    return found


cdef inline void binary(Cursor* cursor) noexcept nogil:
    """Bytes, which nobody asks for here."""
    cdef int kind = byte_of(cursor)
    if kind == 0xC4 or kind == 0xC5:
        taken(cursor, big_endian(cursor, kind - 0xC3))
    else:
        cursor.lost = True


cdef inline Cursor begun(bytes record) noexcept:
    cdef Cursor cursor
    cursor.at, cursor.left = <const uint8_t*>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)
    cursor.lost = False
    return cursor


cdef inline bint complete(Cursor* cursor) noexcept nogil:
    return not cursor.lost and cursor.left == 0


# -- text ----------------------------------------------------------------------------------------------------------------


cdef inline str string(Text source):
    cdef object made = PyUnicode_New(source.size, 127)
    memcpy(PyUnicode_DATA(made), source.at, source.size)
    return <str>made


cdef inline str again(str last, Text source):
    """The same object as last time, where the text is the same: most of them hardly ever change."""
    if PyUnicode_GET_LENGTH(last) == source.size and memcmp(PyUnicode_DATA(last), source.at, source.size) == 0:
        return last
    return string(source)


cdef inline uint8_t* put(uint8_t* at, Text source) noexcept:
    memcpy(at, source.at, source.size)
    at[source.size] = c"|"
    return at + source.size + 1


cdef str reference(Text acquirer_id, Text stan, Text rrn, Text terminal, uint8_t function):
    """As `switch.core.transaction.reference_of` writes it."""
    cdef object made = PyUnicode_New(acquirer_id.size + stan.size + rrn.size + terminal.size + 5, 127)
    cdef uint8_t* at = <uint8_t*>PyUnicode_DATA(made)
    put(put(put(put(at, acquirer_id), stan), rrn), terminal)[0] = function
    return <str>made


# -- records -------------------------------------------------------------------------------------------------------------


@cython.no_gc
@cython.freelist(64)
cdef class Asked:
    """Of an intent that becomes an object only if something unusual comes of it."""


@cython.no_gc
@cython.freelist(4)
cdef class Ended:
    """Of an outcome after which nothing is owed."""


cdef class Glance:
    """Reads records, one after the other."""

    def __cinit__(self):
        self.link = self.issuer = self.processing_code = self.amount = self.currency = ""
        self.business_date = self.approved_amount = ""

    cpdef Asked asked(self, bytes record):
        """What an ordinary intent says."""
        if record is None:
            raise TypeError("a record is bytes, not None")
        cdef Cursor here = begun(record)
        cdef Cursor* cursor = &here
        cdef Text link, mti, acquirer_id, stan, rrn, terminal, processing_code, amount, currency, issuer, business_date
        cdef long long number, issuer_stan
        cdef bint unusual
        cdef Asked found
        if byte_of(cursor) != 0xDC or big_endian(cursor, 2) != INTENT_ELEMENTS or byte_of(cursor) != INTENT:
            return None
        number = integer(cursor)
        real(cursor)  # at
        link, mti, acquirer_id, stan = text(cursor), text(cursor), text(cursor), text(cursor)
        rrn, terminal = text(cursor), text(cursor)
        text(cursor)  # local_date
        processing_code, amount, currency = text(cursor), text(cursor), text(cursor)
        text(cursor)  # transmitted
        text(cursor)  # merchant
        binary(cursor)  # token
        binary(cursor)  # sealed_pan
        issuer, issuer_stan, business_date = text(cursor), integer(cursor), text(cursor)
        unusual = boolean(cursor)  # preauthorised
        unusual |= integer(cursor) != 0  # original
        unusual |= integer(cursor) != 0  # mark
        if unusual or not complete(cursor) or mti.size < 2:
            return None
        found = Asked.__new__(Asked)
        found.number, found.issuer_stan, found.record = number, issuer_stan, record
        found.key = reference(acquirer_id, stan, rrn, terminal, mti.at[1])
        self.link = found.link = again(self.link, link)
        self.issuer = found.issuer = again(self.issuer, issuer)
        self.processing_code = found.processing_code = again(self.processing_code, processing_code)
        self.amount = found.amount = again(self.amount, amount)
        self.currency = found.currency = again(self.currency, currency)
        self.business_date = found.business_date = again(self.business_date, business_date)
        return found

    cpdef Ended ended(self, bytes record):
        """What an ordinary outcome says."""
        if record is None:
            raise TypeError("a record is bytes, not None")
        cdef Cursor here = begun(record)
        cdef Cursor* cursor = &here
        cdef Text approved_amount
        cdef long long number
        cdef double at
        cdef bint approved, reversal_owed
        cdef Ended found
        if byte_of(cursor) != 0x90 + OUTCOME_ELEMENTS or byte_of(cursor) != OUTCOME:
            return None
        number, at = integer(cursor), real(cursor)
        text(cursor)  # de39
        text(cursor)  # approval
        binary(cursor)  # sealed_extras
        approved, reversal_owed, approved_amount = boolean(cursor), boolean(cursor), text(cursor)
        if not complete(cursor) or (reversal_owed and not approved):
            return None
        found = Ended.__new__(Ended)
        found.number, found.at, found.approved = number, at, approved
        self.approved_amount = found.approved_amount = again(self.approved_amount, approved_amount)
        return found
