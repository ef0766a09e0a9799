"""The card-number map, compiled; `_number_map_py` is its readable twin, and `number_map` tells how it works.

Bounds: `Segment.slots` is at least 8 and `Segment.used` at most three quarters of it (`insert` and `add_segment` see to
that before they place anything), so each table has an empty slot and every search ends. Slots are numbered by `home_of`,
below `slots` because a 32-bit fraction of `slots` is taken, and by `after`, which turns round at the end; there
is no other way to one. Segments are numbered by `segment_of`, always below `segment_count`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from switch.cards import _number_map_rules as rules
from switch.cards._number_map_rules import no_number, no_record, twice, wrong_key
from switch.cards.pan import MAX_DIGITS as MAX_DIGITS_OF_PAN, MIN_DIGITS as MIN_DIGITS_OF_PAN


cdef extern from "Python.h":
    bint PyUnicode_CheckExact(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)


cdef extern from *:
    """
    #define monetique_prefetch(address) __builtin_prefetch(address)
    """
    void prefetch "monetique_prefetch" (const void* address) noexcept nogil


cdef enum:
    MIN_DIGITS = 12
    MAX_DIGITS = 19
    MIN_SLOTS = 8
    LOAD_NUMERATOR = 3
    LOAD_DENOMINATOR = 4
    GROWTH_NUMERATOR = 5
    GROWTH_DENOMINATOR = 3
    SEGMENT_ENTRIES = 8192
    # Searches of a batch on their way to memory at once; a core has ten to sixteen line fill buffers.
    GROUP = 16
    EMPTY = 0

cdef uint32_t ABSENT = rules.ABSENT

assert (MIN_DIGITS, MAX_DIGITS) == (MIN_DIGITS_OF_PAN, MAX_DIGITS_OF_PAN)
assert (MIN_SLOTS, SEGMENT_ENTRIES) == (rules.MIN_SLOTS, rules.SEGMENT_ENTRIES)
assert (LOAD_NUMERATOR, LOAD_DENOMINATOR) == (rules.LOAD_NUMERATOR, rules.LOAD_DENOMINATOR)
assert (GROWTH_NUMERATOR, GROWTH_DENOMINATOR) == (rules.GROWTH_NUMERATOR, rules.GROWTH_DENOMINATOR)

# By number of digits, the packed form of the one that is all zeros.
cdef uint64_t[MAX_DIGITS + 1] FIRST
for _digits in range(MIN_DIGITS, MAX_DIGITS + 1):
    FIRST[_digits] = 1 + sum([10**shorter for shorter in range(MIN_DIGITS, _digits)])


cdef packed struct Entry:
    uint64_t number  # packed, or EMPTY
    uint32_t record


cdef struct Segment:
    Entry* entries
    uint32_t slots
    uint32_t used


cdef struct Key:
    uint64_t k0
    uint64_t k1


cdef struct State:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3


cdef inline uint64_t eight_digits(uint64_t word) noexcept nogil:
    """The value of eight digits in the order of memory: pairs, then fours, then all of them are added at once."""
    word = (word & <uint64_t>0x0F0F0F0F0F0F0F0F) * (10 * 0x100 + 1) >> 8
    word = (word & <uint64_t>0x00FF00FF00FF00FF) * (100 * 0x10000 + 1) >> 16
    return (word & <uint64_t>0x0000FFFF0000FFFF) * (10000 * <uint64_t>0x100000000 + 1) >> 32


cdef inline bint are_digits(uint64_t word) noexcept nogil:
    """Whether each of eight bytes is 30 to 39: its high half is 3, and still is when 6 is added."""
    return (word & (word + <uint64_t>0x0606060606060606) & <uint64_t>0xF0F0F0F0F0F0F0F0) == <uint64_t>0x3030303030303030 and (
        (word | (word + <uint64_t>0x0606060606060606)) & <uint64_t>0xF0F0F0F0F0F0F0F0) == <uint64_t>0x3030303030303030


cdef inline uint64_t pack_digits(const uint8_t* digits, Py_ssize_t size) noexcept nogil:
    """The packed number; EMPTY where these are not 12 to 19 decimal digits. Eight at a time, the odd ones first."""
    cdef uint64_t word, value = 0
    cdef uint32_t digit
    cdef Py_ssize_t i, odd = size % 8
    if not MIN_DIGITS <= size <= MAX_DIGITS:
        return EMPTY
    for i in range(odd):
        digit = <uint32_t>digits[i] - 48
        if digit > 9:
            return EMPTY
        value = value * 10 + digit
    for i in range(odd, size, 8):
        memcpy(&word, digits + i, 8)
        if not are_digits(word):
            return EMPTY
        value = value * 100_000_000 + eight_digits(word)
    return FIRST[size] + value


cdef inline uint64_t pack_object(object number) except? EMPTY:
    """The same of str or bytes."""
    if PyUnicode_CheckExact(number):
        if not PyUnicode_IS_COMPACT_ASCII(number):
            return EMPTY
        return pack_digits(<const uint8_t*>PyUnicode_DATA(number), PyUnicode_GET_LENGTH(number))
    if PyBytes_CheckExact(number):
        return pack_digits(<const uint8_t*>PyBytes_AS_STRING(number), PyBytes_GET_SIZE(number))
    raise TypeError(f"a card number is str or bytes, not {type(number).__name__}")


cdef str unpack_number(uint64_t packed):
    """The digits of a packed number."""
    cdef Py_ssize_t digits = MAX_DIGITS
    while FIRST[digits] > packed:
        digits -= 1
    return f"{packed - FIRST[digits]:0{digits}}"


cdef inline uint64_t rotated(uint64_t word, int bits) noexcept nogil:
    return word << bits | word >> (64 - bits)


cdef inline void sip_round(State* s) noexcept nogil:
    s.v0 += s.v1
    s.v2 += s.v3
    s.v1 = rotated(s.v1, 13) ^ s.v0
    s.v3 = rotated(s.v3, 16) ^ s.v2
    s.v0 = rotated(s.v0, 32) + s.v3
    s.v2 += s.v1
    s.v1 = rotated(s.v1, 17) ^ s.v2
    s.v3 = rotated(s.v3, 21) ^ s.v0
    s.v2 = rotated(s.v2, 32)


cdef inline uint64_t hash_of(Key key, uint64_t word) noexcept nogil:
    """SipHash-1-3 of the eight bytes of `word`."""
    cdef uint64_t length = <uint64_t>8 << 56
    cdef State s
    s.v0 = key.k0 ^ <uint64_t>0x736F6D6570736575
    s.v1 = key.k1 ^ <uint64_t>0x646F72616E646F6D
    s.v2 = key.k0 ^ <uint64_t>0x6C7967656E657261
    s.v3 = key.k1 ^ <uint64_t>0x7465646279746573 ^ word
    sip_round(&s)
    s.v0 ^= word
    s.v3 ^= length
    sip_round(&s)
    s.v0 ^= length
    s.v2 ^= 0xFF
    sip_round(&s)
    sip_round(&s)
    sip_round(&s)
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3


cdef inline Key key_of(bytes hash_key) except *:
    """The two little-endian words of 16 bytes."""
    cdef uint64_t[2] words = [0, 0]
    cdef const uint8_t* given = <const uint8_t*>PyBytes_AS_STRING(hash_key)
    cdef int i
    if PyBytes_GET_SIZE(hash_key) != 16:
        raise wrong_key(len(hash_key))
    for i in range(16):
        words[i // 8] |= <uint64_t>given[i] << (8 * (i % 8))
    return Key(words[0], words[1])


cdef inline uint32_t home_of(const Segment* segment, uint64_t hashed) noexcept nogil:
    """Where the search for a number begins."""
    return <uint32_t>((hashed >> 32) * segment.slots >> 32)


cdef inline void fetch(const Segment* segment, uint64_t hashed) noexcept nogil:
    """Send for the first three slots of a search: one or two cache lines. An address behind the table does no harm."""
    cdef const char* home = <const char*>&segment.entries[home_of(segment, hashed)]
    prefetch(home)
    prefetch(home + 3 * sizeof(Entry) - 1)


cdef inline uint32_t after(const Segment* segment, uint32_t at) noexcept nogil:
    return at + 1 if at + 1 < segment.slots else 0


cdef inline uint32_t distance(const Segment* segment, uint32_t start, uint32_t end) noexcept nogil:
    """Steps from one slot to another, round the end of the table."""
    return end - start if end >= start else end + segment.slots - start


cdef inline uint32_t slot_of(const Segment* segment, uint64_t packed, uint64_t hashed) noexcept nogil:
    """The slot of the number, or the empty one where it would be put."""
    cdef uint32_t at = home_of(segment, hashed)
    while segment.entries[at].number != packed and segment.entries[at].number != EMPTY:
        at = after(segment, at)
    return at


cdef inline void place(Segment* segment, uint64_t packed, uint64_t hashed, uint32_t record) noexcept nogil:
    """Put in a number that is not there, into a table that has room for it."""
    cdef uint32_t at = slot_of(segment, packed, hashed)
    segment.entries[at].number = packed
    segment.entries[at].record = record
    segment.used += 1


cdef Segment new_segment(uint64_t entries) except *:
    """An empty table, made for so many entries."""
    cdef uint64_t slots = max(<uint64_t>MIN_SLOTS, entries * GROWTH_NUMERATOR // GROWTH_DENOMINATOR)
    cdef Segment segment
    if slots > ABSENT:
        raise MemoryError
    segment.slots = <uint32_t>slots
    segment.used = 0
    segment.entries = <Entry*>PyMem_RawCalloc(slots, sizeof(Entry))
    if segment.entries == NULL:
        raise MemoryError
    return segment


@cython.final
@cython.no_gc
cdef class NumberMap:
    """Card number to record index."""

    cdef Key key
    cdef Segment* segments
    cdef size_t segment_count
    cdef size_t segment_room
    cdef size_t level  # the highest power of two that is not above segment_count
    cdef size_t used
    cdef uint64_t changes

    def __cinit__(self, bytes hash_key not None):
        self.key = key_of(hash_key)
        self.segments = <Segment*>PyMem_RawCalloc(1, sizeof(Segment))
        if self.segments == NULL:
            raise MemoryError
        self.segments[0] = new_segment(0)
        self.segment_count = self.segment_room = self.level = 1

    def __dealloc__(self):
        cdef size_t index
        for index in range(self.segment_count):
            PyMem_RawFree(self.segments[index].entries)
        PyMem_RawFree(self.segments)

    def __len__(self):
        return self.used

    def __contains__(self, number):
        return self.record_of(pack_object(number)) != ABSENT

    def __iter__(self):
        cdef uint64_t changes = self.changes
        cdef size_t index
        cdef uint32_t at
        cdef Entry entry
        for index in range(self.segment_count):
            for at in range(self.segments[index].slots):
                entry = self.segments[index].entries[at]
                if entry.number != EMPTY:
                    yield unpack_number(entry.number), entry.record
                    if self.changes != changes:
                        raise RuntimeError("the number map changed during iteration")

    @property
    def memory_bytes(self):
        """What the tables and the list of them occupy."""
        cdef size_t total = self.segment_room * sizeof(Segment)
        cdef size_t index
        for index in range(self.segment_count):
            total += self.segments[index].slots * sizeof(Entry)
        return total

    def find(self, number):
        """The record of a number, or None."""
        cdef uint32_t record = self.record_of(pack_object(number))
        return None if record == ABSENT else record

    def find_in(self, bytes frame not None, Py_ssize_t start, Py_ssize_t end):
        """The record of the number at `frame[start:end]`; IndexError where the frame has no such span."""
        cdef uint32_t record
        if not 0 <= start <= end <= PyBytes_GET_SIZE(frame):
            raise IndexError(f"a frame of {len(frame)} bytes has no span from {start} to {end}")
        record = self.record_of(pack_digits(<const uint8_t*>PyBytes_AS_STRING(frame) + start, end - start))
        return None if record == ABSENT else record

    def find_many(self, list numbers not None, uint32_t[::1] records not None):
        """Write the record of each number to the same place of `records`, or `ABSENT`."""
        cdef uint64_t[GROUP] packed
        cdef uint64_t[GROUP] hashed
        cdef const Segment* segment
        cdef Py_ssize_t begin, i, count, size = len(numbers)
        if records.shape[0] != size:
            raise ValueError(f"{size} numbers want as many places for records, not {records.shape[0]}")
        for begin in range(0, size, GROUP):
            count = min(<Py_ssize_t>GROUP, size - begin)
            # Twice over the group: all its misses are on their way before the first one is waited for.
            for i in range(count):
                packed[i] = pack_object(numbers[begin + i])
                hashed[i] = hash_of(self.key, packed[i])
                segment = self.segment_of(hashed[i])
                fetch(segment, hashed[i])
            for i in range(count):
                records[begin + i] = self.record_at(packed[i], hashed[i])

    def insert(self, number, record):
        """Add a number. ValueError if it is there, or no card number, or the record index does not fit."""
        cdef uint64_t packed = pack_object(number)
        cdef uint64_t hashed
        cdef Segment* segment
        if packed == EMPTY:
            raise no_number(len(number))
        if not 0 <= record < ABSENT:
            raise no_record(record)
        if self.record_of(packed) != ABSENT:
            raise twice(unpack_number(packed))
        if self.used >= SEGMENT_ENTRIES * self.segment_count:
            self.add_segment()
        hashed = hash_of(self.key, packed)
        segment = self.segment_of(hashed)
        if (<uint64_t>segment.used + 1) * LOAD_DENOMINATOR > <uint64_t>segment.slots * LOAD_NUMERATOR:
            self.enlarge(segment)
        place(segment, packed, hashed, record)
        self.used += 1
        self.changes += 1

    def delete(self, number):
        """Remove a number: its record, or None if it is not there."""
        cdef uint64_t packed = pack_object(number)
        cdef uint64_t hashed = hash_of(self.key, packed)
        cdef Segment* segment = self.segment_of(hashed)
        cdef uint32_t gap, record
        if packed == EMPTY:
            return None
        gap = slot_of(segment, packed, hashed)
        if segment.entries[gap].number == EMPTY:
            return None
        record = segment.entries[gap].record
        self.close_gap(segment, gap)
        segment.used -= 1
        self.used -= 1
        self.changes += 1
        return record

    def probes(self, number):
        """How many slots a search for the number reads: what a lookup costs, for tests and measurements."""
        cdef uint64_t packed = pack_object(number)
        cdef uint64_t hashed = hash_of(self.key, packed)
        cdef const Segment* segment = self.segment_of(hashed)
        if packed == EMPTY:
            return 0
        return 1 + distance(segment, home_of(segment, hashed), slot_of(segment, packed, hashed))

    cdef inline Segment* segment_of(self, uint64_t hashed) noexcept nogil:
        """Those that are dealt out already look at one bit more."""
        cdef size_t index = hashed & (2 * self.level - 1)
        return &self.segments[index if index < self.segment_count else hashed & (self.level - 1)]

    cdef inline uint32_t record_at(self, uint64_t packed, uint64_t hashed) noexcept nogil:
        """The record of a packed number, or ABSENT."""
        cdef const Segment* segment = self.segment_of(hashed)
        cdef uint32_t at
        if packed == EMPTY:
            return ABSENT
        fetch(segment, hashed)
        at = slot_of(segment, packed, hashed)
        return segment.entries[at].record if segment.entries[at].number != EMPTY else ABSENT

    cdef inline uint32_t record_of(self, uint64_t packed) noexcept nogil:
        return self.record_at(packed, hash_of(self.key, packed))

    cdef void close_gap(self, Segment* segment, uint32_t gap) noexcept nogil:
        """Empty a slot. An entry of the run whose search passes the gap moves into it; its own slot is the next gap."""
        cdef uint32_t at = after(segment, gap)
        cdef uint32_t home
        while segment.entries[at].number != EMPTY:
            home = home_of(segment, hash_of(self.key, segment.entries[at].number))
            if distance(segment, home, at) >= distance(segment, gap, at):
                segment.entries[gap] = segment.entries[at]
                gap = at
            at = after(segment, at)
        segment.entries[gap].number = EMPTY
        segment.entries[gap].record = 0

    cdef int enlarge(self, Segment* segment) except -1:
        """A larger table for one segment."""
        cdef Segment larger = new_segment(<uint64_t>segment.used + 1)
        cdef Entry* entry = segment.entries
        cdef uint32_t at
        for at in range(segment.slots):
            if entry[at].number != EMPTY:
                place(&larger, entry[at].number, hash_of(self.key, entry[at].number), entry[at].record)
        PyMem_RawFree(segment.entries)
        segment[0] = larger
        return 0

    cdef int reserve(self) except -1:
        """Room for one more segment in the list."""
        cdef Segment* longer
        if self.segment_count == self.segment_room:
            longer = <Segment*>PyMem_RawRealloc(self.segments, 2 * self.segment_room * sizeof(Segment))
            if longer == NULL:
                raise MemoryError
            self.segments = longer
            self.segment_room *= 2
        return 0

    cdef int add_segment(self) except -1:
        """Deal the next segment in turn out to itself and to a new one at the end."""
        cdef Segment old, staying, new
        cdef uint64_t hashed, moving = 0
        cdef uint32_t at
        self.reserve()
        old = self.segments[self.segment_count - self.level]
        for at in range(old.slots):
            if old.entries[at].number != EMPTY and hash_of(self.key, old.entries[at].number) & self.level:
                moving += 1
        staying = new_segment(old.used - moving)
        try:
            new = new_segment(moving)
        except MemoryError:
            PyMem_RawFree(staying.entries)
            raise
        for at in range(old.slots):
            if old.entries[at].number != EMPTY:
                hashed = hash_of(self.key, old.entries[at].number)
                place(&new if hashed & self.level else &staying, old.entries[at].number, hashed, old.entries[at].record)
        PyMem_RawFree(old.entries)
        self.segments[self.segment_count - self.level] = staying
        self.segments[self.segment_count] = new
        self.segment_count += 1
        if self.segment_count == 2 * self.level:
            self.level *= 2
        return 0


def hash_word(bytes hash_key not None, uint64_t word):
    """SipHash-1-3 of the eight bytes of `word`, the lowest first."""
    return hash_of(key_of(hash_key), word)
