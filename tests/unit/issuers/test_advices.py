"""Advices, pre-authorizations, completions: what has happened is posted (R12), what was held is released once (I6)."""

import pytest

PLENTY = 1_000_000_00


@pytest.mark.rule("R12")
@pytest.mark.parametrize(
    ("mti", "answer_mti"), [("0120", "0130"), ("0121", "0130"), ("0220", "0230"), ("0221", "0230")]
)
def test_an_advice_is_posted_and_acknowledged_at_once(bench, make_card, mti, answer_mti):
    bench.start(make_card("issuer-late"))
    doc = bench.advice(mti=mti, f38="A1B2C3")
    [answer] = bench.send(doc)
    assert (answer["t"], answer["39"], answer["38"], answer["11"]) == (answer_mti, "00", "A1B2C3", doc["11"])
    assert bench.available() == PLENTY - 100_00


@pytest.mark.rule("R12")
def test_an_advice_is_posted_whatever_the_account_says(bench, make_card):
    """R12: balance, limits, PIN tries and status are no reason."""
    bench.start(make_card("lost", balance_cents=1, limit_cents=1, max_count=0))
    assert bench.send(bench.advice(euros=50))[0]["39"] == "00"
    assert bench.available() == 1 - 50_00


def test_pin_tries_are_neither_a_reason_nor_changed(bench):
    bench.start()
    for _ in range(3):
        bench.ask(pin="1111")
    assert bench.send(bench.advice())[0]["39"] == "00"
    assert bench.de39(pin="7068") == "75"


def test_an_advice_of_a_refund_credits(bench):
    bench.start()
    bench.send(bench.advice(euros=5, f3="200000"))
    assert bench.available() == PLENTY + 5_00


@pytest.mark.rule("R12", "I3")
def test_a_repeated_advice_has_one_effect(bench, repeat):
    bench.start()
    doc = bench.advice()
    [first] = bench.send(doc)
    assert bench.send(repeat(doc)) == [first]
    assert bench.available() == PLENTY - 100_00
    bench.restart()
    assert bench.send(repeat(doc)) == [first]
    assert bench.available() == PLENTY - 100_00


@pytest.mark.parametrize("change", [{"4": "000000000001"}, {"2": "4687380000000024"}, {"t": "0200"}])
def test_the_same_key_for_something_else_is_94(bench, change):
    bench.start()
    doc = bench.advice()
    bench.send(doc)
    assert bench.send(doc | change)[0]["39"] == "94"
    assert bench.available() == PLENTY - 100_00


def test_an_advice_with_the_key_of_a_request_in_flight_is_94(bench):
    bench.start()
    bench.hsm_up = False
    doc = bench.doc(pin="7068", ft="0200")
    bench.send(doc)
    assert bench.send({field: text for field, text in doc.items() if field != "52"} | {"t": "0220"})[0]["39"] == "94"


def test_an_unknown_card_has_no_account_to_post_to(bench, repeat):
    bench.start()
    doc = bench.advice(f2="4687389999999996")
    assert bench.send(doc)[0]["39"] == "14"
    assert bench.send(repeat(doc))[0]["39"] == "14"


@pytest.mark.parametrize(("de39", "posted"), [("00", 100_00), ("10", 100_00), ("05", 0), ("51", 0)])
def test_an_advice_of_a_decline_is_only_recorded(bench, de39, posted):
    bench.start()
    assert bench.send(bench.advice(f39=de39))[0]["39"] == "00"
    assert bench.available() == PLENTY - posted


@pytest.mark.parametrize(("change", "de39"), [({"37": None}, "30"), ({"49": "840"}, "12"), ({"90": "1" * 42}, "00")])
def test_only_what_cannot_be_posted_is_refused(bench, change, de39):
    bench.start()
    doc = {field: text for field, text in (bench.advice() | change).items() if text is not None}
    assert bench.send(doc)[0]["39"] == de39


def test_before_sign_on_an_advice_is_91(bench):
    bench.start()
    bench.issuer.connected(2, 0, bench.now)
    assert bench.send(bench.advice(), conn=2)[0]["39"] == "91"


# -- reversals of advices --------------------------------------------------------------------------------------------


def test_a_reversed_advice_is_taken_back_once(bench, reverse):
    bench.start()
    doc = bench.advice()
    bench.send(doc)
    for _ in range(2):
        assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == PLENTY


def test_an_early_reversal_that_names_the_advice_voids_it(bench, reverse, repeat):
    """R9: both are acknowledged, and nothing is left of them."""
    bench.start()
    doc = bench.advice()
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.send(doc)[0]["39"] == "00"
    assert bench.available() == PLENTY
    bench.restart()
    assert bench.send(repeat(doc))[0]["39"] == "00"
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == PLENTY


@pytest.mark.rule("R13")
def test_an_early_reversal_of_the_request_does_not_void_the_stand_in_advice(bench, reverse):
    """R13: the 0420 of the request that timed out goes first; the 0120 has a STAN of its own."""
    bench.start()
    request = bench.doc()
    bench.send(reverse(request))
    stand_in = request | {"t": "0120", "11": "000777", "38": "123456", "39": "00"}
    assert bench.send(stand_in)[0]["39"] == "00"
    assert bench.available() == PLENTY - 100_00
    assert bench.send(request)[0]["39"] == "12"  # the straggler
    assert bench.available() == PLENTY - 100_00
    bench.send(reverse(stand_in))
    assert bench.available() == PLENTY


# -- pre-authorizations ----------------------------------------------------------------------------------------------


@pytest.fixture
def held(bench):
    """A pre-authorization of 100.00 with 20.00 added to it."""
    bench.start()
    preauthorization = bench.doc(euros=100, f25="06")
    increment = bench.follow(bench.doc(euros=20, f25="06"), preauthorization)
    assert [bench.send(doc)[0]["39"] for doc in (preauthorization, increment)] == ["00", "00"]
    assert bench.available() == PLENTY - 120_00
    return preauthorization, increment


@pytest.mark.parametrize("euros", [70, 120, 150, 0])
@pytest.mark.parametrize("mti", ["0220", "0120"])
def test_a_completion_posts_its_amount_and_releases_all_that_was_held(bench, held, euros, mti):
    """Less releases the rest, more is posted all the same, nothing ends the holds."""
    assert bench.send(bench.advice(held[0], euros, mti))[0]["39"] == "00"
    assert bench.available() == PLENTY - euros * 100


def test_a_completion_may_repeat_the_condition_of_what_it_completes(bench, held):
    bench.send(bench.advice(held[0], 70, f25="06"))
    assert bench.available() == PLENTY - 70_00


def test_a_completion_may_name_the_increment(bench, held):
    bench.send(bench.advice(held[1], 70))
    assert bench.available() == PLENTY - 70_00


def test_a_further_completion_posts_its_amount_again(bench, held):
    for _ in range(2):
        bench.send(bench.advice(held[0], 50))
    assert bench.available() == PLENTY - 100_00


def test_a_repeated_completion_does_not(bench, held, repeat):
    doc = bench.advice(held[0], 50)
    bench.send(doc)
    bench.send(repeat(doc))
    assert bench.available() == PLENTY - 50_00


def test_a_reversed_completion_is_unposted(bench, held, reverse):
    doc = bench.advice(held[0], 50)
    bench.send(doc)
    bench.send(reverse(doc))
    assert bench.available() == PLENTY


def test_a_completion_whose_reversal_came_first_still_ends_the_holds(bench, held, reverse):
    doc = bench.advice(held[0], 50)
    bench.send(reverse(doc))
    bench.send(doc)
    assert bench.available() == PLENTY


def test_a_completed_preauthorization_is_not_released_again(bench, held, reverse):
    bench.send(bench.advice(held[0], 50))
    for doc in held:
        assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == PLENTY - 50_00


def test_a_reversed_preauthorization_is_not_released_again_by_its_completion(bench, held, reverse):
    bench.send(reverse(held[0]))
    assert bench.available() == PLENTY - 20_00
    bench.send(bench.advice(held[0], 50))
    assert bench.available() == PLENTY - 50_00


def test_a_completion_of_a_decline_releases_nothing(bench, held):
    bench.send(bench.advice(held[0], 50, f39="05"))
    assert bench.available() == PLENTY - 120_00


@pytest.mark.parametrize("foreign", [{"41": "TERM0009"}, {"37": "999999999999"}, {"2": "4687380000000024"}])
def test_a_completion_of_something_else_is_a_posting_of_its_own(bench, make_card, foreign):
    bench.start(make_card(), make_card(pan="4687380000000024"))
    preauthorization = bench.doc(euros=100, f25="06")
    bench.send(preauthorization)
    bench.send(bench.advice(preauthorization, 50) | foreign)
    both = bench.available() + bench.available("4687380000000024")
    assert both == 2 * PLENTY - 150_00


def test_an_advice_that_names_a_purchase_completes_nothing(bench):
    bench.start()
    purchase = bench.doc(euros=100)
    bench.send(purchase)
    bench.send(bench.advice(purchase, 50))
    assert bench.available() == PLENTY - 150_00


def test_an_increment_needs_a_preauthorization_that_stands(bench, reverse):
    bench.start()
    preauthorization = bench.doc(euros=100, f25="06")

    def increment():
        return bench.send(bench.follow(bench.doc(euros=20, f25="06"), preauthorization))[0]["39"]

    assert increment() == "25"
    bench.send(preauthorization)
    assert increment() == "00"
    bench.send(reverse(preauthorization))
    assert increment() == "12"
    bench.send(bench.advice(preauthorization, 70))
    assert increment() == "12"
    assert bench.available() == PLENTY - 70_00


def test_nor_is_anything_added_after_the_completion(bench, held):
    bench.send(bench.advice(held[0], 70))
    assert bench.send(bench.follow(bench.doc(euros=20, f25="06"), held[0]))[0]["39"] == "12"
    assert bench.available() == PLENTY - 70_00


def test_a_completion_that_overtakes_the_pin_of_an_increment_wins(bench):
    bench.start()
    preauthorization = bench.doc(euros=100, f25="06")
    bench.send(preauthorization)
    bench.hsm_up = False
    bench.send(bench.follow(bench.doc(euros=20, pin="7068", f25="06"), preauthorization))
    bench.send(bench.advice(preauthorization, 70))
    bench.issuer.hsm_reply(bench.asked[0][0], b"ED00", bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["12"]
    assert bench.available() == PLENTY - 70_00


def test_what_the_switch_preauthorised_by_itself_is_held_and_completed(bench):
    """Stand-in: 0120 with DE 25 = 06; an increment it stood in for carries DE 90 too; the completion names the 0120."""
    bench.start()
    stand_in = bench.advice(euros=100, mti="0120", f25="06", f39="00")
    bench.send(stand_in)
    bench.send(bench.advice(stand_in, 20, "0120", f25="06", f39="00"))
    assert bench.available() == PLENTY - 120_00
    bench.send(bench.advice(stand_in, 70))
    assert bench.available() == PLENTY - 70_00
    bench.send(bench.advice(stand_in, 20, "0120", f25="06", f39="00"))  # comes too late to hold anything
    assert bench.available() == PLENTY - 70_00


@pytest.mark.parametrize("through_snapshot", [False, True])
def test_chains_survive_a_restart(bench, held, reverse, through_snapshot):
    bench.reload(through_snapshot=through_snapshot)
    completion = bench.advice(held[0], 50)
    bench.send(completion)
    bench.reload(through_snapshot=through_snapshot)
    assert bench.available() == PLENTY - 50_00
    bench.send(bench.advice(held[0], 30))
    bench.send(reverse(held[0]))
    bench.reload(through_snapshot=through_snapshot)
    bench.send(reverse(completion))
    assert bench.available() == PLENTY - 30_00


def test_after_a_reset_a_completion_posts_and_releases_nothing(bench, held):
    bench.issuer.reset()
    bench.send(bench.advice(held[0], 50))
    assert bench.available() == PLENTY - 50_00


def test_a_preauthorization_and_what_follows_count_as_one_use(bench, make_card):
    bench.start(make_card(max_count=2))
    preauthorization = bench.doc(f25="06")
    bench.send(preauthorization)
    bench.send(bench.follow(bench.doc(f25="06"), preauthorization))
    bench.send(bench.advice(preauthorization))
    assert [bench.de39(), bench.de39()] == ["00", "65"]


def test_forgotten_chains_leave_nothing_behind(bench):
    bench.start(retention_s=100)
    for _ in range(3):
        preauthorization = bench.doc(f25="06")
        bench.send(preauthorization)
        bench.now += 60
        bench.send(bench.follow(bench.doc(f25="06"), preauthorization))
        bench.now += 60
        assert bench.send(bench.advice(preauthorization))[0]["39"] == "00"
    assert len(bench.issuer.ledger._chains) <= 1
