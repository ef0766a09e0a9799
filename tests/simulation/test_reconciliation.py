"""R17: acquirers' reconciliation, 0500 and 0520; on virtual time, messages from pyiso8583."""

from typing import Any

import pytest

from switch.config import find_link
from switch.config.tables import Config
from switch.iso8583.dialect import load
from tests.simulation.conftest import Terminal, terminal_of
from tests.simulation.institution import Institution
from tests.simulation.trade import FIRST, buy, card_of, reconciled, reconciliation

ASCII = pytest.mark.parametrize("link", ["acquirer"], indirect=True)


@pytest.fixture
def day_of_trade(terminal: Terminal, cards: Any) -> Terminal:
    """Two purchases, one of them reversed; a refund; an inquiry; a pre-authorization; something declined."""
    Institution(terminal.bench, "issuer-1", lambda doc: {"39": "51" if doc["4"] == f"{66_00:012d}" else "00"})
    card = card_of(cards)
    buy(terminal, card, 40_00)
    terminal.ask(terminal.foreign.reversal(buy(terminal, card, 2_50)))
    buy(terminal, card, 5_00, f3="200000")
    buy(terminal, card, 0, f3="310000")
    buy(terminal, card, 80_00, f25="06")
    assert terminal.ask(terminal.foreign.purchase(card, 66_00, pin=None))["39"] == "51"
    return terminal


RIGHT = {
    "f74": f"{1:010d}", "f75": f"{0:010d}", "f76": f"{2:010d}", "f77": f"{1:010d}", "f80": f"{1:010d}",
    "f81": f"{1:010d}", "f86": f"{5_00:016d}", "f87": f"{0:016d}", "f88": f"{42_50:016d}", "f89": f"{2_50:016d}",
    "f97": f"D{35_00:016d}",
}  # fmt: skip


@ASCII
@pytest.mark.parametrize(
    ("mti", "answer_mti"), [("0500", "0510"), ("0501", "0510"), ("0520", "0530"), ("0521", "0530")]
)
def test_r17_figures_that_agree(day_of_trade: Terminal, mti: str, answer_mti: str) -> None:
    """0510 or 0530 with DE 66 = 1 and our own figures, the echo of the rest; a repeat is answered alike."""
    request = reconciliation(day_of_trade, FIRST, mti, **RIGHT)
    answer = day_of_trade.ask(request)
    assert (answer["t"], answer["39"], answer["66"]) == (answer_mti, "00", "1")
    assert {
        f"f{number}": answer[number] for number in ("74", "75", "76", "77", "80", "81", "86", "87", "88", "89", "97")
    } == RIGHT
    assert all(answer[number] == request[number] for number in ("7", "11", "15", "32", "50"))
    assert day_of_trade.ask(request) == answer


@ASCII
@pytest.mark.parametrize("number", ["f74", "f75", "f76", "f77", "f80", "f81", "f86", "f87", "f88", "f89", "f97"])
def test_r17_a_figure_that_differs(day_of_trade: Terminal, number: str) -> None:
    """DE 66 = 2, ours are told, one line says so."""
    other = RIGHT[number][:-1] + ("9" if RIGHT[number][-1] != "9" else "8")
    answer = reconciled(day_of_trade, **(RIGHT | {number: other}))
    assert (answer["39"], answer["66"], answer[number[1:]]) == ("00", "2", RIGHT[number])
    assert len(day_of_trade.said("out-of-balance")) == 1


@ASCII
def test_r17_what_one_side_never_heard_of_is_set_off(day_of_trade: Terminal) -> None:
    """The acquirer that got no answer to what it then reversed has counted neither: nothing is owed between the two."""
    figures = RIGHT | {"f76": f"{1:010d}", "f77": f"{0:010d}", "f88": f"{40_00:016d}", "f89": f"{0:016d}"}
    assert reconciled(day_of_trade, **figures)["66"] == "1"


@ASCII
def test_r17_what_is_absent_counts_as_zero(terminal: Terminal, cards: Any) -> None:
    assert reconciled(terminal)["66"] == "1"
    Institution(terminal.bench, "issuer-1")
    buy(terminal, card_of(cards))
    assert reconciled(terminal)["66"] == "2"
    assert reconciled(terminal, f76=f"{1:010d}", f88=f"{10_00:016d}")["66"] == "1"
    assert reconciled(terminal, None, f76=f"{1:010d}", f88=f"{10_00:016d}")["15"] == FIRST[2:]


@ASCII
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"7": None}, "30"), ({"11": None}, "30"), ({"32": None}, "30"), ({"32": "99"}, "58"), ({"50": "840"}, "12"),
        ({"15": "0922"}, "12"), ({"15": "0911"}, "12"), ({"15": "0912"}, "00"), ({"50": None}, "00"),
    ],
)  # fmt: skip
def test_r17_what_is_refused(terminal: Terminal, change: dict[str, str | None], code: str) -> None:
    """Ten days are kept; a day that has not begun, a currency that is not served, a foreign DE 32."""
    doc: dict[str, str | None] = {**reconciliation(terminal), **change}
    assert terminal.ask({key: value for key, value in doc.items() if value is not None})["39"] == code


@ASCII
def test_r17_before_sign_on_is_91(terminal: Terminal) -> None:
    stranger = Terminal(terminal.bench, terminal.foreign, terminal.link).connect()
    assert stranger.ask(reconciliation(terminal))["39"] == "91"


@ASCII
def test_r17_i9_totals_are_the_log(day_of_trade: Terminal) -> None:
    """Folded after a crash, and again from a snapshot: the same figures, and the same answer."""
    bench, answer = day_of_trade.bench, reconciled(day_of_trade)
    for with_snapshot in (False, True, False):
        if with_snapshot:
            bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, bench.core.snapshot())
        bench.crash_switch()
        bench.world.run(1.0)
        again = terminal_of(bench, "acquirer", day_of_trade.foreign)
        assert {**reconciled(again), "11": ""} == {**answer, "11": ""}
        (tx,) = [tx for tx in bench.core._context.transactions.everything() if tx.amount == f"{5_00:012d}"]
        assert tx.business_date == FIRST


@ASCII
def test_r17_totals_outlive_their_transactions(day_of_trade: Terminal) -> None:
    """Long forgotten for want of room, they still count: in the snapshot totals stand by themselves."""
    bench = day_of_trade.bench
    bench.core._context.transactions._limit = 1
    answer = reconciled(day_of_trade)
    day_of_trade.ask(day_of_trade.foreign.purchase({"pan": "4970100000000014", "expiry": "3012"}, pin=None))
    kept = {tx.amount for tx in bench.core._context.transactions.everything()}
    assert f"{40_00:012d}" not in kept
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, bench.core.snapshot())
    bench.crash_switch()
    bench.world.run(1.0)
    again = terminal_of(bench, "acquirer", day_of_trade.foreign)
    assert {**reconciled(again), "11": ""} == {**answer, "11": ""}


@ASCII
def test_r17_each_link_has_its_own(day_of_trade: Terminal, config: Config) -> None:
    """The acquirer's link and the issuer's count the same; another acquirer's counts nothing of it."""
    rows = {
        (link, day): figures for link, day, currency, figures in day_of_trade.bench.core.totals() if currency == "978"
    }
    assert rows["acquirer", FIRST] == rows["issuer-1", FIRST]
    assert set(rows) == {("acquirer", FIRST), ("issuer-1", FIRST)}


def test_r17_in_every_dialect(terminal: Terminal, config: Config) -> None:
    """Read by our own codec, for pyiso8583 knows no amount of a sign and BCD digits (DE 97)."""
    layout = load(find_link(config, terminal.link).dialect).layout
    answers: list[dict[str, str]] = []
    client = terminal.bench.dial(terminal.link, lambda frame: answers.append(layout.decode(frame)), lambda: None)
    client.send(terminal.foreign.encode(terminal.foreign.network("001")))
    terminal.bench.world.run(0.1)
    client.send(layout.encode(reconciliation(terminal) | {"97": "D" + "0" * 16}))
    terminal.bench.world.run(0.1)
    assert (answers[-1]["t"], answers[-1]["66"], answers[-1]["97"]) == ("0510", "1", "C" + "0" * 16)
