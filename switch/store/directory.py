"""The data directory is its owner's alone to write: who can write there can replace the keys, the log and the sockets.

Reading is the files' own affair; each says who may. Directories above are not looked at: a sticky one, such as /tmp,
lets nobody replace what is ours, and whoever can write to any other of them is trusted with all of the machine.
"""

import os
import stat
from pathlib import Path


class SharedDirectoryError(ValueError):
    """Others can write to the data directory. Says which directory, and what to do."""


def prepare_directory(path: Path) -> Path:
    """Make `path` and what is missing above it, for its owner only. Raises SharedDirectoryError, and OSError."""
    for missing in reversed([one for one in (path, *path.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(exist_ok=True)  # raises where it is no directory
    refuse_shared(path)
    return path


def refuse_shared(path: Path) -> None:
    """Raise SharedDirectoryError if anybody but us and root can write to the directory, which may be missing."""
    try:
        status = path.stat()
    except OSError:  # who goes on to use it gets the same error, and knows what for
        return
    if status.st_uid not in (0, os.geteuid()):
        raise SharedDirectoryError(f"{path}: belongs to the user {status.st_uid}; chown it, or choose another --data")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise SharedDirectoryError(f"{path}: its mode is {mode:04o}, so others can write there; chmod go-w {path}")
