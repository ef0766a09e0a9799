"""What becomes of transactions on the shelf: repeats, reversals, completions find them as if they had never left."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from switch.core.transactions import Transactions
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal
from tests.simulation.scripted import Scripted, approve
from tests.simulation.test_flows import advice, naming, partly, standing, taking_parts
from tests.simulation.test_folds import Flow, Step, check, shipped
from tests.support.foreign import Doc

Cards = dict[str, dict[str, Any]]


@pytest.fixture
def issuer(bench: Bench, cards: Cards) -> Scripted:
    return Scripted(bench, cards["approve"]["issuer"])


@pytest.fixture(params=["acquirer"])
def link(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def table(bench: Bench) -> Transactions:
    return bench.core._context.transactions


def restart(bench: Bench, snapshot: bool) -> None:
    if snapshot:
        bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, bench.core.snapshot())
    bench.crash_switch()
    bench.world.run(1.0)


def bought(terminal: Terminal, cards: Cards, cents: int = 20_00) -> tuple[Doc, Doc]:
    """A purchase that stands on the shelf, and its answer."""
    request = terminal.foreign.purchase(cards["approve"], cents)
    answer = terminal.ask(request)
    assert answer["39"] == "00"
    assert table(terminal.bench).objects() == []
    return request, answer


@pytest.mark.rule("R5")
@pytest.mark.parametrize("times", [1, 3])
def test_r5_a_repeat_gets_the_stored_answer_and_leaves_no_object(
    terminal: Terminal, cards: Cards, issuer: Scripted, times: int
) -> None:
    issuer.decide = lambda doc: approve(doc) | {"44": "ISSUER DATA"}
    request, answer = bought(terminal, cards)
    for _ in range(times):
        assert terminal.ask(terminal.foreign.repeat(request)) == answer
    assert issuer.mtis() == ["0100"]
    assert table(terminal.bench).lent() == []
    assert len(table(terminal.bench)) == 1


@pytest.mark.rule("R5")
def test_r5_a_partial_approval_and_a_decline_are_repeated_word_for_word(
    terminal: Terminal, cards: Cards, issuer: Scripted
) -> None:
    taking_parts(terminal, True)
    for mood in (partly, lambda doc: {"39": "51"}):
        issuer.decide = mood
        request = terminal.foreign.purchase(cards["approve"], 50_00)
        answer = terminal.ask(request)
        assert terminal.ask(terminal.foreign.repeat(request)) == answer
    assert table(terminal.bench).objects() == table(terminal.bench).lent() == []


@pytest.mark.rule("R5", "94")
def test_r5_another_amount_under_the_same_reference_is_94(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    request, answer = bought(terminal, cards)
    assert terminal.ask({**request, "4": f"{21_00:012d}"})["39"] == "94"
    assert terminal.ask(terminal.foreign.repeat(request)) == answer


@pytest.mark.rule("R10")
@pytest.mark.parametrize("snapshot", [None, False, True])
def test_r10_a_reversal_releases_it_once(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, snapshot: bool | None
) -> None:
    """Also when the restart comes between, and after it."""
    terminal = new_terminal()
    request, _ = bought(terminal, cards)
    for _ in range(2):
        if snapshot is not None:
            restart(terminal.bench, snapshot)
            terminal = new_terminal()
        assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    assert issuer.mtis() == ["0100", "0420"]
    assert terminal.ask(terminal.foreign.repeat(request))["39"] != "00"


@pytest.mark.rule("R10")
@pytest.mark.parametrize("snapshot", [None, False, True])
def test_r10_it_is_reduced_and_then_taken_back(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, snapshot: bool | None
) -> None:
    terminal = new_terminal()
    request, _ = bought(terminal, cards)
    for reversal in ({"f95": standing(15_00)}, {"f95": standing(15_00)}, {}):
        assert terminal.ask(terminal.foreign.reversal(request, **reversal))["39"] == "00"
        if snapshot is not None:
            restart(terminal.bench, snapshot)
            terminal = new_terminal()
    assert issuer.mtis() == ["0100", "0420", "0420"]
    (reduction, reversal) = issuer.got[1:]
    assert reduction["95"][:12] == f"{15_00:012d}"
    assert "95" not in reversal
    assert len(table(terminal.bench)) == 1


@pytest.mark.rule("R10")
def test_r10_a_reversal_of_what_was_declined_tells_nobody(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    issuer.decide = lambda doc: {"39": "51"}
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request)["39"] == "51"
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    assert issuer.mtis() == ["0100"]


def test_a_reversal_of_another_card_changes_nothing(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    request, answer = bought(terminal, cards)
    other = {**terminal.foreign.reversal(request), "2": cards["limit"]["pan"]}
    assert terminal.ask(other)["39"] != "96"
    assert terminal.ask(terminal.foreign.repeat(request)) == answer
    assert table(terminal.bench).lent() == []


@pytest.mark.rule("R7", "R11")
@pytest.mark.parametrize("snapshot", [False, True])
def test_r7_what_is_owed_after_a_time_out_is_not_shelved(
    new_terminal: Callable[[], Terminal], cards: Cards, issuer: Scripted, snapshot: bool
) -> None:
    terminal = new_terminal()
    bench = terminal.bench
    issuer.decide = lambda doc: None
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]), seconds=40.0)["39"] == "91"
    for _ in range(2):
        assert [tx.owes for tx in table(bench).objects()] == [True]
        restart(bench, snapshot)
    issuer.decide = approve
    bench.world.run(100.0)
    assert bench.core.reversals_owed() == 0
    restart(bench, snapshot)
    assert bench.core.reversals_owed() == 0


@pytest.mark.rule("R12")
def test_r12_a_completion_that_names_a_purchase_stands_for_itself(
    terminal: Terminal, cards: Cards, issuer: Scripted
) -> None:
    request, answer = bought(terminal, cards)
    assert terminal.ask(naming(request, advice(terminal, cards["approve"], 20_00)))["39"] == "00"
    assert terminal.bench.core.counters["advice-without-original"] == 1
    assert terminal.ask(terminal.foreign.repeat(request)) == answer


@pytest.mark.rule("R4")
def test_r4_equal_references_of_three_days_are_kept_apart(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    days = [terminal.foreign.purchase(cards["approve"], 20_00)]
    days += [{**days[0], "13": day, "7": f"{day}120000"} for day in ("1201", "1202")]
    answers = [terminal.ask(doc) for doc in days]
    assert [answer["39"] for answer in answers] == ["00"] * 3
    for doc, answer in zip(days, answers, strict=True):
        assert terminal.ask(terminal.foreign.repeat(doc)) == answer
    assert terminal.ask(terminal.foreign.reversal(days[1]))["39"] == "00"
    assert [terminal.ask(terminal.foreign.repeat(doc))["39"] == "00" for doc in days] == [True, False, True]
    assert len(table(terminal.bench)) == 3


def test_what_comes_too_fast_is_let_in_where_it_is_a_repeat(terminal: Terminal, cards: Cards, issuer: Scripted) -> None:
    request, _ = bought(terminal, cards)
    encode = terminal.foreign.encode
    conn = next(iter(terminal.bench.core._context.acquirer_of_conn))
    repeat, new = encode(request), encode(terminal.foreign.purchase(cards["approve"]))
    kept, answers = terminal.bench.core.refuse_new(conn, [repeat, new])
    assert kept == [repeat]
    assert len(answers) == 1


@pytest.mark.rule("I5")
@pytest.mark.parametrize("limit", [1, 2, 4])
def test_the_oldest_are_forgotten_and_what_is_owed_is_not(
    bench: Bench, new_terminal: Callable[[], Terminal], cards: Cards, limit: int
) -> None:
    """A table with hardly any room: everything is put on the shelf, lent, changed and dropped within moments."""
    bench.spec = msgspec.structs.replace(bench.spec, max_transactions=limit)
    bench.crash_switch()
    bench.world.run(1.0)
    issuer = Scripted(bench, cards["approve"]["issuer"])
    issuer.decide = lambda doc: None if doc["t"][:3] == "042" else approve(doc)
    terminal = new_terminal()
    for _ in range(3):
        request = terminal.foreign.purchase(cards["approve"], 20_00)
        assert terminal.ask(request)["39"] == "00"
        assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
        for _ in range(limit + 1):
            terminal.ask(terminal.foreign.purchase(cards["approve"], 1_00))
    assert bench.core.reversals_owed() == 3
    owed = bench.core.snapshot()
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, owed)
    bench.crash_switch()
    assert bench.core.reversals_owed() == 3
    assert len(table(bench)) <= limit + 1 + 3


STEPS: tuple[Step, ...] = (
    *(("buy", 0, 1.0), ("repeat", 0, 1.0), ("buy", 1, 1.0), ("reverse", 1, 1.0), ("reduce", 0, 1.0)),
    *(("decline", 0, 0.05), ("buy", 0, 1.0), ("reverse", 0, 1.0), ("snapshot", 0, 1.0), ("approve", 0, 0.05)),
    *(("buy", 1, 1.0), ("repeat", 3, 1.0), ("snapshot", 1, 1.0), ("reverse", 0, 1.0), ("hold", 0, 1.0)),
    *(("complete", 0, 1.0), ("down", 0, 1.0), ("buy", 0, 1.0), ("reverse", 0, 1.0), ("up", 0, 7.0)),
    *(("repeat", 1, 1.0), ("restart", 0, 1.0), ("repeat", 2, 1.0), ("reduce", 3, 1.0), ("silent", 0, 1.0)),
    *(("buy", 0, 7.0), ("wait", 0, 1.0), ("approve", 0, 1.0), ("buy", 1, 1.0), ("wait", 0, 1.0), ("restart", 0, 1.0)),
)


@pytest.mark.rule("I5")
def test_the_shelf_is_the_fold_of_the_log_after_every_step() -> None:
    """Byte for byte: what is lent and taken back leaves no trace, and a snapshot keeps the order."""
    flow = Flow(shipped())
    for step in STEPS:
        flow.take(step)
        check(flow)
