"""What goes wrong, as data: which fault strikes at which occasion, drawn from the seed.

Theory of operation. The world asks at every occasion (a frame is sent, a batch is written, the HSM is asked, a part
starts) whether a fault strikes there. An occasion is named by its place and its number at that place, and whether a
fault strikes it is drawn from these words alone (`switch.profiles.draws`): so leaving one fault out does not move the
others, and a failing run can be made shorter by allowing fewer of its faults until only those are left without which
it no longer fails. Faults strike until `quiet()`; after it the world is healthy, so that every debt can be settled.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from switch.profiles.draws import uniform

Level: TypeAlias = Literal["none", "light", "heavy"]
LEVELS: Final[tuple[Level, ...]] = ("none", "light", "heavy")

LONGEST_JUMP_S: Final = 3600.0  # what a wrong time zone, or an operator, does to a clock

# Places where something may go wrong. A frame's place carries who sends to whom, the others the part.
FRAME: Final = "frame"
DISK: Final = "disk"
HSM: Final = "hsm"
START: Final = "start"


class Kind(NamedTuple):
    """One row of the table: how often, in so many occasions, and how long at most (seconds)."""

    name: str
    place: str
    light: float
    heavy: float
    longest_s: float = 0.0


# The order is that of the draws. Links are TCP: order and loss are the peer's or a relay's doing, but they happen.
KINDS: Final[tuple[Kind, ...]] = (
    Kind("lost", FRAME, 0.001, 0.008),
    Kind("duplicated", FRAME, 0.002, 0.02, 20.0),  # a copy, perhaps after the reversal or a reconnection
    Kind("delayed", FRAME, 0.004, 0.02, 1.0),  # and everything behind it
    Kind("overtaken", FRAME, 0.002, 0.015, 20.0),  # it alone; perhaps by the next connection, as above
    Kind("unread", FRAME, 0.000_5, 0.002, 12.0),  # a slow reader: beyond the timers of switch (5 s) and terminal (10 s)
    Kind("cut", FRAME, 0.000_5, 0.003, 3.0),  # the connection, with this frame; one end learns it so much later
    Kind("slow-sync", DISK, 0.005, 0.02, 1.0),
    Kind("killed", DISK, 0.000_5, 0.008, 0.3),  # so long after the write began: before or after it is durable
    Kind("power-cut", DISK, 0.000_5, 0.008, 0.3),  # the same, and unsynced sectors are lost one by one
    Kind("io-error", DISK, 0.000_2, 0.002),  # EIO from the sync
    Kind("disk-full", DISK, 0.000_2, 0.002),  # ENOSPC in the middle of the write
    Kind("hsm-slow", HSM, 0.005, 0.02, 1.5),
    Kind("hsm-silent", HSM, 0.000_5, 0.003, 4.0),  # everything asked in that time is timed out
    Kind("hsm-fault", HSM, 0.001, 0.005),  # error 41, the device's own
    Kind("clock-jump", START, 0.1, 0.3),  # back or forth; a running part's clock is steady (switch.net.clock)
    Kind("snapshot", START, 0.2, 0.4),  # no fault, but one more way to come back
)
_OF_PLACE: Final = {place: tuple(kind for kind in KINDS if kind.place == place) for place in (FRAME, DISK, HSM, START)}

LONGEST_DOWN_S: Final = 2.0  # a part that died is back within that: the supervisor's promise
SHORTEST_DOWN_S: Final = 1.0  # and no terminal writes two lives into one second of its DE 37


class Occasion(NamedTuple):
    """Where and when, without time: `number` counts from 1 at each `where`."""

    place: str
    where: str
    number: int


@dataclass(frozen=True)
class Fault:
    """What strikes. `share` is a number in (0, 1) of its own, for what the kind leaves open."""

    kind: str
    occasion: Occasion
    amount_s: float
    share: float

    def __str__(self) -> str:
        _, where, number = self.occasion
        amount = f", {self.amount_s:.6f} s" if self.amount_s else ""
        return f"{self.kind} at {where} number {number}{amount}"


@dataclass
class Plan:
    """The faults of one run; `only` restricts them to some occasions, to find out which matter."""

    seed: int
    level: Level
    only: Collection[Occasion] | None = None
    struck: list[Fault] = field(default_factory=list)  # in the order of the run
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _quiet: bool = False

    def quiet(self) -> None:
        """No more faults from now on."""
        self._quiet = True

    def strike(self, place: str, where: str) -> Fault | None:
        """The next occasion at this place: the fault that strikes it, if one does."""
        number = self._counts[place, where] = self._counts.get((place, where), 0) + 1
        if self._quiet or self.level == "none":
            return None
        occasion = Occasion(place, where, number)
        if self.only is not None and occasion not in self.only:
            return None
        fault = self._drawn(occasion)
        if fault is not None:
            self.struck.append(fault)
        return fault

    def _drawn(self, occasion: Occasion) -> Fault | None:
        at = uniform(self.seed, *occasion, "kind")
        for kind in _OF_PLACE[occasion.place]:
            at -= kind.light if self.level == "light" else kind.heavy
            if at < 0:
                # The fourth power: most delays are short, where the interesting orders are, a few as long as may be.
                amount_s = kind.longest_s * uniform(self.seed, *occasion, "amount") ** 4
                return Fault(kind.name, occasion, amount_s, uniform(self.seed, *occasion, "share"))
        return None
