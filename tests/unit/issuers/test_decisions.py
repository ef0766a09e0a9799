"""What an issuer answers: the business order, PIN tries, balances, and what each behaviour is for."""

import psec
import pytest


def test_the_cards_of_these_tests_have_their_pvv_from_psec(secrets):
    assert psec.pin.generate_visa_pvv(secrets["pvk"], "1", secrets["pin"], secrets["pan"]) == secrets["pvv"]


@pytest.mark.rule("R2", "00")
def test_a_purchase_is_approved_held_and_echoed(bench):
    bench.start()
    doc = bench.doc(euros=100, pin="7068")
    [answer] = bench.send(doc)
    assert (answer["t"], answer["39"], len(answer["38"])) == ("0110", "00", 6)
    echoed = ["2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49"]  # R2
    assert {field: answer[field] for field in echoed} == {field: doc[field] for field in echoed}
    assert not {"52", "14", "35"} & answer.keys()
    assert bench.available() == 1_000_000_00 - 100_00


@pytest.mark.rule("R1")
@pytest.mark.parametrize(
    ("mti", "answer_mti"), [("0100", "0110"), ("0101", "0110"), ("0200", "0210"), ("0201", "0210")]
)
def test_requests_and_repeats_are_answered_by_their_class(bench, mti, answer_mti):
    bench.start()
    assert bench.ask(ft=mti)["t"] == answer_mti


@pytest.mark.rule("14", "41", "43", "54", "62")
@pytest.mark.parametrize(
    ("behaviour", "de39"),
    [
        ("plain", "00"), ("approve", "00"), ("pin-tries", "00"), ("lost", "41"), ("stolen", "43"),
        ("restricted", "62"), ("expired", "54"), ("unknown", "14"), ("no-route", "00"), ("issuer-down", "00"),
    ],
)  # fmt: skip
def test_behaviours(bench, make_card, behaviour, de39):
    bench.start(make_card(behaviour))
    assert bench.de39(pin="7068") == de39


def test_an_unknown_behaviour_is_refused_with_those_there_are(bench, make_card):
    with pytest.raises(ValueError, match="no card behaviour 'grumpy'; there are: plain, approve"):
        bench.start(make_card("grumpy"))


@pytest.mark.rule("51", "61", "I2")
def test_funds_and_limit_come_from_the_account(bench, make_card):
    bench.start(make_card("funds", balance_cents=50_00), make_card("limit", "4687380000000040", limit_cents=50_00))
    assert bench.de39(euros=100) == "51"
    assert bench.de39(euros=100, pan="4687380000000040") == "61"
    assert bench.de39(euros=50) == "00"
    assert bench.de39(euros=0.01) == "51"
    assert bench.de39(euros=50, pan="4687380000000040") == "00"
    assert bench.de39(euros=0.01, pan="4687380000000040") == "61"


@pytest.mark.rule("I2")
def test_the_limit_is_one_of_the_day(bench, make_card):
    bench.start(make_card(limit_cents=50_00))
    assert bench.de39(euros=50) == "00"
    bench.now += 86_400
    assert bench.de39(euros=50) == "00"


def test_the_approving_card_never_runs_out(bench, make_card):
    bench.start(make_card("approve", balance_cents=1, limit_cents=1))
    assert {bench.de39(euros=9_999_999) for _ in range(20)} == {"00"}


def test_status_comes_before_the_pin_and_money_after_it(bench, make_card):
    bench.start(make_card("lost", balance_cents=0), make_card("funds", "4687380000000024", balance_cents=0, pvv="9999"))
    assert bench.de39(pin="1111") == "41"
    assert bench.de39(pan="4687380000000024", pin="1111") == "55"  # wrong PIN before no money


@pytest.mark.rule("55", "75")
def test_three_wrong_pins_then_even_the_right_one_fails(bench):
    bench.start()
    assert [bench.de39(pin=pin) for pin in ("1111", "1111", "1111", "7068", "1111")] == ["55", "55", "75", "75", "75"]


def test_a_right_pin_clears_the_tries_below_three(bench):
    bench.start()
    assert [bench.de39(pin=pin) for pin in ("1111", "1111", "7068", "1111", "1111", "1111")] == [
        "55", "55", "00", "55", "55", "75",
    ]  # fmt: skip


def test_requests_without_a_pin_leave_the_tries_alone(bench):
    bench.start()
    assert [bench.de39(pin="1111"), bench.de39(), bench.de39(pin="1111"), bench.de39(pin="1111")] == [
        "55", "00", "55", "75",
    ]  # fmt: skip


def test_three_wrong_pins_at_once_count_as_three(bench):
    bench.start()
    bench.hsm_up = False
    for pin in ("1111", "1111", "1111", "7068"):
        assert bench.send(bench.doc(pin=pin)) == []
    for tag, command in bench.asked:
        bench.issuer.hsm_reply(tag, bench.hsm.respond(b"0001" + command)[4:], bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["55", "55", "75", "75"]


@pytest.mark.rule("88", "96")
def test_a_bad_pin_block_is_88_and_no_hsm_96_and_neither_counts_a_try(bench):
    bench.start()
    bench.send(bench.doc(pin="1111"))
    assert bench.de39(f52="0123456789ABCDEF") == "88"
    bench.hsm_up = False
    assert bench.send(bench.doc(pin="7068")) == []
    bench.issuer.hsm_reply(bench.asked[0][0], None, bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["96"]
    bench.hsm_up = True
    assert [bench.de39(pin="1111"), bench.de39(pin="1111")] == ["55", "75"]


def test_the_hsm_is_asked_once_and_a_stray_reply_does_nothing(bench):
    bench.start()
    bench.hsm_up = False
    bench.send(bench.doc(pin="7068"))
    [(tag, command)] = bench.asked
    assert command.startswith(b"ECU")
    assert command.endswith(b"01" + b"738000000001" + b"1" + b"2049")  # ISO-0, account number, PVKI, PVV
    bench.issuer.hsm_reply(tag, b"ED00", bench.now)
    bench.issuer.hsm_reply(tag, b"ED00", bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["00"]
    assert bench.issuer.counters["hsm-reply-unmatched"] == 1


@pytest.mark.rule("54")
def test_an_expiry_that_is_not_the_cards_declines_and_a_missing_one_does_not(bench):
    bench.start()
    assert bench.de39(f14="2912") == "54"
    doc = bench.doc()
    del doc["14"]
    assert bench.send(doc)[0]["39"] == "00"


@pytest.mark.parametrize(("expiry", "de39"), [("3012", "00"), ("2912", "54")])
def test_pan_and_expiry_may_come_from_track_2(bench, secrets, expiry, de39):
    bench.start()
    separator = "D" if bench.dialect.name == "iso87-bcd" else "="
    doc = bench.doc(f35=f"{secrets['pan']}{separator}{expiry}201")
    del doc["2"], doc["14"]
    assert bench.send(doc)[0]["39"] == de39


def test_a_card_is_good_until_the_end_of_its_month(bench, make_card):
    bench.start(make_card(expiry="2701"), make_card(pan="4687380000000024", expiry="2612"))  # it is January 2027
    assert bench.de39(f14="2701") == "00"
    assert bench.de39(pan="4687380000000024", f14="2612") == "54"


def test_refund_credits_and_verification_moves_nothing(bench, make_card):
    bench.start(make_card(balance_cents=10_00))
    assert bench.de39("refund", 5) == "00"
    assert bench.available() == 15_00
    assert bench.de39("verification", 99) == "00"
    assert bench.available() == 15_00


def test_balance_tells_ledger_and_available_in_de_54(bench, make_card):
    bench.start(make_card(balance_cents=150_00))
    bench.ask("purchase", 100)
    assert bench.ask("balance", 0)["54"] == "0001978C000000015000" + "0002978C000000005000"
    assert "54" not in bench.ask("purchase", 1)


def test_francs_are_held_in_euro(bench):
    bench.start()
    assert bench.de39(euros=655.957, f49="250") == "00"  # 655.96 francs
    assert bench.available() == 1_000_000_00 - 100_00


@pytest.mark.rule("12", "13", "30")
@pytest.mark.parametrize(
    ("change", "de39"),
    [
        ({"49": "840"}, "12"), ({"3": "990000"}, "12"), ({"4": "000000000000"}, "13"),
        ({"4": None}, "30"), ({"37": None}, "30"), ({"41": None}, "30"), ({"32": None}, "30"), ({"2": None}, "30"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_and_not_remembered(bench, change, de39):
    bench.start()
    before = len(bench.committed)
    doc = {field: text for field, text in (bench.doc() | change).items() if text is not None}
    assert bench.send(doc)[0]["39"] == de39
    assert len(bench.committed) == before
    assert bench.events[-1]["event"] == "refused"


def test_declines_say_why_and_name_no_card(bench, secrets):
    bench.start()
    bench.ask(pin="1111")
    event = bench.events[-1]
    assert (event["event"], event["reason"], event["de39"]) == ("declined", "wrong-pin", "55")
    assert event["why"] == "wrong PIN number 1 in a row"
    assert secrets["pan"] not in str(bench.events)


def test_no_pan_is_in_what_is_committed(bench, secrets):
    bench.start()
    bench.ask(pin="7068")
    bench.ask(pan="4687389999999996")
    bench.send(bench.doc())
    assert bench.committed
    assert all(pan not in entry for entry in bench.committed for pan in (secrets["pan"].encode(), b"4687389999999996"))
    assert secrets["pan"] not in repr(bench.spec)
