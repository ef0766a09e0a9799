"""Planted mistakes of an integrator, over the real protocol: the line about each names the field and what to do.

Production core on virtual time; messages from pyiso8583.
"""

from collections.abc import Callable
from typing import Any

import pytest

from switch.core.checks import ORIGINAL_ORDER
from switch.core.transactions import LOOKED_THROUGH
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal, terminal_of
from tests.simulation.scripted import Scripted, approve
from tests.support.foreign import Doc

Cards = dict[str, dict[str, Any]]


@pytest.fixture
def link() -> str:
    return "acquirer"


def only(terminal: Terminal, reason: str) -> dict[str, Any]:
    (line,) = terminal.said(reason)
    return line


# -- DE 90 ------------------------------------------------------------------------------------------------------------


def reversed_wrongly(terminal: Terminal, card: dict[str, Any], wrong: Callable[[Doc, Doc], Doc]) -> tuple[str, Doc]:
    """The line about the reversal of a purchase, once `wrong(reversal, purchase)` has spoilt it."""
    request = terminal.foreign.purchase(card, 10_00)
    assert terminal.ask(request)["39"] == "00"
    reversal = terminal.foreign.reversal(request)
    assert terminal.ask(reversal | wrong(reversal, request))["39"] == "00"
    return only(terminal, "reversal-without-original")["why"], request


def test_a_wrong_stan_in_de_90(terminal: Terminal, cards: Cards) -> None:
    why, request = reversed_wrongly(terminal, cards["approve"], lambda r, _: {"90": "0100999999" + r["90"][10:]})
    assert f"DE 90 names STAN 999999, but the 0100 with its DE 37 and 41 had STAN {request['11']}" in why
    assert "remembered" in why


def test_the_reversals_own_stan_in_de_90(terminal: Terminal, cards: Cards) -> None:
    def wrong(reversal: Doc, _: Doc) -> Doc:
        return {"11": "888888", "90": "0100888888" + reversal["90"][10:]}

    why, request = reversed_wrongly(terminal, cards["approve"], wrong)
    assert "DE 90 names STAN 888888, the message's own DE 11, but the 0100 with its DE 37" in why
    assert request["11"] in why


def test_a_new_de_37_or_41(terminal: Terminal, cards: Cards) -> None:
    why, request = reversed_wrongly(terminal, cards["approve"], lambda *_: {"37": "NEW000000001"})
    assert f"STAN {request['11']} was seen with DE 37 = {request['37']}, this message has NEW000000001" in why
    terminal.bench.world.said.clear()
    why, request = reversed_wrongly(terminal, cards["approve"], lambda *_: {"41": "OTHER001"})
    assert f"STAN {request['11']} was seen with DE 41 = TERM0001, this message has OTHER001" in why


def test_another_message_type_in_de_90(terminal: Terminal, cards: Cards) -> None:
    why, request = reversed_wrongly(terminal, cards["approve"], lambda r, _: {"90": "0200" + r["90"][4:]})
    assert f"STAN {request['11']} was seen as a 0100, DE 90 says 0200" in why


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (("mti", "7", "11"), "DE 90 has 112112 where the STAN belongs, which looks like a date"),
        (("11", "mti", "7"), "DE 90 starts with 0000, which is no message type"),
        (("7", "mti", "11"), "DE 90 starts with 1121, which is no message type"),
    ],
)
def test_another_order_in_de_90(terminal: Terminal, cards: Cards, order: tuple[str, ...], said: str) -> None:
    def wrong(reversal: Doc, request: Doc) -> Doc:
        parts = {"mti": "0100", "11": request["11"], "7": request["7"]}
        return {"90": "".join(parts[part] for part in order) + reversal["90"][20:]}

    why, _ = reversed_wrongly(terminal, cards["approve"], wrong)
    assert f"{said}: {ORIGINAL_ORDER}" in why


def test_a_reversal_of_nothing_says_what_was_looked_for(terminal: Terminal, cards: Cards) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    terminal.ask(terminal.foreign.reversal(request))
    why = only(terminal, "reversal-without-original")["why"]
    assert (
        f"no 0100 from acquirer has STAN {request['11']} of DE 90, DE 37 = {request['37']} and DE 41 = TERM0001" in why
    )
    terminal.ask(terminal.foreign.reversal(request, "0421"))
    assert "its original has not come since" in only(terminal, "from-memory")["why"]
    assert terminal.ask(request)["39"] == "12"
    assert "a reversal of this request came before it" in only(terminal, "reversed-before")["why"]


def test_what_another_link_has_sent_is_not_named(bench: Bench, terminal: Terminal, cards: Cards) -> None:
    """Nobody hears of another institution's transactions."""
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request)["39"] == "00"
    other = terminal_of(bench, "acquirer-bcd")
    theirs = request | {"32": other.foreign.link["institution_id"], "37": "NEW000000001"}
    other.ask(other.foreign.reversal(theirs))
    assert "no 0100 from acquirer-bcd has STAN" in only(other, "reversal-without-original")["why"]


def test_a_storm_is_not_looked_up_each_time(terminal: Terminal, cards: Cards) -> None:
    """A look through the newest costs milliseconds: ten a second, and none of it for the others."""
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request)["39"] == "00"
    reversal = terminal.foreign.reversal(request)
    for number in range(30):
        terminal.send(reversal | {"37": f"NEW{number:09d}"})
    terminal.bench.world.run(0.5)
    lines = terminal.said("reversal-without-original")
    assert len(lines) == 30
    assert sum("was seen with DE 37" in line["why"] for line in lines) == 10
    assert LOOKED_THROUGH <= 5_000


def test_a_completion_of_a_purchase_is_told_what_it_names(terminal: Terminal, cards: Cards) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request)["39"] == "00"
    advice = terminal.foreign.reversal(request, "0220") | {"12": "120000", "13": "1121", "22": "051", "11": "777777"}
    assert terminal.ask(advice)["39"] == "00"
    why = only(terminal, "advice-without-original")["why"]
    assert "the 0100 that DE 90 names is no pre-authorization: its DE 25 was not 06" in why


def test_an_addition_is_told_why_it_adds_to_nothing(terminal: Terminal, cards: Cards) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request)["39"] == "00"
    original = terminal.foreign.reversal(request)["90"]
    held = terminal.foreign.purchase(cards["approve"], f25="06")
    assert terminal.ask(held)["39"] == "00"
    another = terminal.foreign.reversal(held)["90"]
    for card, changes, said in (
        ("approve", {"f90": original, "f37": request["37"]}, "is no pre-authorization"),
        ("approve", {"f90": original}, f"STAN {request['11']} was seen with DE 37 = {request['37']}"),
        ("pin-tries", {"f90": another, "f37": held["37"]}, "a pre-authorization of another card"),
    ):
        assert terminal.ask(terminal.foreign.purchase(cards[card], f25="06", **changes))["39"] == "12"
        assert said in terminal.said("no-preauthorization")[-1]["why"]


# -- the same again ---------------------------------------------------------------------------------------------------


def test_an_answer_from_memory_is_said_to_be_one(terminal: Terminal, cards: Cards) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    first = terminal.ask(request)
    assert terminal.ask(request) == first
    line = only(terminal, "from-memory")
    assert (line["event"], line["stan"], line["rrn"]) == ("repeat", request["11"], request["37"])
    assert f"the same STAN {request['11']}, DE 37 = {request['37']}, DE 41 = TERM0001" in line["why"]
    assert line["why"].endswith("answered from memory, no issuer was asked; a new request needs a new STAN or DE 37")
    terminal.ask(terminal.foreign.repeat(request))
    assert terminal.said("from-memory")[-1]["why"].endswith("no issuer was asked")


def test_repeats_of_what_is_in_flight_leave_lines_too(bench: Bench, terminal: Terminal, cards: Cards) -> None:
    Scripted(bench, "issuer-1", lambda doc: None if doc["t"] == "0100" else {"39": "00"})
    request = terminal.foreign.purchase(cards["approve"])
    for _ in range(9):
        terminal.send(request)
    bench.world.run(1.0)
    assert len(terminal.said("attached")) == 7
    assert "8 wait for the same answer already" in only(terminal, "dropped")["why"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"4": "000000000999"}, "another DE 4: 000000000999, before it was 000000010000"),
        ({"3": "010000"}, "another DE 3: 010000, before it was 000000"),
        ({"49": "250"}, "another DE 49: 250, before it was 978"),
        ({"t": "0120"}, "another MTI: 0120, before it was 0100"),
    ],
)
def test_94_says_which_of_the_four(terminal: Terminal, cards: Cards, change: Doc, said: str) -> None:
    request = terminal.foreign.purchase(cards["approve"], pin=None)
    terminal.ask(request)
    assert terminal.ask(request | change)["39"] == "94"
    why = only(terminal, "duplicate-differs")["why"]
    assert f", but {said}: a new request needs a new STAN" in why


def test_94_shows_other_cards_masked(terminal: Terminal, cards: Cards) -> None:
    request = terminal.foreign.purchase(cards["approve"], pin=None)
    terminal.ask(request)
    other = cards["pin-tries"]["pan"]
    assert terminal.ask(request | {"2": other})["39"] == "94"
    why = only(terminal, "duplicate-differs")["why"]
    masked = [f"{pan[:6]}******{pan[-4:]}" for pan in (other, request["2"])]
    assert f"another card: {masked[0]}, before it was {masked[1]}" in why
    assert other not in why
    assert request["2"] not in why


# -- an issuer's answers ----------------------------------------------------------------------------------------------


def answered_wrongly(
    bench: Bench, terminal: Terminal, card: dict[str, Any], wrong: Doc, without: tuple[str, ...] = ()
) -> tuple[str, Doc]:
    """The line about a 0110 that is spoilt, and the 0100 as the issuer saw it."""

    issuer = Scripted(bench, "issuer-1")
    say = issuer.say

    def spoilt(conn: int, doc: Doc) -> None:
        if doc["t"] == "0110":
            doc = {number: text for number, text in (doc | wrong).items() if number not in without}
        say(conn, doc)

    issuer.say = spoilt  # type: ignore[method-assign]
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "91"
    return only(terminal, "answer-unmatched")["why"], issuer.got[0]


def test_an_answer_without_de_37_or_41(bench: Bench, terminal: Terminal, cards: Cards) -> None:
    why, asked = answered_wrongly(bench, terminal, cards["approve"], {}, ("37",))
    assert why == (
        f"0110 matched nothing pending: STAN {asked['11']}: it has no DE 37, and the 0100 with this STAN has "
        f"{asked['37']}: the answer must repeat it, unless match = [41] in the [[link]] issuer-1"
    )


@pytest.mark.parametrize(
    ("wrong", "without", "said"),
    [
        ({"41": "OTHER001"}, (), "it has DE 41 = OTHER001, and the 0100 with this STAN has TERM0001"),
        ({}, ("11",), "it has no DE 11, which must repeat that of its request; the 0100 with its DE 37 and 41 waits"),
        ({"t": "0210"}, (), "the 0100 with this STAN is answered by 0110"),
        ({"11": "999999"}, (), "no request has this STAN, or it was answered before; the 0100 with its DE 37 and 41"),
    ],
)
def test_an_answer_that_differs(
    bench: Bench, terminal: Terminal, cards: Cards, wrong: Doc, without: tuple[str, ...], said: str
) -> None:
    assert said in answered_wrongly(bench, terminal, cards["approve"], wrong, without)[0]


@pytest.mark.parametrize(
    ("answer", "reason", "said", "code"),
    [
        ({"39": "ZZ"}, "unknown-code", "issuer-1 answered DE 39 = ZZ", "ZZ"),
        ({"39": "00", "4": "000000009999"}, "amount-differs", "DE 4 = 000000009999, asked was 000000010000", "00"),
        ({"39": "00", "49": "250"}, "currency-differs", "DE 49 = 250, asked was 978", "00"),
    ],
)
def test_what_an_issuer_answers_strangely_is_passed_on_with_a_line(
    bench: Bench, terminal: Terminal, cards: Cards, answer: Doc, reason: str, said: str, code: str
) -> None:
    Scripted(bench, "issuer-1", lambda doc: answer if doc["t"] == "0100" else {"39": "00"})
    got = terminal.ask(terminal.foreign.purchase(cards["approve"]))
    assert (got["39"], got["4"], got["49"]) == (code, "000000010000", "978")
    assert said in only(terminal, reason)["why"]


def test_an_ordinary_approval_and_decline_leave_no_line(bench: Bench, terminal: Terminal, cards: Cards) -> None:
    Scripted(bench, "issuer-1", lambda doc: approve(doc) if doc["4"] == "000000010000" else {"39": "51"})
    bench.world.said.clear()
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "00"
    assert terminal.ask(terminal.foreign.purchase(cards["approve"], 1_00))["39"] == "51"
    assert not bench.world.said


def test_an_acknowledgement_that_differs(bench: Bench, terminal: Terminal, cards: Cards) -> None:
    issuer = Scripted(bench, "issuer-1")
    say = issuer.say
    issuer.say = lambda conn, doc: say(conn, doc | ({"41": "OTHER001"} if doc["t"] == "0430" else {}))  # type: ignore[method-assign]
    request = terminal.foreign.purchase(cards["approve"])
    terminal.ask(request)
    terminal.ask(terminal.foreign.reversal(request), seconds=1.0)
    assert (
        "it has DE 41 = OTHER001, and the 0420 with this STAN has TERM0001" in only(terminal, "answer-unmatched")["why"]
    )


# -- out of service, other totals -------------------------------------------------------------------------------------


def test_an_issuer_that_is_not_in_service_is_told_apart(bench: Bench, terminal: Terminal, cards: Cards) -> None:
    """Nobody dialled, signed off, or switched off: each asks for something else."""
    down = cards["issuer-down"]
    assert terminal.ask(terminal.foreign.purchase(down))["39"] == "91"
    assert "issuer-down is disabled (enabled = false, or by control)" in only(terminal, "issuer-down")["why"]
    issuer = Scripted(bench, "issuer-1")
    terminal.ask(terminal.foreign.purchase(cards["approve"]))
    line = bench.core._context.lines[bench.link_index["issuer-1"]]
    issuer.say(line.conn, {"t": "0800", "7": "1121120000", "11": "000001", "70": "002"})
    bench.issuers["issuer-1"].settle()
    bench.world.run(0.1)
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "91"
    assert "issuer-1 has not answered our sign-on (0800, DE 70 = 001)" in terminal.said("issuer-down")[-1]["why"]


def test_other_totals_are_named_by_element(terminal: Terminal, cards: Cards) -> None:
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "00"
    totals = terminal.foreign.network("001") | {"t": "0500", "32": terminal.foreign.link["institution_id"]}
    del totals["70"]
    terminal.ask(totals | {"76": "0000000002", "88": f"{100_00:016d}", "97": f"D{100_00:016d}"})
    why = only(terminal, "out-of-balance")["why"]
    assert why.endswith("and is told ours: DE 76 is 0000000002, ours is 0000000001")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"f32": "99999999999"}, "DE 32 is 99999999999, institution_id of link acquirer is 10000000001"),
        ({"f3": "770000"}, "DE 3 starts with 77; known are 00 purchase"),
        ({"f49": "840"}, "DE 49 is 840; this switch takes 978 and 250 (currencies)"),
        ({"f4": "000000000000"}, "DE 4 is zero, and DE 3 = 000000 moves money"),
        ({"f54": "0040978C000000099999"}, "the cash in DE 54 is 99999 minor units, more than DE 4, 000000010000"),
        ({"f35": "4687380000000024=3012101"}, "different card numbers: 468738******0024 and 468738******0016"),
    ],
)
def test_a_refusal_shows_what_it_saw(terminal: Terminal, cards: Cards, changes: dict[str, str], said: str) -> None:
    terminal.ask(terminal.foreign.purchase(cards["approve"], pin=None, **changes))
    assert said in terminal.bench.world.said[-1]["why"]
