"""DATA/<part>.events.jsonl: a part's lines, kept for `monetique events`, whether or not standard error goes there too.

The file is bounded: at `MAX_BYTES` it becomes `<part>.events.jsonl.1`, in the place of the one before, and a new one is
begun. A disk that takes nothing loses lines and hurts nobody. Nothing is kept in a directory that others can write to.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

from switch.store.directory import SharedDirectoryError, refuse_shared

MAX_BYTES: Final = 8 << 20  # some 30,000 lines, and as many in the predecessor: a day of a bench that is used by hand
SUFFIX: Final = ".events.jsonl"
BEFORE: Final = ".1"


def events_path(data: Path, part: str) -> Path:
    """Where the lines of `part` are kept."""
    return data / f"{part}{SUFFIX}"


class EventFile:
    """Lines are appended with `write`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = path.with_name(path.name + BEFORE)
        self._file = -1
        self._size = 0
        self._torn = b""

    def write(self, lines: bytes | bytearray) -> None:
        """Append whole lines."""
        with contextlib.suppress(OSError, SharedDirectoryError):
            if self._file < 0:
                self._open()
            elif self._size >= MAX_BYTES:
                self._path.replace(self._before)
                os.close(self._file)
                self._file = -1
                self._open()
            data = self._torn + lines
            written = os.write(self._file, data)
            self._torn = b"" if written == len(data) else b"\n"  # a full disk has cut a line: the next begins anew
            self._size += written

    def _open(self) -> None:
        refuse_shared(self._path.parent)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size
