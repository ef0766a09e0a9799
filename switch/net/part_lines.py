"""What the parts of a bench write to standard error: kept in a file each, and shown where somebody has to know.

    part ──pipe──▶ DATA/<part>.events.jsonl      everything, a JSON line each, begun anew with each start of the bench
              └──▶ on a terminal: sentences, and only of what concerns the bench itself (starts, failures, bugs)
              └──▶ elsewhere: the JSON lines, without the declines that simulated issuers decide on

A simulated issuer declines because its cards and the sample traffic are made so: that is no trouble, and in a log it
would hide what is. The pipe is read whatever becomes of the lines, so that no part ever waits for a full disk.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

SUFFIX: Final = ".events.jsonl"
MAX_FILE_BYTES: Final = 64 << 20  # some 300,000 lines; the file before it is kept, so a part takes twice that at most
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
    """Keeps the lines of one part, and hands each to `show`."""

    def __init__(self, data: Path, part: str, show: Callable[[bytes], None]) -> None:
        self._path = data / f"{part}{SUFFIX}"
        self._show = show
        self._partial = b""
        self._descriptor = self._open()
        self._size = 0

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def feed(self, data: bytes) -> None:
        """Take what came through the pipe."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > MAX_LINE_BYTES:
            lines.append(self._partial)
            self._partial = b""
        for line in filter(None, lines):
            self._keep(line + b"\n")
            self._show(line)

    def _keep(self, line: bytes) -> None:
        with contextlib.suppress(OSError):  # a full disk: the line is shown, and counted in the metrics
            if self._size + len(line) > MAX_FILE_BYTES:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                os.close(self._descriptor)
                self._descriptor, self._size = self._open(), 0
            self._size += os.write(self._descriptor, line)

    def close(self) -> None:
        """After the part has ended: an unfinished line is one too."""
        if self._partial:
            self.feed(b"\n")
        os.close(self._descriptor)
