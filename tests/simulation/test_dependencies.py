"""Whatever the HSM and the issuers do, every request is answered within its timer, and in the end nothing is owed.

Virtual time: what is measured here are the switch's own timers, not a machine.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal, foreign_of
from tests.support.foreign import Doc

ANSWERED_WITHIN_S = 6.0  # the contract: issuer timer 5 s, and the way there and back
REQUESTS, EVERY_S = 60, 0.25
LASTS_S = REQUESTS * EVERY_S

Trouble = Callable[[Bench], None]


def hsm_down(bench: Bench) -> None:
    bench.hsm.up = False


def hsm_flaps(bench: Bench) -> None:
    bench.hsm.up = not bench.hsm.up
    bench.world.after(0.7, lambda: hsm_flaps(bench))


def issuers_link_flaps(bench: Bench) -> None:
    up = not any(line.enabled for line in bench.core._context.lines.values())
    for name in bench.issuers:
        bench.core.set_link(name, up, bench.world.now)
    bench.switch.settle()
    bench.world.after(0.9, lambda: issuers_link_flaps(bench))


def issuers_crash(bench: Bench) -> None:
    for name in bench.issuers:
        bench.crash_issuer(name)
    bench.world.after(1.3, lambda: issuers_crash(bench))


def issuers_sleep(bench: Bench) -> None:
    """They hear, and say nothing: no answer, no echo."""
    for host in bench.issuers.values():
        host.part.take_effects = list  # type: ignore[method-assign]


TROUBLES: list[Trouble] = [hsm_down, hsm_flaps, issuers_link_flaps, issuers_crash, issuers_sleep]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_everything_is_answered_within_its_timer(
    bench: Bench, cards: dict[str, dict[str, Any]], trouble: Trouble
) -> None:
    """R7, R14: down, slow to die, flapping: 00, 91 or 96, never silence and never later than the timer."""
    answered: dict[str, float] = {}
    codes: set[str] = set()
    foreign = foreign_of(bench.config, "acquirer")

    def receive(frame: bytes) -> None:
        doc: Doc = foreign.decode(frame)
        answered[doc["11"]] = bench.world.now
        if doc["t"] == "0110":
            codes.add(doc["39"])

    terminal = Terminal(bench, foreign, "acquirer")
    terminal.client = bench.dial("acquirer", receive, lambda: None)
    terminal.send(foreign.network("001"))
    bench.world.run(1.0)
    sent: dict[str, float] = {}

    def buy() -> None:
        request = foreign.purchase(cards["approve"], 1_00, pin="" if random.random() < 0.7 else None)
        sent[request["11"]] = bench.world.now
        terminal.send(request)

    random = Random(1)
    for number in range(REQUESTS):
        bench.world.after(number * EVERY_S, buy)
    bench.world.after(0.3 * LASTS_S, lambda: trouble(bench))
    bench.world.run(LASTS_S + ANSWERED_WITHIN_S)
    assert sent.keys() <= answered.keys()
    assert max(answered[stan] - at for stan, at in sent.items()) <= ANSWERED_WITHIN_S
    assert codes <= {"00", "91", "96"}
    assert "00" in codes
    assert codes & {"91", "96"}
    assert bench.core.in_flight() == 0
