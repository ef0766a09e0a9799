"""What stands on a real terminal: the live display, the end, status, help; at several sizes and encodings."""

import re
import socket
from pathlib import Path

import pytest

from tests.support.running import RunningBench
from tests.support.screen import Screen

SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (100, 40)])
END = "verdict: clean"
BANK = """\
[[link]]
name = "bank"
role = "issuer"
dialect = "iso87-ascii"
port = PORT
institution_id = "20000000009"

[[key]]
link = "bank"
type = "ZPK"
clear = "0123456789ABCDEFFEDCBA9876543210"
"""


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path: a socket's has 108 bytes, and the screen's lines 80 columns."""
    return tmp_path_factory.mktemp("t")


@SIZES
def test_up_on_a_terminal(folder: Path, columns: int, rows: int) -> None:
    """Numbers of the last seconds, and the addresses, stay in sight; trouble comes first; the end is a table."""
    data = str(folder / "d")
    with Screen(folder / "s", columns, rows) as screen, Screen(folder / "other", columns, rows) as other:
        screen.run("up", "--port-base", "0", "--data", data)
        shown = screen.shows("all well", "since start", "p99", "in flight").splitlines()
        well = next(at for at, line in enumerate(shown) if "all well" in line)
        assert re.match(r" +\d+:\d\d +[0-9.]+ answers/s", shown[well + 1])
        assert re.match(r"last \d+ s +answered \d+ +approved [0-9.]+ % +p50 \d+ ms +p99 \d+ ms$", shown[well + 2])
        assert shown[well + 3].startswith("since start   answered ")
        assert re.match(r"acquirer=\S+ acquirer-bcd=\S+ hsm=\S+$", shown[well + 4])
        other.run("control", "link", "issuer-1", "down", "--data", data)
        trouble = screen.shows("issuer-1 is disabled").splitlines()
        assert "all well" not in "\n".join(trouble)
        other.run("control", "link", "issuer-1", "up", "--data", data)
        screen.shows("all well")
        screen.press("C-c")
        end = screen.shows(END, "status 130")
    lines = end.splitlines()
    table = [line.split() for line in lines if line.startswith(("book", "acquirer  ", "switch  ", "issuers"))]
    assert [row[0] for row in table] == ["book", "acquirer", "switch", "issuers"]
    assert {len(row) for row in table} == {6}
    assert lines[lines.index("status 130") - 1] == END
    assert '{"ts"' not in end


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_up_where_standard_output_is_not_utf8(folder: Path, encoding: str) -> None:
    with Screen(folder / "s", 80, 40, PYTHONIOENCODING=encoding, LC_ALL="C") as screen:
        screen.run("up", "--port-base", "0", "--data", str(folder / "d"), "--for", "4")
        end = screen.shows(END, "status 0")
    assert "  -> " in end
    assert "since start" in end


def test_up_with_an_issuer_that_does_not_listen(folder: Path) -> None:
    """Not a blank terminal, but what is waited for."""
    config = folder / "own.toml"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    config.write_text(BANK.replace("PORT", str(port)))
    with Screen(folder / "s", 80, 24) as screen:
        screen.run("up", "--port-base", "0", "--data", str(folder / "d"), "--config", str(config))
        screen.shows(f"waiting for issuer bank: nothing listens on 127.0.0.1:{port}")
        screen.press("C-c")
        screen.shows("status 130")


@SIZES
def test_help_and_mistakes(folder: Path, columns: int, rows: int) -> None:
    with Screen(folder / "s", columns, rows) as screen:
        screen.run()
        screen.shows("examples:", "status 0")
        screen.run("sned", "purchase")
        mistake = screen.shows("status 2").splitlines()
        assert mistake[:2] == ["monetique: there is no command 'sned' (did you mean send?)", "see monetique --help"]
        screen.run("control", "link", "--help")
        screen.shows("monetique control link issuer-1 slow 200", "status 0")


@pytest.mark.parametrize(("columns", "rows"), [(40, 60), (80, 40), (100, 40)])
def test_status_and_verdict(bench: RunningBench, folder: Path, columns: int, rows: int) -> None:
    """A table where it fits, else a block a row: no word is broken, and nothing is cut."""
    with Screen(folder / "s", columns, rows) as screen:
        screen.run("control", "status", "--data", str(bench.data))
        shown = screen.shows("answered by DE 39", "status 0")
        assert ("issuer-down" in shown) or columns < 80
        screen.run("reconcile", "--data", str(bench.data))
        shown = screen.shows("verdict: ", "double effects 0", "status ")
        assert re.search(r"^book +requests +approved +declined +reversed +open$", shown, re.M) or columns < 80
        assert re.search(r"^requests +\d+$", shown, re.M) or columns >= 80
