"""The shelf in Python: the readable twin; see `switch.core.shelf`. A dict of references stands in for the index."""

from collections import defaultdict, deque
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from switch.core._shelf_rules import KEY_BYTES, no_shelf, not_there, wrong_key


class _Entry(NamedTuple):
    reference: str
    at: float
    first: bytes
    second: bytes

    @property
    def size(self) -> int:
        return len(self.first) + len(self.second)

    @property
    def records(self) -> int:
        return bool(self.first) + bool(self.second)


class Shelf:
    """Records by reference, first in, first out."""

    def __init__(self, places: int, room: int, hash_key: bytes) -> None:
        if len(hash_key) != KEY_BYTES:
            raise wrong_key(len(hash_key))
        if not 0 < places < 1 << 31 or not 0 < room < 1 << 47:
            raise no_shelf(places, room)
        self._places = places
        self._room = room
        self._entries: deque[_Entry] = deque()
        self._serials: defaultdict[str, deque[int]] = defaultdict(deque)  # newest first
        self._size = 0
        self.oldest = 1
        self.record_count = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def memory_bytes(self) -> int:
        """What the records occupy; nothing is said of the objects around them."""
        return self._size

    @property
    def oldest_at(self) -> float:
        """When the oldest was finished; infinitely late where there is none."""
        return self._entries[0].at if self._entries else inf

    def put(self, reference: str, at: float, first: bytes, second: bytes) -> int:
        """Its serial; 0 where the shelf has no room for it."""
        entry = _Entry(reference, at, first, second)
        if len(self) == self._places or self._size + entry.size > self._room:
            return 0
        serial = self.oldest + len(self)
        self._entries.append(entry)
        self._serials[reference].appendleft(serial)
        self._size += entry.size
        self.record_count += entry.records
        return serial

    def find(self, reference: str) -> Sequence[int]:
        """The serials of a reference, newest first. In theory another one's too, so the records must be asked."""
        return list(found) if (found := self._serials.get(reference)) else ()

    def records(self, serial: int) -> tuple[bytes, bytes]:
        """The two that were put in. KeyError where they are not there any more, or never were."""
        entry = self._entry(serial)
        return entry.first, entry.second

    def finished_at(self, serial: int) -> float:
        """When that one was finished. KeyError as above."""
        return self._entry(serial).at

    def drop(self) -> None:
        """The oldest goes. KeyError where there is none."""
        entry = self._entry(self.oldest)
        self._entries.popleft()
        serials = self._serials[entry.reference]
        serials.pop()
        if not serials:
            del self._serials[entry.reference]
        self._size -= entry.size
        self.record_count -= entry.records
        self.oldest += 1

    def contents(self) -> bytes:
        """All records, oldest first, one behind the other."""
        return b"".join(entry.first + entry.second for entry in self._entries)

    def _entry(self, serial: int) -> _Entry:
        place = serial - self.oldest
        if not 0 <= place < len(self._entries):
            raise not_there(serial)
        return self._entries[place]
