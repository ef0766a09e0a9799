"""The terminal: what every command needs to know about standard output and standard error.

The same text goes to terminals of any width and encoding, and into pipes and files that programs read:

- `prepare` gives both streams substitutes for characters that their encoding lacks: `→` is written `->` where standard
  output is ASCII. Without it the first arrow would end the process.
- `console` returns rich's console for colours and live displays. Into a pipe it writes plain text and cuts nothing;
  colours are left out where NO_COLOR is set. Markup is switched off, so that a terminal named `[red]` appears as such.
- `table_lines` lays out a table. Where a row does not fit the terminal, it writes a block of lines for each row, as
  psql's expanded display does: no cell is cut, and no word is broken.
"""

import codecs
import io
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPE_COLUMNS: Final = 10_000  # into a pipe nothing is wrapped or cut: longer than any line we write
GAP: Final = "  "

_SUBSTITUTES: Final = {
    "→": "->", "←": "<-", "▶": ">", "◀": "<", "…": "...", "·": "-", "–": "-", "—": "--", "×": "x", "µ": "u", "≤": "<=",
    "≥": ">=", "’": "'", "✓": "+", "✗": "x", "─": "-", "━": "-", "│": "|",
}  # fmt: skip
_ERRORS: Final = "monetique-substitutes"


def prepare() -> None:
    """Let both standard streams write any text, whatever their encoding."""
    codecs.register_error(_ERRORS, _substitute)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def _substitute(error: UnicodeError) -> tuple[str, int]:
    """An error handler of `codecs`: what stands for the characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_SUBSTITUTES.get(character, "?") for character in text), error.end


def is_utf8(stream: TextIO | None = None) -> bool:
    """Whether the stream (by default standard output) can write every character."""
    encoding = (stream or sys.stdout).encoding or "ascii"
    try:
        return codecs.lookup(encoding).name.startswith("utf-8")
    except LookupError:
        return False


def can_redraw() -> bool:
    """Whether standard output is a terminal on which lines can be drawn over."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def width() -> int:
    """The columns of standard output: of the terminal, or as many as any line may need."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_COLUMNS


def console() -> "Console":
    """A console on standard output. Only text and rich's own objects go to it: strings are never read as markup."""
    from rich.console import Console

    on_terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        force_terminal=on_terminal,
        color_system="auto" if on_terminal and not os.environ.get("NO_COLOR") else None,
        width=None if on_terminal else PIPE_COLUMNS,
        markup=False,
        highlight=False,
        emoji=False,
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns under their titles on standard output; the titles are bold on a terminal."""
    lines = table_lines(columns, rows, width())
    if sys.stdout.isatty():
        from rich.text import Text

        title, *rest = lines
        screen = console()
        screen.print(Text(title, style="bold"))
        if rest:
            screen.print(Text("\n".join(rest)), soft_wrap=True)
    else:
        sys.stdout.write("\n".join(lines) + "\n")


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[object]], columns_wide: int) -> list[str]:
    """Lay out a table: numbers to the right, text to the left, each row a block of lines where the table is too wide.

    >>> print("\\n".join(table_lines(("book", "requests"), [("acquirer", 7), ("switch", 120)], 80)))
    book      requests
    acquirer         7
    switch         120
    >>> print("\\n".join(table_lines(("book", "requests"), [("acquirer", 7), ("switch", 120)], 16)))
    book      acquirer
    requests  7
    <BLANKLINE>
    book      switch
    requests  120
    """
    body = [list(row) for row in rows]
    numeric = [bool(body) and all(_is_number(row[at]) for row in body) for at in range(len(columns))]
    texts = [list(columns), *([printable(str(cell)) for cell in row] for row in body)]
    widths = [max(map(len, cells)) for cells in zip(*texts, strict=True)]
    if sum(widths) + len(GAP) * (len(widths) - 1) > columns_wide and body:
        return _blocks(columns, texts[1:], columns_wide)
    return [
        GAP.join(
            cell.rjust(wide) if right else cell.ljust(wide)
            for cell, wide, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in texts
    ]


def _is_number(cell: object) -> bool:
    """Whether a cell stands to the right: a number, an amount or a duration with its decimals, or nothing."""
    return isinstance(cell, int | float) or re.fullmatch(r"-?|-?[0-9]+\.[0-9]+", str(cell)) is not None


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], columns_wide: int) -> list[str]:
    titles = max(map(len, columns)) + len(GAP)
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        for title, cell in zip(columns, row, strict=True):
            lines += wrapped(cell, columns_wide, first=title.ljust(titles), rest=" " * titles)
    return lines


def wrapped(text: str, columns_wide: int, *, first: str = "", rest: str = "") -> list[str]:
    """Break a line between words; a word that is longer than the line is left whole.

    >>> wrapped("acquirer=127.0.0.1:8583 hsm=127.0.0.1:1500", 30, first="> ", rest="  ")
    ['> acquirer=127.0.0.1:8583', '  hsm=127.0.0.1:1500']
    """
    return textwrap.wrap(
        text, columns_wide, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    ) or [first.rstrip()]  # fmt: skip


def printable(text: str) -> str:
    """Replace control characters, which data from a wire may hold, with dots."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "." for one in text)
