"""The key file: the two keys that protect card numbers at rest, made at first run.

64 random bytes: the data key (AES-256-GCM), then the token key (HMAC-SHA-256), 32 each; see `switch.cards.vault`.
Whoever has this file and the log has the card numbers, so it must be readable by its owner alone, and a copy of the
log without it is only masked numbers and tokens.
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from switch.store.durable import sync_directory

KEY_BYTES = 32


class KeyFileError(Exception):
    """The key file cannot be used. Says which file, why, and what to do; never what is in it."""


class DataKeys(NamedTuple):
    """The two keys, 32 bytes each; neither shows in its repr."""

    data_key: bytes
    token_key: bytes

    def __repr__(self) -> str:
        return "DataKeys(data_key=<hidden>, token_key=<hidden>)"


def load_or_create(path: Path, *, may_create: bool = True) -> DataKeys:
    """The keys in the file at `path`, which is made of fresh random keys (0600) where there is none and it may be.

    Raises KeyFileError where others may read the file, or where it does not hold two keys; without `may_create`, for
    a log that was written under keys, also where it is missing.
    """
    try:
        if not path.exists():
            if not may_create:
                raise KeyFileError(
                    f"{path}: missing, and the log beside it needs it: restore it, or begin with --fresh"
                )
            _create(path)
        return _load(path)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; check that the directory exists and is yours") from error


def _load(path: Path) -> DataKeys:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        # One byte more than there should be, to notice a file that is too long.
        keys = file.read(2 * KEY_BYTES + 1)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(
            f"{path}: its mode is {mode:04o}, so others may use the keys; chmod 600 it, or make new keys"
        )
    if len(keys) != 2 * KEY_BYTES:
        raise KeyFileError(f"{path}: must hold exactly {2 * KEY_BYTES} bytes; restore it from a copy")
    return DataKeys(keys[:KEY_BYTES], keys[KEY_BYTES:])


def _create(path: Path) -> None:
    """Make the file whole and durable under another name, then link it: of two processes, one wins, none overwrites."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(os.urandom(2 * KEY_BYTES))
        file.flush()
        os.fsync(fd)
    with contextlib.suppress(FileExistsError):
        os.link(partial, path)
    partial.unlink()
    sync_directory(path.parent)
