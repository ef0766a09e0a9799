"""Options of the whole test run."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make soak` runs the same tests longer."""
    parser.addoption("--soak", action="store_true", help="run many more seeds")
