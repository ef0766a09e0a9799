"""Totals by the DE 15 of each request, and what a 0500 or 0520 is answered (R16, R17)."""

import pytest

from switch.iso8583 import dialect
from switch.issuers.totals import MAX_DAYS

DAY = "0115"  # 15 January 2027, NOW's
ZEROS = {str(field): "0" * 10 for field in (74, 75, 76, 77, 80, 81)} | {str(field): "0" * 16 for field in range(86, 90)}


def ask(bench, mti="0500", **figures):
    """The answer to a reconciliation with these figures, by field number as f76=1."""
    bench.stan += 1
    doc = {"t": mti, "7": "0115120000", "11": f"{bench.stan:06d}", "32": "20000000001"}
    for name, value in figures.items():
        number = name[1:]
        digits = 10 if int(number) < 86 else 16
        doc[number] = value if isinstance(value, str) else f"{value:0{digits}d}"
    [answer] = bench.send(doc)
    return answer


@pytest.fixture
def day(bench, reverse):
    """Something of everything."""
    bench.start()
    kept, gone, reduced, refund = bench.doc(euros=100), bench.doc(euros=50), bench.doc(euros=30), bench.doc("refund", 7)
    held = bench.doc(euros=200, f25="06")
    for doc in (kept, gone, reduced, refund, held, bench.doc("balance", 0), bench.doc("verification", 0)):
        bench.send(doc)
    bench.ask("cashback", 20)
    bench.de39(pin="1111")  # declined: counts nowhere
    bench.send(reverse(gone))
    bench.send(reverse(reduced) | {"11": "900001", "95": f"{10_00:012d}" + "0" * 30})
    bench.send(bench.advice(held, 180))
    bench.send(bench.advice(euros=5, f39="05"))  # of a decline
    bench.send(reverse(bench.doc()))  # of nothing
    return bench


EXPECTED = ZEROS | {
    "74": "0000000001", "86": "0000000000000700",
    "76": "0000000005", "88": "0000000000038000",  # 100 + 50 + 30 + 20 + 180
    "77": "0000000002", "89": "0000000000007000",  # 50 whole, 20 of 30
    "80": "0000000002", "81": "0000000001",
}  # fmt: skip


@pytest.mark.parametrize(
    ("mti", "answer_mti"), [("0500", "0510"), ("0501", "0510"), ("0520", "0530"), ("0521", "0530")]
)
def test_the_answer_tells_our_own_figures(day, mti, answer_mti):
    answer = ask(day, mti)
    assert (answer["t"], answer["39"], answer["66"], answer["15"], answer["50"]) == (answer_mti, "00", "2", DAY, "978")
    assert {field: answer[field] for field in EXPECTED} == EXPECTED
    assert answer["97"] == "D0000000000030300"


def test_in_balance_is_who_agrees_on_the_money(day):
    assert ask(day, f74=1, f86=7_00, f76=5, f88=380_00, f77=2, f89=70_00, f80=2, f81=1)["66"] == "1"
    # the switch has no debit of what it gave up on and reversed, and no inquiry that came too late
    assert ask(day, f74=1, f86=7_00, f76=4, f88=330_00, f77=1, f89=20_00, f80=1)["66"] == "1"


@pytest.mark.parametrize(
    "figures", [{"f76": 4}, {"f88": 380_01}, {"f74": 0}, {"f86": 7_01}, {"f77": 1}, {"f89": 69_99}, {"f75": 1}]
)
def test_out_of_balance_is_one_cent_or_one_transaction(day, figures):
    right = {"f74": 1, "f86": 7_00, "f76": 5, "f88": 380_00, "f77": 2, "f89": 70_00}
    assert ask(day, **(right | figures))["66"] == "2"
    assert day.events[-1]["reason"] == "out-of-balance"


def test_a_day_of_nothing_is_in_balance_and_absent_counts_as_zero(bench):
    bench.start()
    answer = ask(bench, f15="0301", f50="250")
    assert (answer["66"], answer["15"], answer["50"], answer["97"]) == ("1", "0301", "250", "C0000000000000000")
    assert {field: answer[field] for field in ZEROS} == ZEROS


def test_days_and_currencies_are_apart(bench):
    bench.start()
    bench.ask(euros=10, f15="0116")
    bench.ask(euros=65.60, f49="250", f15="0116")
    bench.ask(euros=3)
    assert ask(bench, f15="0116", f76=1, f88=10_00)["66"] == "1"
    assert ask(bench, f15="0116", f50="250", f76=1, f88=65_60)["66"] == "1"
    assert ask(bench, f76=1, f88=3_00)["66"] == "1"


def test_a_late_reversal_counts_on_its_originals_day(bench, reverse):
    """R16."""
    bench.start()
    doc = bench.doc(euros=10, f15="0115")
    bench.send(doc)
    bench.now += 86_400
    bench.send(reverse(doc) | {"15": "0116"})
    assert ask(bench, f15="0115", f76=1, f88=10_00, f77=1, f89=10_00)["77"] == "0000000001"
    assert ask(bench, f15="0116")["66"] == "1"


def test_partial_approvals_count_what_was_approved(bench, make_card, reverse):
    bench.start(make_card("partial", balance_cents=40_00))
    doc = bench.doc(euros=100)
    bench.send(doc)
    assert ask(bench)["88"] == f"{40_00:016d}"
    bench.send(reverse(doc))
    assert ask(bench)["89"] == f"{40_00:016d}"


def test_a_reversed_preauthorization_counts_as_no_money(bench, reverse):
    bench.start()
    doc = bench.doc(f25="06")
    bench.send(doc)
    bench.send(reverse(doc))
    answer = ask(bench)
    assert (answer["81"], answer["77"], answer["97"]) == ("0000000001", "0000000000", "C0000000000000000")


def test_an_advice_that_was_reversed_before_it_came_counts_both_ways(bench, reverse):
    bench.start()
    doc = bench.advice(euros=10)
    bench.send(reverse(doc))
    bench.send(doc)
    answer = ask(bench)
    assert (answer["76"], answer["77"], answer["97"]) == ("0000000001", "0000000001", "C0000000000000000")


@pytest.mark.parametrize("through_snapshot", [False, True])
def test_totals_survive_a_restart_and_a_reset(day, through_snapshot):
    day.issuer.reset()
    day.settle()
    day.reload(through_snapshot=through_snapshot)
    answer = ask(day)
    assert {field: answer[field] for field in EXPECTED} == EXPECTED


def test_days_beyond_the_limit_are_dropped_oldest_first(bench):
    bench.start()
    for number in range(MAX_DAYS + 1):
        bench.ask(euros=1, f15=f"01{number + 1:02d}")
    assert ask(bench, f15="0101")["76"] == "0000000000"
    assert ask(bench, f15="0102")["76"] == "0000000001"


def test_cutover_is_acknowledged_with_its_date(bench):
    bench.start()
    message = {"t": "0800", "7": "0115000000", "11": "000007", "70": "201", "15": "0116"}
    [answer] = bench.send(message)
    assert (answer["39"], answer["15"], answer["70"]) == ("00", "0116", "201")
    assert (bench.events[-1]["event"], bench.events[-1]["why"]) == ("cutover", "the business date is 0116 (MMDD)")


def test_answers_carry_the_business_date_of_the_request(bench):
    bench.start()
    assert bench.ask(f15="0116")["15"] == "0116"
    assert bench.send(bench.advice(f15="0116"))[0]["15"] == "0116"


def test_a_link_of_1993_says_the_year_of_the_business_date(bench):
    """1987 has none; the issuer knows the time."""
    bench.dialect = dialect.load("iso93-ascii").for_link()
    bench.start()
    bench.issuer.receive(1, bench.dialect.layout.encode(bench.doc(f15="0116")), bench.now)
    [*_, (_, _, frame, _)] = bench.issuer.take_effects()
    answer = bench.dialect.wire.scan(frame)
    assert (answer.mti, answer.text(39), answer.text(15)) == ("1110", "000", "270116")


def test_incomplete_or_before_sign_on_it_is_refused(bench):
    bench.start()
    assert bench.send({"t": "0500", "7": "0115000000"})[0]["39"] == "30"
    bench.issuer.connected(2, 0, bench.now)
    assert bench.send({"t": "0500", "7": "0115000000", "11": "000007"}, conn=2)[0]["39"] == "91"
    assert bench.send({"t": "0800", "7": "0115000000", "11": "000007", "70": "201"}, conn=2)[0]["39"] == "91"
