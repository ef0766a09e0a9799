"""Echoes towards issuers on virtual time: when the switch asks, and what becomes of a link that does not answer."""

from typing import Any

import pytest

from switch.core.effects import ANSWER, SEND, Effect
from switch.simulation.bench import Bench
from switch.simulation.world import Part
from tests.simulation.conftest import terminal_of

IDLE_S, TIMEOUT_S, MISSES = 30.0, 5.0, 3  # the shipped limits
ISSUER = "issuer-1"


class Mute:
    """An issuer whose next answers to 0800 are lost on the way."""

    def __init__(self, issuer: Part, lost: int) -> None:
        self.issuer = issuer
        self.lost = lost
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.issuer, name)

    def take_effects(self) -> list[Effect]:
        kept = []
        for effect in self.issuer.take_effects():
            is_answer = effect[0] in (SEND, ANSWER) and effect[2].startswith(b"0810")
            self.asked += is_answer
            if is_answer and self.asked <= self.lost:
                continue
            kept.append(effect)
        return kept


def missed(bench: Bench) -> list[dict[str, Any]]:
    return [line for line in bench.world.said if line["reason"] == "echo-missed" and line["link"] == ISSUER]


@pytest.mark.rule("R14 echo")
def test_an_idle_link_is_asked_and_one_missed_echo_is_forgiven(bench: Bench) -> None:
    """A link silent for half a minute is sent an echo; a lost one is sent again, and the link stays up."""
    host = bench.issuers[ISSUER]
    host.part = mute = Mute(host.part, lost=1)
    bench.world.run(IDLE_S - 2.0)
    assert mute.asked == 0
    bench.world.run(3.0 + TIMEOUT_S)
    assert (mute.asked, len(missed(bench))) == (2, 1)
    bench.world.run(IDLE_S + 1.0)
    assert (mute.asked, len(missed(bench))) == (3, 1)


@pytest.mark.rule("R14 echo", "R7", "91")
def test_three_missed_echoes_take_the_link_down_and_it_comes_back(
    bench: Bench, cards: dict[str, dict[str, Any]]
) -> None:
    """A link that misses three echoes is down: 91 at once; dialled again, it signs on and is in service."""
    card = next(card for card in cards.values() if card["issuer"] == ISSUER and card["expect"] == "00")
    terminal = terminal_of(bench, "acquirer")
    host = bench.issuers[ISSUER]
    host.part = Mute(host.part, lost=100)
    bench.world.run(IDLE_S + MISSES * TIMEOUT_S + 1.0)
    assert [line["missed"] for line in missed(bench)][:MISSES] == [1, 2, 3]
    assert terminal.ask(terminal.foreign.purchase(card), seconds=1.0)["39"] == "91"
    host.part.lost = 0
    bench.world.run(IDLE_S)
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "00"
