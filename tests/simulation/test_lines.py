"""R14: several lines to one institution. Production core on virtual time; messages come from pyiso8583."""

from pathlib import Path
from typing import Any

import pytest

from switch.config import load
from switch.config.tables import Config
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal, terminal_of
from tests.simulation.institution import Institution

SECOND_LINE = '[[link]]\nname = "issuer-1-b"\njoins = "issuer-1"\n'
THIRD_LINE = '[[link]]\nname = "issuer-1-c"\njoins = "issuer-1"\n'
LINES = ("issuer-1", "issuer-1-b", "issuer-1-c")


@pytest.fixture
def joined(tmp_path: Path) -> Config:
    file = tmp_path / "lines.toml"
    file.write_text(SECOND_LINE + THIRD_LINE)
    return load(file)


@pytest.fixture
def bench(joined: Config) -> Bench:
    bench = Bench(joined, seed=1)
    bench.world.run(1.0)
    assert bench.core.ready()
    return bench


@pytest.fixture
def terminal(bench: Bench) -> Terminal:
    return terminal_of(bench, "acquirer")


def sample_cards(config: Config) -> list[dict[str, Any]]:
    return [
        {"pan": card.pan, "expiry": card.expiry, "pin": card.pin}
        for card in config.card
        if card.issuer == "issuer-1" and card.sample
    ]


def line_of(bench: Bench, name: str) -> Any:
    return bench.core._context.lines[bench.link_index[name]]


def states(bench: Bench) -> dict[str, str]:
    return {name: state for name, _, state, _ in bench.core.link_states()}


def test_each_line_signs_on_by_itself_and_has_its_own_name(bench: Bench) -> None:
    """R14: a sign-on is of a connection; what is configured once for the institution serves all its lines."""
    assert [states(bench)[name] for name in LINES] == ["signed-on"] * 3
    assert len(bench.core._context.issuers) == 3  # issuer-1, issuer-2, issuer-down


def test_cards_are_spread_and_each_keeps_to_its_line(bench: Bench, terminal: Terminal, joined: Config) -> None:
    """Messages about one card take one line, so that they keep their order; other cards take others."""
    issuer = Institution(bench, "issuer-1")
    lines_of_card = []
    for card in sample_cards(joined):
        taken = set()
        for _ in range(3):
            request = terminal.foreign.purchase(card, 1_00)
            assert terminal.ask(request, seconds=1.0)["39"] == "00"
            taken.add(issuer.conn_of[request["37"]])
        lines_of_card.append(taken)
    assert all(len(taken) == 1 for taken in lines_of_card)
    assert len(set.union(*lines_of_card)) == 3


def test_a_lost_line_costs_only_what_was_sent_on_it(bench: Bench, terminal: Terminal, joined: Config) -> None:
    """R14 → R7: those get 91 and are reversed, on another line; what waits on other lines is answered."""
    issuer = Institution(bench, "issuer-1", lambda doc: None if doc["t"] == "0100" else {"39": "00"})
    requests = [terminal.foreign.purchase(card, 1_00, pin=None) for card in sample_cards(joined)]
    for request in requests:
        terminal.send(request)
    bench.world.run(0.1)
    line = line_of(bench, "issuer-1-b")
    lost = {tx.rrn for tx in line.issuer.sent_on(line.conn)}
    assert 0 < len(lost) < len(requests)
    bench._dialled["issuer-1-b"].close()
    bench.world.run(0.05)
    assert {doc["37"] for doc in terminal.inbox if doc.get("39") == "91"} == lost
    assert {doc["37"] for doc in issuer.got if doc["t"] == "0420"} == lost
    assert all(line["why"].endswith("issuer-1-b was lost") for line in terminal.said("issuer-lost"))


def test_while_a_line_is_down_the_others_serve(bench: Bench, terminal: Terminal, joined: Config) -> None:
    """Fail-over: control takes one line down by its name, the institution stays in service; back up, cards return."""
    issuer = Institution(bench, "issuer-1")

    def lines_taken() -> list[int]:
        taken = []
        for card in sample_cards(joined):
            request = terminal.foreign.purchase(card, 1_00)
            assert terminal.ask(request, seconds=1.0)["39"] == "00"
            taken.append(issuer.conn_of[request["37"]])
        return taken

    before = lines_taken()
    wire = bench._dialled["issuer-1"]
    bench.core.set_link("issuer-1", up=False, now=bench.world.now)
    bench.switch.settle()
    bench.world.run(1.0)
    assert states(bench)["issuer-1"] == "disabled"
    assert bench.core.ready()
    during = lines_taken()
    moved = {old for old, new in zip(before, during, strict=True) if old != new}
    assert (moved, len(moved)) == (set(before) - set(during), 1)
    bench.core.set_link("issuer-1", up=True, now=bench.world.now)
    bench.world.run(1.0)
    assert states(bench)["issuer-1"] == "signed-on"
    assert not wire.open
    assert {old for old, new in zip(before, lines_taken(), strict=True) if old != new} == moved


def test_all_lines_down_is_the_institution_down(bench: Bench, terminal: Terminal, joined: Config) -> None:
    card = sample_cards(joined)[0]
    for name in LINES:
        bench.core.set_link(name, up=False, now=bench.world.now)
    bench.switch.settle()
    bench.world.run(1.0)
    assert terminal.ask(terminal.foreign.purchase(card, 1_00))["39"] == "91"
    assert terminal.said("issuer-down")


def test_a_silent_line_is_given_up_alone(bench: Bench, terminal: Terminal, joined: Config) -> None:
    """R14: echo when idle, for each line; after N misses that line is closed and dialled again, the others stand."""
    issuer = Institution(bench, "issuer-1")
    receive, deaf = issuer.receive, []

    def half_deaf(conn: int, frame: bytes, now: float) -> None:
        deaf[:] = deaf or [conn]
        if conn not in deaf:
            receive(conn, frame, now)

    issuer.receive = half_deaf  # type: ignore[method-assign]
    bench.world.run(bench.spec.echo_idle_s + bench.spec.echo_misses * 5.0 + 1.0)
    missed = terminal.said("echo-missed")
    assert [line["missed"] for line in missed] == [1, 2, 3]
    assert len({line["link"] for line in missed}) == 1
    assert len(terminal.said("issuer-disconnected")) == 1
    bench.world.run(1.0)
    assert [states(bench)[name] for name in LINES] == ["signed-on"] * 3
    assert [doc["70"] for doc in issuer.asked].count("301") >= 2


def test_an_issuer_signs_off_one_line(bench: Bench, terminal: Terminal, joined: Config) -> None:
    """R14: 002 takes that line out of service and no other; 001 brings it back."""
    issuer = Institution(bench, "issuer-1")
    conn = line_of(bench, "issuer-1-b").conn
    for code, expected in (("002", "connected"), ("001", "signed-on")):
        frame = terminal.foreign.encode(terminal.foreign.network(code))
        bench.switch.receive(conn, frame)
        bench.world.run(0.1)
        assert states(bench)["issuer-1-b"] == expected
        assert states(bench)["issuer-1"] == "signed-on"
        for card in sample_cards(joined)[:4]:
            assert terminal.ask(terminal.foreign.purchase(card, 1_00), seconds=1.0)["39"] == "00"
    assert [doc["39"] for doc in issuer.heard] == ["00", "00"]


def test_what_is_owed_survives_the_loss_of_its_line(bench: Bench, terminal: Terminal, joined: Config) -> None:
    """R11: a reversal that was under way on a lost line is repeated on another one, once it is due."""
    card, deaf = sample_cards(joined)[0], [True]
    issuer = Institution(bench, "issuer-1", lambda doc: None if deaf[0] and doc["t"] == "0420" else {"39": "00"})
    request = terminal.foreign.purchase(card, 1_00)
    assert terminal.ask(request, seconds=1.0)["39"] == "00"
    terminal.ask(terminal.foreign.reversal(request), seconds=1.0)
    (tx,) = bench.core._context.transactions.everything()
    deaf[0] = False
    taken = line_of(bench, "issuer-1").issuer.line_for(tx).spec.name
    bench.core.set_link(taken, up=False, now=bench.world.now)
    bench.switch.settle()
    bench.world.run(10.0)
    assert issuer.mtis()[-2:] == ["0420", "0421"]
    assert bench.core.reversals_owed() == 0


def test_a_further_line_repeats_nothing(bench: Bench, terminal: Terminal, joined: Config) -> None:
    """What is under way on one line is not sent again because another one has signed on."""
    issuer = Institution(bench, "issuer-1", lambda doc: None if doc["t"] == "0420" else {"39": "00"})
    bench.core.set_link("issuer-1-c", up=False, now=bench.world.now)
    bench.switch.settle()
    request = terminal.foreign.purchase(sample_cards(joined)[0], 1_00)
    terminal.ask(request, seconds=1.0)
    terminal.ask(terminal.foreign.reversal(request), seconds=0.5)
    bench.core.set_link("issuer-1-c", up=True, now=bench.world.now)
    bench.world.run(1.0)
    assert states(bench)["issuer-1-c"] == "signed-on"
    assert issuer.mtis() == ["0100", "0420"]


def test_lines_come_back_after_a_restart_of_the_switch(bench: Bench, terminal: Terminal, joined: Config) -> None:
    bench.crash_switch()
    bench.world.run(1.0)
    assert [states(bench)[name] for name in LINES] == ["signed-on"] * 3
    again = terminal_of(bench, "acquirer", terminal.foreign)
    assert again.ask(again.foreign.purchase(sample_cards(joined)[0], 1_00))["39"] == "00"
