"""`monetique watch` on a terminal: the latest exchanges as a table that is redrawn, and one of them opened.

`Screen` is what is seen and what keys do, without a terminal. `show` has the terminal.
"""

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from switch.commands.common import clock, printable
from switch.traces import words
from switch.traces.exchanges import Exchange, Exchanges
from switch.traces.format import Gap, Header, Line, Message, TracedLink

KEPT: Final = 1_000  # exchanges that can be scrolled to
EVERY_S: Final = 0.1  # people see no more redraws than that
WIDE: Final = 120  # columns that take all of it; on fewer, codes stand without words, and the time without fractions
MAX_WHAT: Final = 28
COLUMNS: Final = ("time", "link", "MTI", "what", "card", "amount", "DE 39", "ms")
HEAD_ROWS: Final = 4  # title and header of the table, and the line below it

UP, DOWN, ENTER, ESCAPE, QUIT, TAIL = "up", "down", "enter", "escape", "quit", "tail"
KEYS: Final = {
    b"\x1b[A": UP, b"k": UP, b"\x1b[B": DOWN, b"j": DOWN, b"\r": ENTER, b"\n": ENTER, b"\x1b": ESCAPE,
    b"q": QUIT, b"\x03": QUIT, b"G": TAIL, b"\x1b[F": TAIL,
}  # fmt: skip


class Screen:
    """The table, what is selected in it, and whether that is open."""

    def __init__(self) -> None:
        self.links: dict[str, TracedLink] = {}
        self.quit = False
        self._exchanges = Exchanges(KEPT)
        self._selected: Exchange | None = None  # None: the latest, whichever it is
        self._open = False
        self._messages = 0
        self._dropped = 0

    def add(self, line: Line) -> None:
        """A line of the trace."""
        match line:
            case Header(links=links):
                self.links = links
            case Message():
                self._messages += 1
                self._exchanges.add(line)
            case Gap(gap=count):
                self._dropped += count

    def press(self, key: str) -> None:
        """A key of `KEYS`."""
        if key == QUIT:
            self.quit = True
        elif key == ESCAPE:
            self._open = False
        elif key == ENTER:
            self._open = not self._open
            self._selected = self._selected or next(reversed(self._exchanges.latest()), None)
        elif key == TAIL:
            self._selected = None
        else:
            self._move(-1 if key == UP else 1)

    def _move(self, step: int) -> None:
        rows = self._exchanges.latest()
        if not rows:
            return
        at = rows.index(self._selected) if self._selected in rows else len(rows) - 1
        self._selected = rows[min(max(at + step, 0), len(rows) - 1)]

    def render(self, height: int, width: int = WIDE) -> RenderableType:
        """What is seen now, on so many rows and columns."""
        if self._open and self._selected is not None:
            return self._opened(self._selected)
        rows = self._exchanges.latest()
        shown = max(height - HEAD_ROWS, 1)
        last = len(rows)
        if self._selected in rows:
            last = min(max(rows.index(self._selected) + shown // 2, shown), len(rows))
        wide = width >= WIDE
        table = Table(expand=True, box=None, pad_edge=False)
        for title in COLUMNS:
            if wide or title != "what":
                table.add_column(title, no_wrap=True, justify="right" if title in ("amount", "ms") else "left")
        for exchange in rows[max(last - shown, 0) : last]:
            table.add_row(*self._row(exchange, wide=wide), style="reverse" if exchange is self._selected else "")
        dropped = f"  {self._dropped:,} dropped: this reader was behind" if self._dropped else ""
        return Group(
            Text(f"{self._messages:,} messages{dropped}", no_wrap=True),
            table,
            Text("up, down select · Enter opens · G the latest · q leaves", style="dim", no_wrap=True),
        )

    def _row(self, exchange: Exchange, *, wide: bool) -> list[Text]:
        request, elapsed_ms = exchange.request, exchange.elapsed_ms
        time, outcome, what = clock(request.t), self._outcome(exchange), request.problem or words.kind(request.mti)
        if not wide:
            time = time.partition(".")[0]
            outcome = outcome.partition(" ")[0] or ("broken" if request.problem else "")
        elif len(what) > MAX_WHAT:
            what = what[: MAX_WHAT - 1] + "…"
        cells = [
            time, request.link or "", request.mti, *([what] if wide else []), request.fields.get("2") or "",
            words.amount(request.fields), outcome, "" if elapsed_ms is None else f"{elapsed_ms:.1f}",
        ]  # fmt: skip
        return [Text(printable(cell)) for cell in cells]

    def _outcome(self, exchange: Exchange) -> str:
        message = exchange.answer or exchange.request
        link = self.links.get(message.link or "")
        return words.outcome(message, link.dialect) if link else message.fields.get(words.RESPONSE) or ""

    def _opened(self, exchange: Exchange) -> RenderableType:
        """Its way over both legs, then its fields."""
        legs = self._exchanges.legs(exchange)
        passed = sorted((m for leg in legs for m in (leg.request, leg.answer) if m is not None), key=lambda m: m.n)
        way = [Text(printable(_hop(message, passed[0].t))) for message in passed]
        fields = Table(box=None, pad_edge=False)
        for title in ("DE", exchange.request.mti, exchange.answer.mti if exchange.answer else ""):
            fields.add_column(Text(printable(title)), no_wrap=True)
        answered = exchange.answer.fields if exchange.answer else {}
        for number in sorted(exchange.request.fields.keys() | answered.keys(), key=int):
            values = (_value(fields_of, number) for fields_of in (exchange.request.fields, answered))
            fields.add_row(number, *(Text(value) for value in values))
        problems = [Text(printable(m.problem)) for m in passed if m.problem]
        return Group(*way, Text(""), fields, *problems, Text("Enter or Esc closes · q leaves", style="dim"))


def _hop(message: Message, since: float) -> str:
    arrow = "→" if message.from_ == "client" else "←"
    return f"{clock(message.t)}  +{(message.t - since) * 1000:9.1f} ms  {message.link or '':<14} {arrow} {message.mti}"


def _value(fields: dict[str, str | None], number: str) -> str:
    if number not in fields:
        return ""
    value = fields[number]
    return "not shown" if value is None else printable(value)


def show(trace: Iterable[list[Line]], takes: Callable[[Message], bool]) -> None:
    """Show the trace until it ends or somebody leaves."""
    screen, console, redrawn_at = Screen(), Console(), 0.0
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        for lines in trace:
            for line in lines:
                if not isinstance(line, Message) or takes(line):
                    screen.add(line)
            keys = pressed()
            for key in keys:
                screen.press(key)
            if screen.quit:
                return
            if keys or time.monotonic() - redrawn_at >= EVERY_S:
                redrawn_at = time.monotonic()
                live.update(screen.render(console.height, console.width), refresh=True)


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], list[str]]]:
    """Standard input key by key; gives what was pressed since it was last asked."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)

    def pressed() -> list[str]:
        keys = []
        while select.select([descriptor], [], [], 0)[0] and (data := os.read(descriptor, 64)):
            keys += split_keys(data)
        return keys

    try:
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def split_keys(data: bytes) -> list[str]:
    r"""The keys in what was typed; unknown ones are passed over.

    >>> split_keys(b"\x1b[A\x1b[Bj\r?q")
    ['up', 'down', 'down', 'enter', 'quit']
    """
    keys = []
    while data:
        for size in (3, 1):
            if data[:size] in KEYS:
                keys.append(KEYS[data[:size]])
                break
        data = data[size:]
    return keys
