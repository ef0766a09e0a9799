"""Snapshot files: the state up to one record, so that a restart replays seconds of log and not months.

`snapshot-<sequence>.snap` is a header (marker "MTS1", CRC-32 of the rest, sequence, all little-endian) and the state.
A file takes its name only when it is whole and durable, so a crash leaves the older ones or the new one as well,
never half of one. The two newest are kept: should the newest turn out damaged, the older one and a longer replay give
the same state.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from switch.store.durable import sync_directory

# A damaged newest snapshot can be replaced by the one before; more would only take disk.
KEPT = 2

_MARKER = b"MTS1"
_PREFIX = struct.Struct("<4sI")
_SEQUENCE = struct.Struct("<Q")


class Found(NamedTuple):
    """The newest valid snapshot (sequence 0 and None where there is none), and the names of damaged newer ones."""

    sequence: int
    state: bytes | None
    damaged: tuple[str, ...]


def path_of(directory: Path, sequence: int) -> Path:
    """File of the snapshot at `sequence`; names sort as the numbers do."""
    return directory / f"snapshot-{sequence:020d}.snap"


def sequences(directory: Path) -> list[int]:
    """Sequence numbers of the snapshot files in `directory`, oldest first."""
    return sorted(int(path.stem.removeprefix("snapshot-")) for path in directory.glob(f"snapshot-{'[0-9]' * 20}.snap"))


def newest(directory: Path) -> Found:
    """Find the newest snapshot that is whole."""
    damaged: list[str] = []
    for sequence in reversed(sequences(directory)):
        path = path_of(directory, sequence)
        state = _read(path, sequence)
        if state is not None:
            return Found(sequence, state, tuple(damaged))
        damaged.append(path.name)
    return Found(0, None, tuple(damaged))


def write(directory: Path, sequence: int, state: bytes) -> None:
    """Store a snapshot durably under its final name, then drop those beyond the newest two. Raises OSError."""
    partial = directory / "snapshot.partial"
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        numbered = _SEQUENCE.pack(sequence)
        file.write(_PREFIX.pack(_MARKER, crc32(state, crc32(numbered))) + numbered)
        file.write(state)
        file.flush()
        os.fsync(fd)
    partial.replace(path_of(directory, sequence))
    sync_directory(directory)
    for old in sequences(directory)[:-KEPT]:
        path_of(directory, old).unlink()


def set_aside(directory: Path, damaged: Iterable[str]) -> None:
    """Rename damaged snapshots to `*.damaged`: kept for a look at them, no longer counted among those that serve."""
    for name in damaged:
        path = directory / name
        path.rename(path.with_suffix(".damaged"))


def _read(path: Path, sequence: int) -> bytes | None:
    """The state in a snapshot file, or None where it is damaged or not the snapshot at `sequence`."""
    with path.open("rb") as file:
        prefix, numbered, state = file.read(_PREFIX.size), file.read(_SEQUENCE.size), file.read()
    if len(numbered) < _SEQUENCE.size:
        return None
    marker, checksum = _PREFIX.unpack(prefix)
    if marker != _MARKER or crc32(state, crc32(numbered)) != checksum:
        return None
    return state if _SEQUENCE.unpack(numbered) == (sequence,) else None
