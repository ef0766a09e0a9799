"""Options of the whole test run."""

import pytest
from hypothesis import settings

# No test depends on how fast a machine is, or how busy.
settings.register_profile("monetique", deadline=None)
settings.load_profile("monetique")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make soak` runs the same tests longer."""
    parser.addoption("--soak", action="store_true", help="run many more seeds")
