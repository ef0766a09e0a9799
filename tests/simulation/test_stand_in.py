"""Standing in, on virtual time: the switch approves for an issuer that cannot, within limits (R7, R12, R13)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from switch.config.tables import Config
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal
from tests.simulation.scripted import Scripted, approve
from tests.support.foreign import Doc

Cards = dict[str, dict[str, Any]]
LIMITS = {"max_amount_cents": 150_00, "max_total_cents": 200_00, "max_count": 3}


@pytest.fixture
def bench(config: Config) -> Bench:
    """A bench whose card `approve` may be stood in for."""
    cards = tuple(
        msgspec.structs.replace(card, stand_in=card.behaviour == "approve") for card in config.card
    )  # fmt: skip
    limits = msgspec.structs.replace(config.stand_in, **LIMITS)
    bench = Bench(msgspec.structs.replace(config, card=cards, stand_in=limits), seed=1)
    bench.world.run(1.0)
    return bench


@pytest.fixture(params=["acquirer"])
def link(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def card(cards: Cards) -> dict[str, Any]:
    return cards["approve"]


@pytest.fixture
def issuer(bench: Bench, card: dict[str, Any]) -> Scripted:
    """The card's issuer: it hears everything and says nothing to requests."""
    return Scripted(bench, card["issuer"], silent)


def silent(doc: Doc) -> Doc | None:
    return None if doc["t"][2] == "0" and doc["t"][1] in "12" else approve(doc)


def down(terminal: Terminal, card: dict[str, Any], up: bool = False) -> None:
    """Take the issuer's link out of service, or back in."""
    bench = terminal.bench
    bench.core.set_link(card["issuer"], up=up, now=bench.world.now)
    bench.switch.settle()
    bench.world.run(1.0)


@pytest.mark.rule("R7", "R13")
def test_r7_a_late_issuer_is_stood_in_for(terminal: Terminal, card: dict[str, Any], issuer: Scripted) -> None:
    """R13: 00 with a DE 38 of ours; the 0420 goes first, then the 0120 with a STAN of its own, DE 38 and 39."""
    request = terminal.foreign.purchase(card)
    answer = terminal.ask(request)
    assert answer["39"] == "00"
    assert len(answer["38"]) == 6
    asked, reversal, advice = issuer.got
    assert [doc["t"] for doc in issuer.got] == ["0100", "0420", "0120"]
    assert reversal["90"][:10] == "0100" + asked["11"]
    assert reversal["39"] == "68"
    assert advice["11"] != asked["11"]
    assert (advice["38"], advice["39"], advice["4"]) == (answer["38"], "00", request["4"])
    assert (advice["37"], advice["41"], advice["12"], advice["13"]) == tuple(
        request[number] for number in ("37", "41", "12", "13")
    )
    assert not advice.keys() & {"35", "52", "90"}
    assert terminal.said("stand-in")
    assert terminal.ask(terminal.foreign.repeat(request)) == answer
    assert len(issuer.got) == 3


def test_an_issuer_that_is_down_is_stood_in_for(terminal: Terminal, card: dict[str, Any], issuer: Scripted) -> None:
    """Nothing had left, so nothing is reversed; the 0120 waits until the issuer is back."""
    down(terminal, card)
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "00"
    assert issuer.got == []
    assert terminal.bench.core.advices_owed() == 1
    down(terminal, card, up=True)
    assert issuer.mtis() == ["0120"]


def test_a_lost_connection_is_stood_in_for(terminal: Terminal, card: dict[str, Any], issuer: Scripted) -> None:
    terminal.send(terminal.foreign.purchase(card))
    terminal.bench.world.run(0.1)
    assert issuer.mtis() == ["0100"]
    down(terminal, card)
    assert terminal.inbox[-1]["39"] == "00"
    down(terminal, card, up=True)
    assert issuer.mtis() == ["0100", "0420", "0120"]


@pytest.mark.rule("R13")
def test_stand_in_survives_a_restart(
    new_terminal: Callable[[], Terminal], card: dict[str, Any], issuer: Scripted
) -> None:
    terminal = new_terminal()
    request = terminal.foreign.purchase(card)
    issuer.decide = lambda _: None
    answer = terminal.ask(request, seconds=6.0)
    assert answer["39"] == "00"
    terminal.bench.crash_switch()
    issuer.got.clear()
    issuer.decide = approve
    terminal.bench.world.run(1.0)
    assert issuer.mtis() == ["0421", "0121"]
    assert new_terminal().ask(terminal.foreign.repeat(request)) == answer


@pytest.mark.rule("R13")
@pytest.mark.parametrize("restart", [False, True])
def test_r13_the_reversal_of_what_the_issuer_was_not_told_tells_it_nothing(
    new_terminal: Callable[[], Terminal], card: dict[str, Any], issuer: Scripted, restart: bool
) -> None:
    terminal = new_terminal()
    down(terminal, card)
    request = terminal.foreign.purchase(card)
    assert terminal.ask(request)["39"] == "00"
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    assert terminal.bench.core.advices_owed() + terminal.bench.core.reversals_owed() == 0
    if restart:
        terminal.bench.crash_switch()
    down(terminal, card, up=True)
    terminal.bench.world.run(5.0)
    assert issuer.got == []
    again = new_terminal()
    assert again.ask(terminal.foreign.repeat(request))["39"] == "68"


@pytest.mark.rule("R13")
def test_the_reversal_of_what_the_issuer_was_told_names_the_advice(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    request = terminal.foreign.purchase(card)
    terminal.ask(request)
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    _, _, advice, last = issuer.got
    assert last["t"] == "0420"
    assert last["90"][:10] == "0120" + advice["11"]
    assert "39" not in last


def test_a_reversal_whose_0120_is_dropped_keeps_the_0420_of_the_request(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    """The issuer may have held the request that it did not answer in time: that much it must hear."""
    issuer.decide = lambda _: None
    request = terminal.foreign.purchase(card)
    assert terminal.ask(request, seconds=5.5)["39"] == "00"
    assert terminal.ask(terminal.foreign.reversal(request), seconds=0.5)["39"] == "00"
    assert issuer.mtis() == ["0100", "0420"]
    issuer.decide = approve
    terminal.bench.world.run(60.0)
    assert issuer.mtis() == ["0100", "0420", "0421"]


def test_the_limits_hold_and_free_up_once_the_issuer_knows(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    """Of one amount, of the sum, of the number: beyond them 91, as for a card that nobody stands in for."""
    down(terminal, card)

    def buy(cents: int) -> str:
        return str(terminal.ask(terminal.foreign.purchase(card, cents))["39"])

    assert buy(LIMITS["max_amount_cents"] + 1) == "91"
    assert [buy(150_00), buy(50_01), buy(49_00), buy(1_00), buy(1)] == ["00", "91", "00", "00", "91"]
    down(terminal, card, up=True)
    assert issuer.mtis() == ["0120"] * 3
    down(terminal, card)
    assert buy(150_00) == "00"


def test_wrong_pins_are_counted(terminal: Terminal, card: dict[str, Any], issuer: Scripted) -> None:
    wrong = "0000" if card["pin"] != "0000" else "1111"
    down(terminal, card)
    codes = [terminal.ask(terminal.foreign.purchase(card, pin=wrong))["39"] for _ in range(3)]
    assert codes == ["55", "55", "75"]
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "75"
    down(terminal, card, up=True)
    assert issuer.got == []


@pytest.mark.rule("R7", "55")
def test_a_wrong_pin_after_a_timeout_is_55_and_reversed(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    wrong = "0000" if card["pin"] != "0000" else "1111"
    assert terminal.ask(terminal.foreign.purchase(card, pin=wrong))["39"] == "55"
    assert issuer.mtis() == ["0100", "0420"]


@pytest.mark.parametrize(("change", "code"), [({"14": "2901"}, "54"), ({"52": "0123456789ABCDEF"}, "88")])
def test_what_the_card_itself_forbids(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted, change: Doc, code: str
) -> None:
    down(terminal, card)
    assert terminal.ask(terminal.foreign.purchase(card) | change)["39"] == code
    assert issuer.got == []


def test_the_expiry_date_of_a_stripe_counts_where_there_is_no_other(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    down(terminal, card)
    for expiry, code in (("2901", "54"), (card["expiry"], "00")):
        request = terminal.foreign.purchase(card, f35=f"{card['pan']}={expiry}2011234567890")
        del request["14"]
        assert terminal.ask(request)["39"] == code


def test_without_a_pin_and_without_an_hsm(terminal: Terminal, card: dict[str, Any], issuer: Scripted) -> None:
    """No PIN, nothing to verify; a PIN that nobody can verify: 91, as without standing in."""
    down(terminal, card)
    terminal.bench.hsm.up = False
    assert terminal.ask(terminal.foreign.purchase(card, pin=None))["39"] == "00"
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "91"
    assert issuer.got == []


@pytest.mark.parametrize("change", [{"f3": "010000"}, {"f3": "200000"}, {"f3": "310000"}, {"f25": "06"}])
def test_only_purchases_are_stood_in_for(terminal: Terminal, card: dict[str, Any], change: Doc) -> None:
    down(terminal, card)
    assert terminal.ask(terminal.foreign.purchase(card, **change))["39"] == "91"


@pytest.mark.rule("91")
def test_a_card_that_is_not_covered_is_91(terminal: Terminal, cards: Cards) -> None:
    other = next(
        card for name, card in cards.items() if name != "approve" and card["issuer"] == cards["approve"]["issuer"]
    )
    down(terminal, other)
    assert terminal.ask(terminal.foreign.purchase(other))["39"] == "91"


def test_a_reversal_while_the_pin_is_verified_ends_it(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    """The HSM is slow: the acquirer gives up before the switch has decided; nothing is approved."""
    down(terminal, card)
    terminal.bench.hsm.up = False
    request = terminal.foreign.purchase(card)
    terminal.send(request)
    terminal.bench.world.run(0.5)
    assert terminal.ask(terminal.foreign.reversal(request), seconds=10.0)["39"] == "00"
    assert terminal.ask(terminal.foreign.repeat(request))["39"] == "68"
    down(terminal, card, up=True)
    assert issuer.got == []
    assert terminal.bench.core.in_flight() == 0


@pytest.mark.rule("R8")
def test_a_late_answer_to_what_was_stood_in_for_is_seen_and_ignored(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    """R8, and the STAN of the request is free again after the watch, that of the advice at once."""
    request = terminal.foreign.purchase(card)
    answer = terminal.ask(request)
    (asked, _, _) = issuer.got
    late = {"t": "0110", "39": "51"} | {number: asked[number] for number in ("3", "4", "7", "11", "37", "41")}
    core, bench = terminal.bench.core, terminal.bench
    stans = core._context.issuers[bench.link_index[card["issuer"]]].stans
    assert stans.taken == 1
    issuer.say(next(iter(core._context.line_of_conn)), late)
    bench.issuers[card["issuer"]].settle()
    bench.world.run(1.0)
    assert terminal.ask(terminal.foreign.repeat(request)) == answer
    bench.world.run(bench.spec.late_watch_s)
    assert stans.taken == 0


def test_a_snapshot_of_a_stand_in_folds_to_the_same_state(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:
    terminal.ask(terminal.foreign.purchase(card, 10_00))
    issuer.decide = lambda _: None
    terminal.ask(terminal.foreign.purchase(card, 20_00), seconds=8.0)
    bench = terminal.bench
    state = bench.core.snapshot()
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, state)
    issuer.got.clear()
    issuer.decide = approve
    bench.crash_switch()
    assert bench.core.snapshot() == state
    bench.world.run(1.0)
    assert [(doc["t"], doc["4"]) for doc in issuer.got] == [("0421", "000000002000"), ("0121", "000000002000")]


def test_r15_a_key_that_came_since_changes_nothing_for_a_pin_that_was_read(
    terminal: Terminal, card: dict[str, Any], issuer: Scripted
) -> None:  # fmt: skip
    """The PIN block of a request in flight is verified under the key that it was read under, not under the newest."""
    bench = terminal.bench
    terminal.send(terminal.foreign.purchase(card, 10_00))
    bench.world.run(1.0)
    keys = bench.core._context.acquirers[bench.link_index[terminal.link]].keys
    keys.change(bench.spec.links[bench.link_index[card["issuer"]]].zpk, "", bench.world.now, 60.0)
    keys.served(keys.current)
    bench.world.run(20.0)
    assert [answer["39"] for answer in terminal.inbox if answer["t"] == "0110"] == ["00"]
