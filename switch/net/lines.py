"""Structured lines: one JSON object a line, why something was declined, refused, late, unmatched.

They go to standard error, and into the part's file of events (`switch.net.event_file`).

    {"ts":1795305600.25,"part":"switch","event":"decline","reason":"no_route","why":"no route for 999999******0000"}

Whatever reaches this module is masked already; what is not is caught by the net of `switch.cards.masking`. Writing
never makes the part wait: lines gather during a wake-up and leave in one write, only while the reader takes them. What
a slow reader leaves behind waits in a bounded backlog, and what does not fit is dropped and counted; so is what exceeds
the rate of its reason. Counters (`switch.net.metrics`) count every event.
"""

import os
import select
import stat
from collections.abc import Mapping

import msgspec

from switch.cards.masking import without_card_numbers
from switch.net.event_file import EventFile

LINES_PER_S = 200  # of each reason: a storm of one must not hide the others; a person reads ten a second in all
BACKLOG_BYTES = 1 << 20  # some 5,000 lines: rides out a collector's restart, and no more memory than that
CHUNK_BYTES = 4096  # PIPE_BUF: a pipe that polls writable takes this much without blocking

Field = str | int | float


def masked(value: Field) -> Field:
    """A value without card numbers."""
    return without_card_numbers(value) if isinstance(value, str) else value


class Lines:
    """Writes the lines of one part to a file descriptor."""

    def __init__(self, part: str, descriptor: int | None = 2, kept: EventFile | None = None) -> None:
        """`kept`: where they are kept too; without a `descriptor`, there alone."""
        self.dropped = 0
        self._kept = kept
        self._unkept = bytearray()
        self._part = part
        self._descriptor = descriptor
        self._poll = select.poll()
        self._bounded = False
        if descriptor is not None:
            self._bounded = not stat.S_ISREG(os.fstat(descriptor).st_mode)  # a regular file always takes everything
            self._poll.register(descriptor, select.POLLOUT)
        self._backlog = bytearray()
        self._encode = msgspec.json.Encoder().encode
        self._second = 0
        self._this_second: dict[tuple[str, Field], int] = {}  # by event and reason

    def event(self, now: float, name: str, fields: Mapping[str, Field]) -> None:
        """Put a line into the backlog; `flush` writes it."""
        if int(now) != self._second:
            self._begin_second(now)
        kind = name, fields.get("reason", "")
        count = self._this_second.get(kind, 0) + 1
        self._this_second[kind] = count
        if count <= LINES_PER_S:
            self._put({"ts": round(now, 6), "part": self._part, "event": name, **fields})

    def _begin_second(self, now: float) -> None:
        before, self._this_second = self._this_second, {}
        self._second = int(now)
        for (name, reason), count in before.items():
            if (left_out := count - LINES_PER_S) > 0:
                why = f"{left_out} lines {name}/{reason} over {LINES_PER_S} a second were left out; /metrics counts all"
                self.event(now, "lines", {"reason": "suppressed", "why": why, "count": left_out})

    def _put(self, line: Mapping[str, Field]) -> None:
        encoded = self._encode({name: masked(value) for name, value in line.items()})
        if self._kept is not None:
            self._unkept += encoded
            self._unkept += b"\n"
        self.pass_on(encoded)

    def pass_on(self, encoded: bytes) -> None:
        """Put a line that is encoded already, without its end, into the backlog; `flush` writes it."""
        if self._descriptor is None:
            return
        if len(self._backlog) + len(encoded) >= BACKLOG_BYTES:
            self.dropped += 1
        else:
            self._backlog += encoded
            self._backlog += b"\n"

    def flush(self) -> None:
        """Write what the reader takes without making us wait."""
        if self._kept is not None and self._unkept:
            self._kept.write(self._unkept)
            self._unkept.clear()
        while self._backlog and self._descriptor is not None and (not self._bounded or self._poll.poll(0)):
            try:
                written = os.write(self._descriptor, self._backlog[:CHUNK_BYTES])
            except BlockingIOError:
                return
            except OSError:  # the reader is gone for good (EPIPE, EIO): the part works on without it
                self._backlog.clear()
                return
            del self._backlog[:written]
