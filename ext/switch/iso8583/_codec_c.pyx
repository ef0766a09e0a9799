"""The codec, compiled; `_codec_py` is its readable twin and tells what each part does.

A `View` keeps where each value starts and ends, 16 bits each, and the bitmaps as three words, the highest bit of the
first one being field 1. Fields in an encoding that `_wire` does not know, and everything that is wrong, go to the
layout's `Field`s in Python, whose errors and results are then those of the twin.

Some fields say the same in message after message: a layout remembers the last text of each of those, and gives it again
for the same bytes rather than make another. None of them is secret, so nothing secret is kept.

Bounds: `read_field` proves every span against the frame's size before it reads it, `put` and `write_field` every write
against the buffer's room; slots are 0 … 192 everywhere, checked where a number comes in from Python.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF, Py_XDECREF, PyObject
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from switch.iso8583._wire cimport (
    ABSENT, BINARY, MAX_FRAME, OTHER, SLOTS, TEXT, Rule, Writer, all_ascii, bit_of, key_slot, leading_zeros, odd_units,
    put, put_word, read_field, read_word, rule_of, text_of, word_of, write_field,
)

from binascii import a2b_hex

from switch.iso8583.errors import NO_SUCH_FIELD, NOT_A_BITMAP, TOO_LONG, EncodeError, FormatError, Unreadable, excess
from switch.iso8583.fields import FIELD_KEYS, compile_spec


cdef enum:
    HEADER = 0
    SECONDARY = 1
    TERTIARY_FLAG = 65
    LAST_FIELD = SLOTS - 1

# Dates and times, codes, and who asks.
cdef frozenset RECURRING = frozenset({3, 7, 12, 13, 15, 22, 25, 32, 39, 41, 42, 49})

cdef list KEYS = ["h", "1", *FIELD_KEYS]


@cython.no_gc
cdef class FieldMask:
    """A frozen set of field numbers from 2 to 192."""

    def __init__(self, fields):
        cdef Py_ssize_t field
        for field in fields:
            if not 2 <= field <= LAST_FIELD:
                raise ValueError(f"a mask holds fields from 2 to {LAST_FIELD}, not {field}")
            self.words[word_of(field)] |= bit_of(field)

    def __contains__(self, Py_ssize_t field):
        return 2 <= field <= LAST_FIELD and self.words[word_of(field)] & bit_of(field) != 0

    def __or__(self, FieldMask other not None):
        cdef FieldMask union = FieldMask(())
        cdef int word
        for word in range(3):
            union.words[word] = self.words[word] | other.words[word]
        return union

    def __eq__(self, other):
        return isinstance(other, FieldMask) and memcmp(self.words, (<FieldMask>other).words, 24) == 0

    def __hash__(self):
        return hash((self.words[0], self.words[1], self.words[2]))

    def __repr__(self):
        return f"FieldMask({[field for field in range(2, LAST_FIELD + 1) if field in self]})"


cdef FieldMask NO_FIELDS = FieldMask(())


@cython.no_gc
@cython.freelist(16)
cdef class Patches:
    """What `emit` is to write of its own: texts by field, None where a field is to be left out."""

    def __cinit__(self):
        memset(self.given, 0, sizeof(self.given))
        memset(self.left_out, 0, sizeof(self.left_out))

    def __dealloc__(self):
        cdef uint64_t bits
        cdef int word, slot
        for word in range(3):
            bits = self.given[word]
            while bits:
                slot = word * 64 + leading_zeros(bits) + 1
                bits &= ~bit_of(slot)
                Py_XDECREF(self.texts[slot])

    cpdef put(self, Py_ssize_t field, str text):
        """`text` for `field`, from 2 to 192; 0 is the header."""
        cdef int slot = <int>field if field else SECONDARY  # whose bit stands for the header, as in a `Draft`
        if not 0 <= field <= LAST_FIELD or field == SECONDARY:
            raise ValueError(f"a patch is for the header, 0, or a field from 2 to {LAST_FIELD}, not for {field}")
        if self.given[word_of(slot)] & bit_of(slot):
            self.given[word_of(slot)] &= ~bit_of(slot)
            Py_XDECREF(self.texts[slot])
        if text is None:
            self.left_out[word_of(slot)] |= bit_of(slot)
            return
        self.left_out[word_of(slot)] &= ~bit_of(slot)
        Py_INCREF(text)
        self.texts[slot] = <PyObject*>text
        self.given[word_of(slot)] |= bit_of(slot)


@cython.no_gc
@cython.freelist(512)  # as many as are in flight on a busy day: it is too large for Python's own allocator
cdef class View:
    """A scanned frame: where each value is. Values are read on demand; nothing here ever prints one."""

    def __init__(self):
        raise TypeError("a View comes from Layout.scan")

    cdef inline bint holds(self, Py_ssize_t field) noexcept:
        if field == HEADER:
            return self.has_header
        return 2 <= field <= LAST_FIELD and self.present[word_of(field)] & bit_of(field) != 0

    cdef object value(self, Py_ssize_t field):
        """The text of a field that the view holds."""
        if self.layout.recent_texts[field] is not None:
            return self.layout.recurring_text(self, field)
        return self.layout.text(
            self.frame, &self.layout.rules[field], self.layout.fields[field], self.starts[field], self.ends[field]
        )

    cdef void cut(self, Py_ssize_t field) noexcept:
        """Forget `field` and those above it: they have not been read."""
        cdef int word = word_of(field)
        self.present[word] &= ~(bit_of(field) | (bit_of(field) - 1))
        for word in range(word + 1, 3):
            self.present[word] = 0

    cpdef bint has(self, Py_ssize_t field):
        """Is `field` in the message?"""
        return self.holds(field)

    cpdef text(self, Py_ssize_t field):
        """Canonical text: characters, binary as upper-case hexadecimal, BCD digits without pad. 0 is the header."""
        return self.value(field) if self.holds(field) else None

    cpdef list texts(self, tuple fields):
        """The texts of several fields; "" for those that are not there."""
        cdef Py_ssize_t place, field, count = len(fields)
        cdef list found = PyList_New(count)
        cdef object text
        for place in range(count):
            field = <object>PyTuple_GET_ITEM(fields, place)
            text = self.value(field) if self.holds(field) else ""
            Py_INCREF(text)  # for the list, which takes it over
            PyList_SET_ITEM(found, place, text)
        return found

    cpdef Py_ssize_t lacks(self, FieldMask mask):
        """The lowest field of `mask` that is not there; 0 when all are."""
        cdef uint64_t bits
        cdef int word
        for word in range(3):
            bits = mask.words[word] & ~self.present[word]
            if bits:
                return word * 64 + leading_zeros(bits) + 1
        return 0

    cpdef list beyond(self, FieldMask mask):
        """The numbers of the fields that are there and not in `mask`, ascending."""
        cdef list numbers = []
        cdef uint64_t bits
        cdef int word, field
        for word in range(3):
            bits = self.present[word] & ~mask.words[word]
            while bits:
                field = word * 64 + leading_zeros(bits) + 1
                bits &= ~bit_of(field)
                numbers.append(field)
        return numbers

    def raw(self, Py_ssize_t field):
        """The value's bytes as on the wire, without length prefix."""
        return self.frame[self.starts[field] : self.ends[field]] if self.holds(field) else None

    def span(self, Py_ssize_t field):
        """Offsets of the value's first byte and of the one after its last."""
        return (self.starts[field], self.ends[field]) if self.holds(field) else None

    def fields(self):
        """The numbers of the fields present, ascending."""
        return tuple(self.beyond(NO_FIELDS))

    def patch(self, patches, mti=None):
        """This message with some fields replaced, added, or (None) left out. Raises `EncodeError`."""
        cdef Draft draft
        draft.view = <PyObject*>self
        draft.present[:] = self.present
        # As in `encode`: borrowed texts need that no Python code runs between.
        if type(patches) is not dict or self.layout.slow:
            patches = dict(patches)
        if mti is None and not self.has_mti:
            mti = ""
        return self.layout.write_patched(mti, &draft, <dict>patches)

    def __repr__(self):
        return f"<View {self.mti or '????'} fields {', '.join(map(str, self.fields()))}>"


@cython.no_gc
cdef class Layout:
    """A compiled field table, from a specification shaped as pyiso8583's; see `switch.iso8583.fields`."""

    def __init__(self, spec):
        cdef int slot
        self.table = compile_spec(spec)
        self.fields = self.table.fields
        self.mti_field, self.bitmap_field = self.table.mti, self.table.bitmap
        self.tertiary = self.table.tertiary
        rule_of(self.mti_field, &self.mti)
        rule_of(self.bitmap_field, &self.bitmap)
        for slot in range(SLOTS):
            rule_of(self.fields[slot], &self.rules[slot])
            self.slow |= self.rules[slot].data == OTHER
        if self.tertiary:
            self.rules[TERTIARY_FLAG].data = ABSENT
        self.recent_mti_texts = [""] * RECENT_MTIS
        self.recent_texts = ["" if slot in RECURRING else None for slot in range(SLOTS)]

    cpdef View scan(self, frame):
        """Find every value and check it; raises `FormatError` with a view of what can be trusted nevertheless."""
        if not isinstance(frame, bytes):
            raise TypeError(f"a frame is bytes, not {type(frame).__name__}")
        cdef View view = View.__new__(View)
        view.frame = <bytes>frame
        view.layout = self
        view.mti = ""
        self.index(view)
        return view

    cdef int index(self, View view) except -1:
        """Fill the view."""
        cdef const uint8_t* frame = <const uint8_t*>PyBytes_AS_STRING(view.frame)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(view.frame), at = 0, end
        cdef int word, field = SECONDARY
        cdef uint64_t bits
        cdef bint ascii
        if size > MAX_FRAME:
            raise FormatError("t", 0, TOO_LONG, view)
        ascii = all_ascii(frame, size)
        at = self.index_sections(view, frame, size, ascii)
        for word in range(3):
            bits = view.present[word]
            while bits:
                field = word * 64 + leading_zeros(bits) + 1
                bits &= ~bit_of(field)
                end = read_field(&self.rules[field], frame, size, at, ascii)
                if end < 0:
                    end = self.ask(view, field, at)
                view.starts[field] = <uint16_t>(at + self.rules[field].width)
                view.ends[field] = <uint16_t>end
                at = end
        if at != size:
            raise FormatError("p" if field == SECONDARY else str(field), at, excess(size - at), view)
        view.complete = True
        return 0

    cdef Py_ssize_t index_sections(self, View view, const uint8_t* frame, Py_ssize_t size, bint ascii) except -1:
        """Header, message type and bitmaps; returns where the first field starts."""
        cdef Py_ssize_t at = 0, end
        if self.rules[HEADER].data != ABSENT:
            end = read_field(&self.rules[HEADER], frame, size, 0, ascii)
            if end < 0:
                end = self.ask_field(view, self.fields[HEADER], 0)
            view.starts[HEADER] = self.rules[HEADER].width
            view.ends[HEADER] = <uint16_t>end
            view.has_header = True
            at = end
        view.mti_at = <uint16_t>at
        end = read_field(&self.mti, frame, size, at, ascii)
        if end < 0:
            end = self.ask_field(view, self.mti_field, at)
        view.bitmap_at = <uint16_t>end
        view.mti = self.mti_text(view, at, end)
        view.has_mti = True
        return self.index_bitmaps(view, frame, size, end)

    cdef object mti_text(self, View view, Py_ssize_t at, Py_ssize_t end):
        """As in `recurring_text`, of the last few types: requests and answers come in turn."""
        cdef uint32_t word = 0
        cdef int place
        if end - at <= 4:
            memcpy(&word, PyBytes_AS_STRING(view.frame) + at, end - at)
        for place in range(RECENT_MTIS):
            if word and word == self.recent_mtis[place]:
                return self.recent_mti_texts[place]
        text = self.text(view.frame, &self.mti, self.mti_field, at, end)
        if word == 0:  # too long to be remembered, or 0000 in BCD, which is what "none yet" looks like
            return text
        place = self.next_mti
        self.next_mti = (place + 1) % RECENT_MTIS
        self.recent_mtis[place], self.recent_mti_texts[place] = word, text
        return text

    cdef Py_ssize_t index_bitmaps(self, View view, const uint8_t* frame, Py_ssize_t size, Py_ssize_t at) except -1:
        cdef uint64_t words[3]
        memset(words, 0, sizeof(words))
        at = self.read_bitmap(view, &self.bitmap, self.bitmap_field, frame, size, at, &words[0])
        view.secondary_at = view.body_at = <uint16_t>at
        if words[0] & bit_of(SECONDARY):
            words[0] &= ~bit_of(SECONDARY)
            if self.rules[SECONDARY].data == ABSENT:
                raise FormatError("1", at, NO_SUCH_FIELD, view)
            at = self.read_bitmap(view, &self.rules[SECONDARY], self.fields[SECONDARY], frame, size, at, &words[1])
            if self.tertiary and words[1] & bit_of(TERTIARY_FLAG):
                words[1] &= ~bit_of(TERTIARY_FLAG)
                at = self.read_bitmap(view, &self.rules[SECONDARY], self.fields[SECONDARY], frame, size, at, &words[2])
            view.body_at = <uint16_t>at
        view.present[:] = words
        return at

    cdef Py_ssize_t read_bitmap(
        self, View view, const Rule* rule, object field, const uint8_t* frame, Py_ssize_t size, Py_ssize_t at,
        uint64_t* word,
    ) except -1:
        cdef Py_ssize_t end = read_field(rule, frame, size, at, False)
        if end >= 0:
            if read_word(rule.data == BINARY, frame + at, word):
                return end
            raise FormatError(field.key, at, NOT_A_BITMAP, view)
        end = self.ask_field(view, field, at)
        try:
            word[0] = int.from_bytes(a2b_hex(field.text(view.frame, at, end)), "big")
        except ValueError:
            raise FormatError(field.key, at, NOT_A_BITMAP, view) from None
        return end

    cdef Py_ssize_t ask(self, View view, int field, Py_ssize_t at) except -1:
        """The end of a numbered field at `at`, in the words of its `Field`; on failure the view keeps what it can."""
        cdef uint64_t present[3]
        cdef Py_ssize_t start, end
        if self.rules[field].data != ABSENT:
            try:
                start, end = self.fields[field].read(view.frame, at)
            except Unreadable as fault:
                present[:] = view.present
                view.cut(field)
                self.read_on(view, field, fault.end, present)
                raise FormatError(str(field), fault.position, fault.reason, view) from None
            assert at <= start <= end <= PyBytes_GET_SIZE(view.frame)
            view.other_pads |= self.rules[field].data == BINARY
            return end
        view.cut(field)
        raise FormatError(str(field), at, NO_SUCH_FIELD, view)

    cdef int read_on(self, View view, int field, Py_ssize_t at, const uint64_t* present) except -1:
        """Read the fields of `present` behind a bad value, which ends at `at` (0: nobody knows), but for bad ones.

        They stay in the view only if the last one ends with the frame: else they may have slipped against the bytes.
        """
        cdef uint64_t good[3]
        cdef uint64_t bits
        cdef int word
        cdef Py_ssize_t start
        good[:] = view.present
        for word in range(word_of(field), 3):
            bits = present[word]
            if word == word_of(field):
                bits &= bit_of(field) - 1
            while bits:
                field = word * 64 + leading_zeros(bits) + 1
                bits &= ~bit_of(field)
                if at == 0 or self.rules[field].data == ABSENT:
                    return 0
                try:
                    start, at = self.fields[field].read(view.frame, at)
                except Unreadable as fault:
                    at = fault.end
                    continue
                view.starts[field], view.ends[field] = <uint16_t>start, <uint16_t>at
                view.other_pads |= self.rules[field].data == BINARY
                good[word] |= bit_of(field)
        if at == PyBytes_GET_SIZE(view.frame):
            view.present[:] = good
            view.complete = True
        return 0

    cdef Py_ssize_t ask_field(self, View view, object field, Py_ssize_t at) except -1:
        """The end of the value at `at`, in the words of its `Field`."""
        cdef Py_ssize_t start, end
        try:
            start, end = field.read(view.frame, at)
        except Unreadable as fault:
            raise FormatError(field.key, fault.position, fault.reason, view) from None
        assert at <= start <= end <= PyBytes_GET_SIZE(view.frame)
        return end

    cdef object recurring_text(self, View view, Py_ssize_t field):
        """The field's text: the last one again, where the same bytes say the same."""
        cdef Py_ssize_t start = view.starts[field], size = view.ends[field] - start
        cdef const char* frame = PyBytes_AS_STRING(view.frame)
        if size == self.recent_size[field] and memcmp(frame + start, self.recent[field], size) == 0:
            return self.recent_texts[field]
        text = self.text(view.frame, &self.rules[field], self.fields[field], start, start + size)
        # An empty one is what "nothing yet" looks like.
        if 0 < size <= RECENT_BYTES:
            memcpy(self.recent[field], frame + start, size)
            self.recent_size[field] = <uint8_t>size
            self.recent_texts[field] = text
        return text

    cdef object text(self, bytes frame, const Rule* rule, object field, Py_ssize_t start, Py_ssize_t end):
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(frame)
        if rule.data == OTHER or (rule.data == TEXT and not all_ascii(at + start, end - start)):
            return field.text(frame, start, end)
        return text_of(rule, at, start, end)

    def mask(self, fields):
        """A `FieldMask` for `emit`."""
        return FieldMask(fields)

    def decode(self, frame):
        """Everything as text, as pyiso8583's `doc_dec`: {"t": "0800", "p": …, "11": "000001"}. Raises `FormatError`."""
        cdef View view = self.scan(frame)
        cdef dict doc = {}
        cdef int word, field
        cdef uint64_t bits
        if view.has_header:
            doc["h"] = view.value(HEADER)
        doc["t"] = view.mti
        doc["p"] = self.text(view.frame, &self.bitmap, self.bitmap_field, view.bitmap_at, view.secondary_at)
        if view.body_at > view.secondary_at:
            doc["1"] = self.text(
                view.frame, &self.rules[SECONDARY], self.fields[SECONDARY], view.secondary_at, view.body_at
            )
        for word in range(3):
            bits = view.present[word]
            while bits:
                field = word * 64 + leading_zeros(bits) + 1
                bits &= ~bit_of(field)
                doc[KEYS[field]] = view.value(field)
        return doc

    def encode(self, doc):
        """The frame of a dictionary of text; bitmaps are computed ("p" and "1" may be there and are not read).

        Raises `EncodeError`.
        """
        cdef Draft draft
        cdef PyObject* key = NULL
        cdef PyObject* text = NULL
        cdef PyObject* mti = NULL
        cdef Py_ssize_t place = 0
        cdef int slot
        # The texts are borrowed: where Python code runs between, from a dictionary that nobody else can change.
        cdef dict texts = <dict>doc if type(doc) is dict and not self.slow else dict(doc)
        if "t" not in texts:
            raise EncodeError("t", "a message needs its type")
        draft.view = NULL
        memset(draft.present, 0, sizeof(draft.present))
        memset(draft.patched, 0, sizeof(draft.patched))
        while PyDict_Next(texts, &place, &key, &text):
            slot = key_slot(<object>key)
            if slot >= 2:
                self.choose(&draft, slot, text)
            elif slot == HEADER:
                self.choose(&draft, HEADER, text)
            elif <object>key not in ("t", "p", "1"):
                raise EncodeError(str(<object>key), NO_SUCH_FIELD)
        return self.write(texts["t"], &draft)

    cpdef bytes emit(self, mti, View view, FieldMask mask, patches):
        """A message spliced from a view: field by field the patch if there is one (None leaves the field out), else
        what the view has, if it is in the mask. Without a view (None) of patches alone.

        The wire bytes are copied where the field is encoded alike in both layouts, and an odd count of BCD digits has
        the declared pad; else it goes through its canonical text. A header (number 0) comes from the patches or the
        view. Raises `EncodeError`.
        """
        cdef Draft draft
        cdef int word
        if view is None or mask is None:
            draft.view = NULL
            memset(draft.present, 0, sizeof(draft.present))
        else:
            draft.view = <PyObject*>view
            for word in range(3):
                draft.present[word] = view.present[word] & mask.words[word]
        if type(patches) is Patches:
            return self.write_given(mti, &draft, <Patches>patches)
        # As in `encode`: borrowed texts need that no Python code runs between.
        if type(patches) is not dict or self.slow:
            patches = dict(patches)
        return self.write_patched(mti, &draft, <dict>patches)

    cdef bytes write_given(self, object mti, Draft* draft, Patches patches):
        """As `write_patched`."""
        cdef uint64_t bits
        cdef int word, slot
        memset(draft.patched, 0, sizeof(draft.patched))
        for word in range(3):
            bits = patches.given[word]
            while bits:
                slot = word * 64 + leading_zeros(bits) + 1
                bits &= ~bit_of(slot)
                self.choose(draft, slot if slot != SECONDARY else HEADER, patches.texts[slot])
            draft.present[word] &= ~patches.left_out[word]
        return self.write(mti, draft)

    cdef bytes write_patched(self, object mti, Draft* draft, dict patches):
        """Choose each field from the patches or the draft's view, and write the message."""
        cdef PyObject* key = NULL
        cdef PyObject* text = NULL
        cdef Py_ssize_t place = 0, slot
        memset(draft.patched, 0, sizeof(draft.patched))
        while PyDict_Next(patches, &place, &key, &text):
            slot = <object>key
            if <object>text is not None:
                self.choose(draft, slot, text)
            elif 2 <= slot <= LAST_FIELD:
                draft.present[word_of(slot)] &= ~bit_of(slot)
        return self.write(mti, draft)

    cdef int choose(self, Draft* draft, Py_ssize_t slot, PyObject* text) except -1:
        """Let `slot` be written from `text`."""
        if not 0 <= slot <= LAST_FIELD or slot == SECONDARY or self.rules[slot].data == ABSENT:
            raise EncodeError("h" if slot == HEADER else str(slot), NO_SUCH_FIELD)
        draft.texts[slot] = text
        if slot == HEADER:
            draft.patched[0] |= bit_of(SECONDARY)  # the one bit of the words that no field has
        else:
            draft.patched[word_of(slot)] |= bit_of(slot)
            draft.present[word_of(slot)] |= bit_of(slot)
        return 0

    cdef bytes write(self, object mti, Draft* draft):
        """The message of a draft."""
        cdef uint8_t buffer[MAX_FRAME]
        cdef Writer out
        cdef int word, field
        cdef uint64_t bits
        cdef View view = None if draft.view == NULL else <View>draft.view
        cdef bint copied = view is not None and view.layout is self and not view.other_pads
        cdef Py_ssize_t start, run_start = 0, run_end = 0  # neighbours on the wire are copied in one piece
        out.buffer, out.used, out.capacity = buffer, 0, MAX_FRAME
        if self.rules[HEADER].data != ABSENT:
            self.write_header(&out, draft)
        if mti is None:
            if view is None:
                raise TypeError("a message without a view needs its type")
            self.copy_mti(&out, view)
        elif not write_field(&self.mti, mti, &out):
            self.write_slowly(&out, self.mti_field, mti)
        self.write_bitmaps(&out, draft.present)
        for word in range(3):
            bits = draft.present[word]
            while bits:
                field = word * 64 + leading_zeros(bits) + 1
                bits &= ~bit_of(field)
                if copied and not draft.patched[word] & bit_of(field):
                    start = view.starts[field] - self.rules[field].width
                    if start != run_end:
                        self.copy_run(&out, view, run_start, run_end)
                        run_start = start
                    run_end = view.ends[field]
                    continue
                self.copy_run(&out, view, run_start, run_end)
                run_start = run_end = 0
                if not draft.patched[word] & bit_of(field):
                    self.copy_value(&out, field, view)
                elif not write_field(&self.rules[field], <object>draft.texts[field], &out):
                    self.write_slowly(&out, self.fields[field], <object>draft.texts[field])
        self.copy_run(&out, view, run_start, run_end)
        return PyBytes_FromStringAndSize(<char*>buffer, out.used)

    cdef int copy_run(self, Writer* out, View view, Py_ssize_t start, Py_ssize_t end) except -1:
        """Append fields that stand together in `view`, with their prefixes."""
        if start == end:
            return 0
        return self.require(put(out, PyBytes_AS_STRING(view.frame) + start, end - start))

    cdef int write_header(self, Writer* out, Draft* draft) except -1:
        if draft.patched[0] & bit_of(SECONDARY):
            return self.write_slowly(out, self.fields[HEADER], <object>draft.texts[HEADER])
        if draft.view != NULL and (<View>draft.view).has_header:
            return self.copy_value(out, HEADER, <View>draft.view)
        raise EncodeError("h", "this layout needs a header")

    cdef int copy_mti(self, Writer* out, View view) except -1:
        cdef const char* frame = PyBytes_AS_STRING(view.frame)
        return self.require(put(out, frame + view.mti_at, view.bitmap_at - view.mti_at))

    cdef int write_bitmaps(self, Writer* out, const uint64_t* present) except -1:
        """As many bitmaps as the highest number needs, each announced by the first bit of the one before."""
        cdef int count = 3 if present[2] else 2 if present[1] else 1, word
        cdef uint64_t bits
        cdef const Rule* rule = &self.bitmap
        cdef object field = self.bitmap_field
        if count > 1 and self.rules[SECONDARY].data == ABSENT:
            raise EncodeError("1", NO_SUCH_FIELD)
        for word in range(count):
            bits = present[word]
            if word + 1 < count:
                bits |= bit_of(SECONDARY)
            if rule.data == OTHER:
                self.write_slowly(out, field, f"{bits:016X}")
            else:
                self.require(put_word(out, rule.data == BINARY, bits))
            rule, field = &self.rules[SECONDARY], self.fields[SECONDARY]
        return 0

    cdef int copy_value(self, Writer* out, int field, View view) except -1:
        """Append a field of `view`: its wire bytes if both layouts encode it alike, else through its text."""
        cdef const Rule* rule = &self.rules[field]
        cdef const Rule* theirs = &view.layout.rules[field]
        cdef const char* frame = PyBytes_AS_STRING(view.frame)
        cdef Py_ssize_t start = view.starts[field] - theirs.width
        if (view.layout is self or self.alike(field, view.layout)) and not (
            view.other_pads and theirs.data == BINARY and odd_units(theirs, <const uint8_t*>frame, view.starts[field])
        ):
            return self.require(put(out, frame + start, view.ends[field] - start))
        if rule.data == ABSENT:
            raise EncodeError("h" if field == HEADER else str(field), NO_SUCH_FIELD)
        text = view.value(field)
        if rule.track and theirs.data == BINARY and rule.data != BINARY:
            text = text.replace("D", "=", 1)
        if not write_field(rule, text, out):
            self.write_slowly(out, self.fields[field], text)
        return 0

    cdef bint alike(self, int field, Layout other) except -1:
        """Do both layouts put this field on the wire in the same way?"""
        if self.rules[field].data == OTHER:
            return self.fields[field] == other.fields[field]
        return self.rules[field].data != ABSENT and memcmp(&self.rules[field], &other.rules[field], sizeof(Rule)) == 0

    cdef int write_slowly(self, Writer* out, object field, object text) except -1:
        """Append what the `Field` makes of `text`; it raises the `EncodeError` where there is one."""
        cdef bytes wire = field.write(text)
        return self.require(put(out, PyBytes_AS_STRING(wire), PyBytes_GET_SIZE(wire)))

    cdef int require(self, bint room) except -1:
        if not room:
            raise EncodeError("t", TOO_LONG)
        return 0


cpdef View scan(layout, bytes frame):
    """`layout.scan(frame)`."""
    return (<Layout>layout).scan(frame) if type(layout) is Layout else layout.scan(frame)


cpdef bytes emit(layout, mti, View view, FieldMask mask, patches):
    """`layout.emit(mti, view, mask, patches)`."""
    if type(layout) is Layout:
        return (<Layout>layout).emit(mti, view, mask, patches)
    return layout.emit(mti, view, mask, patches)
