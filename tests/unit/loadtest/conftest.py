"""Compiled hosts, serving while a test runs."""

from collections.abc import Iterator

import pytest

from tests.unit.loadtest.counterparts import Served, serving


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    with serving(served.hosts):
        yield served
        for caller in served.callers:
            caller.close()
