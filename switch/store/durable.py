"""Durability of files beyond their contents."""

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Make files that were created in or renamed into `directory` durable under their names."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
