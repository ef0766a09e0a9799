"""The terminal: any encoding, any width, data as it is."""

import io
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch import terminal

ROWS = [("[red]", 7, "signed-on"), ("TERM\x1b[2J", 12, "down")]


ENCODINGS = pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])


def output(encoding: str, monkeypatch: pytest.MonkeyPatch) -> io.TextIOWrapper:
    """Standard output with that encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.prepare()
    return stream


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)


@ENCODINGS
def test_what_an_encoding_lacks_is_substituted(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = output(encoding, monkeypatch)
    stream.write("  → 0100 … 汉 \udcff")
    expected = "  → 0100 … 汉 ?" if stream.encoding == "utf-8" else "  -> 0100 ... ? ?"
    assert written(stream).replace("…", "...") == expected.replace("…", "...")
    assert terminal.is_utf8(stream) == (stream.encoding == "utf-8")


@ENCODINGS
def test_into_a_pipe_goes_plain_text_and_nothing_is_cut(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data is never read as markup, nor passed on as control characters."""
    stream = output(encoding, monkeypatch)
    terminal.print_table(("terminal", "count", "state"), [*ROWS, ("x" * 300, 1, "up")])
    lines = written(stream).splitlines()
    assert len(lines) == 4
    assert lines[1].split() == ["[red]", "7", "signed-on"]
    assert lines[2].split() == ["TERM.[2J", "12", "down"]
    assert lines[3].split() == ["x" * 300, "1", "up"]


class Screen(io.StringIO):
    """A stream that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals_and_left_out_where_nobody_wants_them(
    monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    for name, value in {"NO_COLOR": no_color, "TERM": "xterm-256color", "COLUMNS": "80"}.items():
        monkeypatch.setitem(os.environ, name, value)
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    terminal.print_table(("terminal", "count", "state"), ROWS)
    assert ("\x1b[" in screen.getvalue()) == coloured
    assert "[red]" in screen.getvalue()


CELLS = st.one_of(st.integers(0, 10**9), st.text("abc-[]", max_size=12))


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5), st.integers(24, 100))
def test_a_table_keeps_to_the_width_and_loses_nothing(rows: list[tuple[object, ...]], width: int) -> None:
    """However narrow, every cell is there whole; a line is only longer than the terminal when one word is."""
    lines = terminal.table_lines(("name", "count", "state"), rows, width)
    text = "\n".join(lines)
    for row in rows:
        for cell in row:
            assert str(cell) in text
    assert max(map(len, lines)) <= width
