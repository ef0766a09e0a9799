"""`up.json`: merged, replaced whole, left to whoever wrote it."""

import json
import threading
from pathlib import Path

from switch.net import upfile


def test_entries_of_others_stay(tmp_path: Path) -> None:
    upfile.merge(tmp_path, "hsm", 11, {"hsm": 1500})
    upfile.merge(tmp_path, "switch", 12, {"acquirer": 8583, "acquirer-bcd": 8584})
    upfile.merge(tmp_path, "hsm", 13, {"hsm": 1500})
    expected = {
        "hsm": {"pid": 13, "ports": {"hsm": 1500}},
        "switch": {"pid": 12, "ports": {"acquirer": 8583, "acquirer-bcd": 8584}},
    }
    assert json.loads((tmp_path / "up.json").read_text()) == upfile.read(tmp_path) == expected
    upfile.remove(tmp_path, "hsm", 11)  # an earlier life of it
    assert "hsm" in upfile.read(tmp_path)
    upfile.remove(tmp_path, "hsm", 13)
    assert list(upfile.read(tmp_path)) == ["switch"]


def test_writers_take_turns(tmp_path: Path) -> None:
    threads = [threading.Thread(target=upfile.merge, args=(tmp_path, f"part-{n}", n, {})) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(upfile.read(tmp_path)) == 16


def test_nothing_was_ever_started(tmp_path: Path) -> None:
    assert upfile.read(tmp_path) == {}
