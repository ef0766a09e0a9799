"""The card-number map in Python: the readable twin, slot for slot the same; see `switch.cards.number_map`."""

from array import array
from collections.abc import Iterator, MutableSequence, Sequence

from switch.cards._number_map_rules import (
    ABSENT,
    KEY_BYTES,
    MEAN_ENTRIES,
    SLOTS,
    TWO_THIRDS,
    no_number,
    no_record,
    table_full,
    twice,
    wrong_key,
)
from switch.cards.pan import MAX_DIGITS, MIN_DIGITS

_EMPTY = 0
_WORD = (1 << 64) - 1

# By number of digits, the packed form of the one that is all zeros.
_FIRST: dict[int, int] = {
    digits: 1 + sum(10**shorter for shorter in range(MIN_DIGITS, digits))
    for digits in range(MIN_DIGITS, MAX_DIGITS + 1)
}


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
    k0, k1 = int.from_bytes(hash_key[:8], "little"), int.from_bytes(hash_key[8:], "little")
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


class _Table:
    """One table with linear probing. One slot at least stays empty, so that every search ends."""

    __slots__ = ("packed", "records", "used")

    def __init__(self) -> None:
        self.packed = array("Q", bytes(8 * SLOTS))
        self.records = array("I", bytes(4 * SLOTS))
        self.used = 0

    def slot(self, packed: int, hashed: int) -> int:
        """The slot of the number, or the empty one where it would be put."""
        at = _home(hashed)
        while self.packed[at] not in (packed, _EMPTY):
            at = (at + 1) % SLOTS
        return at

    def place(self, packed: int, hashed: int, record: int) -> None:
        """Put in a number that is not there. RuntimeError if the table is full."""
        if self.used == SLOTS - 1:
            raise table_full()
        at = self.slot(packed, hashed)
        self.packed[at], self.records[at] = packed, record
        self.used += 1

    def entries(self) -> Iterator[tuple[int, int]]:
        """Packed number and record of each entry."""
        return ((packed, record) for packed, record in zip(self.packed, self.records, strict=True) if packed != _EMPTY)


def _home(hashed: int) -> int:
    """Where the search for a number begins."""
    return (hashed >> 32) * SLOTS >> 32


class NumberMap:
    """Card number to record index."""

    def __init__(self, hash_key: bytes) -> None:
        """`hash_key`: 16 random bytes, drawn anew by each process; under simulation, drawn from the seed."""
        if len(hash_key) != KEY_BYTES:
            raise wrong_key(len(hash_key))
        self._hash_key = hash_key
        self._tables = [_Table(), _Table()]
        self._group_bits = 0  # there are 1 << _group_bits groups,
        self._width = 2  # of so many tables each,
        self._turn = 0  # and those below this one have been dealt out to one more
        self._used = 0
        self._changes = 0

    def __len__(self) -> int:
        return self._used

    def __contains__(self, number: str | bytes) -> bool:
        return self.find(number) is not None

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Pairs of number and record, in the order of the hash. RuntimeError where the map changes meanwhile."""
        changes = self._changes
        for table in self._tables:
            for packed, record in table.entries():
                yield unpack(packed), record
                if self._changes != changes:
                    raise RuntimeError("the number map changed during iteration")

    @property
    def memory_bytes(self) -> int:
        """What the tables occupy."""
        return sum(memoryview(part).nbytes for table in self._tables for part in (table.packed, table.records))

    def find(self, number: str | bytes) -> int | None:
        """The record of a number, or None."""
        packed = pack(number)
        if packed == _EMPTY:
            return None
        hashed = hash_word(self._hash_key, packed)
        table = self._table(hashed)
        at = table.slot(packed, hashed)
        return None if table.packed[at] == _EMPTY else table.records[at]

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
        self._changes += 1
        if self._used >= MEAN_ENTRIES * len(self._tables):
            self._expand()
        hashed = hash_word(self._hash_key, packed)
        self._table(hashed).place(packed, hashed, record)
        self._used += 1

    def delete(self, number: str | bytes) -> int | None:
        """Remove a number: its record, or None if it is not there."""
        packed = pack(number)
        if packed == _EMPTY:
            return None
        hashed = hash_word(self._hash_key, packed)
        table = self._table(hashed)
        gap = table.slot(packed, hashed)
        if table.packed[gap] == _EMPTY:
            return None
        record = table.records[gap]
        at = gap
        while table.packed[at := (at + 1) % SLOTS] != _EMPTY:
            home = _home(hash_word(self._hash_key, table.packed[at]))
            # An entry whose search passes the gap moves into it; its own slot is the next gap.
            if (at - home) % SLOTS >= (at - gap) % SLOTS:
                table.packed[gap], table.records[gap] = table.packed[at], table.records[at]
                gap = at
        table.packed[gap] = table.records[gap] = _EMPTY
        table.used -= 1
        self._used -= 1
        self._changes += 1
        return record

    def probes(self, number: str | bytes) -> int:
        """How many slots a search for the number reads: what a lookup costs, for tests and measurements."""
        packed = pack(number)
        if packed == _EMPTY:
            return 0
        hashed = hash_word(self._hash_key, packed)
        table = self._table(hashed)
        return (table.slot(packed, hashed) - _home(hashed)) % SLOTS + 1

    def _table(self, hashed: int) -> _Table:
        """The table of a hash."""
        group = hashed & ((1 << self._group_bits) - 1)
        return self._tables[group + (self._place(hashed, self._width + (group < self._turn)) << self._group_bits)]

    def _place(self, hashed: int, width: int) -> int:
        """Which table of a group of so many."""
        two_bits = hashed >> self._group_bits & 3
        if width == 4:
            return two_bits
        if width == 3 and two_bits >= 2 and (hashed >> 24 & 0xFF) < TWO_THIRDS:
            return 2
        return two_bits & 1

    def _expand(self) -> None:
        """Deal the group whose turn it is out to one more table."""
        groups = 1 << self._group_bits
        new = [_Table() for _ in range(self._width + 1)]
        for old in self._tables[self._turn :: groups]:
            for packed, record in old.entries():
                hashed = hash_word(self._hash_key, packed)
                new[self._place(hashed, len(new))].place(packed, hashed, record)
        self._tables.append(new[-1])
        self._tables[self._turn :: groups] = new
        self._turn += 1
        if self._turn == groups:
            self._turn, self._width = 0, self._width + 1
        if self._width == 4:
            self._width, self._group_bits = 2, self._group_bits + 1
