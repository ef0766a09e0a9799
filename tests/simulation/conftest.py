"""A bench on virtual time and a stranger's client on it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from switch.config import load
from switch.config.build import find_key, find_link
from switch.config.tables import Config
from switch.simulation.bench import Bench
from tests.support.foreign import Doc, Foreign


@dataclass
class Terminal:
    """A foreign client connected to the bench: say something, let time pass, look at the answers."""

    bench: Bench
    foreign: Foreign
    link: str
    inbox: list[Doc] = field(default_factory=list)
    client: Any = None

    def connect(self) -> "Terminal":
        def receive(frame: bytes) -> None:
            self.inbox.append(self.foreign.decode(frame))

        self.client = self.bench.dial(self.link, receive, lambda: None)
        return self

    def sign_on(self) -> "Terminal":
        assert self.ask(self.foreign.network("001"))["39"] == "00"
        return self

    def send(self, doc: Doc) -> None:
        self.client.send(self.foreign.encode(doc))

    def ask(self, doc: Doc, seconds: float = 20.0) -> Doc:
        """Send and wait for the one answer."""
        before = len(self.inbox)
        self.send(doc)
        self.bench.world.run(seconds)
        answers = self.inbox[before:]
        assert len(answers) == 1, answers
        return answers[0]

    def said(self, reason: str) -> list[dict[str, Any]]:
        return [line for line in self.bench.world.said if line["reason"] == reason]


@pytest.fixture(scope="session")
def config() -> Config:
    return load()


@pytest.fixture
def cards(config: Config) -> dict[str, dict[str, Any]]:
    """The published test cards by behaviour."""
    return {
        card.behaviour: {name: getattr(card, name) for name in ("pan", "expiry", "pin", "expect", "issuer")}
        for card in config.card
        if not card.sample
    }


@pytest.fixture
def bench(config: Config) -> Bench:
    """Up and signed on."""
    bench = Bench(config, seed=1)
    bench.world.run(1.0)
    assert bench.core.ready()
    return bench


@pytest.fixture(params=["acquirer", "acquirer-bcd"])
def link(request: pytest.FixtureRequest) -> str:
    """Each default acquirer link."""
    return str(request.param)


def terminal_of(bench: Bench, link: str, foreign: Foreign | None = None) -> Terminal:
    """A client of `link`, connected and signed on."""
    return Terminal(bench, foreign or foreign_of(bench.config, link), link).connect().sign_on()


def foreign_of(config: Config, link: str) -> Foreign:
    """The builder of a stranger's messages for `link`."""
    spec = find_link(config, link)
    key = find_key(config, link, "ZPK").clear
    return Foreign({"dialect": spec.dialect, "institution_id": spec.institution_id, "key": key})


@pytest.fixture
def new_terminal(bench: Bench, config: Config, link: str) -> Callable[[], Terminal]:
    """Clients of `link`, connected and signed on."""
    foreign = foreign_of(config, link)
    return lambda: terminal_of(bench, link, foreign)


@pytest.fixture
def terminal(new_terminal: Callable[[], Terminal]) -> Terminal:
    """One of them."""
    return new_terminal()
