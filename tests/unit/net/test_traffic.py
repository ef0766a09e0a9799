"""The acquirers' book as a file: whole lines, whatever happened before or happens to the disk. And the witness."""

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from switch.core.effects import SEND
from switch.iso8583.dialect import load
from switch.net.traffic import LinesJournal, Traffic, Witness


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


def test_the_witness_shows_a_request_and_its_own_answer() -> None:
    """After a restart the reversal of an earlier run's request may have the same STAN, and is answered first."""
    dialect = load("iso87-ascii")
    named = {"11": "000002", "41": "TERM0002"}
    request = dialect.layout.encode({"t": "0100", "52": "0" * 16, **named})
    part = Mock()
    part.take_effects.return_value = [(SEND, 1, request)]
    witness = Witness(Mock(spec=Traffic, dialect=dialect, part=part))
    witness.take_effects()
    witness.receive(1, dialect.layout.encode({"t": "0430", "39": "00", **named}), 0.0)
    assert witness.seen is None
    witness.receive(1, dialect.layout.encode({"t": "0110", "39": "00", **named}), 0.0)
    assert witness.seen is not None
    assert [view.mti for view in witness.seen] == ["0100", "0110"]
