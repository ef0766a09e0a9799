"""Snapshots at rest: written when a restart would notice, and then the log starts from them."""

import asyncio
from pathlib import Path

import pytest

from switch.net import starting
from switch.store.file import FileLog


@pytest.mark.parametrize(("records", "written"), [(9, False), (10, True)])
def test_a_snapshot_is_written_once_enough_records_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: int, written: bool
) -> None:
    monkeypatch.setattr(starting, "SNAPSHOT_AFTER", 10)
    log = FileLog(tmp_path / "log")
    log.append([b"record"] * records)
    asyncio.run(starting.shorten(log, lambda: b"the fold"))
    log.close()
    again = FileLog(tmp_path / "log")
    assert again.snapshot() == (b"the fold" if written else None)
    assert len(list(again.replay())) == (0 if written else records)
    asyncio.run(starting.shorten(again, lambda: b"another"))
    assert again.snapshot() == (b"the fold" if written else None)
    again.close()
