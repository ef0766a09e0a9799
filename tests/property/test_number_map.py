"""Any sequence of calls on a number map, checked against a dict; native and twin side by side."""

from array import array

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from switch.cards import _number_map_c, _number_map_py
from switch.cards._number_map_rules import MEAN_ENTRIES
from switch.cards.number_map import ABSENT

# Few enough that the same ones come again.
NUMBERS = st.sampled_from([f"{index:0{size}}" for size in (12, 16, 19) for index in range(12)])
RECORDS = st.integers(0, ABSENT - 1)
# Runs of numbers: with two of them a map has had to deal out its tables.
RUN = MEAN_ENTRIES + 100
RUNS = st.integers(0, 3).map(lambda place: range(place * RUN, (place + 1) * RUN))


class NumberMapMachine(RuleBasedStateMachine):
    """Both maps under one key."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = [module.NumberMap(bytes(range(16))) for module in (_number_map_c, _number_map_py)]
        self.model: dict[str, int] = {}

    def add(self, number: str, record: int) -> None:
        for numbers in self.maps:
            try:
                numbers.insert(number, record)
            except ValueError:
                assert number in self.model
            else:
                assert number not in self.model
        self.model.setdefault(number, record)

    def remove(self, number: str) -> None:
        expected = self.model.pop(number, None)
        assert [numbers.delete(number) for numbers in self.maps] == [expected, expected]

    @rule(number=NUMBERS, record=RECORDS)
    def insert(self, number: str, record: int) -> None:
        self.add(number, record)

    @rule(number=NUMBERS)
    def delete(self, number: str) -> None:
        self.remove(number)

    @rule(run=RUNS)
    def insert_a_run(self, run: range) -> None:
        for index in run:
            self.add(f"9{index:014}", index)

    @rule(run=RUNS, step=st.integers(1, 3))
    def delete_from_a_run(self, run: range, step: int) -> None:
        for index in run[::step]:
            self.remove(f"9{index:014}")

    @rule(numbers=st.lists(NUMBERS, max_size=40))
    def find_many(self, numbers: list[str]) -> None:
        for each in self.maps:
            records = array("I", bytes(4 * len(numbers)))
            each.find_many(numbers, records)
            assert list(records) == [self.model.get(number, ABSENT) for number in numbers]

    @invariant()
    def same_as_the_model(self) -> None:
        native, twin = (list(numbers) for numbers in self.maps)
        assert native == twin
        assert len(native) == len(self.model) == len(self.maps[0]) == len(self.maps[1])
        assert dict(native) == self.model
        for numbers in self.maps:
            assert all(numbers.find(number) == record for number, record in list(self.model.items())[:50])


TestNumberMap = NumberMapMachine.TestCase
TestNumberMap.settings = settings(max_examples=15, stateful_step_count=12)
