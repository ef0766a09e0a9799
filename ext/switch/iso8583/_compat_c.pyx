"""pyiso8583's two dictionaries on the native field reader: the path of messages that are right.

`decode` and `encode` return None for everything else, and have changed nothing then: a malformed message, an encoding
of lengths other than digits in a row, an unusual type. `switch.iso8583.compat` then lets pyiso8583 itself answer.

pyiso8583 reads the specification at every call, so what is compiled here must never be stale. A compiled `Entry` holds
the keys and values of the dictionary it came from, and every use compares them by identity (they are immutable, and
held, so an address cannot come again): a handful of pointers a field, against 1 µs to read the entry anew.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Next, PyDict_Size
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from switch.iso8583._wire cimport (
    BCD, BINARY, DECIMAL, MAX_FRAME, MAX_PREFIX, NO_PAD, OTHER, SLOTS, TEXT, UNSIGNED, Rule, Writer, all_ascii,
    bit_of, key_slot, leading_zeros, nibble_of, put, put_word, read_field, read_span, read_word, text_of, word_of,
    write_field, write_units,
)


cdef extern from "Python.h":
    bytearray PyByteArray_FromStringAndSize(const char* start, Py_ssize_t size)
    bint PyUnicode_CheckExact(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)


cdef enum:
    HEADER = 0
    SECONDARY = 1
    TERTIARY_FLAG = 65
    MTI = SLOTS
    PRIMARY = SLOTS + 1
    MAX_ITEMS = 16  # keys in one entry; pyiso8583 knows 8
    MAX_SPECS = 32  # a program uses a handful; beyond, the cache starts anew
    MAX_LENGTH = 0xFFFFFF

# Encodings whose bytes below 128 are ASCII. Values in others, or with others, go through Python's codecs.
cdef frozenset ASCII_LIKE = frozenset(
    ["ascii", "us-ascii", "latin-1", "latin1", "latin_1", "iso-8859-1", "iso8859-1", "utf-8", "utf8", "cp1252"]
)
cdef tuple KEYS = ("h", "1", *[str(number) for number in range(2, SLOTS)], "t", "p")


@cython.final
@cython.no_gc
cdef class Entry:
    """One entry of a specification, compiled, with what it was compiled from."""

    cdef Rule rule
    cdef bint usable
    cdef str codec  # of text
    cdef int count
    cdef PyObject* seen[2 * MAX_ITEMS]
    cdef tuple held

    cdef inline bint matches(self, dict source) noexcept:
        """Is this still what `source` says?"""
        cdef PyObject* key = NULL
        cdef PyObject* value = NULL
        cdef Py_ssize_t place = 0
        cdef int index = 0
        if PyDict_Size(source) != self.count:
            return False
        while PyDict_Next(source, &place, &key, &value):
            if self.seen[index] != key or self.seen[index + 1] != value:
                return False
            index += 2
        return True


    cdef bint fill(self, dict source, int slot) except -1:
        """Make the rule; False where something unusual is for pyiso8583 to judge."""
        memset(&self.rule, 0, sizeof(Rule))
        self.rule.left_pad = self.rule.right_pad = NO_PAD
        encoding = source.get("data_enc")
        if type(encoding) is not str:
            return False
        binary = encoding == "b"
        if not binary:
            self.codec = encoding
        self.rule.data = BINARY if binary else TEXT if encoding.lower() in ASCII_LIKE else OTHER
        if slot == MTI:
            self.rule.max_len = 2 if binary else 4
        elif slot == PRIMARY or slot == SECONDARY:
            self.rule.max_len = 8 if binary else 16
        elif not self.fill_lengths(source) or (self.rule.nibbles and not binary):
            return False
        return True

    cdef bint fill_lengths(self, dict source) except -1:
        cdef Rule* rule = &self.rule
        width, max_len, count = source.get("len_type"), source.get("max_len"), source.get("len_count", "bytes")
        if type(width) is not int or type(max_len) is not int or type(count) is not str:
            return False
        if not 0 <= width <= MAX_PREFIX or not 0 <= max_len <= MAX_LENGTH:
            return False
        rule.width, rule.max_len, rule.nibbles = width, max_len, count == "nibbles"
        if width:
            encoding = source.get("len_enc")
            if type(encoding) is not str:
                return False
            rule.length = BCD if encoding == "bcd" else UNSIGNED if encoding == "b" else DECIMAL
            if rule.length == DECIMAL and not fill_zero(&rule.zero, encoding):
                return False
        left, right = source.get("left_pad", ""), source.get("right_pad", "")
        return fill_pad(&rule.left_pad, left) and fill_pad(&rule.right_pad, right)


cdef bint fill_zero(uint8_t* zero, str encoding) except -1:
    """Are the digits ten single bytes in a row, as in ASCII and EBCDIC?"""
    cdef bytes digits
    try:
        digits = "0123456789".encode(encoding)
    except (LookupError, ValueError):
        return False
    zero[0] = digits[0]
    return digits == bytes([(zero[0] + digit) & 0xFF for digit in range(10)])


cdef Entry compile_entry(dict source, int slot):
    cdef Entry entry = Entry.__new__(Entry)
    cdef int index = 0
    entry.count = len(source) if len(source) <= MAX_ITEMS else -1  # -1 matches nothing
    entry.held = tuple(source.keys()) + tuple(source.values())
    if entry.count >= 0:
        for key, value in source.items():
            entry.seen[index] = <PyObject*>key
            entry.seen[index + 1] = <PyObject*>value
            index += 2
    entry.usable = entry.fill(source, slot)
    return entry


cdef bint fill_pad(uint8_t* pad, object text) except -1:
    if type(text) is not str:
        return False
    if text:
        if text[0] not in "0123456789ABCDEF":
            return False
        pad[0] = nibble_of(ord(text[0]))
    return True


@cython.final
@cython.no_gc
cdef class Compiled:
    """The entries of one specification, compiled as they are first used."""

    cdef dict spec
    cdef list entries

    cdef Entry entry(self, int slot):
        """The entry of a slot, fresh; None if the specification has none that can be compiled."""
        cdef PyObject* source = PyDict_GetItem(self.spec, KEYS[slot])
        cdef object known
        if source == NULL or type(<object>source) is not dict:
            return None
        known = self.entries[slot]
        if known is None or not (<Entry>known).matches(<dict>source):
            known = compile_entry(<dict>source, slot)
            self.entries[slot] = known
        return <Entry>known if (<Entry>known).usable else None

    cdef int header(self) except -2:
        """1 if messages have a header, 0 if none, -1 if that is for pyiso8583 to say."""
        source = self.spec.get("h")
        if type(source) is not dict:
            return -1
        max_len = (<dict>source).get("max_len")
        if type(max_len) is not int:
            return -1
        return max_len > 0


cdef dict compiled_specs = {}
cdef Compiled latest = None


cdef Compiled compiled(object spec):
    """The compiled form of this very dictionary; it is held, so its identity is its own."""
    global latest
    cdef Compiled found
    if latest is not None and latest.spec is spec:
        return latest
    if type(spec) is not dict:
        return None
    found = compiled_specs.get(id(spec))
    if found is None:
        found = Compiled.__new__(Compiled)
        found.spec, found.entries = spec, [None] * (SLOTS + 2)
        if len(compiled_specs) >= MAX_SPECS:
            compiled_specs.clear()
        compiled_specs[id(spec)] = found
    latest = found
    return found


@cython.final
@cython.no_gc
cdef class Reader:
    """One frame being decoded into both dictionaries, field after field."""

    cdef Compiled spec
    cdef bytes frame
    cdef dict texts, wires
    cdef Py_ssize_t at
    cdef bint ascii

    cdef bint take(self, int slot) except -1:
        """Read the field at the cursor; False if it is not for us."""
        cdef Entry entry = self.spec.entry(slot)
        cdef const uint8_t* frame = <const uint8_t*>PyBytes_AS_STRING(self.frame)
        cdef Py_ssize_t start, end, units = 0
        if entry is None:
            return False
        start = self.at + entry.rule.width
        end = read_field(&entry.rule, frame, PyBytes_GET_SIZE(self.frame), self.at, self.ascii)
        if end >= 0:
            text = text_of(&entry.rule, frame, start, end)
        else:
            end = read_span(&entry.rule, frame, PyBytes_GET_SIZE(self.frame), self.at, &units)
            text = decoded(entry, self.frame, start, end)
            if text is None:
                return False
        key = KEYS[slot]
        self.texts[key] = text
        self.wires[key] = wire_dict(frame, self.at, start, end)
        self.at = end
        return True

    cdef bint take_bitmap(self, int slot, uint64_t* word) except -1:
        """Read a bitmap; a third one is appended to the second."""
        cdef Py_ssize_t before = self.at
        cdef object text = self.texts.get(KEYS[slot]), wire = self.wires.get(KEYS[slot])
        if not self.take(slot):
            return False
        bitmap = self.texts[KEYS[slot]]
        if not bitmap_word(bitmap, word):
            return False
        if text is not None:
            self.texts[KEYS[slot]] = text + bitmap
            self.wires[KEYS[slot]]["data"] = wire["data"] + self.frame[before : self.at]
        return True


cdef bint bitmap_word(str text, uint64_t* word) noexcept:
    """The bits of 16 hexadecimal characters; False when they are none."""
    if not PyUnicode_IS_COMPACT_ASCII(text) or PyUnicode_GET_LENGTH(text) != 16:
        return False
    return read_word(False, <const uint8_t*>PyUnicode_DATA(text), word)


cdef str decoded(Entry entry, bytes frame, Py_ssize_t start, Py_ssize_t end):
    """Text by Python's codec; None if there is no value, no codec, or no sense in it."""
    if end < 0 or entry.codec is None:
        return None
    try:
        return frame[start:end].decode(entry.codec)
    except (LookupError, ValueError):
        return None


cdef inline dict wire_dict(const uint8_t* frame, Py_ssize_t at, Py_ssize_t start, Py_ssize_t end):
    cdef const char* wire = <const char*>frame
    return {
        "len": PyBytes_FromStringAndSize(wire + at, start - at),
        "data": PyBytes_FromStringAndSize(wire + start, end - start),
    }


def decode(s, spec):
    """What pyiso8583's `decode` returns, or None."""
    cdef Reader reader
    cdef Compiled table = compiled(spec)
    cdef uint64_t words[3]
    cdef int word, field, header
    if table is None or (type(s) is not bytes and type(s) is not bytearray):
        return None
    reader = Reader.__new__(Reader)
    reader.spec, reader.frame, reader.texts, reader.wires = table, bytes(s), {}, {}
    reader.ascii = all_ascii(<const uint8_t*>PyBytes_AS_STRING(reader.frame), PyBytes_GET_SIZE(reader.frame))
    memset(words, 0, sizeof(words))
    header = table.header()
    if header < 0 or (header and not reader.take(HEADER)):
        return None
    if not reader.take(MTI) or not reader.take_bitmap(PRIMARY, &words[0]):
        return None
    if words[0] & bit_of(SECONDARY):
        words[0] &= ~bit_of(SECONDARY)
        if not reader.take_bitmap(SECONDARY, &words[1]):
            return None
        if words[1] & bit_of(TERTIARY_FLAG):
            words[1] &= ~bit_of(TERTIARY_FLAG)
            if not reader.take_bitmap(SECONDARY, &words[2]):
                return None
    for word in range(3):
        while words[word]:
            field = word * 64 + leading_zeros(words[word]) + 1
            words[word] &= ~bit_of(field)
            if not reader.take(field):
                return None
    return (reader.texts, reader.wires) if reader.at == PyBytes_GET_SIZE(reader.frame) else None


cdef struct Sheet:
    # A message being encoded: its wire bytes, and where each slot's length and value stand in them.
    Writer out
    uint64_t present[3]
    bint has_header
    Py_ssize_t begins[SLOTS + 2]
    Py_ssize_t starts[SLOTS + 2]
    Py_ssize_t ends[SLOTS + 2]


cdef bint list_fields(dict doc, Sheet* sheet) except -1:
    """Which fields the dictionary has; False where a key is for pyiso8583 to judge."""
    cdef PyObject* key = NULL
    cdef PyObject* value = NULL
    cdef Py_ssize_t place = 0
    cdef int slot
    memset(sheet.present, 0, sizeof(sheet.present))
    while PyDict_Next(doc, &place, &key, &value):
        slot = key_slot(<object>key)
        if slot >= 2 and slot != TERTIARY_FLAG:
            sheet.present[word_of(slot)] |= bit_of(slot)
        elif slot < 0 and not (PyUnicode_CheckExact(<object>key) and is_name(<object>key)):
            return False
    return True


cdef bint is_name(str key):
    """Is this a key that pyiso8583 passes over, or the "1" it computes anew?"""
    return key == "1" or not key.isnumeric()


cdef bint write_slot(Sheet* sheet, Compiled spec, int slot, object text) except -1:
    """Append a field's wire bytes and note where they are."""
    cdef Entry entry = spec.entry(slot)
    sheet.begins[slot] = sheet.out.used
    if entry is None or not (write_field(&entry.rule, text, &sheet.out) or write_coded(entry, text, &sheet.out)):
        return False
    sheet.starts[slot] = sheet.begins[slot] + entry.rule.width
    sheet.ends[slot] = sheet.out.used
    return True


cdef bint write_coded(Entry entry, object text, Writer* out) except -1:
    """Append text by Python's codec, behind its prefix."""
    cdef uint8_t prefix[MAX_PREFIX]
    cdef bytes value
    if entry.codec is None or type(text) is not str:
        return False
    try:
        value = (<str>text).encode(entry.codec)
    except (LookupError, ValueError):
        return False
    if len(value) > entry.rule.max_len or (not entry.rule.width and len(value) != entry.rule.max_len):
        return False
    if entry.rule.width and not write_units(&entry.rule, <int>len(value), prefix):
        return False
    return put(out, prefix, entry.rule.width) and put(out, PyBytes_AS_STRING(value), len(value))


cdef bint write_bitmap(Sheet* sheet, Compiled spec, dict doc, int slot, int first, int count) except -1:
    """Append `count` bitmaps from word `first`, each announcing the next; their text goes into `doc`."""
    cdef Entry entry = spec.entry(slot)
    cdef int word
    cdef uint64_t bits
    cdef str text = ""
    if entry is None:
        return False
    sheet.begins[slot] = sheet.starts[slot] = sheet.out.used
    for word in range(first, first + count):
        bits = sheet.present[word]
        if word < 2 and (sheet.present[word + 1] or (word == 0 and sheet.present[2])):
            bits |= bit_of(SECONDARY)
        bitmap = f"{bits:016X}"
        if entry.rule.data == OTHER:
            if not write_coded(entry, bitmap, &sheet.out):
                return False
        elif not put_word(&sheet.out, entry.rule.data == BINARY, bits):
            return False
        text += bitmap
    sheet.ends[slot] = sheet.out.used
    doc[KEYS[slot]] = text
    return True


cdef bint write_all(Sheet* sheet, Compiled spec, dict doc, dict bitmap_texts, int bitmaps) except -1:
    cdef int word, field
    cdef uint64_t bits
    cdef object text = doc.get("t")
    if sheet.has_header and not write_slot(sheet, spec, HEADER, doc.get("h")):
        return False
    if not write_slot(sheet, spec, MTI, text) or not write_bitmap(sheet, spec, bitmap_texts, PRIMARY, 0, 1):
        return False
    if bitmaps > 1 and not write_bitmap(sheet, spec, bitmap_texts, SECONDARY, 1, bitmaps - 1):
        return False
    for word in range(3):
        bits = sheet.present[word]
        while bits:
            field = word * 64 + leading_zeros(bits) + 1
            bits &= ~bit_of(field)
            text = doc.get(KEYS[field])
            if not write_slot(sheet, spec, field, text):
                return False
    return True


cdef inline int add_wire(dict wires, Sheet* sheet, int slot) except -1:
    wires[KEYS[slot]] = wire_dict(sheet.out.buffer, sheet.begins[slot], sheet.starts[slot], sheet.ends[slot])
    return 0


def encode(doc_dec, spec):
    """What pyiso8583's `encode` returns and does to `doc_dec`, or None."""
    cdef uint8_t buffer[MAX_FRAME]
    cdef Sheet sheet
    cdef Compiled table = compiled(spec)
    cdef dict doc, wires, bitmap_texts = {}
    cdef int word, field, header, bitmaps
    cdef uint64_t bits
    if table is None or type(doc_dec) is not dict:
        return None
    doc = <dict>doc_dec
    header = table.header()
    if header < 0 or not list_fields(doc, &sheet):
        return None
    sheet.out.buffer, sheet.out.used, sheet.out.capacity, sheet.has_header = buffer, 0, MAX_FRAME, header
    bitmaps = 3 if sheet.present[2] else 2 if sheet.present[1] else 1
    if not write_all(&sheet, table, doc, bitmap_texts, bitmaps):
        return None
    wires = {}
    if sheet.has_header:
        add_wire(wires, &sheet, HEADER)
    add_wire(wires, &sheet, MTI)
    add_wire(wires, &sheet, PRIMARY)
    if bitmaps > 1:
        add_wire(wires, &sheet, SECONDARY)
    for word in range(3):
        bits = sheet.present[word]
        while bits:
            field = word * 64 + leading_zeros(bits) + 1
            bits &= ~bit_of(field)
            add_wire(wires, &sheet, field)
    doc.pop("1", None)
    doc.pop("65", None)
    doc.update(bitmap_texts)
    return PyByteArray_FromStringAndSize(<const char*>buffer, sheet.out.used), wires
