"""`monetique events`: why something was declined, late or refused, as sentences from the event files of all parts."""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from switch.commands.common import FINE, UNREACHABLE, CommandError, Subparsers, add_command, add_data, clock, printable

EXAMPLES = """\
  monetique events                                   what happened so far, and why
  monetique events --follow --terminal SEND0001      go on, with what one terminal meets
  monetique events --follow --json | jq .why
"""

POLL_S: Final = 0.2  # people do not see it
READ_BYTES: Final = 1 << 20
NAMED: Final = ("ts", "part", "event", "reason", "why", "terminal", "stan")  # have their place in the sentence

Event = dict[str, Any]


def register(subparsers: Subparsers) -> None:
    """Add `events`."""
    parser = add_command(
        subparsers, "events", "say why something was declined, late or refused", run, examples=EXAMPLES
    )
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--terminal", default="", metavar="T", help="only events that name this DE 41")
    parser.add_argument("--json", action="store_true", help="the lines as they are, one JSON object each")
    add_data(parser)


def run(args: argparse.Namespace) -> int:
    """Print what there is; with `--follow`, what comes too."""
    tails = Tails(args.data)
    events = tails.read()
    if not (tails.found or args.follow):
        raise CommandError(f"no part has run on {args.data}; start `monetique up`, or name its --data", UNREACHABLE)
    while True:
        for event in sorted(events, key=lambda event: event["ts"]):
            if not args.terminal or str(event.get("terminal", "")).strip() == args.terminal.strip():
                print(msgspec.json.encode(event).decode() if args.json else sentence(event), flush=args.follow)
        if not args.follow:
            return FINE
        time.sleep(POLL_S)
        events = tails.read()


def sentence(event: Event) -> str:
    """An event for people.

    >>> sentence({"ts": 0.5, "part": "switch", "event": "declined", "reason": "no-route", "why": "no route",
    ...           "terminal": "TERM0001", "stan": "000017", "de39": "92"})[8:]
    '.500  switch      TERM0001  000017  declined: no route  (de39 92)'
    """
    part, name, why = (str(event.get(key, "")) for key in ("part", "event", "why"))
    others = ", ".join(f"{key} {value}" for key, value in event.items() if key not in NAMED and value not in ("", None))
    what = f"{name}: {why}" if name and why else name or why
    terminal, stan = str(event.get("terminal", "")), str(event.get("stan", ""))
    text = f"{clock(event['ts'])}  {part:<10}  {terminal:<8}  {stan:<6}  {what}"
    return printable(f"{text}  ({others})" if others else text)


class Tails:
    """The event files of a data directory, those that appear later too."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._tails: dict[Path, Tail] = {}

    @property
    def found(self) -> bool:
        """Whether there is any file."""
        return bool(self._tails)

    def read(self) -> list[Event]:
        """What was written since the last call, file by file."""
        from switch.net.event_file import SUFFIX

        for path in self._data.glob(f"*{SUFFIX}"):
            if path not in self._tails:
                self._tails[path] = Tail(path)
        return [event for tail in self._tails.values() for event in tail.read()]


class Tail:
    """One file: read on from where we were, also when it was begun anew or cut short."""

    def __init__(self, path: Path) -> None:
        from switch.net.event_file import BEFORE, SUFFIX

        self._path = path
        self._part = path.name.removesuffix(SUFFIX)
        self._before: Path | None = path.with_name(path.name + BEFORE)
        self._file = -1
        self._held = b""
        self._last_ts = 0.0

    def read(self) -> Iterator[Event]:
        """The events of the lines that are whole."""
        if self._file < 0:
            if self._before is not None and self._before.exists():
                self._file = os.open(self._before, os.O_RDONLY | os.O_CLOEXEC)
                yield from self._rest()
            self._before = None
            yield from self._reopened()
            return
        yield from self._rest()
        if not self._is_current():
            yield from self._rest()  # what was written until it was replaced
            yield from self._reopened()

    def _is_current(self) -> bool:
        """Whether our file is the one of that name, and as long as it was."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True  # for a moment, while another takes its place, or until `up` starts again
        return os.path.samestat(there, os.fstat(self._file)) and there.st_size >= os.lseek(self._file, 0, os.SEEK_CUR)

    def _reopened(self) -> Iterator[Event]:
        if self._file >= 0:
            os.close(self._file)
            self._file, self._held = -1, b""
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        yield from self._rest()

    def _rest(self) -> Iterator[Event]:
        while data := os.read(self._file, READ_BYTES):
            *lines, self._held = (self._held + data).split(b"\n")
            yield from (self._event(line) for line in lines if line)

    def _event(self, line: bytes) -> Event:
        """The line's object; other lines, of a traceback say, become events at the time of the one before them."""
        try:
            event = msgspec.json.decode(line, type=Event)
            self._last_ts = event["ts"] = float(event["ts"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            return {"ts": self._last_ts, "part": self._part, "event": "", "why": line.decode(errors="replace")}
        return event
