"""What the switch still knows and owes after restarts, from its log and from snapshots, however old it is (I5, R11)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal
from tests.simulation.scripted import Scripted, approve
from tests.simulation.test_flows import advice, naming, preauthorization, standing

Cards = dict[str, dict[str, Any]]
RETENTION_S = 100.0


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """A bench whose switch forgets soon."""
    bench.spec = msgspec.structs.replace(bench.spec, retention_s=RETENTION_S)
    bench.crash_switch()
    bench.world.run(1.0)
    return bench


@pytest.fixture
def issuer(bench: Bench, cards: Cards) -> Scripted:
    return Scripted(bench, cards["approve"]["issuer"])


@pytest.fixture(params=["acquirer"])
def link(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def in_service(bench: Bench, card: dict[str, Any], up: bool) -> None:
    bench.core.set_link(card["issuer"], up=up, now=bench.world.now)
    bench.switch.settle()
    bench.world.run(1.0)


def time_passes(terminal: Terminal, cards: Cards) -> None:
    """More of it than finished transactions are kept for; a transaction now and then makes the switch forget."""
    for _ in range(4):
        terminal.bench.world.run(RETENTION_S * 0.6)
        assert terminal.ask(terminal.foreign.purchase(cards["no-route"], pin=None), seconds=1.0)["39"] == "92"


def restart(bench: Bench, snapshot: bool) -> None:
    """From the log alone, or from a snapshot."""
    if snapshot:
        bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, bench.core.snapshot())
    bench.crash_switch()


def stays_down(bench: Bench, card: dict[str, Any]) -> None:
    """The link to the card's issuer stays out of service over restarts."""
    links = tuple(
        msgspec.structs.replace(link, enabled=False) if link.name == card["issuer"] else link
        for link in bench.spec.links
    )  # fmt: skip
    bench.spec = msgspec.structs.replace(bench.spec, links=links)


@pytest.mark.rule("R11")
@pytest.mark.parametrize("snapshot", [False, True])
def test_r11_an_old_debt_outlives_restarts(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, snapshot: bool
) -> None:
    """The issuer is away for longer than transactions are kept, and the switch is restarted twice meanwhile."""
    terminal, card = new_terminal(), cards["approve"]
    bench, request = terminal.bench, terminal.foreign.purchase(card)
    assert terminal.ask(request)["39"] == "00"
    in_service(bench, card, False)
    stays_down(bench, card)
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    time_passes(terminal, cards)
    for _ in range(3):
        restart(bench, snapshot)
        assert bench.core.reversals_owed() == 1
        time_passes(new_terminal(), cards)
    in_service(bench, card, True)
    assert issuer.mtis() == ["0100", "0421"]
    restart(bench, snapshot)
    assert bench.core.reversals_owed() == 0


@pytest.mark.rule("R11")
@pytest.mark.parametrize("snapshot", [False, True])
def test_a_completion_names_its_preauthorization_however_old(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, snapshot: bool
) -> None:
    """What a message that is still owed speaks of is not forgotten before it."""
    terminal, card = new_terminal(), cards["approve"]
    bench, held = terminal.bench, preauthorization(terminal, card)
    assert terminal.ask(held)["39"] == "00"
    time_passes(terminal, cards)
    in_service(bench, card, False)
    stays_down(bench, card)
    assert terminal.ask(naming(held, advice(terminal, card, 80_00)))["39"] == "00"
    time_passes(terminal, cards)
    restart(bench, snapshot)
    in_service(bench, card, True)
    asked, completed = issuer.got
    assert completed["t"] == "0221"
    assert completed["90"][:10] == "0100" + asked["11"]


@pytest.mark.rule("R13")
def test_r13_the_hold_of_an_old_preauthorization_is_released_with_its_queued_completion(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted
) -> None:
    terminal, card = new_terminal(), cards["approve"]
    bench, held = terminal.bench, preauthorization(terminal, card)
    assert terminal.ask(held)["39"] == "00"
    time_passes(terminal, cards)
    in_service(bench, card, False)
    stays_down(bench, card)
    completion = naming(held, advice(terminal, card, 80_00))
    assert terminal.ask(completion)["39"] == "00"
    time_passes(terminal, cards)
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, bench.core.snapshot())
    assert terminal.ask(terminal.foreign.reversal(completion))["39"] == "00"
    restart(bench, snapshot=False)
    in_service(bench, card, True)
    asked, reversed_ = issuer.got
    assert reversed_["90"][:10] == "0100" + asked["11"]


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_forgotten_completion_is_not_spoken_of_again(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, snapshot: bool
) -> None:
    """A pre-authorization that is kept for longer than its completion, which has been delivered, cannot be reversed
    without it: what is forgotten in a snapshot must not be named by the log that follows it."""
    terminal, card = new_terminal(), cards["approve"]
    bench, held = terminal.bench, preauthorization(terminal, card)
    assert terminal.ask(held)["39"] == "00"
    issuer.decide = lambda doc: None if doc["t"] in ("0420", "0421") else approve(doc)
    terminal.ask(terminal.foreign.reversal(held, f95=standing(50_00)))
    assert terminal.ask(naming(held, advice(terminal, card, 80_00)))["39"] == "00"
    bench.world.run(RETENTION_S * 1.1)
    terminal.ask(terminal.foreign.purchase(cards["no-route"], pin=None), seconds=1.0)  # the hold is put off: it owes
    issuer.decide = approve
    bench.world.run(70.0)
    assert bench.core.advices_owed() + bench.core.reversals_owed() == 0
    terminal.ask(terminal.foreign.purchase(cards["no-route"], pin=None), seconds=1.0)
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, bench.core.snapshot())
    assert terminal.ask(terminal.foreign.reversal(held))["39"] == "00"
    restart(bench, snapshot)
    assert bench.core.ready() is False


@pytest.mark.rule("R5")
@pytest.mark.parametrize("snapshot", [False, True])
def test_r5_a_decline_of_our_own_is_repeated_word_for_word(
    new_terminal: Callable[[], Terminal], cards: Cards, snapshot: bool
) -> None:
    terminal = new_terminal()
    request = terminal.foreign.purchase(cards["no-route"], pin=None)
    answer = terminal.ask(request)
    assert answer["39"] == "92"
    assert answer["15"]
    restart(terminal.bench, snapshot)
    assert new_terminal().ask(terminal.foreign.repeat(request)) == answer


@pytest.mark.rule("R11")
@pytest.mark.parametrize("snapshot", [False, True])
def test_r11_what_was_given_up_is_shown_unchanged(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, snapshot: bool
) -> None:
    """When, and after how many attempts."""
    terminal, card = new_terminal(), cards["approve"]
    issuer.decide = lambda doc: None if doc["t"][1] in "24" else approve(doc)
    for cents in (11_00, 22_00):
        terminal.ask(advice(terminal, card, cents))
    terminal.bench.world.run(7200.0)
    given_up = terminal.bench.core.exhausted()
    assert [attempts for *_, attempts in given_up] == [terminal.bench.spec.saf_attempts] * 2
    restart(terminal.bench, snapshot)
    assert terminal.bench.core.exhausted() == given_up
