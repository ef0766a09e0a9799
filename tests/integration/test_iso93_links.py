"""Links of ISO 8583:1993 over real sockets: a client by pyiso8583, a client by jPOS, sample traffic, the verdict."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.foreign import Doc, Foreign93
from tests.support.iso93 import CONFIG
from tests.support.jpos_client import converse, needs_jpos
from tests.support.running import RunningBench, Tcp, eventually

LINK = "acquirer-93"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBench]:
    folder = tmp_path_factory.mktemp("iso93")
    config = folder / "iso93.toml"
    config.write_text(CONFIG)
    with RunningBench(folder / "data", "--config", str(config)) as bench:
        yield bench


@pytest.fixture
def foreign(own: RunningBench, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Foreign93:
    """Each test's own numbers."""
    monkeypatch.setenv("MONETIQUE_CONFIG", str(own.data.with_name("iso93.toml")))
    row = next(row for row in own.json("keys") if (row["link"], row["type"]) == (LINK, "ZPK"))
    return Foreign93(row, count(1), salt=request.node.name[-1].upper())


@pytest.fixture
def cards(own: RunningBench) -> dict[str, dict[str, Any]]:
    return {card["behaviour"]: card for card in own.json("cards")}


def conversation(foreign: Foreign93, cards: dict[str, dict[str, Any]]) -> tuple[list[Doc], list[tuple[str, str]]]:
    """What a client says, and message type and action code of each answer."""
    purchase = foreign.purchase(cards["approve"], 12_50)
    docs = [
        foreign.network("001"),
        purchase,
        foreign.repeat(purchase),
        foreign.purchase(cards["funds"], mti="1200"),
        foreign.purchase(cards["no-route"]),
        foreign.reversal(purchase),
        foreign.purchase(cards["approve"], f32="99"),
        foreign.network("301"),
    ]
    answers = [
        ("1814", "800"), ("1110", "000"), ("1110", "000"), ("1210", "116"), ("1110", "908"), ("1430", "400"),
        ("1110", "120"), ("1814", "800"),
    ]  # fmt: skip
    return docs, answers


def test_pyiso8583_over_tcp(own: RunningBench, foreign: Foreign93, cards: dict[str, dict[str, Any]]) -> None:
    docs, expected = conversation(foreign, cards)
    with Tcp(own.addresses[LINK], foreign) as client:
        answers = [client.ask(doc) for doc in docs]
    assert [(answer["t"], answer["39"]) for answer in answers] == expected
    assert all(answer["12"] == doc["12"] for doc, answer in zip(docs, answers, strict=True))


@needs_jpos
def test_jpos(own: RunningBench, foreign: Foreign93, cards: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    exported = own.cli("dialect", "export", "--jpos", "--link", LINK, "--to", str(tmp_path))
    assert exported.returncode == 0, exported.stderr
    docs, expected = conversation(foreign, cards)
    answers = converse(tmp_path, LINK, docs)
    assert [(answer["t"], answer["39"]) for answer in answers] == expected
    assert all(answer["12"] == doc["12"] for doc, answer in zip(docs, answers, strict=True))


def test_send(own: RunningBench, foreign: Foreign93) -> None:
    """The command line speaks of DE 39 as the rules do."""
    done = own.cli("send", "reversal", "--link", LINK, "--expect", "00")
    assert done.returncode == 0, done.stderr


def test_the_sample_traffic_runs_over_them_and_the_books_agree(own: RunningBench, foreign: Foreign93) -> None:
    eventually(lambda: own.json("reconcile")["acquirer"]["approved"] > 10)
    assert own.stop() in (0, 130)
    result = own.json("reconcile")
    assert result["verdict"] == "clean", result
