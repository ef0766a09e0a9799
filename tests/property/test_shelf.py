"""Any sequence of calls on a shelf, checked against a list; native and twin side by side, through both their ends."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from switch.core import _shelf_c, _shelf_py

# Few enough that the same ones come again; the empty one and one of other letters are references too.
REFERENCES = st.sampled_from(["", "a", "acquirer|000001", "é|ß|€", *(f"1|{stan:06d}|R" for stan in range(5))])
RECORDS = st.binary(max_size=20)


class ShelfMachine(RuleBasedStateMachine):
    """Both shelves, so small that their ends are passed again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.shelves: list[Any] = []
        self.model: list[tuple[int, str, float, bytes, bytes]] = []
        self.next = 1

    @initialize(places=st.integers(1, 9), room=st.integers(20, 150))
    def begin(self, places: int, room: int) -> None:
        self.places, self.room = places, room
        self.shelves = [module.Shelf(places, room, bytes(range(16))) for module in (_shelf_c, _shelf_py)]

    @rule(reference=REFERENCES, at=st.floats(0, 2e9), first=RECORDS, second=RECORDS)
    def put(self, reference: str, at: float, first: bytes, second: bytes) -> None:
        fits = len(self.model) < self.places and len(self.contents() + first + second) <= self.room
        expected = self.next if fits else 0
        assert [shelf.put(reference, at, first, second) for shelf in self.shelves] == [expected] * 2
        if fits:
            self.model.append((self.next, reference, at, first, second))
            self.next += 1

    @rule()
    def drop(self) -> None:
        for shelf in self.shelves:
            try:
                shelf.drop()
            except KeyError:
                assert not self.model
        del self.model[:1]

    @rule(serial=st.integers(0, 40))
    def ask(self, serial: int) -> None:
        known = {number: (first, second, at) for number, _, at, first, second in self.model}
        for shelf in self.shelves:
            try:
                found = (*shelf.records(serial), shelf.finished_at(serial))
            except KeyError:
                found = None
            assert found == known.get(serial)

    @rule(reference=REFERENCES)
    def find(self, reference: str) -> None:
        expected = [number for number, of, *_ in reversed(self.model) if of == reference]
        assert [list(shelf.find(reference)) for shelf in self.shelves] == [expected] * 2

    def contents(self) -> bytes:
        return b"".join(first + second for *_, first, second in self.model)

    @invariant()
    def same_as_the_model(self) -> None:
        for shelf in self.shelves:
            assert len(shelf) == len(self.model)
            assert shelf.oldest == self.next - len(self.model)
            assert shelf.oldest_at == (self.model[0][2] if self.model else float("inf"))
            assert shelf.contents() == self.contents()
            assert shelf.record_count == sum(
                bool(record) for *_, first, second in self.model for record in (first, second)
            )


TestShelf = ShelfMachine.TestCase
TestShelf.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
