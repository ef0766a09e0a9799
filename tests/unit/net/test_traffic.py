"""The acquirers' book as a file: whole lines, whatever happened before or happens to the disk."""

import os
from pathlib import Path

import pytest

from switch.net.traffic import LinesJournal


def test_a_line_that_an_earlier_run_did_not_finish_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "acquirer.jsonl"
    path.write_bytes(b'{"a":1}\n{"b":')
    journal = LinesJournal(path)
    journal.append([b'{"c":3}'])
    journal.close()
    assert path.read_bytes() == b'{"a":1}\n{"c":3}\n'


def test_a_short_write_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "acquirer.jsonl"
    journal = LinesJournal(path)
    journal.append([b'{"a":1}'])
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
        with pytest.raises(OSError, match="No space left"):
            journal.append([b'{"b":2}'])
    journal.append([b'{"c":3}'])
    journal.close()
    assert path.read_bytes() == b'{"a":1}\n{"c":3}\n'
