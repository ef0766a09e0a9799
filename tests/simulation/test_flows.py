"""Advices, completions, partial approvals and reversals, on virtual time, against a scripted issuer.

Messages come from pyiso8583 on both sides, so what is checked is what is on the wires.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal
from tests.simulation.scripted import Scripted, approve
from tests.support.foreign import Doc

Cards = dict[str, dict[str, Any]]


@pytest.fixture
def issuer(bench: Bench, cards: Cards) -> Scripted:
    """The issuer of the card `approve`; it approves everything."""
    return Scripted(bench, cards["approve"]["issuer"])


@pytest.fixture(params=["acquirer"])
def link(request: pytest.FixtureRequest) -> str:
    """One link: the dialects are others' business."""
    return str(request.param)


def naming(original: Doc, doc: Doc) -> Doc:
    """`doc` as a message about `original`: its DE 37, and DE 90."""
    named = original["t"][:3] + "0" + original["11"] + original["7"] + original["32"].rjust(11, "0") + "0" * 11
    return doc | {"37": original["37"], "90": named}


def preauthorization(terminal: Terminal, card: dict[str, Any], cents: int = 100_00) -> Doc:
    return terminal.foreign.purchase(card, cents, f25="06")


def advice(terminal: Terminal, card: dict[str, Any], cents: int = 100_00, mti: str = "0220", **changes: str) -> Doc:
    return terminal.foreign.purchase(card, cents, pin=None, mti=mti, **changes)


def restarted(terminal: Terminal, new_terminal: Callable[[], Terminal]) -> Terminal:
    """The switch loses its memory and comes back from its log."""
    terminal.bench.crash_switch()
    terminal.bench.world.run(1.0)
    return new_terminal()


# -- R12: advices ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("R12")
@pytest.mark.parametrize("mti", ["0120", "0220"])
def test_r12_an_advice_is_answered_and_told_to_the_issuer(
    terminal: Terminal, cards: Cards, issuer: Scripted, mti: str
) -> None:
    """R1, R2, R12: 0220 → 0230/00 with the echoes; the issuer gets it under a STAN of ours, once."""
    request = advice(terminal, cards["approve"], mti=mti, f38="OFF123", f39="00", f18="5411")
    answer = terminal.ask(request)
    assert (answer["t"], answer["39"]) == (mti[:2] + "30", "00")
    echoed = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")
    assert {number: answer[number] for number in echoed} == {number: request[number] for number in echoed}
    (told,) = issuer.got
    assert told["t"] == mti
    same = ("2", "3", "4", "7", "12", "13", "14", "18", "22", "32", "37", "38", "39", "41", "42", "49")
    assert {number: told[number] for number in same} == {number: request[number] for number in same}
    assert not told.keys() & {"35", "45", "48", "52", "55", "90"}
    assert terminal.bench.core.advices_owed() == 0


@pytest.mark.rule("R12", "I3")
@pytest.mark.parametrize("again", ["0220", "0221"])
def test_r12_a_repeated_advice_has_one_effect(terminal: Terminal, cards: Cards, issuer: Scripted, again: str) -> None:
    request = advice(terminal, cards["approve"])
    first = terminal.ask(request)
    assert terminal.ask(request | {"t": again}) == first
    assert terminal.ask(request | {"t": again, "4": "000000000001"})["39"] == "94"
    assert issuer.mtis() == ["0220"]


@pytest.mark.rule("R11", "R12")
def test_r11_an_advice_is_repeated_until_it_is_taken(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """0220, then 0221 at doubling intervals, whatever the issuer says but 00 and 25."""
    answers = [None, {"39": "91"}, {"39": "96"}, {"39": "00"}]
    issuer.decide = lambda _: answers.pop(0)
    assert terminal.ask(advice(terminal, cards["approve"]), seconds=1.0)["39"] == "00"
    assert terminal.bench.core.advices_owed() == 1
    terminal.bench.world.run(120.0)
    assert issuer.mtis() == ["0220", "0221", "0221", "0221"]
    assert len({(doc["11"], doc["37"], doc["4"]) for doc in issuer.got}) == 1
    assert terminal.bench.core.advices_owed() == 0


@pytest.mark.rule("R11", "R12")
def test_r11_an_advice_survives_a_restart(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted
) -> None:  # fmt: skip
    terminal = new_terminal()
    issuer.decide = lambda _: None
    request = advice(terminal, cards["approve"], f38="OFF123")
    first = terminal.ask(request, seconds=1.0)
    issuer.decide = approve
    again = restarted(terminal, new_terminal)
    assert issuer.mtis() == ["0220", "0221"]
    assert {**issuer.got[0], "t": ""} == {**issuer.got[1], "t": ""}
    assert again.ask(request | {"t": "0221"}) == first
    assert again.bench.core.advices_owed() == 0


@pytest.mark.rule("R11")
def test_r11_what_an_issuer_never_takes_is_given_up_and_seen(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted
) -> None:  # fmt: skip
    """After `saf_attempts` it is not sent again: an exception for people, after a restart too; the next one goes on."""
    terminal = new_terminal()
    refused = advice(terminal, cards["approve"], 11_00)
    issuer.decide = lambda doc: None if doc["4"] == refused["4"] else approve(doc)
    terminal.ask(refused)
    terminal.ask(advice(terminal, cards["approve"], 22_00))
    assert {doc["4"] for doc in issuer.got} == {refused["4"]}
    terminal.bench.world.run(3600.0)
    attempts = terminal.bench.spec.saf_attempts
    assert [doc["4"] for doc in issuer.got] == [refused["4"]] * attempts + ["000000002200"]
    (line,) = terminal.said("saf-exhausted")
    assert (line["mti"], line["attempts"], line["acquirer_stan"]) == ("0220", attempts, refused["11"])
    ((_, link, mti, stan, rrn, _, count),) = terminal.bench.core.exhausted()
    assert (link, mti, stan, rrn, count) == (issuer_name(cards), "0220", refused["11"], refused["37"], attempts)
    again = restarted(terminal, new_terminal)
    assert len(again.bench.core.exhausted()) == 1
    again.bench.world.run(600.0)
    assert len(issuer.got) == attempts + 1


def issuer_name(cards: Cards) -> str:
    return str(cards["approve"]["issuer"])


@pytest.mark.parametrize(
    ("change", "code"),
    [({"32": "99999999999"}, "58"), ({"4": "000000000000"}, "13"), ({"49": "840"}, "12"), ({"90": "X" * 42}, "30")],
)
def test_an_advice_that_is_no_good_is_refused_at_once(
    terminal: Terminal, cards: Cards, issuer: Scripted, change: Doc, code: str
) -> None:
    assert terminal.ask(advice(terminal, cards["approve"]) | change)["39"] == code
    assert terminal.ask(advice(terminal, cards["no-route"]))["39"] == "92"
    assert issuer.got == []


@pytest.mark.parametrize("missing", ["2", "4", "11", "37", "41", "49"])
def test_an_advice_without_a_mandatory_field_is_30(terminal: Terminal, cards: Cards, missing: str) -> None:
    request = advice(terminal, cards["approve"])
    del request[missing]
    assert terminal.ask(request)["39"] == "30"


@pytest.mark.rule("R9")
def test_a_reversal_before_its_advice_refuses_it(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """R9 holds for advices too."""
    request = advice(terminal, cards["approve"])
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    assert terminal.ask(request)["39"] == "12"
    assert issuer.got == []


# -- pre-authorization, increments, completion -------------------------------------------------------------------------


@pytest.mark.parametrize("final_cents", [60_00, 100_00, 130_00])
def test_a_completion_names_its_preauthorization_to_the_issuer(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, final_cents: int
) -> None:  # fmt: skip
    """Partial, equal, excess: 0230/00 whatever was held; DE 90 is translated to the STAN that the issuer knows."""
    terminal = new_terminal()
    held = preauthorization(terminal, cards["approve"])
    assert terminal.ask(held)["39"] == "00"
    terminal = restarted(terminal, new_terminal)
    completion = naming(held, advice(terminal, cards["approve"], final_cents))
    assert terminal.ask(completion)["39"] == "00"
    asked, told = issuer.got
    assert (asked["t"], asked["25"], told["t"]) == ("0100", "06", "0220")
    assert told["90"][:10] == "0100" + asked["11"]
    assert (told["4"], told["37"]) == (f"{final_cents:012d}", asked["37"])


def test_an_increment_adds_to_what_is_held(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    held = preauthorization(terminal, cards["approve"])
    terminal.ask(held)
    assert terminal.ask(naming(held, preauthorization(terminal, cards["approve"], 30_00)))["39"] == "00"
    first, second = issuer.got
    assert second["90"][:10] == "0100" + first["11"]
    assert first["11"] != second["11"]


@pytest.mark.rule("12")
def test_an_increment_of_nothing_is_12(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """Never authorized, of another card, reversed, completed: there is nothing to add to."""
    card = cards["approve"]
    plain = terminal.foreign.purchase(card)
    terminal.ask(plain)
    reversed_ = preauthorization(terminal, card)
    terminal.ask(reversed_)
    terminal.ask(terminal.foreign.reversal(reversed_))
    completed = preauthorization(terminal, card)
    terminal.ask(completed)
    terminal.ask(naming(completed, advice(terminal, card)))
    held = preauthorization(terminal, card)
    terminal.ask(held)
    before = len(issuer.got)
    for original, changes in ((plain, {}), (reversed_, {}), (completed, {}), (held, {"2": cards["funds"]["pan"]})):
        assert terminal.ask(naming(original, preauthorization(terminal, card)) | changes)["39"] == "12"
    assert len(issuer.got) == before
    assert len(terminal.said("no-preauthorization")) == 4


@pytest.mark.rule("12")
def test_a_completion_of_another_card_is_12(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    held = preauthorization(terminal, cards["approve"])
    terminal.ask(held)
    assert terminal.ask(naming(held, advice(terminal, cards["funds"])))["39"] == "12"
    assert issuer.mtis() == ["0100"]


@pytest.mark.rule("R12")
def test_a_completion_of_nothing_known_stands_for_itself(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """R12: it has happened. A DE 90 that the issuer could not resolve is left out."""
    never_sent = preauthorization(terminal, cards["approve"])
    assert terminal.ask(naming(never_sent, advice(terminal, cards["approve"])))["39"] == "00"
    assert "90" not in issuer.got[0]
    assert [line["mti"] for line in terminal.said("advice-without-original")] == ["0220"]


@pytest.mark.rule("I8", "68")
def test_i8_a_late_copy_of_what_was_completed_and_taken_back_is_68(
    terminal: Terminal, cards: Cards, issuer: Scripted
) -> None:  # fmt: skip
    """Both reversals leave nothing to approve; the issuer hears of one, since the completion had released the hold."""
    held = preauthorization(terminal, cards["approve"])
    assert terminal.ask(held)["39"] == "00"
    completion = naming(held, advice(terminal, cards["approve"]))
    for message in (completion, terminal.foreign.reversal(completion), terminal.foreign.reversal(held)):
        assert terminal.ask(message)["39"] == "00"
    assert terminal.ask(held)["39"] == "68"
    assert issuer.mtis() == ["0100", "0220", "0420"]


@pytest.mark.rule("R13", "68")
def test_r13_a_completion_after_the_reversal_is_68(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    held = preauthorization(terminal, cards["approve"])
    terminal.ask(held)
    terminal.ask(terminal.foreign.reversal(held))
    assert terminal.ask(naming(held, advice(terminal, cards["approve"])))["39"] == "68"
    assert issuer.mtis() == ["0100", "0420"]


@pytest.mark.rule("R13")
@pytest.mark.parametrize("names", ["preauthorization", "completion"])
@pytest.mark.parametrize("restart", [False, True])
def test_r13_a_reversal_beats_its_queued_completion(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, names: str, restart: bool
) -> None:
    """The issuer is down when the completion comes: it is dropped, and the hold itself is released."""
    terminal = new_terminal()
    card, bench = cards["approve"], terminal.bench
    held = preauthorization(terminal, card)
    terminal.ask(held)
    bench.core.set_link(card["issuer"], up=False, now=bench.world.now)
    bench.switch.settle()
    completion = naming(held, advice(terminal, card, 80_00))
    assert terminal.ask(completion)["39"] == "00"
    reversal = terminal.foreign.reversal(held if names == "preauthorization" else completion)
    assert terminal.ask(reversal)["39"] == "00"
    assert (bench.core.advices_owed(), bench.core.reversals_owed()) == (0, 1)
    if restart:
        terminal = restarted(terminal, new_terminal)
    else:
        bench.core.set_link(card["issuer"], up=True, now=bench.world.now)
        bench.world.run(5.0)
    asked, told = issuer.got
    assert told["t"] == ("0421" if restart else "0420")
    assert told["90"][:10] == "0100" + asked["11"]
    assert terminal.ask(terminal.foreign.repeat(reversal))["39"] == "00"
    assert len(issuer.got) == 2


@pytest.mark.parametrize("names", ["preauthorization", "completion"])
def test_a_reversal_of_what_was_completed_takes_back_the_completion(
    terminal: Terminal, cards: Cards, issuer: Scripted, names: str
) -> None:
    """They are one purchase: what the issuer has posted is un-posted, once."""
    held = preauthorization(terminal, cards["approve"])
    terminal.ask(held)
    completion = naming(held, advice(terminal, cards["approve"], 80_00))
    terminal.ask(completion)
    reversal = terminal.foreign.reversal(held if names == "preauthorization" else completion)
    for _ in range(2):
        assert terminal.ask(reversal)["39"] == "00"
    assert issuer.mtis() == ["0100", "0220", "0420"]
    _, posted, reversed_ = issuer.got
    assert reversed_["90"][:10] == "0220" + posted["11"]


# -- partial approval --------------------------------------------------------------------------------------------------


def partly(doc: Doc) -> Doc:
    """Approve 40.00 of anything."""
    return {"39": "10", "38": "123456", "4": "000000004000"} if doc["t"] == "0100" else {"39": "00"}


def taking_parts(terminal: Terminal, takes: bool) -> None:
    """Configure the acquirer's link so, at run time."""
    context = terminal.bench.core._context
    link = context.acquirers[terminal.bench.link_index[terminal.link]]
    link.spec = msgspec.structs.replace(link.spec, partial_approval=takes)


@pytest.mark.rule("10")
def test_a_partial_approval_is_10_with_its_amount(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """DE 39 = 10 and DE 4 = what is held; a repeat gets the same."""
    taking_parts(terminal, True)
    issuer.decide = partly
    request = terminal.foreign.purchase(cards["approve"])
    answer = terminal.ask(request)
    assert (answer["39"], answer["4"], answer["38"]) == ("10", "000000004000", "123456")
    assert terminal.ask(terminal.foreign.repeat(request)) == answer
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    assert [(doc["t"], doc["4"]) for doc in issuer.got] == [("0100", "000000010000"), ("0420", "000000010000")]


@pytest.mark.rule("10")
def test_a_partial_approval_survives_a_restart(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted
) -> None:  # fmt: skip
    terminal = new_terminal()
    taking_parts(terminal, True)
    issuer.decide = partly
    request = terminal.foreign.purchase(cards["approve"])
    answer = terminal.ask(request)
    assert restarted(terminal, new_terminal).ask(terminal.foreign.repeat(request)) == answer


@pytest.mark.rule("51")
def test_who_takes_no_part_is_51_and_the_issuer_is_told(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    taking_parts(terminal, False)
    issuer.decide = partly
    answer = terminal.ask(terminal.foreign.purchase(cards["approve"]))
    assert (answer["39"], answer["4"], "38" in answer) == ("51", "000000010000", False)
    assert issuer.mtis() == ["0100", "0420"]


@pytest.mark.parametrize("amount", ["000000000000", "000000010000", "000000020000"])
def test_a_part_that_is_none_is_51(terminal: Terminal, cards: Cards, issuer: Scripted, amount: str) -> None:
    taking_parts(terminal, True)
    issuer.decide = lambda doc: partly(doc) | ({"4": amount} if doc["t"] == "0100" else {})
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "51"
    assert issuer.mtis() == ["0100", "0420"]


# -- partial reversal --------------------------------------------------------------------------------------------------


def standing(cents: int) -> str:
    """DE 95: what stands, and nothing else."""
    return f"{cents:012d}" + "0" * 12 + "D00000000" * 2


@pytest.mark.rule("R10", "R10 DE 95")
def test_r10_a_partial_reversal_leaves_the_rest(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """DE 95: the issuer is told what stands; an identical second one tells it nothing new; the whole one ends it."""
    purchase = terminal.foreign.purchase(cards["approve"])
    terminal.ask(purchase)
    partial = terminal.foreign.reversal(purchase, f95=standing(60_00))
    first = terminal.ask(partial)
    assert (first["t"], first["39"]) == ("0430", "00")
    assert terminal.ask(partial) == first
    assert terminal.ask(partial | {"t": "0421"}) == first
    assert terminal.ask(terminal.foreign.reversal(purchase, f95=standing(20_00)))["39"] == "00"
    assert terminal.ask(terminal.foreign.reversal(purchase))["39"] == "00"
    asked, one, two, whole = issuer.got
    assert [doc.get("95", "")[:12] for doc in (one, two, whole)] == ["000000006000", "000000002000", ""]
    assert {doc["90"][:10] for doc in (one, two, whole)} == {"0100" + asked["11"]}
    assert whole["11"] == asked["11"]
    assert len({doc["11"] for doc in issuer.got}) == 3


@pytest.mark.rule("R10 DE 95", "13")
@pytest.mark.parametrize("cents", [100_00, 150_00])
def test_a_partial_reversal_that_takes_nothing_back_is_13(
    terminal: Terminal, cards: Cards, issuer: Scripted, cents: int
) -> None:
    purchase = terminal.foreign.purchase(cards["approve"])
    terminal.ask(purchase)
    answer = terminal.ask(terminal.foreign.reversal(purchase, f95=standing(cents)))
    assert (answer["t"], answer["39"]) == ("0430", "13")
    assert issuer.mtis() == ["0100"]


@pytest.mark.rule("R10 DE 95")
def test_a_partial_reversal_down_to_nothing_is_a_whole_one(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    purchase = terminal.foreign.purchase(cards["approve"])
    terminal.ask(purchase)
    assert terminal.ask(terminal.foreign.reversal(purchase, f95=standing(0)))["39"] == "00"
    assert "95" not in issuer.got[1]


def test_a_partial_reversal_of_what_is_not_approved_is_12(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    issuer.decide = lambda _: {"39": "51"}
    purchase = terminal.foreign.purchase(cards["approve"])
    terminal.ask(purchase)
    assert terminal.ask(terminal.foreign.reversal(purchase, f95=standing(1_00)))["39"] == "12"
    assert issuer.mtis() == ["0100"]


def test_a_replacement_amount_that_is_none_is_30(terminal: Terminal, cards: Cards) -> None:
    purchase = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(terminal.foreign.reversal(purchase, f95="X" * 42))["39"] == "30"


@pytest.mark.rule("R10 DE 95")
def test_partial_reversals_survive_a_restart(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted
) -> None:  # fmt: skip
    terminal = new_terminal()
    purchase = terminal.foreign.purchase(cards["approve"])
    terminal.ask(purchase)
    issuer.decide = lambda _: None
    partial = terminal.foreign.reversal(purchase, f95=standing(60_00))
    terminal.ask(partial, seconds=1.0)
    issuer.decide = approve
    again = restarted(terminal, new_terminal)
    assert issuer.mtis() == ["0100", "0420", "0421"]
    assert issuer.got[1]["11"] == issuer.got[2]["11"]
    assert again.ask(partial)["39"] == "00"
    assert again.ask(terminal.foreign.reversal(purchase, f95=standing(60_01)))["39"] == "13"
    assert len(issuer.got) == 3


# -- cash back, tracks -------------------------------------------------------------------------------------------------


def cash(cents: int) -> str:
    """DE 54: account type 00, amount type 40, euro, debit."""
    return f"0040978D{cents:012d}"


@pytest.mark.parametrize(("cents", "code"), [(20_00, "00"), (100_00, "00"), (100_01, "13")])
def test_cash_back_is_a_part_of_the_amount(
    terminal: Terminal, cards: Cards, issuer: Scripted, cents: int, code: str
) -> None:
    request = terminal.foreign.purchase(cards["approve"], f3="090000", f54=cash(cents))
    assert terminal.ask(request)["39"] == code
    assert [doc["54"] for doc in issuer.got] == [request["54"]] * (code == "00")


@pytest.mark.parametrize("amounts", ["0040978D00000000200", "0040978X000000002000", cash(1) + "0"])
def test_additional_amounts_that_are_none_are_30(terminal: Terminal, cards: Cards, amounts: str) -> None:
    assert terminal.ask(terminal.foreign.purchase(cards["approve"], f54=amounts))["39"] == "30"


@pytest.mark.rule("30")
@pytest.mark.parametrize("field", ["2", "14"])
def test_a_track_that_contradicts_the_message_is_30(
    terminal: Terminal, cards: Cards, issuer: Scripted, field: str
) -> None:
    """DE 35 against DE 2 and DE 14: one of them is wrong, and nobody can say which."""
    card = cards["approve"]
    request = terminal.foreign.purchase(card, f35=f"{card['pan']}={card['expiry']}201")
    assert terminal.ask(request)["39"] == "00"
    other = {"2": cards["funds"]["pan"], "14": "2901"}[field]
    again = terminal.foreign.purchase(card, f35=request["35"]) | {field: other}
    assert terminal.ask(again)["39"] == "30"
    assert terminal.said("track-disagrees")
    assert len(issuer.got) == 1


def test_a_snapshot_of_all_that_folds_to_the_same_state(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """Completions, reductions, drops, debts: the state after a restart from a snapshot is the state before it."""
    card, bench = cards["approve"], terminal.bench
    held, other = preauthorization(terminal, card), preauthorization(terminal, card)
    purchase = terminal.foreign.purchase(card)
    for doc in (held, other, purchase):
        terminal.ask(doc)
    terminal.ask(naming(held, advice(terminal, card, 80_00)))
    terminal.ask(terminal.foreign.reversal(held))
    issuer.decide = lambda _: None
    terminal.ask(terminal.foreign.reversal(purchase, f95=standing(50_00)))
    completion = naming(other, advice(terminal, card, 80_00))
    terminal.ask(completion)
    terminal.ask(terminal.foreign.reversal(other))
    state = bench.core.snapshot()
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, state)
    issuer.got.clear()
    issuer.decide = approve
    bench.crash_switch()
    assert bench.core.snapshot() == state
    bench.world.run(60.0)
    assert [(doc["t"], doc.get("95", "")[:12]) for doc in issuer.got] == [("0421", "000000005000"), ("0421", "")]


@pytest.mark.rule("R3")
def test_r3_what_must_match_is_the_links_choice(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """R3: an issuer that echoes no DE 41 is lost by default, and heard on a link whose `match` leaves it out."""
    issuer.decide = lambda doc: {**approve(doc), "41": "ANOTHER1"}
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request)["39"] == "91"
    terminal.bench.world.run(60.0)
    core, bench = terminal.bench.core, terminal.bench
    assert core.reversals_owed() == 1
    link = core._context.issuers[bench.link_index[cards["approve"]["issuer"]]]
    link.spec = msgspec.structs.replace(link.spec, match=(37,))
    link.matches_terminal = False
    link.saf.match = link.spec.match
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "00"


@pytest.mark.parametrize("names", ["preauthorization", "completion"])
def test_r13_a_completion_that_is_dropped_takes_the_increments_along(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, names: str
) -> None:  # fmt: skip
    """Told, it would have released them; so its reversal does, and the issuer holds nothing either way."""
    terminal = new_terminal()
    card, bench = cards["approve"], terminal.bench
    held = preauthorization(terminal, card)
    terminal.ask(held)
    first = naming(held, preauthorization(terminal, card, 30_00))
    terminal.ask(first)
    terminal.ask(naming(first, preauthorization(terminal, card, 20_00)))
    assert {doc.get("90", "")[:10] for doc in issuer.got} == {"", "0100" + issuer.got[0]["11"]}
    bench.core.set_link(card["issuer"], up=False, now=bench.world.now)
    bench.switch.settle()
    completion = naming(first, advice(terminal, card, 80_00))
    terminal.ask(completion)
    terminal.ask(terminal.foreign.reversal(held if names == "preauthorization" else completion))
    stans = [doc["11"] for doc in issuer.got]
    issuer.got.clear()
    again = restarted(terminal, new_terminal)
    assert sorted((doc["t"], doc["90"][:10]) for doc in issuer.got) == [("0421", "0100" + stan) for stan in stans]
    assert again.bench.core.reversals_owed() == 0


def test_the_reversal_of_a_completed_increment_tells_the_issuer_nothing(
    terminal: Terminal, cards: Cards, issuer: Scripted
) -> None:
    held = preauthorization(terminal, cards["approve"])
    terminal.ask(held)
    increment = naming(held, preauthorization(terminal, cards["approve"], 30_00))
    terminal.ask(increment)
    terminal.ask(naming(held, advice(terminal, cards["approve"], 80_00)))
    assert terminal.ask(terminal.foreign.reversal(increment))["39"] == "00"
    assert issuer.mtis() == ["0100", "0100", "0220"]


def test_r11_a_snapshot_keeps_the_order_of_what_is_owed(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted
) -> None:  # fmt: skip
    """Also of what came to be owed at one instant, the younger transaction's first."""
    terminal = new_terminal()
    older, younger = (terminal.foreign.purchase(cards["approve"]) for _ in range(2))
    terminal.ask(older)
    terminal.ask(younger)
    issuer.decide = lambda _: None
    terminal.send(terminal.foreign.reversal(younger))
    terminal.send(terminal.foreign.reversal(older, f95=standing(60_00)))
    bench = terminal.bench
    bench.world.run(1.0)
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, bench.core.snapshot())
    issuer.got.clear()
    issuer.decide = approve
    restarted(terminal, new_terminal)
    assert [(doc["t"], doc["37"]) for doc in issuer.got] == [("0421", younger["37"]), ("0421", older["37"])]


@pytest.mark.rule("R16")
def test_r16_the_day_of_an_answer_is_ours(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """An issuer that is a day ahead, or names an original by its own leg, says nothing of that to the acquirer."""
    issuer.decide = lambda doc: {**approve(doc), "15": "0101", "90": doc.get("90", "0" * 42)}
    held = preauthorization(terminal, cards["approve"])
    answer = terminal.ask(held)
    assert answer["15"] == issuer.got[0]["15"]
    added = terminal.ask(naming(held, preauthorization(terminal, cards["approve"], 30_00)))
    assert added["39"] == "00"
    assert "90" not in added


@pytest.mark.rule("R5", "94")
@pytest.mark.parametrize("first", ["0200", "0220"])
def test_r5_an_advice_is_not_a_repeat_of_a_request(
    terminal: Terminal, cards: Cards, issuer: Scripted, first: str
) -> None:
    """The same reference and class, but one asked and the other tells: neither may get the other's answer."""
    issuer.decide = lambda doc: {"39": "51"} if doc["t"] == "0200" else approve(doc)
    asked = terminal.foreign.purchase(cards["approve"], pin=None, mti=first)
    terminal.ask(asked)
    other = "0220" if first == "0200" else "0200"
    assert terminal.ask(asked | {"t": other})["39"] == "94"
    assert issuer.mtis() == [first]


@pytest.mark.rule("R13")
@pytest.mark.parametrize("restart", [False, True])
def test_r13_what_was_added_to_a_preauthorization_is_released_with_its_queued_completion(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, restart: bool
) -> None:
    """The completion would have released all of it; so does its reversal, when the issuer never hears of it."""
    terminal = new_terminal()
    card, bench = cards["approve"], terminal.bench
    held = preauthorization(terminal, card)
    terminal.ask(held)
    added = naming(held, preauthorization(terminal, card, 30_00))
    terminal.ask(added)
    if restart:
        terminal = restarted(terminal, new_terminal)
    bench.core.set_link(card["issuer"], up=False, now=bench.world.now)
    bench.switch.settle()
    completion = naming(held, advice(terminal, card, 120_00)) | {"11": "000901"}
    assert terminal.ask(completion)["39"] == "00"
    assert terminal.ask(terminal.foreign.reversal(completion))["39"] == "00"
    terminal = restarted(terminal, new_terminal)
    first, second, *told = issuer.got
    assert sorted(doc["90"][:10] for doc in told) == ["0100" + first["11"], "0100" + second["11"]]
    assert terminal.ask(terminal.foreign.reversal(added))["39"] == "00"
    assert len(issuer.got) == 4


def test_a_completion_may_name_what_was_added(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """It completes the whole: the reversal of the pre-authorization takes it back."""
    held = preauthorization(terminal, cards["approve"])
    terminal.ask(held)
    added = naming(held, preauthorization(terminal, cards["approve"], 30_00))
    terminal.ask(added)
    terminal.ask(naming(added, advice(terminal, cards["approve"], 120_00)))
    terminal.ask(terminal.foreign.reversal(held))
    assert issuer.mtis() == ["0100", "0100", "0220", "0420"]
    assert issuer.got[3]["90"][:10] == "0220" + issuer.got[2]["11"]


@pytest.mark.rule("R12")
def test_r12_a_completion_of_what_never_left_names_nothing(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    """The issuer knows no such STAN: it posts the advice for itself."""
    card, bench = cards["approve"], terminal.bench
    bench.core.set_link(card["issuer"], up=False, now=bench.world.now)
    bench.switch.settle()
    held = preauthorization(terminal, card)
    assert terminal.ask(held)["39"] == "91"
    assert terminal.ask(naming(held, advice(terminal, card, 80_00)))["39"] == "00"
    bench.core.set_link(card["issuer"], up=True, now=bench.world.now)
    bench.world.run(5.0)
    assert issuer.mtis() == ["0220"]
    assert "90" not in issuer.got[0]


@pytest.mark.rule("R3")
def test_r3_an_answer_of_another_function_is_no_answer_to_an_advice(
    terminal: Terminal, cards: Cards, issuer: Scripted
) -> None:
    """A 0210 to a 0220 ends nothing, and its STAN stays taken."""
    issuer.decide = lambda doc: None
    terminal.ask(advice(terminal, cards["approve"]))
    told = issuer.got[0]
    stans = terminal.bench.core._context.issuers[terminal.bench.link_index[cards["approve"]["issuer"]]].stans
    wrong = {number: told[number] for number in ("2", "3", "4", "7", "11", "37", "41")} | {"t": "0210", "39": "00"}
    issuer.decide = lambda doc: wrong
    terminal.bench.world.run(60.0)
    assert terminal.said("answer-unmatched")
    assert stans.holder(int(told["11"])) is not None
    assert terminal.bench.core.advices_owed() == 1


def test_a_snapshot_knows_what_was_reversed_before_its_completion_and_what_after(
    terminal: Terminal, cards: Cards, issuer: Scripted
) -> None:
    """Two increments, one reversed while it was held, one when the completion had taken its place."""
    card, bench = cards["approve"], terminal.bench
    held = preauthorization(terminal, card)
    before, after = (naming(held, preauthorization(terminal, card, cents)) for cents in (30_00, 20_00))
    for doc in (held, before, after):
        terminal.ask(doc)
    terminal.ask(terminal.foreign.reversal(before))
    terminal.ask(naming(held, advice(terminal, card, 80_00)))
    terminal.ask(terminal.foreign.reversal(after))
    assert issuer.mtis() == ["0100", "0100", "0100", "0420", "0220"]
    state = bench.core.snapshot()
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, state)
    bench.crash_switch()
    assert bench.core.snapshot() == state
    assert bench.core.reversals_owed() == 0
