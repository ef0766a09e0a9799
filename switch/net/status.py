"""What a part can say about itself: the instruments that its driver feeds, and the answer to `status`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from switch.net.clock import Clock
from switch.net.event_file import EventFile, events_path
from switch.net.latencies import Latencies
from switch.net.lines import Lines
from switch.net.metrics import Counts, LinkState


class Instruments:
    """A part's clock, lines, counters and latencies."""

    def __init__(self, part: str, data: Path | None = None, links: Sequence[str] = (), *, quiet: bool = False) -> None:
        """`data`: the directory in which the lines are kept too; `quiet`: there alone, not on standard error."""
        self.part = part
        self.clock = Clock()
        kept = None if data is None else EventFile(events_path(data, part))
        self.lines = Lines(part, None if quiet else 2, kept)
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
