"""What a part can say about itself: the instruments that its driver feeds, and the answer to `status`."""

import os
from collections.abc import Sequence
from typing import Any

from switch.net.clock import Clock
from switch.net.latencies import Latencies
from switch.net.lines import Lines
from switch.net.metrics import Counts, LinkState


class Instruments:
    """A part's clock, lines, counters and latencies."""

    def __init__(self, part: str, links: Sequence[str] = (), lines_to: int = 2) -> None:
        """`lines_to` is the descriptor that its lines are written to."""
        self.part = part
        self.clock = Clock()
        self.lines = Lines(part, lines_to)
        self.counts = Counts()
        self.latencies = Latencies()
        self._links = links

    def status(self, counters: dict[str, int], links: Sequence[LinkState] = ()) -> dict[str, Any]:
        """The answer to the control command `status`."""
        return {
            "part": self.part,
            "pid": os.getpid(),
            "counters": counters,
            "events": {f"{name}/{reason}": count for (name, reason), count in self.counts.events.items()},
            "links": [dict(zip(("name", "role", "state", "connections"), link, strict=True)) for link in links],
            "latency_ms": self.latencies.percentiles_ms(),
            "first_approved_with_pin": {
                self._links[link]: moments for link, moments in self.latencies.first_with_pin.items()
            },
            "lines_dropped": self.lines.dropped,
        }
