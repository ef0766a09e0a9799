"""The card-number map, compiled; `_number_map_py` is its readable twin, and `number_map` tells how it works.

Bounds: a table has `SLOTS` slots, at most all but one of them used (`place` sees to that), so each table has an empty slot
and every search ends. Slots are numbered by `home_of`, below `SLOTS` because a 32-bit fraction of it is taken, and
by `after`, which turns round at the end. Tables are numbered by `index_of`, which is below `table_count`: a group below
`turn` has one table more than the others, and `CHOICE` names no table that a group of the width does not have. There
is no other way to a slot or a table. Spans of bytes are checked by `find_in`, lengths by `pack_digits`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from switch._siphash cimport Key, hash_of_word, key_of_bytes

from switch.cards import _number_map_rules as rules
from switch.cards._number_map_rules import no_number, no_record, table_full, twice, wrong_key
from switch.cards.pan import MAX_DIGITS as MAX_DIGITS_OF_PAN, MIN_DIGITS as MIN_DIGITS_OF_PAN


cdef extern from "Python.h":
    bint PyUnicode_CheckExact(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)


cdef extern from *:
    """
    #define monetique_prefetch(address) __builtin_prefetch(address)
    """
    void prefetch "monetique_prefetch" (const void* address) noexcept nogil


cdef extern from "<stdlib.h>":
    void* aligned_alloc(size_t alignment, size_t size) noexcept nogil


cdef extern from "<sys/mman.h>":
    int madvise(void* address, size_t size, int advice) noexcept nogil
    enum: MADV_HUGEPAGE


cdef enum:
    MIN_DIGITS = 12
    MAX_DIGITS = 19
    SLOTS = 5461
    MEAN_ENTRIES = 3072
    TWO_THIRDS = 171
    TABLES_A_CHUNK = 32
    CHUNK_BYTES = 2 * 1024 * 1024  # a huge page on x86-64, and on ARM with pages of 4 KiB
    MAX_GROUP_BITS = 22  # the bits of the hash from 24 on decide other things; this is 10¹⁰ entries
    # Searches of a batch on their way to memory at once: enough to hide the first one's wait; 16 and 64 are no faster.
    GROUP = 32
    EMPTY = 0

cdef uint32_t ABSENT = rules.ABSENT

assert (MIN_DIGITS, MAX_DIGITS) == (MIN_DIGITS_OF_PAN, MAX_DIGITS_OF_PAN)
assert (SLOTS, MEAN_ENTRIES, TWO_THIRDS) == (rules.SLOTS, rules.MEAN_ENTRIES, rules.TWO_THIRDS)

# By number of digits, the packed form of the one that is all zeros.
cdef uint64_t[MAX_DIGITS + 1] FIRST
for _digits in range(MIN_DIGITS, MAX_DIGITS + 1):
    FIRST[_digits] = 1 + sum([10**shorter for shorter in range(MIN_DIGITS, _digits)])


cdef packed struct Entry:
    uint64_t number  # packed, or EMPTY
    uint32_t record


cdef packed struct Table:
    Entry entries[SLOTS]
    uint32_t used


assert sizeof(Table) * TABLES_A_CHUNK == CHUNK_BYTES

# Which table of a group of 2, 3 or 4: by two bits of the hash and whether others are below two thirds.
cdef uint8_t[3][4][2] CHOICE
CHOICE[0] = [[0, 0], [1, 1], [0, 0], [1, 1]]
CHOICE[1] = [[0, 0], [1, 1], [0, 2], [1, 2]]
CHOICE[2] = [[0, 0], [1, 1], [2, 2], [3, 3]]


cdef inline uint64_t eight_digits(uint64_t word) noexcept nogil:
    """The value of eight digits in the order of memory: pairs, then fours, then all of them are added at once."""
    word = (word & <uint64_t>0x0F0F0F0F0F0F0F0F) * (10 * 0x100 + 1) >> 8
    word = (word & <uint64_t>0x00FF00FF00FF00FF) * (100 * 0x10000 + 1) >> 16
    return (word & <uint64_t>0x0000FFFF0000FFFF) * (10000 * <uint64_t>0x100000000 + 1) >> 32


cdef inline bint are_digits(uint64_t word) noexcept nogil:
    """Whether each of eight bytes is 30 to 39: its high half is 3, and still is when 6 is added.

    A byte that carries into the next one has a wrong high half itself.
    """
    cdef uint64_t halves = <uint64_t>0xF0F0F0F0F0F0F0F0
    cdef uint64_t threes = <uint64_t>0x3030303030303030
    return word & halves == threes and (word + <uint64_t>0x0606060606060606) & halves == threes


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


cdef inline Key key_of(bytes hash_key) except *:
    """A key of the length that it has to have."""
    if PyBytes_GET_SIZE(hash_key) != 16:
        raise wrong_key(len(hash_key))
    return key_of_bytes(hash_key)


cdef inline uint32_t home_of(uint64_t hashed) noexcept nogil:
    """Where the search for a number begins."""
    return <uint32_t>((hashed >> 32) * SLOTS >> 32)


cdef inline void fetch(const Table* table, uint64_t hashed) noexcept nogil:
    """Send for the first three slots of a search: one or two cache lines. An address behind the table does no harm."""
    cdef const char* home = <const char*>&table.entries[home_of(hashed)]
    prefetch(home)
    prefetch(home + 3 * sizeof(Entry) - 1)


cdef inline uint32_t after(uint32_t at) noexcept nogil:
    return at + 1 if at + 1 < SLOTS else 0


cdef inline uint32_t distance(uint32_t start, uint32_t end) noexcept nogil:
    """Steps from one slot to another, round the end of the table."""
    return end - start if end >= start else end + SLOTS - start


cdef inline uint32_t slot_of(const Table* table, uint64_t packed, uint64_t hashed) noexcept nogil:
    """The slot of the number, or the empty one where it would be put."""
    cdef uint32_t at = home_of(hashed)
    while table.entries[at].number != packed and table.entries[at].number != EMPTY:
        at = after(at)
    return at


cdef inline bint place(Table* table, uint64_t packed, uint64_t hashed, uint32_t record) noexcept nogil:
    """Put in a number that is not there. False if the table is full."""
    cdef uint32_t at
    if table.used == SLOTS - 1:
        return False
    at = slot_of(table, packed, hashed)
    table.entries[at].number = packed
    table.entries[at].record = record
    table.used += 1
    return True


@cython.final
@cython.no_gc
cdef class NumberMap:
    """Card number to record index."""

    cdef Key key
    cdef Table** chunks
    cdef size_t chunk_count
    cdef size_t chunk_room
    cdef size_t table_count
    cdef int group_bits  # there are 1 << group_bits groups,
    cdef int width  # of so many tables each,
    cdef size_t turn  # and those below this one have been dealt out to one more
    cdef size_t used
    cdef uint64_t changes

    def __cinit__(self, bytes hash_key not None):
        self.key = key_of(hash_key)
        self.width = 2
        self.add_table()
        self.add_table()

    def __dealloc__(self):
        cdef size_t index
        for index in range(self.chunk_count):
            free(self.chunks[index])
        PyMem_RawFree(self.chunks)

    def __len__(self):
        return self.used

    def __contains__(self, number):
        return self.record_of(pack_object(number)) != ABSENT

    def __iter__(self):
        cdef uint64_t changes = self.changes
        cdef size_t index
        cdef uint32_t at
        cdef Entry entry
        for index in range(self.table_count):
            for at in range(SLOTS):
                entry = self.table(index).entries[at]
                if entry.number != EMPTY:
                    yield unpack_number(entry.number), entry.record
                    if self.changes != changes:
                        raise RuntimeError("the number map changed during iteration")

    @property
    def memory_bytes(self):
        """What the tables and the list of them occupy."""
        return self.chunk_count * CHUNK_BYTES + self.chunk_room * sizeof(Table*)

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

    @cython.boundscheck(False)
    @cython.wraparound(False)
    def find_many(self, list numbers not None, uint32_t[::1] records not None):
        """Write the record of each number to the same place of `records`, or `ABSENT`."""
        cdef uint64_t[GROUP] packed
        cdef uint64_t[GROUP] hashed
        cdef Py_ssize_t begin, i, count, size = len(numbers)
        # The two have one size, `begin + i` stays below it, and nothing in the loops runs code that could change them.
        if records.shape[0] != size:
            raise ValueError(f"{size} numbers want as many places for records, not {records.shape[0]}")
        for begin in range(0, size, GROUP):
            count = min(<Py_ssize_t>GROUP, size - begin)
            # Twice over the group: all its misses are on their way before the first one is waited for.
            for i in range(count):
                packed[i] = pack_object(numbers[begin + i])
                hashed[i] = hash_of_word(self.key, packed[i])
                fetch(self.table_of(hashed[i]), hashed[i])
            for i in range(count):
                records[begin + i] = self.record_at(packed[i], hashed[i])

    def insert(self, number, record):
        """Add a number. ValueError if it is there, or no card number, or the record index does not fit."""
        cdef uint64_t packed = pack_object(number)
        cdef uint64_t hashed = hash_of_word(self.key, packed)
        if packed == EMPTY:
            raise no_number(len(number))
        if not 0 <= record < ABSENT:
            raise no_record(record)
        if self.record_at(packed, hashed) != ABSENT:
            raise twice(unpack_number(packed))
        self.changes += 1
        if self.used >= MEAN_ENTRIES * self.table_count:
            self.expand()
        if not place(self.table_of(hashed), packed, hashed, record):
            raise table_full()
        self.used += 1

    def delete(self, number):
        """Remove a number: its record, or None if it is not there."""
        cdef uint64_t packed = pack_object(number)
        cdef uint64_t hashed = hash_of_word(self.key, packed)
        cdef Table* table = self.table_of(hashed)
        cdef uint32_t gap, record
        if packed == EMPTY:
            return None
        gap = slot_of(table, packed, hashed)
        if table.entries[gap].number == EMPTY:
            return None
        record = table.entries[gap].record
        self.close_gap(table, gap)
        table.used -= 1
        self.used -= 1
        self.changes += 1
        return record

    def probes(self, number):
        """How many slots a search for the number reads: what a lookup costs, for tests and measurements."""
        cdef uint64_t packed = pack_object(number)
        cdef uint64_t hashed = hash_of_word(self.key, packed)
        cdef const Table* table = self.table_of(hashed)
        if packed == EMPTY:
            return 0
        return 1 + distance(home_of(hashed), slot_of(table, packed, hashed))

    cdef inline size_t index_of(self, size_t group, size_t choice) noexcept nogil:
        return group + (choice << self.group_bits)

    cdef inline size_t choice_of(self, uint64_t hashed, int width) noexcept nogil:
        """Which table of a group of so many."""
        return CHOICE[width - 2][hashed >> self.group_bits & 3][(hashed >> 24 & 0xFF) < TWO_THIRDS]

    cdef inline Table* table(self, size_t index) noexcept nogil:
        return &self.chunks[index // TABLES_A_CHUNK][index % TABLES_A_CHUNK]

    cdef inline Table* table_of(self, uint64_t hashed) noexcept nogil:
        """The table of a hash."""
        cdef size_t group = hashed & ((<uint64_t>1 << self.group_bits) - 1)
        return self.table(self.index_of(group, self.choice_of(hashed, self.width + (group < self.turn))))

    cdef inline uint32_t record_at(self, uint64_t packed, uint64_t hashed) noexcept nogil:
        """The record of a packed number, or ABSENT."""
        cdef const Table* table = self.table_of(hashed)
        cdef uint32_t at
        if packed == EMPTY:
            return ABSENT
        at = slot_of(table, packed, hashed)
        return table.entries[at].record if table.entries[at].number != EMPTY else ABSENT

    cdef inline uint32_t record_of(self, uint64_t packed) noexcept nogil:
        cdef uint64_t hashed = hash_of_word(self.key, packed)
        fetch(self.table_of(hashed), hashed)
        return self.record_at(packed, hashed)

    cdef void close_gap(self, Table* table, uint32_t gap) noexcept nogil:
        """Empty a slot. An entry of the run whose search passes the gap moves into it; its own slot is the next gap."""
        cdef uint32_t at = after(gap)
        cdef uint32_t home
        while table.entries[at].number != EMPTY:
            home = home_of(hash_of_word(self.key, table.entries[at].number))
            if distance(home, at) >= distance(gap, at):
                table.entries[gap] = table.entries[at]
                gap = at
            at = after(at)
        table.entries[gap].number = EMPTY
        table.entries[gap].record = 0

    cdef int expand(self) except -1:
        """Deal the group whose turn it is out to one more table. Done aside, so that an error leaves all as it was."""
        cdef Table* new = <Table*>PyMem_RawCalloc(self.width + 1, sizeof(Table))
        cdef int choice
        if new == NULL or self.group_bits == MAX_GROUP_BITS:
            PyMem_RawFree(new)
            raise MemoryError
        try:
            for choice in range(self.width):
                if not self.deal(self.table(self.index_of(self.turn, choice)), new):
                    raise table_full()
            self.add_table()
            for choice in range(self.width + 1):
                self.table(self.index_of(self.turn, choice))[0] = new[choice]
        finally:
            PyMem_RawFree(new)
        self.turn += 1
        if self.turn == <size_t>1 << self.group_bits:
            self.turn = 0
            self.width += 1
        if self.width == 4:
            self.width = 2
            self.group_bits += 1
        return 0

    cdef bint deal(self, const Table* old, Table* new) noexcept nogil:
        """Place the entries of a table into those of its group to be, which are one more. False if one is full."""
        cdef uint64_t hashed
        cdef Table* table
        cdef uint32_t at
        for at in range(SLOTS):
            if old.entries[at].number != EMPTY:
                hashed = hash_of_word(self.key, old.entries[at].number)
                table = &new[self.choice_of(hashed, self.width + 1)]
                if not place(table, old.entries[at].number, hashed, old.entries[at].record):
                    return False
        return True

    cdef int add_table(self) except -1:
        """One more table at the end, empty."""
        if self.table_count == self.chunk_count * TABLES_A_CHUNK:
            self.add_chunk()
        self.table_count += 1
        memset(self.table(self.table_count - 1), 0, sizeof(Table))
        return 0

    cdef int add_chunk(self) except -1:
        """Memory for some more tables."""
        cdef size_t room = max(<size_t>1, 2 * self.chunk_room)
        cdef Table** longer
        cdef void* chunk
        if self.chunk_count == self.chunk_room:
            longer = <Table**>PyMem_RawRealloc(self.chunks, room * sizeof(Table*))
            if longer == NULL:
                raise MemoryError
            self.chunks = longer
            self.chunk_room = room
        chunk = aligned_alloc(CHUNK_BYTES, CHUNK_BYTES)
        if chunk == NULL:
            raise MemoryError
        if self.chunk_count > 0:
            madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE)  # an advice: a kernel without them may refuse it
        self.chunks[self.chunk_count] = <Table*>chunk
        self.chunk_count += 1
        return 0


def hash_word(bytes hash_key not None, uint64_t word):
    """SipHash-1-3 of the eight bytes of `word`, the lowest first."""
    return hash_of_word(key_of(hash_key), word)
