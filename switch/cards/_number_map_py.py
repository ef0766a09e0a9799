"""The card-number map in Python: the readable twin, slot for slot the same; see `switch.cards.number_map`."""

import struct
from array import array
from collections.abc import Iterator, MutableSequence, Sequence

from switch.cards._number_map_rules import (
    ABSENT,
    GROWTH_DENOMINATOR,
    GROWTH_NUMERATOR,
    KEY_BYTES,
    LOAD_DENOMINATOR,
    LOAD_NUMERATOR,
    MIN_SLOTS,
    SEGMENT_ENTRIES,
    no_number,
    no_record,
    twice,
    wrong_key,
)
from switch.cards.pan import MAX_DIGITS, MIN_DIGITS

_EMPTY = 0
_WORD = (1 << 64) - 1

# By number of digits, the packed form of the one that is all zeros.
_FIRST = {digits: 1 + sum(10**shorter for shorter in range(MIN_DIGITS, digits)) for digits in range(MIN_DIGITS, MAX_DIGITS + 1)}


def pack(number: str | bytes) -> int:
    """The number in 64 bits; `_EMPTY` for what is no card number."""
    if not isinstance(number, str | bytes):
        raise TypeError(f"a card number is str or bytes, not {type(number).__name__}")
    if len(number) not in _FIRST or not number.isascii() or not number.isdigit():
        return _EMPTY
    return _FIRST[len(number)] + int(number)


def unpack(packed: int) -> str:
    """The digits of a packed number."""
    digits = max(length for length, first in _FIRST.items() if first <= packed)
    return f"{packed - _FIRST[digits]:0{digits}}"


def hash_word(hash_key: bytes, word: int) -> int:
    """SipHash-1-3 (Aumasson and Bernstein, 2012) of the eight bytes of `word`, the lowest first."""
    k0, k1 = struct.unpack("<QQ", hash_key)
    v0, v1, v2, v3 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    # The message's one word, then its length with no bytes left over; three rounds end it.
    for block in (word, 8 << 56):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ block)
        v0 ^= block
    v2 ^= 0xFF
    for _ in range(3):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _WORD


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0, v2 = (v0 + v1) & _WORD, (v2 + v3) & _WORD
    v1, v3 = _rotated(v1, 13) ^ v0, _rotated(v3, 16) ^ v2
    v0, v2 = (_rotated(v0, 32) + v3) & _WORD, (v2 + v1) & _WORD
    v1, v3 = _rotated(v1, 17) ^ v2, _rotated(v3, 21) ^ v0
    return v0, v1, _rotated(v2, 32), v3


class _Segment:
    """One table with linear probing. Its load stays below 1, so that every search comes to an empty slot."""

    __slots__ = ("packed", "records", "slots", "used")

    def __init__(self, entries: int) -> None:
        """An empty table, made for so many entries."""
        self.slots = max(MIN_SLOTS, entries * GROWTH_NUMERATOR // GROWTH_DENOMINATOR)
        self.packed = array("Q", bytes(8 * self.slots))
        self.records = array("I", bytes(4 * self.slots))
        self.used = 0

    def home(self, hashed: int) -> int:
        """Where the search for a number begins."""
        return (hashed >> 32) * self.slots >> 32

    def slot(self, packed: int, hashed: int) -> int:
        """The slot of the number, or the empty one where it would be put."""
        at = self.home(hashed)
        while self.packed[at] not in (packed, _EMPTY):
            at = (at + 1) % self.slots
        return at

    def place(self, packed: int, hashed: int, record: int) -> None:
        """Put in a number that is not there."""
        at = self.slot(packed, hashed)
        self.packed[at], self.records[at] = packed, record
        self.used += 1

    def entries(self) -> Iterator[tuple[int, int]]:
        """Packed number and record of each entry."""
        return ((packed, record) for packed, record in zip(self.packed, self.records, strict=True) if packed != _EMPTY)


class NumberMap:
    """Card number to record index."""

    def __init__(self, hash_key: bytes) -> None:
        """`hash_key`: 16 random bytes, drawn anew by each process; under simulation, drawn from the seed."""
        if len(hash_key) != KEY_BYTES:
            raise wrong_key(len(hash_key))
        self._hash_key = hash_key
        self._segments = [_Segment(0)]
        self._level = 1  # the highest power of two that is not above the number of segments
        self._used = 0
        self._changes = 0

    def __len__(self) -> int:
        return self._used

    def __contains__(self, number: str | bytes) -> bool:
        return self.find(number) is not None

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Pairs of number and record, in the order of the hash. RuntimeError where the map changes meanwhile."""
        changes = self._changes
        for segment in self._segments:
            for packed, record in segment.entries():
                yield unpack(packed), record
                if self._changes != changes:
                    raise RuntimeError("the number map changed during iteration")

    @property
    def memory_bytes(self) -> int:
        """What the tables occupy."""
        return sum(len(memoryview(part).cast("B")) for each in self._segments for part in (each.packed, each.records))

    def find(self, number: str | bytes) -> int | None:
        """The record of a number, or None."""
        packed = pack(number)
        if packed == _EMPTY:
            return None
        hashed = hash_word(self._hash_key, packed)
        segment = self._segment(hashed)
        at = segment.slot(packed, hashed)
        return None if segment.packed[at] == _EMPTY else segment.records[at]

    def find_in(self, frame: bytes, start: int, end: int) -> int | None:
        """The record of the number at `frame[start:end]`; IndexError where the frame has no such span."""
        if not 0 <= start <= end <= len(frame):
            raise IndexError(f"a frame of {len(frame)} bytes has no span from {start} to {end}")
        return self.find(frame[start:end])

    def find_many(self, numbers: Sequence[str | bytes], records: MutableSequence[int]) -> None:
        """Write the record of each number to the same place of `records`, or `ABSENT`."""
        if len(numbers) != len(records):
            raise ValueError(f"{len(numbers)} numbers want as many places for records, not {len(records)}")
        for place, number in enumerate(numbers):
            record = self.find(number)
            records[place] = ABSENT if record is None else record

    def insert(self, number: str | bytes, record: int) -> None:
        """Add a number. ValueError if it is there, or no card number, or the record index does not fit."""
        packed = pack(number)
        if packed == _EMPTY:
            raise no_number(len(number))
        if not 0 <= record < ABSENT:
            raise no_record(record)
        if number in self:
            raise twice(unpack(packed))
        if self._used >= SEGMENT_ENTRIES * len(self._segments):
            self._add_segment()
        hashed = hash_word(self._hash_key, packed)
        segment = self._segment(hashed)
        if (segment.used + 1) * LOAD_DENOMINATOR > segment.slots * LOAD_NUMERATOR:
            segment = self._enlarge(hashed)
        segment.place(packed, hashed, record)
        self._used += 1
        self._changes += 1

    def delete(self, number: str | bytes) -> int | None:
        """Remove a number: its record, or None if it is not there."""
        packed = pack(number)
        if packed == _EMPTY:
            return None
        hashed = hash_word(self._hash_key, packed)
        segment = self._segment(hashed)
        gap = segment.slot(packed, hashed)
        if segment.packed[gap] == _EMPTY:
            return None
        record = segment.records[gap]
        at = gap
        while segment.packed[at := (at + 1) % segment.slots] != _EMPTY:
            home = segment.home(hash_word(self._hash_key, segment.packed[at]))
            # An entry whose search passes the gap moves into it; its own slot is the next gap.
            if (at - home) % segment.slots >= (at - gap) % segment.slots:
                segment.packed[gap], segment.records[gap] = segment.packed[at], segment.records[at]
                gap = at
        segment.packed[gap] = segment.records[gap] = _EMPTY
        segment.used -= 1
        self._used -= 1
        self._changes += 1
        return record

    def probes(self, number: str | bytes) -> int:
        """How many slots a search for the number reads: what a lookup costs, for tests and measurements."""
        packed = pack(number)
        if packed == _EMPTY:
            return 0
        hashed = hash_word(self._hash_key, packed)
        segment = self._segment(hashed)
        return (segment.slot(packed, hashed) - segment.home(hashed)) % segment.slots + 1

    def _index(self, hashed: int) -> int:
        """Where the segment of a hash stands: those that are dealt out already look at one bit more."""
        index = hashed & (2 * self._level - 1)
        return index if index < len(self._segments) else hashed & (self._level - 1)

    def _segment(self, hashed: int) -> _Segment:
        return self._segments[self._index(hashed)]

    def _enlarge(self, hashed: int) -> _Segment:
        """A larger table for the segment of a hash."""
        index = self._index(hashed)
        old = self._segments[index]
        larger = _Segment(old.used + 1)
        for packed, record in old.entries():
            larger.place(packed, hash_word(self._hash_key, packed), record)
        self._segments[index] = larger
        return larger

    def _add_segment(self) -> None:
        """Deal the next segment in turn out to itself and to a new one at the end."""
        index = len(self._segments) - self._level
        hashes = [(packed, hash_word(self._hash_key, packed), record) for packed, record in self._segments[index].entries()]
        moving = sum(1 for _, hashed, _ in hashes if hashed & self._level)
        staying, new = _Segment(len(hashes) - moving), _Segment(moving)
        for packed, hashed, record in hashes:
            (new if hashed & self._level else staying).place(packed, hashed, record)
        self._segments[index] = staying
        self._segments.append(new)
        if len(self._segments) == 2 * self._level:
            self._level *= 2
