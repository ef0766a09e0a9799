"""Where the LMK comes from: the published test LMK, a file, or one made at the first run and kept beside the data."""

import os
from pathlib import Path

from hsm_sim.crypto.lmk import Lmk, LmkError, dump, generate, parse, published_test_lmk

TEST = "test"
FILE_NAME = "lmk"


def load(choice: str, data: Path) -> Lmk:
    """The LMK by `choice`: "test", the name of a file, or "" for the data directory's own. LmkError names the file."""
    if choice == TEST:
        return published_test_lmk()
    path = Path(choice) if choice else data / FILE_NAME
    try:
        if not choice and not path.exists():
            _create(path)
        return _read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise LmkError(f"{path}: no LMK can be read or kept here: {error}") from error
    except LmkError as error:
        raise LmkError(f"{path}: {error}") from error


def _read(path: Path) -> Lmk:
    if path.stat().st_mode & 0o077:
        raise LmkError("others can read this LMK: chmod 600 it, and replace it if they did")
    return parse(path.read_text("ascii"))


def _create(path: Path) -> None:
    """A random LMK in a file that only its owner can read, there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(dump(generate(os.urandom)))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
