"""How an issuer answers: repeats, reversals, latency, sessions, control, and what a restart keeps."""

import pytest

from switch.issuers.ledger import origin_of_key
from switch.profiles.latency import Constant, Profile, profile

SLOW = Profile(name="slow", source="test", hops=(Constant(ms=300),))


@pytest.mark.rule("R1", "R5", "I3")
def test_a_repeat_gets_the_stored_answer_and_no_second_hold(bench, repeat):
    bench.start()
    doc = bench.doc(pin="7068")
    [first] = bench.send(doc)
    [second] = bench.send(repeat(doc) | {"7": "0116000000"})  # DE 7 may change (R1)
    assert second == first | {"7": "0116000000"}
    assert bench.available() == 1_000_000_00 - 100_00
    assert bench.issuer.counters["repeats"] == 1
    line = bench.events[-1]
    assert (line["event"], line["reason"], line["why"]) == ("repeat", "from-memory", "answered from memory")


def test_all_that_is_missing_is_said_at_once(bench):
    bench.start()
    doc = bench.doc()
    for number in ("4", "41", "49"):
        del doc[number]
    assert bench.send(doc)[0]["39"] == "30"
    assert bench.events[-1]["why"] == "mandatory and missing: DE 4, 41, 49"


def test_a_repeated_wrong_pin_counts_once(bench, repeat):
    bench.start()
    doc = bench.doc(pin="1111")
    assert [bench.send(doc)[0]["39"] for _ in range(4)] == ["55"] * 4
    assert bench.de39(pin="7068") == "00"


@pytest.mark.rule("R5", "94")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"4": "000000000001"}, "another DE 4: 000000000001, before it was 000000010000"),
        ({"2": "4687380000000024"}, "another card: unknown 468738******0024, before it was 468738******0016"),
        ({"3": "010000"}, "another DE 3: 01, before it was 00"),
        ({"49": "250"}, "another DE 49: 250, before it was 978"),
        ({"t": "0120"}, "another MTI, an advice"),
    ],
)
def test_the_same_key_for_something_else_is_94(bench, change, said):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    assert bench.send(doc | change)[0]["39"] == "94"
    assert bench.events[-1]["why"].endswith(said)
    assert bench.available() == 1_000_000_00 - 100_00


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    "change", [{"t": "0200"}, {"13": "0117"}, {"41": "TERM0002"}, {"32": "10000000002"}, {"11": "9"}]
)
def test_each_part_of_the_key_makes_another_request(bench, change):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    assert bench.send(doc | {"11": doc["11"]} | change | {"11": change.get("11", doc["11"]).zfill(6)})[0]["39"] == "00"
    assert bench.available() == 1_000_000_00 - 200_00


@pytest.mark.rule("R5")
def test_a_repeat_in_flight_is_attached(bench, repeat):
    bench.start(latency=SLOW)
    bench.sign_on(2)
    doc = bench.doc()
    assert bench.send(doc) == []
    assert bench.send(repeat(doc), conn=2) == []
    answers = bench.wait(0.3)
    assert [(answer["conn"], answer["t"], answer["39"]) for answer in answers] == [
        ("1", "0110", "00"),
        ("2", "0110", "00"),
    ]
    assert answers[0]["38"] == answers[1]["38"]
    assert bench.available() == 1_000_000_00 - 100_00


def test_a_repeat_while_the_hsm_works_asks_it_once(bench, repeat):
    bench.start()
    bench.hsm_up = False
    doc = bench.doc(pin="7068")
    bench.send(doc)
    bench.send(repeat(doc))
    [(tag, _)] = bench.asked
    bench.issuer.hsm_reply(tag, b"ED00", bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["00", "00"]


def test_a_flood_of_repeats_in_flight_is_bounded(bench):
    bench.start(latency=SLOW)
    doc = bench.doc()
    for _ in range(50):
        bench.send(doc)
    assert len(bench.wait(0.3)) == 8


# -- reversals -------------------------------------------------------------------------------------------------------


@pytest.mark.rule("R10", "I6")
@pytest.mark.parametrize(
    ("mti", "answer_mti"), [("0400", "0410"), ("0401", "0410"), ("0420", "0430"), ("0421", "0430")]
)
def test_a_reversal_releases_once(bench, reverse, mti, answer_mti):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    first, second = bench.send(reverse(doc, mti)), bench.send(reverse(doc, mti))
    assert first == second
    assert (first[0]["t"], first[0]["39"]) == (answer_mti, "00")
    assert bench.available() == 1_000_000_00
    assert bench.issuer.counters["reversals-repeated"] == 1


def test_a_reversed_refund_is_taken_back(bench, reverse):
    bench.start()
    doc = bench.doc("refund")
    bench.send(doc)
    bench.send(reverse(doc))
    assert bench.available() == 1_000_000_00


def test_the_reversal_of_a_decline_releases_nothing(bench, make_card, reverse):
    bench.start(make_card(balance_cents=1))
    doc = bench.doc()
    bench.send(doc)
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == 1


@pytest.mark.rule("68", "I8")
def test_a_repeat_of_what_was_reversed_is_not_approved_again(bench, reverse, repeat):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    bench.send(reverse(doc))
    assert bench.send(repeat(doc))[0]["39"] == "68"
    assert bench.available() == 1_000_000_00


@pytest.mark.rule("R9", "12")
def test_an_unknown_original_is_acknowledged_and_refused_when_it_comes(bench, reverse, repeat):
    bench.start()
    doc = bench.doc(pin="7068")
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.events[-1]["reason"] == "unknown-original"
    assert bench.send(doc)[0]["39"] == "12"
    assert bench.send(repeat(doc))[0]["39"] == "12"
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == 1_000_000_00


def test_a_reversal_that_came_early_voids_one_request_not_the_next_days(bench, reverse):
    bench.start()
    doc = bench.doc()
    bench.send(reverse(doc))
    assert bench.send(doc)[0]["39"] == "12"
    assert bench.send(doc | {"13": "0117"})[0]["39"] == "00"


def test_a_reversal_gives_back_the_limit_of_its_own_day(bench, make_card, reverse):
    bench.start(make_card(limit_cents=50_00))
    first = bench.doc(euros=50)
    bench.send(first)
    bench.send(reverse(first))
    assert bench.de39(euros=49) == "00"
    yesterdays = bench.doc(euros=1)
    assert bench.send(yesterdays)[0]["39"] == "00"
    bench.now += 86_400
    assert bench.de39(euros=50) == "00"
    bench.send(reverse(yesterdays))
    assert bench.de39(euros=1) == "61"


def test_a_reversal_that_overtakes_the_pin_verification_wins(bench, reverse):
    bench.start()
    bench.hsm_up = False
    doc = bench.doc(pin="7068")
    bench.send(doc)
    assert bench.send(reverse(doc))[0]["39"] == "00"
    bench.issuer.hsm_reply(bench.asked[0][0], b"ED00", bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["12"]
    assert bench.available() == 1_000_000_00


def test_a_reversal_points_by_de_90_not_by_its_own_stan(bench, reverse):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    bench.send(reverse(doc) | {"11": "999999"})
    assert bench.available() == 1_000_000_00


@pytest.mark.rule("30")
@pytest.mark.parametrize("change", [{"90": None}, {"37": None}])
def test_an_incomplete_reversal_is_a_format_error(bench, reverse, change):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    reversal = {field: text for field, text in (reverse(doc) | change).items() if text is not None}
    assert bench.send(reversal)[0]["39"] == "30"
    assert bench.available() == 1_000_000_00 - 100_00


# -- latency ---------------------------------------------------------------------------------------------------------


def test_the_answer_waits_for_its_latency_and_the_booking_does_not(bench):
    bench.start(latency=SLOW)
    assert bench.send(bench.doc()) == []
    assert bench.available() == 1_000_000_00 - 100_00
    assert bench.issuer.next_deadline() == pytest.approx(bench.now + 0.3)
    assert bench.wait(0.29) == []
    assert bench.wait(0.02)[0]["39"] == "00"
    assert bench.issuer.next_deadline() is None


def test_latency_belongs_to_the_transaction_not_to_the_order_or_the_switchs_stan(bench):
    drawn = profile("issuer-europe")

    def delays(swapped: bool) -> list[float]:
        bench.start(latency=drawn)
        docs = [bench.doc(f37=f"00000000000{n}", f11=f"00001{n + 5 * swapped}") for n in range(3)]
        due = {}
        for doc in reversed(docs) if swapped else docs:
            before = {item[2].request.key for item in bench.issuer._requests._delayed}
            bench.send(doc)
            [new] = [item for item in bench.issuer._requests._delayed if item[2].request.key not in before]
            due[doc["37"]] = new[0]
        return [due[doc["37"]] for doc in docs]

    assert delays(False) == delays(True)
    assert len(set(delays(False))) == 3


def test_the_late_card_is_late_and_its_answer_does_come(bench, make_card, reverse):
    bench.start(make_card("issuer-late"))
    doc = bench.doc()
    assert bench.send(doc) == []
    assert bench.wait(5) == []
    bench.send(reverse(doc))
    assert bench.available() == 1_000_000_00
    [late] = bench.wait(2)
    assert (late["t"], late["39"]) == ("0110", "00")


def test_the_silent_card_is_debited_and_never_answered_and_its_reversal_releases(bench, make_card, reverse, repeat):
    bench.start(make_card("issuer-silent"))
    doc = bench.doc()
    assert bench.send(doc) == []
    assert bench.available() == 1_000_000_00 - 100_00
    assert bench.send(repeat(doc)) == []
    assert bench.wait(3600) == []
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == 1_000_000_00


def test_an_answer_whose_connection_is_gone_is_counted(bench):
    bench.start(latency=SLOW)
    bench.send(bench.doc())
    bench.issuer.disconnected(1, bench.now)
    assert bench.wait(1) == []
    assert bench.issuer.counters["answers-undeliverable"] == 1


def test_beyond_the_limit_in_flight_requests_are_refused_at_once(bench):
    bench.start(latency=SLOW, max_in_flight=2)
    bench.send(bench.doc())
    bench.send(bench.doc())
    assert bench.de39() == "96"
    assert len(bench.wait(0.3)) == 2
    bench.send(bench.doc())
    assert bench.wait(0.3)[0]["39"] == "00"


# -- sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("R14", "91")
def test_before_sign_on_and_after_sign_off_it_is_91(bench, reverse):
    bench.start()
    bench.issuer.connected(2, 0, bench.now)
    assert bench.send(bench.doc(), conn=2)[0]["39"] == "91"
    assert bench.send(reverse(bench.doc()), conn=2)[0]["39"] == "91"
    off = {"t": "0800", "7": "0101000000", "11": "000007", "70": "002"}
    assert bench.send(off)[0].items() >= (off | {"t": "0810", "39": "00"}).items()
    assert bench.de39() == "91"


@pytest.mark.rule("R14", "12")
def test_echo_is_answered_and_other_codes_are_not_approved(bench):
    bench.start()
    message = {"t": "0800", "7": "0101000000", "11": "000007"}
    assert bench.send(message | {"70": "301"})[0]["39"] == "00"
    assert bench.send(message | {"70": "777"})[0]["39"] == "12"
    assert bench.send(message)[0]["39"] == "30"


@pytest.mark.rule("R18", "30")
def test_an_unreadable_frame_is_answered_30_or_costs_the_connection(bench):
    bench.start()
    frame = bench.dialect.layout.encode(bench.doc())
    bench.issuer.receive(1, frame[:-1], bench.now)
    assert [answer["39"] for answer in bench.settle()] == ["30"]
    bench.issuer.receive(1, b"\xff" * 40, bench.now)
    assert bench.settle() == []
    assert bench.closed == [1]
    assert bench.events[-1]["reason"] == "unreadable"


def test_a_message_no_issuer_takes_is_counted(bench):
    bench.start()
    assert bench.send(bench.doc(ft="0110")) == []
    assert bench.issuer.counters["unexpected-mti"] == 1


# -- control and restart ---------------------------------------------------------------------------------------------


@pytest.mark.rule("05")
def test_arm_answers_the_next_ones_and_books_nothing(bench, secrets):
    bench.start()
    bench.issuer.arm(secrets["pan"], 2, "05")
    assert [bench.de39(), bench.de39(pin="1111"), bench.de39()] == ["05", "05", "00"]
    assert bench.available() == 1_000_000_00 - 100_00


def test_arm_refuses_what_it_cannot_do(bench, secrets):
    bench.start()
    with pytest.raises(ValueError, match=r"has no card 468738\*+9996"):
        bench.issuer.arm("4687389999999996", 1, "05")
    with pytest.raises(ValueError, match="DE 39 of two digits"):
        bench.issuer.arm(secrets["pan"], 1, "5")


def test_reset_makes_accounts_new_and_nothing_is_released_twice(bench, reverse, secrets):
    bench.start()
    doc = bench.doc()
    bench.send(doc)
    for _ in range(3):
        bench.send(bench.doc(pin="1111"))
    bench.issuer.arm(secrets["pan"], 5, "05")
    bench.issuer.reset()
    assert bench.available() == 1_000_000_00
    assert bench.send(reverse(doc))[0]["39"] == "00"
    assert bench.available() == 1_000_000_00
    assert bench.de39(pin="7068") == "00"


def _scene(bench, reverse, secrets):
    """Some of everything."""
    kept, gone, early = bench.doc(), bench.doc(), bench.doc()
    bench.send(kept)
    bench.send(gone)
    bench.send(reverse(gone))
    bench.send(reverse(early))
    bench.send(bench.doc(pin="1111"))
    bench.send(bench.doc("refund", 3))
    bench.issuer.arm(secrets["pan"], 3, "05")
    bench.send(bench.doc())
    bench.settle()
    return kept, gone, early


@pytest.mark.parametrize("through_snapshot", [False, True])
def test_a_restart_knows_what_was_committed(bench, reverse, repeat, secrets, through_snapshot):
    bench.start()
    kept, gone, early = _scene(bench, reverse, secrets)
    before = bench.issuer.snapshot()
    if through_snapshot:
        bench.committed.clear()
    bench.restart(before if through_snapshot else None)
    assert bench.issuer.snapshot() == before
    assert bench.send(repeat(kept))[0]["39"] == "00"
    assert [bench.de39(), bench.de39(), bench.de39(pin="1111"), bench.de39(pin="1111")] == ["05", "05", "55", "75"]
    assert bench.send(early)[0]["39"] == "12"
    available = bench.available()
    bench.send(reverse(gone))
    assert bench.available() == available
    bench.send(reverse(kept))
    assert bench.available() == available + 100_00


def test_a_restart_after_reset_agrees(bench, secrets):
    bench.start()
    bench.ask()
    bench.issuer.reset()
    bench.settle()
    bench.ask(euros=1)
    before = bench.issuer.snapshot()
    assert bench.restart().snapshot() == before


def test_a_card_taken_out_of_the_configuration_does_not_stop_a_restart(bench, make_card, repeat):
    bench.start(make_card(), make_card(pan="4687380000000024"))
    doc = bench.doc(pan="4687380000000024")
    bench.send(doc)
    bench.ask()
    bench.start(make_card())
    bench.restart()
    assert bench.available() == 1_000_000_00 - 100_00


def test_two_cards_that_look_alike_when_masked_stay_apart(bench, make_card):
    twins = (make_card(), make_card(pan="4687381111110016"))
    bench.start(*twins)
    bench.ask(euros=1)
    bench.ask(euros=2, pan="4687381111110016")
    bench.restart()
    assert (bench.available(), bench.available("4687381111110016")) == (999_999_00, 999_998_00)


@pytest.mark.rule("R4")
def test_memory_is_bounded_by_number_and_age(bench, reverse):
    bench.start(max_transactions=3, retention_s=100)
    docs = [bench.doc() for _ in range(5)]
    for doc in docs:
        bench.send(doc)
    ledger = bench.issuer.ledger
    assert [origin_of_key(key).split("|")[1] for key in ledger.booked] == [doc["11"] for doc in docs[2:]]
    for _ in range(5):
        bench.send(reverse(bench.doc()))
    assert len(ledger.early) == 3
    bench.now += 101
    last = bench.doc()
    bench.send(last)
    bench.send(reverse(bench.doc()))
    assert (len(ledger.booked), len(ledger.early)) == (1, 1)
    assert ledger.original(origin_of_key(next(iter(ledger.booked)))) is not None
