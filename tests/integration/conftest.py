"""One running bench for all contract tests, and foreign clients on it."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.support.foreign import Foreign
from tests.support.running import RunningBench, Tcp


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBench]:
    """`monetique up` with its sample traffic."""
    with RunningBench(tmp_path_factory.mktemp("bench") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def keys(bench: RunningBench) -> list[dict[str, Any]]:
    """`monetique keys --json`."""
    rows: list[dict[str, Any]] = bench.json("keys")
    return rows


@pytest.fixture(scope="session")
def cards(bench: RunningBench) -> dict[str, dict[str, Any]]:
    """`monetique cards --json`, by behaviour; the first of each."""
    rows: dict[str, dict[str, Any]] = {}
    for card in bench.json("cards"):
        rows.setdefault(card["behaviour"], card)
    return rows


@pytest.fixture(params=["acquirer", "acquirer-bcd"])
def link(request: pytest.FixtureRequest) -> str:
    """Each default acquirer link."""
    return str(request.param)


# Every client of the session gets its own range of RRNs, so that none is another's duplicate.
SALTS = count(1)
STANS = count(1)


@pytest.fixture
def connect(bench: RunningBench, keys: list[dict[str, Any]], link: str) -> Iterator[Callable[[], Tcp]]:
    """Connections to `link`, not yet signed on."""
    row = next(row for row in keys if row["link"] == link and row["type"] == "ZPK")
    opened: list[Tcp] = []

    def open_one() -> Tcp:
        foreign = Foreign(row, STANS, salt=chr(ord("A") + next(SALTS) % 26))
        opened.append(Tcp(bench.addresses[link], foreign))
        return opened[-1]

    yield open_one
    for tcp in opened:
        tcp.sock.close()


@pytest.fixture
def client(connect: Callable[[], Tcp]) -> Tcp:
    """One, signed on."""
    return connect().sign_on()


@pytest.fixture
def fresh(bench: RunningBench) -> None:
    """Balances, tries and limits as at the start."""
    assert bench.cli("control", "reset").returncode == 0
