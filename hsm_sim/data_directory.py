"""The data directory must be its owner's alone to write: who can write there can replace the LMK and the socket."""

import os
import stat
from pathlib import Path

from hsm_sim.settings import SettingsError


def prepare(path: Path) -> None:
    """Make the directory, for its owner only. Raises SettingsError where others can write to it."""
    for missing in reversed([one for one in (path, *path.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    status = path.stat()
    if status.st_uid not in (0, os.geteuid()):
        raise SettingsError(f"{path}: belongs to the user {status.st_uid}; chown it, or choose another --data")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise SettingsError(f"{path}: its mode is {mode:04o}, so others can write there; chmod go-w {path}")
