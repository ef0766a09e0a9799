"""Less than the whole: partial approvals, partial reversals, the cash of a cashback, and counts a day."""

import pytest

PLENTY = 1_000_000_00
NOTHING_ELSE = "0" * 12 + "D00000000" * 2  # DE 95 behind its first amount


@pytest.fixture
def reduce(reverse):
    """A partial reversal: `euros` stand after it; its STAN is its own."""

    def compose(doc, euros, stan="900001"):
        return reverse(doc) | {"11": stan, "95": f"{round(euros * 100):012d}{NOTHING_ELSE}"}

    return compose


# -- partial approval ------------------------------------------------------------------------------------------------


@pytest.mark.rule("10")
def test_a_partial_approval_is_as_much_as_is_available(bench, make_card, repeat):
    bench.start(make_card("partial", balance_cents=40_00))
    doc = bench.doc(euros=100, pin="7068")
    [answer] = bench.send(doc)
    assert (answer["39"], answer["4"], len(answer["38"])) == ("10", "000000004000", 6)
    assert bench.available() == 0
    assert bench.send(repeat(doc)) == [answer]
    assert bench.available() == 0
    assert [event["reason"] for event in bench.events[-2:]] == ["partially-approved", "from-memory"]


def test_more_than_nothing_and_less_than_asked(bench, make_card):
    bench.start(make_card("partial", balance_cents=40_00))
    assert [bench.ask(euros=euros)["39"] for euros in (30, 30, 30)] == ["00", "10", "51"]
    assert bench.available() == 0


def test_a_partial_approval_in_francs_is_worth_what_is_available(bench, make_card):
    bench.start(make_card("partial", balance_cents=40_00))
    answer = bench.ask(euros=655.96, f49="250")
    assert (answer["39"], answer["4"]) == (
        "10",
        "000000026241",
    )  # 40.0049 EUR is 40.00; a centime more is not
    assert bench.available() == 0


@pytest.mark.parametrize("kind", ["cash", "cashback"])
def test_cash_is_never_approved_in_part(bench, make_card, kind):
    bench.start(make_card("partial", balance_cents=40_00))
    assert bench.de39(kind, 100) == "51"


def test_the_limit_and_the_pin_come_before_it(bench, make_card):
    bench.start(make_card("partial", balance_cents=40_00, limit_cents=50_00))
    assert bench.de39(euros=100, pin="1111") == "55"
    assert bench.de39(euros=100) == "61"


@pytest.mark.parametrize("through_snapshot", [False, True])
def test_its_reversal_releases_what_was_approved(bench, make_card, reverse, through_snapshot):
    bench.start(make_card("partial", balance_cents=40_00))
    doc = bench.doc(euros=100)
    bench.send(doc)
    bench.reload(through_snapshot=through_snapshot)
    bench.send(reverse(doc))
    assert bench.available() == 40_00


def test_its_partial_reversal_goes_by_what_was_approved(bench, make_card, reduce):
    bench.start(make_card("partial", balance_cents=40_00))
    doc = bench.doc(euros=100)
    bench.send(doc)
    assert bench.send(reduce(doc, 60))[0]["39"] == "13"
    assert bench.send(reduce(doc, 10))[0]["39"] == "00"
    assert bench.available() == 30_00


# -- partial reversal ------------------------------------------------------------------------------------------------


@pytest.mark.rule("R10 DE 95")
@pytest.mark.parametrize(("mti", "answer_mti"), [("0400", "0410"), ("0420", "0430"), ("0421", "0430")])
def test_a_partial_reversal_releases_down_to_de_95(bench, reduce, mti, answer_mti):
    bench.start()
    doc = bench.doc(euros=100)
    bench.send(doc)
    [answer] = bench.send(reduce(doc, 60) | {"t": mti})
    assert (answer["t"], answer["39"]) == (answer_mti, "00")
    assert bench.available() == PLENTY - 60_00


@pytest.mark.rule("R10", "R10 DE 95")
def test_an_identical_one_releases_nothing_more_not_even_late(bench, reduce):
    """R10: the same 0430; also the repeat of an earlier one that a later one overtook."""
    bench.start()
    doc = bench.doc(euros=100)
    bench.send(doc)
    first = bench.send(reduce(doc, 60))
    assert bench.send(reduce(doc, 60)) == first
    assert bench.send(reduce(doc, 25, "900002"))[0]["39"] == "00"
    assert bench.send(reduce(doc, 60)) == first
    assert bench.available() == PLENTY - 25_00
    assert bench.issuer.counters["reversals-repeated"] == 2


def test_a_later_whole_reversal_releases_the_rest(bench, reduce, reverse):
    bench.start()
    doc = bench.doc(euros=100)
    bench.send(doc)
    bench.send(reduce(doc, 60))
    bench.restart()
    for _ in range(2):
        assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == PLENTY
    assert bench.send(reduce(doc, 60))[0]["39"] == "00"  # the repeat of what was taken
    assert bench.send(reduce(doc, 50))[0]["39"] == "12"
    assert bench.available() == PLENTY


def test_zero_stands_for_a_whole_reversal(bench, reduce, reverse):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    bench.send(reduce(doc, 0))
    bench.send(reverse(doc))
    assert bench.available() == PLENTY


@pytest.mark.parametrize("euros", [100, 100.01, 60.01])
def test_de_95_must_be_less_than_what_stands(bench, reduce, euros):
    bench.start()
    doc = bench.doc(euros=100)
    bench.send(doc)
    bench.send(reduce(doc, 60))
    before = len(bench.committed)
    assert bench.send(reduce(doc, euros))[0]["39"] == "13"
    assert (bench.available(), len(bench.committed)) == (PLENTY - 60_00, before)


def test_what_holds_nothing_cannot_be_reversed_in_part(bench, make_card, reduce):
    bench.start(make_card(balance_cents=1))
    declined, inquiry = bench.doc(), bench.doc("balance", 0)
    bench.send(declined)
    bench.send(inquiry)
    assert [bench.send(reduce(doc, 1))[0]["39"] for doc in (declined, inquiry)] == ["12", "12"]


def test_an_unknown_original_is_25_and_not_voided(bench, reduce):
    """Only a part was to be taken back: to refuse the original would take the whole."""
    bench.start()
    doc = bench.doc()
    assert bench.send(reduce(doc, 60))[0]["39"] == "25"
    assert bench.send(doc)[0]["39"] == "00"


def test_a_de_95_that_is_no_amount_is_a_format_error(bench, reverse):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    assert bench.send(reverse(doc) | {"95": "A" * 42})[0]["39"] == "30"


def test_a_refund_an_advice_and_a_completed_preauthorization(bench, reduce):
    bench.start()
    refund, advice, held = bench.doc("refund", 10), bench.advice(euros=20), bench.doc(euros=50, f25="06")
    for doc in (refund, advice, held):
        bench.send(doc)
    assert [bench.send(reduce(doc, 4))[0]["39"] for doc in (refund, advice, held)] == ["00", "00", "00"]
    assert bench.available() == PLENTY + 4_00 - 4_00 - 4_00
    completion = bench.advice(held, 3)
    bench.send(completion)
    assert bench.send(reduce(held, 1))[0]["39"] == "12"
    assert bench.send(reduce(completion, 1))[0]["39"] == "00"
    assert bench.available() == PLENTY + 4_00 - 4_00 - 1_00


def test_after_a_reset_it_is_acknowledged_and_releases_nothing(bench, reduce):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    bench.issuer.reset()
    assert bench.send(reduce(doc, 60))[0]["39"] == "00"
    assert bench.available() == PLENTY


def test_it_gives_back_a_part_of_the_limit_but_not_the_use(bench, make_card, reduce, reverse):
    bench.start(make_card(limit_cents=100_00, max_count=2))
    doc = bench.doc(euros=100)
    bench.send(doc)
    bench.send(reduce(doc, 60))
    assert [bench.de39(euros=41), bench.de39(euros=40), bench.de39(euros=0.01)] == ["61", "00", "61"]
    bench.send(reverse(doc))
    assert [bench.de39(euros=1), bench.de39(euros=1)] == ["00", "65"]


# -- cashback --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "de39"),
    [
        ("0040978D000000003000", "00"), ("0040978D000000010000", "00"), ("0040978D000000010001", "13"),
        ("0040978D000000006000" * 2, "13"), ("0001978C000000999999", "00"),
        ("0040978D00000000300", "30"), ("0040978X000000003000", "30"), ("0040978D000000003000" + "0040", "30"),
    ],
)  # fmt: skip
def test_the_cash_of_a_cashback_is_part_of_its_amount(bench, amounts, de39):
    bench.start()
    assert bench.de39("cashback", 100, f54=amounts) == de39
    assert bench.available() == PLENTY - (100_00 if de39 == "00" else 0)


# -- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("65")
def test_a_card_may_be_used_so_often_a_day(bench, make_card, reverse):
    bench.start(make_card("count-limit", max_count=2))
    first = bench.doc()
    bench.send(first)
    assert [bench.de39("refund"), bench.de39("balance", 0), bench.de39(), bench.de39()] == ["00", "00", "00", "65"]
    bench.send(reverse(first))
    assert [bench.de39(), bench.de39()] == ["00", "65"]
    bench.now += 86_400
    assert bench.de39() == "00"


@pytest.mark.rule("65")
def test_a_count_that_is_used_up(bench, make_card):
    bench.start(make_card("count-limit", max_count=0))
    assert bench.de39(pin="7068") == "65"


def test_the_count_survives_a_restart(bench, make_card):
    bench.start(make_card(max_count=1))
    bench.ask()
    bench.reload(through_snapshot=True)
    assert bench.de39() == "65"
