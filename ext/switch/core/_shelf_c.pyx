"""The shelf, compiled; `_shelf_py` is its readable twin, and `switch.core.shelf` tells how it works.

Bounds: entries stand at `serial % places`, buckets at `hash & mask`, where `mask + 1` of them were allocated. A serial
is followed only where `first <= serial < next`, which `newest_in` and `older_than` see to and `entry_of` checks for those
that come from outside; so every walk goes down and ends. Bytes are touched by `copy_in` and `copy_out` alone: a place
below `room` by its remainder, a length that `put` has found to fit into the ring, in two parts where its end is passed.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from switch._siphash cimport Key, hash_of_bytes, key_of_bytes

from switch.core._shelf_rules import no_shelf, not_there, wrong_key


cdef extern from "<sys/mman.h>":
    void* mmap(void* address, size_t size, int protection, int flags, int fd, long offset) noexcept nogil
    int munmap(void* address, size_t size) noexcept nogil
    int madvise(void* address, size_t size, int advice) noexcept nogil
    enum: PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MADV_HUGEPAGE
    void* MAP_FAILED


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


cdef enum:
    LARGE = 1024 * 1024
    HUGE = 2 * 1024 * 1024  # a huge page on x86-64, and on ARM with pages of 4 KiB


cdef inline size_t in_huge_pages(size_t size) noexcept nogil:
    return (size + HUGE - 1) // HUGE * HUGE


cdef void* zeroed(size_t size) except NULL:
    """What is large comes from the kernel, to be touched as it is used, in huge pages: nearly every look at it is a wait
    for memory. calloc(3) would clear again what it has been given back."""
    cdef size_t whole = in_huge_pages(size), before
    cdef char* block
    if size < LARGE:
        block = <char*>PyMem_RawCalloc(size, 1)
        if block == NULL:
            raise MemoryError
        return block
    block = <char*>mmap(NULL, whole + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if block == MAP_FAILED:
        raise MemoryError
    before = HUGE - <size_t>block % HUGE
    munmap(block, before)
    if before < HUGE:
        munmap(block + before + whole, HUGE - before)
    madvise(block + before, whole, MADV_HUGEPAGE)  # an advice: a kernel without them may refuse it
    return block + before


cdef void give_back(void* block, size_t size) noexcept:
    """What `zeroed` gave, or nothing."""
    if size < LARGE:
        PyMem_RawFree(block)
    elif block != NULL:
        munmap(block, in_huge_pages(size))


@cython.no_gc
cdef class Shelf:
    """Records by reference, first in, first out."""

    def __cinit__(self, uint64_t places, uint64_t room, bytes hash_key not None):
        cdef uint64_t buckets = 2
        if PyBytes_GET_SIZE(hash_key) != 16:
            raise wrong_key(len(hash_key))
        if not 0 < places < 1 << 31 or not 0 < room < 1 << 47:
            raise no_shelf(places, room)
        while buckets < 2 * places:
            buckets *= 2
        self.key = key_of_bytes(hash_key)
        self.places, self.room, self.mask = places, room, buckets - 1
        self.first = self.next = 1
        self.entries = <Entry*>zeroed(places * sizeof(Entry))
        self.buckets = <uint32_t*>zeroed(buckets * sizeof(uint32_t))
        self.ring = <uint8_t*>zeroed(room)

    def __dealloc__(self):
        give_back(self.entries, self.places * sizeof(Entry))
        give_back(self.buckets, (self.mask + 1) * sizeof(uint32_t))
        give_back(self.ring, self.room)

    def __len__(self):
        return self.next - self.first

    @property
    def memory_bytes(self):
        """What it occupies once all of it has been used."""
        return self.places * sizeof(Entry) + (self.mask + 1) * sizeof(uint32_t) + self.room

    @property
    def oldest(self):
        """The serial of the oldest; of the next to come, where there is none."""
        return self.first

    @property
    def oldest_at(self):
        """When the oldest was finished; infinitely late where there is none."""
        return INFINITY if self.first == self.next else self.entries[self.first % self.places].at

    cpdef uint64_t put(self, str reference, double at, bytes first, bytes second) except? 0:
        """Its serial; 0 where the shelf has no room for it."""
        if first is None or second is None:
            raise TypeError("records are bytes, not None")
        cdef uint64_t first_size = PyBytes_GET_SIZE(first), second_size = PyBytes_GET_SIZE(second)
        cdef uint64_t hashed = self.hash_of(reference), serial = self.next, older
        cdef Entry* entry = &self.entries[serial % self.places]
        if serial - self.first == self.places or self.end - self.begin + first_size + second_size > self.room:
            return 0
        if first_size >> 32 or second_size >> 32:
            return 0
        entry.hashed, entry.at, entry.begin = hashed, at, self.end
        entry.first_size, entry.second_size = <uint32_t>first_size, <uint32_t>second_size
        older = self.newest_in(hashed)
        entry.step = <uint32_t>(serial - older) if older else 0
        self.copy_in(first)
        self.copy_in(second)
        self.buckets[hashed & self.mask] = <uint32_t>serial
        self.record_count += (first_size > 0) + (second_size > 0)
        self.next = serial + 1
        return serial

    cpdef find(self, str reference):
        """The serials of a reference, newest first. In theory another one's too, so the records must be asked."""
        cdef uint64_t hashed = self.hash_of(reference)
        cdef uint64_t serial = self.newest_in(hashed)
        cdef list found
        if serial == 0:
            return ()
        found = []
        while serial:
            if self.entries[serial % self.places].hashed == hashed:
                found.append(serial)
            serial = self.older_than(serial)
        return found

    cpdef tuple records(self, uint64_t serial):
        """The two that were put in. KeyError where they are not there any more, or never were."""
        cdef Entry* entry = self.entry_of(serial)
        first = self.copy_out(entry.begin, entry.first_size)
        return first, self.copy_out(entry.begin + entry.first_size, entry.second_size)

    def finished_at(self, uint64_t serial):
        """When that one was finished. KeyError as above."""
        return self.entry_of(serial).at

    cpdef drop(self):
        """The oldest goes. KeyError where there is none."""
        cdef Entry* entry = self.entry_of(self.first)
        self.record_count -= (entry.first_size > 0) + (entry.second_size > 0)
        self.begin = entry.begin + entry.first_size + entry.second_size
        self.first += 1

    def contents(self):
        """All records, oldest first, one behind the other."""
        return self.copy_out(self.begin, self.end - self.begin)

    cdef uint64_t hash_of(self, str reference) except? 0:
        cdef Py_ssize_t size
        if reference is None:
            raise TypeError("a reference is text, not None")
        cdef const char* text = PyUnicode_AsUTF8AndSize(reference, &size)
        return hash_of_bytes(self.key, <const uint8_t*>text, size)

    cdef inline uint64_t newest_in(self, uint64_t hashed) noexcept nogil:
        """The newest serial in the bucket of that hash; 0 where what it had is gone."""
        cdef uint32_t back = <uint32_t>self.next - self.buckets[hashed & self.mask]
        return self.next - back if 0 < back <= self.next - self.first else 0

    cdef inline uint64_t older_than(self, uint64_t serial) noexcept nogil:
        """The next older serial of a bucket; 0 at its end."""
        cdef uint32_t step = self.entries[serial % self.places].step
        return serial - step if 0 < step <= serial - self.first else 0

    cdef inline Entry* entry_of(self, uint64_t serial) except NULL:
        if not self.first <= serial < self.next:
            raise not_there(serial)
        return &self.entries[serial % self.places]

    cdef void copy_in(self, bytes record) noexcept:
        """Behind the last; `put` has seen to the room."""
        cdef const uint8_t* source = <const uint8_t*>PyBytes_AS_STRING(record)
        cdef uint64_t size = PyBytes_GET_SIZE(record), place = self.end % self.room
        cdef uint64_t part = min(size, self.room - place)
        memcpy(self.ring + place, source, part)
        memcpy(self.ring, source + part, size - part)
        self.end += size

    cdef bytes copy_out(self, uint64_t begin, uint64_t size):
        """Bytes that are there."""
        cdef bytes copy = PyBytes_FromStringAndSize(NULL, size)
        cdef uint64_t place = begin % self.room
        cdef uint64_t part = min(size, self.room - place)
        memcpy(PyBytes_AS_STRING(copy), self.ring + place, part)
        memcpy(PyBytes_AS_STRING(copy) + part, self.ring, size - part)
        return copy
