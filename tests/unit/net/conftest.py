"""A file for the lines of the parts under test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def lines_file(tmp_path: Path) -> Iterator[int]:
    """A descriptor of tmp_path/lines."""
    descriptor = os.open(tmp_path / "lines", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)
