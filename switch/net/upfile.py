"""`up.json` in the data directory: which parts run, as which process, on which ports.

    {"switch": {"pid": 4711, "ports": {"acquirer": 8583, "acquirer-bcd": 8584, "metrics": 9583}}, "hsm": …}

Replaced atomically, so that a reader sees the old file or the new one. Its writers, the supervisor and the parts, take
turns by a lock file.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

import msgspec

NAME = "up.json"


class Running(TypedDict):
    """One part's entry."""

    pid: int
    ports: dict[str, int]


def read(data: Path) -> dict[str, Running]:
    """All entries; empty where nothing was ever started."""
    try:
        return msgspec.json.decode((data / NAME).read_bytes(), type=dict[str, Running])
    except FileNotFoundError:
        return {}


def merge(data: Path, part: str, pid: int, ports: Mapping[str, int]) -> None:
    """Write `part`'s entry, leaving the others."""
    with _turn(data):
        _replace(data, {**read(data), part: {"pid": pid, "ports": dict(ports)}})


def remove(data: Path, part: str, pid: int) -> None:
    """Take `part`'s entry out, if it is still the one of process `pid`."""
    with _turn(data):
        entries = read(data)
        if part in entries and entries[part]["pid"] == pid:
            del entries[part]
            _replace(data, entries)


@contextlib.contextmanager
def _turn(data: Path) -> Iterator[None]:
    descriptor = os.open(data / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(data: Path, entries: Mapping[str, Running]) -> None:
    fresh = data / f"{NAME}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(entries), indent=1) + b"\n")
    fresh.replace(data / NAME)
