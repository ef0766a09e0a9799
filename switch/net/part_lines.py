"""What the parts of a bench write to standard error, shown where somebody has to know.

    part ──pipe──▶ on a terminal: sentences, and only of what concerns the bench itself (starts, failures, bugs)
              └──▶ elsewhere: the JSON lines, without the declines that simulated issuers decide on

A simulated issuer declines because its cards and the sample traffic are made so: that is no trouble, and in a log it
would hide what is. All of it is in the part's file of events all the same (`switch.net.event_file`).
"""

from collections.abc import Callable
from typing import Final

import msgspec

from switch.net.event_file import EventFile

MAX_LINE_BYTES: Final = 1 << 16  # ours have a few hundred; of anything longer the pieces are lines

# Events that concern the bench itself, told on the terminal: the others are counted in the live display.
SPOKEN: Final = frozenset({"start", "part", "bug", "log"})


class Event(msgspec.Struct):
    """What is read of a JSON line."""

    part: str = ""
    event: str = ""
    reason: str = ""
    why: str = ""


def parse(line: bytes) -> Event | None:
    """A line of `switch.net.lines`; None for anything else, as a traceback."""
    try:
        return msgspec.json.decode(line, type=Event)
    except msgspec.MsgspecError:
        return None


def sentence(line: bytes) -> str:
    """What a terminal shows of a line; "" for nothing.

    >>> sentence(b'{"part":"switch","event":"start","reason":"misconfigured","why":"port 8583 is in use"}')
    'switch: port 8583 is in use'
    >>> sentence(b'{"part":"issuer-1","event":"declined","reason":"funds","why":"51"}')
    ''
    >>> sentence(b"monetique hsm: cannot listen")
    'monetique hsm: cannot listen'
    """
    event = parse(line)
    if event is None:
        return line.decode(errors="replace")
    if event.event not in SPOKEN:
        return ""
    return event.why if event.reason == "waiting" else f"{event.part}: {event.why}"


def is_trouble(line: bytes, issuers: frozenset[str]) -> bool:
    """Whether a line belongs into a log that people watch: all but the decisions of simulated `issuers`."""
    event = parse(line)
    return event is None or not (event.event == "declined" and event.part in issuers)


class PartLines:
    """Hands each line of one part to `show`; keeps it in `kept`, where the part does not keep it itself."""

    def __init__(self, show: Callable[[bytes], None], kept: EventFile | None = None) -> None:
        self._show = show
        self._kept = kept
        self._partial = b""

    def feed(self, data: bytes) -> None:
        """Take what came through the pipe."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > MAX_LINE_BYTES:
            lines.append(self._partial)
            self._partial = b""
        for line in filter(None, lines):
            if self._kept is not None:
                self._kept.write(line + b"\n")
            self._show(line)

    def close(self) -> None:
        """After the part has ended: an unfinished line is one too."""
        if self._partial:
            self.feed(b"\n")
