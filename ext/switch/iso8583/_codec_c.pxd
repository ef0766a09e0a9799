"""What compiled modules may reach of the codec: its classes, with the methods that rules call."""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from switch.iso8583._wire cimport SLOTS, Rule, Writer
from cpython.ref cimport PyObject


cdef enum:
    RECENT_BYTES = 16  # longer values are not remembered
    RECENT_MTIS = 4  # requests and answers, of two kinds


cdef struct Draft:
    # A message to be written: `texts[n]` where `patched` says so, else as it stands in the view.
    uint64_t present[3]
    uint64_t patched[3]
    PyObject* view  # NULL without one
    PyObject* texts[SLOTS]


@cython.final
cdef class FieldMask:
    cdef uint64_t words[3]


@cython.final
cdef class Patches:
    cdef uint64_t given[3]
    cdef uint64_t left_out[3]
    cdef PyObject* texts[SLOTS]

    cpdef put(self, Py_ssize_t field, str text)


@cython.final
cdef class View:
    cdef readonly bytes frame
    cdef readonly Layout layout
    cdef readonly str mti  # "" in the partial view of a frame that ends before it
    cdef readonly bint complete  # has the frame been read to its end? Then no field has slipped
    cdef bint other_pads  # does an odd count of BCD digits end in another pad than the declared one?
    cdef uint64_t present[3]
    cdef bint has_header, has_mti
    cdef uint16_t mti_at, bitmap_at, secondary_at, body_at
    cdef uint16_t starts[SLOTS]
    cdef uint16_t ends[SLOTS]

    cdef bint holds(self, Py_ssize_t field) noexcept
    cdef object value(self, Py_ssize_t field)
    cdef void cut(self, Py_ssize_t field) noexcept
    cpdef bint has(self, Py_ssize_t field)
    cpdef text(self, Py_ssize_t field)
    cpdef list texts(self, tuple fields)
    cpdef Py_ssize_t lacks(self, FieldMask mask)
    cpdef list beyond(self, FieldMask mask)


@cython.final
cdef class Layout:
    cdef readonly object table
    cdef tuple fields
    cdef object mti_field, bitmap_field
    cdef Rule mti, bitmap
    cdef Rule rules[SLOTS]
    cdef bint tertiary, slow
    cdef list recent_texts  # by field, the last one that was read, where the field is recurring
    cdef uint8_t recent[SLOTS][RECENT_BYTES]  # its bytes on the wire
    cdef uint8_t recent_size[SLOTS]
    cdef list recent_mti_texts  # of the last message types that were read
    cdef uint32_t recent_mtis[RECENT_MTIS]  # their bytes on the wire
    cdef int next_mti

    cpdef View scan(self, frame)
    cpdef bytes emit(self, mti, View view, FieldMask mask, patches)
    cdef int index(self, View view) except -1
    cdef Py_ssize_t index_sections(self, View view, const uint8_t* frame, Py_ssize_t size, bint ascii) except -1
    cdef Py_ssize_t index_bitmaps(self, View view, const uint8_t* frame, Py_ssize_t size, Py_ssize_t at) except -1
    cdef Py_ssize_t read_bitmap(
        self, View view, const Rule* rule, object field, const uint8_t* frame, Py_ssize_t size, Py_ssize_t at,
        uint64_t* word,
    ) except -1
    cdef Py_ssize_t ask(self, View view, int field, Py_ssize_t at) except -1
    cdef int read_on(self, View view, int field, Py_ssize_t at, const uint64_t* present) except -1
    cdef Py_ssize_t ask_field(self, View view, object field, Py_ssize_t at) except -1
    cdef object mti_text(self, View view, Py_ssize_t at, Py_ssize_t end)
    cdef object recurring_text(self, View view, Py_ssize_t field)
    cdef object text(self, bytes frame, const Rule* rule, object field, Py_ssize_t start, Py_ssize_t end)
    cdef bytes write_given(self, object mti, Draft* draft, Patches patches)
    cdef bytes write_patched(self, object mti, Draft* draft, dict patches)
    cdef int choose(self, Draft* draft, Py_ssize_t slot, PyObject* text) except -1
    cdef bytes write(self, object mti, Draft* draft)
    cdef int write_header(self, Writer* out, Draft* draft) except -1
    cdef int copy_mti(self, Writer* out, View view) except -1
    cdef int write_bitmaps(self, Writer* out, const uint64_t* present) except -1
    cdef int copy_run(self, Writer* out, View view, Py_ssize_t start, Py_ssize_t end) except -1
    cdef int copy_value(self, Writer* out, int field, View view) except -1
    cdef bint alike(self, int field, Layout other) except -1
    cdef int write_slowly(self, Writer* out, object field, object text) except -1
    cdef int require(self, bint room) except -1


cpdef View scan(layout, bytes frame)
cpdef bytes emit(layout, mti, View view, FieldMask mask, patches)
