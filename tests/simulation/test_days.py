"""R16 and R17: business days, cutover, what issuers are told of it; on virtual time, messages from pyiso8583."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from switch.core.records import Cutover, decode
from switch.simulation.bench import START, Bench
from switch.simulation.world import Host
from tests.simulation.conftest import Terminal
from tests.simulation.institution import Institution
from tests.simulation.scripted import Scripted
from tests.simulation.trade import (
    DAY_S,
    FIRST,
    SECOND,
    THIRD,
    buy,
    card_of,
    cut_over,
    dates,
    reconciled,
    until_midnight,
)
from tests.support.foreign import Doc

ASCII = pytest.mark.parametrize("link", ["acquirer"], indirect=True)


# -- R16: days ---------------------------------------------------------------------------------------------------------


def test_r16_the_first_day_is_today_utc(bench: Bench) -> None:
    assert f"{datetime.fromtimestamp(START, UTC):%y%m%d}" == FIRST
    assert set(dates(bench).values()) == {FIRST}


@ASCII
def test_r16_every_message_says_its_day(terminal: Terminal, cards: Any) -> None:
    """DE 15 in the request to the issuer and in the answer to the acquirer."""
    issuer = Institution(terminal.bench, "issuer-1")
    answer = terminal.ask(terminal.foreign.purchase(card_of(cards), 1_00))
    assert (answer["15"], issuer.got[-1]["15"]) == (FIRST[2:], FIRST[2:])


@ASCII
def test_r16_midnight_begins_a_day_once(terminal: Terminal) -> None:
    """By the timer, UTC, on all links."""
    bench = terminal.bench
    bench.world.run(until_midnight(bench) - 1.0)
    assert set(dates(bench).values()) == {FIRST}
    bench.world.run(1.1)
    assert set(dates(bench).values()) == {SECOND}
    bench.world.run(3600.0)
    assert set(dates(bench).values()) == {SECOND}
    assert [record.business_date for record in cutovers(bench.switch)] == [FIRST, SECOND]


def cutovers(host: Host) -> Iterator[Cutover]:
    return (record for _, payload in host.disk.replay() if isinstance(record := decode(payload), Cutover))


def test_r16_an_acquirer_ends_its_own_day(terminal: Terminal, cards: Any) -> None:
    """0800/201: its link goes to the next day, the others stay; midnight then changes nothing for it."""
    bench = terminal.bench
    answer = terminal.ask(terminal.foreign.network("201"))
    assert (answer["39"], answer["15"], answer["70"]) == ("00", SECOND[2:], "201")
    other = {"acquirer": "acquirer-bcd", "acquirer-bcd": "acquirer"}[terminal.link]
    assert dates(bench) == {terminal.link: SECOND, other: FIRST}
    bench.world.run(until_midnight(bench) + 1.0)
    assert dates(bench) == {terminal.link: SECOND, other: SECOND}


@pytest.mark.parametrize(("asked", "code"), [(SECOND[2:], "00"), (FIRST[2:], "12"), (THIRD[2:], "12"), ("0229", "12")])
def test_r16_an_acquirer_may_name_the_next_day_and_no_other(terminal: Terminal, asked: str, code: str) -> None:
    assert terminal.ask(terminal.foreign.network("201") | {"15": asked})["39"] == code
    assert dates(terminal.bench)[terminal.link] == (SECOND if code == "00" else FIRST)
    assert bool(terminal.said("not-the-next-day")) == (code != "00")


@ASCII
def test_r16_a_repeated_cutover_begins_no_further_day(new_terminal: Callable[[], Terminal]) -> None:
    """The same message again, 0801 with a DE 7 of its own, and both after a restart; a new one does."""
    terminal = new_terminal()
    request = terminal.foreign.network("201")
    for again in (request, request, request | {"t": "0801"}, request | {"t": "0801", "7": "1121120007"}):
        assert terminal.ask(again)["39"] == "00"
    assert dates(terminal.bench)["acquirer"] == SECOND
    terminal.bench.crash_switch()
    terminal.bench.world.run(1.0)
    again = new_terminal()
    answer = again.ask(request | {"t": "0801"})
    assert (answer["39"], answer["15"]) == ("00", SECOND[2:])
    assert dates(terminal.bench)["acquirer"] == SECOND
    assert again.ask(again.foreign.network("201"))["15"] == THIRD[2:]


@ASCII
def test_r16_a_cutover_before_sign_on_is_91(terminal: Terminal) -> None:
    stranger = Terminal(terminal.bench, terminal.foreign, terminal.link).connect()
    assert stranger.ask(stranger.foreign.network("201"))["39"] == "91"
    assert set(dates(terminal.bench).values()) == {FIRST}


@ASCII
def test_r16_what_is_in_flight_keeps_its_day(terminal: Terminal, cards: Any) -> None:
    """Atomic: a request before the cutover is answered, and counted, on the old day; one after it on the new."""
    bench, held = terminal.bench, []
    issuer = Institution(bench, "issuer-1", lambda doc: held.append(doc))
    before = terminal.foreign.purchase(card_of(cards), 1_00, pin=None)
    terminal.send(before)
    bench.world.run(0.01)
    cut_over(bench)
    issuer.decide = lambda _: {"39": "00", "38": "123456"}
    after = terminal.ask(terminal.foreign.purchase(card_of(cards), 2_00, pin=None), seconds=0.1)
    issuer.say(
        issuer.conns[-1], {key: held[0][key] for key in ("3", "4", "7", "11", "37", "41")} | {"t": "0110", "39": "00"}
    )
    bench.world.run(0.1)
    issuer_host = bench.issuers["issuer-1"]
    issuer_host.settle()
    bench.world.run(0.1)
    late = terminal.inbox[-1]
    assert (late["37"], late["15"], after["15"]) == (before["37"], FIRST[2:], SECOND[2:])
    assert [(*row[1:3], row[3].sums[88]) for row in bench.core.totals() if row[0] == "acquirer"] == [
        (FIRST, "978", 1_00),
        (SECOND, "978", 2_00),
    ]


@ASCII
def test_r16_a_late_reversal_hits_the_original_day(terminal: Terminal, cards: Any) -> None:
    bench = terminal.bench
    issuer = Institution(bench, "issuer-1")
    request = buy(terminal, card_of(cards))
    cut_over(bench, 30.0)
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "00"
    assert [doc["15"] for doc in issuer.got if doc["t"] == "0420"] == [FIRST[2:]]
    assert reconciled(terminal, FIRST)["89"] == f"{10_00:016d}"
    assert reconciled(terminal, SECOND)["89"] == "0" * 16


@ASCII
def test_r16_manual_cutover_and_midnight(terminal: Terminal) -> None:
    """At 18:00 tomorrow's date begins on all links, the one that was there already stays; midnight changes nothing."""
    bench = terminal.bench
    assert terminal.ask(terminal.foreign.network("201"))["39"] == "00"
    assert cut_over(bench) == SECOND
    assert set(dates(bench).values()) == {SECOND}
    bench.world.run(until_midnight(bench) + 1.0)
    assert set(dates(bench).values()) == {SECOND}
    bench.world.run(DAY_S)
    assert set(dates(bench).values()) == {THIRD}


@ASCII
def test_r16_the_day_never_goes_back(terminal: Terminal) -> None:
    """A restart with a clock an hour, or two days, behind."""
    bench = terminal.bench
    bench.world.run(until_midnight(bench) + 60.0)
    for behind_s in (3600.0, 2 * DAY_S):
        bench.switch.clock_offset_s = -behind_s
        bench.crash_switch()
        bench.world.run(5.0)
        assert set(dates(bench).values()) == {SECOND}
    bench.switch.clock_offset_s = 0.0
    bench.crash_switch()
    bench.world.run(DAY_S)
    assert set(dates(bench).values()) == {THIRD}


@ASCII
def test_r16_a_link_that_is_ahead_is_not_fetched_back(terminal: Terminal) -> None:
    """Two days ended by hand; at midnight only the others move, the night after it nobody waits for it any more."""
    bench = terminal.bench
    for _ in range(2):
        assert terminal.ask(terminal.foreign.network("201"))["39"] == "00"
    bench.world.run(until_midnight(bench) + 1.0)
    assert dates(bench) == {"acquirer": THIRD, "acquirer-bcd": SECOND}
    assert cut_over(bench) == THIRD
    assert set(dates(bench).values()) == {THIRD}


@ASCII
def test_r16_a_restart_days_later_begins_today(terminal: Terminal) -> None:
    bench = terminal.bench
    bench.switch.clock_offset_s = 3 * DAY_S
    bench.crash_switch()
    bench.world.run(1.0)
    assert set(dates(bench).values()) == {"260924"}


# -- what issuers are told ---------------------------------------------------------------------------------------------


@ASCII
def test_r16_r17_issuers_are_told_of_the_cutover_then_of_the_totals(terminal: Terminal, cards: Any) -> None:
    """0800/201 at once with the new day, 0520 once what was in flight is decided, with the figures of the old day."""
    bench = terminal.bench
    one, two = Institution(bench, "issuer-1"), Institution(bench, "issuer-2")
    one.script["05"] = two.script["05"] = lambda _: {"39": "00", "66": "1"}
    request = buy(terminal, card_of(cards), 30_00)
    buy(terminal, card_of(cards), 12_00, f3="200000")
    buy(terminal, card_of(cards), 7_00, f49="250")
    terminal.ask(terminal.foreign.reversal(request))
    cut_over(bench, 0.1)
    assert (one.codes(), two.codes()) == (["0800/201"], ["0800/201"])
    assert one.asked[-1]["15"] == SECOND[2:]
    bench.world.run(10.0)
    assert one.codes() == ["0800/201", "0520/250", "0520/978"]
    assert two.codes() == ["0800/201", "0520/978"]
    euro, nothing = one.asked[-1], two.asked[-1]
    assert {number: int(euro[number]) for number in ("74", "75", "76", "77", "86", "87", "88", "89")} == {
        "74": 1, "75": 0, "76": 1, "77": 1, "86": 12_00, "87": 0, "88": 30_00, "89": 30_00,
    }  # fmt: skip
    assert (euro["15"], euro["97"], nothing["97"]) == (FIRST[2:], f"C{12_00:016d}", "C" + "0" * 16)
    assert len(terminal.said("in-balance")) == 3
    bench.world.run(DAY_S / 4)
    assert len(one.codes()) == 3


@ASCII
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"39": "00", "66": "2"}, "out-of-balance"),
        ({"39": "00"}, "out-of-balance"),
        ({"39": "96"}, "reconciliation-refused"),
    ],
)
def test_r17_an_issuer_with_other_totals_is_an_event(terminal: Terminal, answer: Doc, reason: str) -> None:
    issuer = Institution(terminal.bench, "issuer-1")
    issuer.script["05"] = lambda _: answer
    cut_over(terminal.bench, 10.0)
    assert [line["link"] for line in terminal.said(reason) if line["link"] == "issuer-1"] == ["issuer-1"]


@ASCII
def test_r16_r17_unanswered_is_repeated_unchanged(terminal: Terminal, cards: Any) -> None:
    """0801 and 0521, with the STAN and the figures of the first, at doubling intervals."""
    bench, silent = terminal.bench, [2, 2]
    issuer = Institution(bench, "issuer-1")
    buy(terminal, card_of(cards))

    def reluctant(which: int) -> Callable[[Doc], Doc | None]:
        def decide(_: Doc) -> Doc | None:
            silent[which] -= 1
            return None if silent[which] >= 0 else {"39": "00", "66": "1"}

        return decide

    issuer.script |= {"201": reluctant(0), "05": reluctant(1)}
    cut_over(bench, 120.0)
    assert issuer.codes() == ["0800/201", "0801/201", "0801/201", "0520/978", "0521/978", "0521/978"]
    told = [doc for doc in issuer.asked if doc["t"][1] == "5"]
    assert len({tuple(doc[number] for number in ("11", "15", "50", "76", "88", "97")) for doc in told}) == 1


@ASCII
def test_r11_r17_an_issuer_that_never_answers_is_left_to_people(terminal: Terminal) -> None:
    bench = terminal.bench
    issuer = Institution(bench, "issuer-1")
    issuer.script["05"] = lambda _: None
    cut_over(bench, 3 * 3600.0)
    assert len([code for code in issuer.codes() if code.startswith("052")]) == bench.spec.saf_attempts
    assert [line["link"] for line in terminal.said("closing-exhausted")] == ["issuer-1"]


@ASCII
def test_r17_totals_wait_for_what_is_still_owed(terminal: Terminal, cards: Any) -> None:
    """A reversal of the day that the issuer has not taken yet goes before the 0520."""
    bench, deaf = terminal.bench, [True]
    issuer = Institution(bench, "issuer-1", lambda doc: None if doc["t"][1] == "4" and deaf[0] else {"39": "00"})
    terminal.ask(terminal.foreign.reversal(buy(terminal, card_of(cards))), seconds=1.0)
    cut_over(bench, 15.0)
    assert issuer.codes() == ["0800/201"]
    deaf[0] = False
    bench.world.run(25.0)
    assert issuer.mtis()[-1] == "0421"
    assert issuer.codes() == ["0800/201", "0520/978"]


@ASCII
def test_r16_an_issuer_that_is_down_is_told_when_it_is_back(terminal: Terminal) -> None:
    bench = terminal.bench
    issuer = Institution(bench, "issuer-1")
    bench.core.set_link("issuer-1", up=False, now=bench.world.now)
    bench.switch.settle()
    cut_over(bench, 60.0)
    assert issuer.codes() == []
    bench.core.set_link("issuer-1", up=True, now=bench.world.now)
    bench.world.run(20.0)
    assert issuer.codes() == ["0800/201", "0520/978"]


@ASCII
@pytest.mark.parametrize("seconds", [0.00005, 0.0002, 0.0004, 0.0006, 3.0, 6.0002, 6.0004, 8.0])
def test_r16_r17_a_crash_anywhere_in_a_cutover(terminal: Terminal, cards: Any, seconds: float) -> None:
    """Either nothing has happened, or the day has begun and each issuer is told of it and of its totals."""
    bench = terminal.bench
    issuer, other = Institution(bench, "issuer-1"), Institution(bench, "issuer-2")
    issuer.script["05"] = other.script["05"] = lambda _: {"39": "00", "66": "1"}
    buy(terminal, card_of(cards))
    cut_over(bench, seconds)
    told = issuer.codes()
    bench.crash_switch()
    begun = set(dates(bench).values()) == {SECOND}
    assert begun or (set(dates(bench).values()), told) == ({FIRST}, [])
    assert begun or seconds < 0.0002
    bench.world.run(30.0)
    if begun:
        assert set(issuer.codes()) == {"0800/201", "0520/978"}
        assert {doc["88"] for doc in issuer.asked if doc["t"] == "0520"} == {f"{10_00:016d}"}
        assert not any(issuer.closings for issuer in bench.core._context.issuers.values() if issuer.serves())
    if seconds == 8.0:
        assert issuer.codes() == told


@ASCII
def test_r17_the_simulated_issuers_have_the_same_totals(terminal: Terminal, cards: Any) -> None:
    """Two books that share no code, over purchases, refunds and reversals."""
    for issuer in ("issuer-1", "issuer-2"):
        card = card_of(cards, issuer)
        buy(terminal, card, 30_00)
        buy(terminal, card, 12_00, f3="200000")
        terminal.ask(terminal.foreign.reversal(buy(terminal, card, 7_00)), seconds=1.0)
    cut_over(terminal.bench, 20.0)
    assert [line["link"] for line in terminal.said("in-balance")] == ["issuer-1", "issuer-2"]
    assert not terminal.said("cutover-refused")


@ASCII
def test_r16_a_snapshot_remembers_what_issuers_are_to_be_told(terminal: Terminal, cards: Any) -> None:
    bench = terminal.bench
    issuer = Institution(bench, "issuer-1")
    issuer.script["201"] = lambda _: None
    buy(terminal, card_of(cards))
    cut_over(bench, 1.0)
    state = bench.core.snapshot()
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, state)
    bench.crash_switch()
    assert bench.core.snapshot() == state
    del issuer.script["201"]
    bench.world.run(30.0)
    assert issuer.codes()[-2:] == ["0800/201", "0520/978"]


@pytest.mark.rule("R16")
def test_r16_an_issuer_that_hears_of_no_cutover_for_long_stops_nothing(bench: Bench, cards: Any) -> None:
    """A day whose figures are forgotten while the issuer is being told of it is given up, once."""
    issuer = Scripted(bench, card_of(cards)["issuer"])
    issuer.receive = lambda *_: None  # type: ignore[method-assign]
    for _ in range(12):
        cut_over(bench)
    bench.world.run(7200.0)
    assert bench.core.business_dates()
