"""Snapshots at rest: written when a restart would notice, and then the log starts from them."""

import asyncio
import errno
from pathlib import Path
from typing import Any, cast

import pytest

from switch.net import starting
from switch.net.status import Instruments
from switch.store import snapshots
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


class Told:
    """In place of a part's instruments: the events."""

    def __init__(self) -> None:
        self.lines = self
        self.events: list[tuple[str, dict[str, Any]]] = []

    def clock(self) -> float:
        return 0.0

    def event(self, at: float, name: str, fields: dict[str, Any]) -> None:
        self.events.append((name, fields))

    def flush(self) -> None:
        pass


def test_a_frozen_snapshot_is_of_the_records_before_it(tmp_path: Path) -> None:
    """Written while the part goes on: what was appended meanwhile is replayed after it."""

    async def serve(log: FileLog, told: Told) -> None:
        beside = starting.Beside(log, cast(Instruments, told))
        frozen = starting.freeze(log, lambda: b"the fold of two", after=2)
        log.append([b"three"])
        beside.write(frozen)
        log.append([b"four"])
        await beside.wait()

    log, told = FileLog(tmp_path / "log"), Told()
    log.append([b"one", b"two"])
    asyncio.run(serve(log, told))
    log.close()
    again = FileLog(tmp_path / "log")
    assert (again.snapshot(), list(again.records())) == (b"the fold of two", [b"three", b"four"])
    assert told.events == []
    assert starting.freeze(again, lambda: b"", after=3) is None
    again.close()


def test_a_part_goes_on_where_its_snapshot_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    async def serve(log: FileLog, told: Told) -> None:
        beside = starting.Beside(log, cast(Instruments, told))
        beside.write(starting.freeze(log, lambda: b"the fold", after=1))
        await beside.wait()

    monkeypatch.setattr(snapshots, "write", full)
    log, told = FileLog(tmp_path / "log"), Told()
    log.append([b"one"])
    asyncio.run(serve(log, told))
    [(name, fields)] = told.events
    assert (name, fields["reason"]) == ("log", "snapshot-failed")
    assert "the older ones still stand" in fields["why"]
    log.append([b"two"])
    log.close()
    again = FileLog(tmp_path / "log")
    assert (again.snapshot(), list(again.records())) == (None, [b"one", b"two"])
    again.close()


def test_a_part_goes_on_where_old_segments_cannot_be_dropped(tmp_path: Path) -> None:
    class Stuck(FileLog):
        def _drop_segments(self) -> None:
            raise PermissionError(errno.EACCES, "permission denied")

    async def serve(log: FileLog, told: Told) -> None:
        beside = starting.Beside(log, cast(Instruments, told))
        beside.write(starting.freeze(log, lambda: b"the fold", after=1))
        await beside.wait()

    log, told = Stuck(tmp_path / "log"), Told()
    log.append([b"one"])
    asyncio.run(serve(log, told))
    assert [fields["reason"] for _, fields in told.events] == ["snapshot-failed"]
    assert log.snapshot() == b"the fold"
    log.close()


def test_nothing_is_written_where_nothing_was_frozen(tmp_path: Path) -> None:
    async def serve(log: FileLog) -> None:
        beside = starting.Beside(log, cast(Instruments, Told()))
        await beside.wait()
        beside.write(starting.freeze(log, lambda: b"the fold", after=1))
        await beside.wait()

    log = FileLog(tmp_path / "log")
    asyncio.run(serve(log))
    assert log.snapshot() is None
    log.close()
