"""What a shop does after a request, with the switch played by hand: completions, voids, advices, parts taken back."""

import pytest

from switch.acquirers.compose import pan_of
from switch.acquirers.transactions import MOVES, State
from switch.profiles.mix import EVERYTHING, MIXES, Mix, Share, draw

STANDING_DIGITS = 12  # of DE 95


def originals(doc: dict[str, str]) -> str:
    """What DE 90 must say of a message."""
    return f"{doc['t']}{doc['11']}{doc['7']}10000000001" + "0" * 11


def test_a_preauthorization_is_completed_for_what_was_held(bench):
    held = bench.sale("preauth", "complete")
    assert (held["t"], held["25"]) == ("0100", "06")
    bench.answer(held, f38="471100")
    posted = bench.next()
    assert (posted["t"], posted["4"], posted["38"]) == ("0220", held["4"], "471100")
    assert posted["90"] == originals(held)
    assert [posted[number] for number in ("2", "32", "37", "41", "42")] == [
        held[number] for number in ("2", "32", "37", "41", "42")
    ]
    assert posted["11"] != held["11"]
    assert "52" not in posted
    assert bench.answer(posted) == []
    assert bench.acquirer.outstanding() == 0
    record = bench.last(posted["11"])
    assert (record.kind, record.mti, record.original_stan, record.original_mti) == (
        "completion", "0220", held["11"], "0100",
    )  # fmt: skip
    assert record.approved_cents == record.standing_cents == int(held["4"])
    assert bench.wait(300) == []


@pytest.mark.parametrize(("step", "sign"), [("complete-less", -1), ("complete-more", 1)])
def test_a_completion_may_be_for_less_or_more(bench, step, sign):
    held = bench.sale("preauth", step)
    bench.answer(held)
    difference = int(bench.next()["4"]) - int(held["4"])
    assert difference * sign > 0
    assert difference <= 0.3 * int(held["4"])


def test_an_increment_is_added_and_completed_with_the_rest(bench):
    held = bench.sale("preauth", "increment", "complete")
    bench.answer(held)
    more = bench.next()
    assert (more["t"], more["25"], more["90"]) == ("0100", "06", originals(held))
    assert (more["37"], more["41"]) == (held["37"], held["41"])
    assert more["11"] != held["11"]
    bench.answer(more)
    posted = bench.next()
    assert int(posted["4"]) == int(held["4"]) + int(more["4"])
    assert posted["90"] == originals(held)


def test_a_declined_increment_is_not_completed(bench):
    held = bench.sale("preauth", "increment", "complete")
    bench.answer(held)
    bench.answer(bench.next(), "51")
    assert bench.next()["4"] == held["4"]


def test_an_unanswered_increment_is_reversed_before_the_completion(bench):
    held = bench.sale("preauth", "increment", "complete")
    bench.answer(held)
    more = bench.next()
    reversal = bench.next()
    assert (reversal["t"], reversal["90"]) == ("0420", originals(more))
    assert [doc["t"] for doc in bench.wait(30)] == ["0421", "0421"]  # and no completion meanwhile
    bench.answer(reversal)
    posted = bench.next()
    assert (posted["t"], posted["4"]) == ("0220", held["4"])


@pytest.mark.parametrize("step", ["complete", "complete-less", "increment", "reverse"])
def test_what_was_declined_has_no_sequel(bench, step):
    bench.answer(bench.sale("preauth", step), "51")
    assert bench.wait(300) == []
    assert bench.acquirer.outstanding() == 0


@pytest.mark.parametrize("step", ["complete", "increment"])
def test_what_was_reversed_is_never_completed(bench, step):
    held = bench.sale("preauth", step)
    [reversal] = bench.wait(10.1)
    bench.answer(held)  # too late
    assert bench.answer(reversal) == []
    assert bench.wait(300) == []
    assert (bench.last(held["11"]).reversal, bench.acquirer.outstanding()) == ("acknowledged", 0)


def test_two_shipments_are_two_completions(bench):
    held = bench.sale("preauth", "complete-less", "complete-less")
    bench.answer(held)
    first = bench.next()
    bench.answer(first)
    second = bench.next()
    assert second["90"] == first["90"] == originals(held)
    assert second["11"] != first["11"]


def test_an_advice_is_repeated_until_it_is_acknowledged(bench):
    advice = bench.sale("force-post")
    assert advice["t"] == "0220"
    repeats = bench.wait(200)
    assert [doc["t"] for doc in repeats] == ["0221"] * 6  # after 5, 10, 20, 40, 60, 60 s
    assert all(doc | {"t": "0220"} == advice for doc in repeats)
    for refused in ("96", "91", "63"):
        bench.answer(advice, refused)
    assert bench.acquirer.outstanding() == 1
    assert bench.acquirer.counters["advices-refused"] == 3
    bench.answer(advice)
    assert (bench.last(advice["11"]).de39, bench.acquirer.outstanding()) == ("00", 0)
    assert bench.wait(300) == []


def test_an_advice_survives_the_connection(bench):
    advice = bench.sale("advice")
    assert advice["t"] == "0120"
    bench.lose()
    assert bench.wait(60) == []
    [repeat] = bench.connect()
    assert repeat == advice | {"t": "0121"}
    bench.answer(repeat)
    assert bench.acquirer.outstanding() == 0


def test_an_advice_that_nobody_will_ever_take_is_an_event(bench):
    advice = bench.sale("force-post")
    bench.answer(advice, "30")
    assert bench.events[-1]["reason"] == "advice-refused"
    assert (bench.last(advice["11"]).approved_cents, bench.acquirer.outstanding()) == (None, 0)


def test_a_reversal_comes_after_the_acknowledgement_of_its_advice(bench):
    advice = bench.sale("force-post", "reverse")
    bench.answer(advice)
    reversal = bench.next()
    assert (reversal["t"], reversal["11"], reversal["90"]) == ("0420", advice["11"], originals(advice))
    bench.answer(reversal)
    record = bench.last(advice["11"])
    assert (record.de39, record.reversal) == ("00", "acknowledged")
    assert bench.wait(300) == []


def test_or_instead_of_it(bench):
    advice = bench.sale("force-post", "reverse", follow_up_s=1.0)
    docs = [bench.next(), *bench.wait(200)]
    kinds = [doc["t"] for doc in docs]
    assert kinds[kinds.index("0420") :].count("0221") == 0
    bench.answer(advice)  # its acknowledgement comes too late
    assert bench.acquirer.counters["late-answer"] == 1
    bench.answer(docs[-1])
    record = bench.last(advice["11"])
    assert (record.de39, record.reversal, bench.acquirer.outstanding()) == (None, "acknowledged", 0)


def test_a_purchase_is_taken_back_in_part_and_then_wholly(bench):
    bought = bench.sale("purchase", "reduce", "reverse")
    bench.answer(bought)
    part = bench.next()
    standing = int(part["95"][:STANDING_DIGITS])
    assert 0 < standing < int(bought["4"])
    assert part["95"][STANDING_DIGITS:] == "0" * 12 + "D00000000" + "D00000000"
    assert (part["t"], part["4"], part["11"], part["90"]) == ("0420", bought["4"], bought["11"], originals(bought))
    assert bench.last(bought["11"]).partial_reversal == "pending"
    bench.answer(part)
    record = bench.last(bought["11"])
    assert (record.partial_reversal, record.standing_cents, record.reversal) == ("acknowledged", standing, "none")
    whole = bench.next()
    assert (whole["t"], "95" in whole) == ("0420", False)
    bench.answer(part)  # a copy of the part's answer is not the whole's
    assert bench.acquirer.outstanding() == 1
    bench.answer(whole)
    record = bench.last(bought["11"])
    assert (record.reversal, record.approved_cents, record.standing_cents) == (
        "acknowledged", int(bought["4"]), standing,
    )  # fmt: skip


def test_a_refused_partial_reversal_leaves_all_of_it(bench):
    bought = bench.sale("purchase", "reduce")
    bench.answer(bought)
    bench.answer(bench.next(), "13")
    record = bench.last(bought["11"])
    assert (record.partial_reversal, record.partial_de39, record.standing_cents) == ("refused", "13", int(bought["4"]))
    assert bench.events[-1]["reason"] == "partial-reversal-refused"


def test_an_unanswered_partial_reversal_is_repeated(bench):
    bench.answer(bench.sale("purchase", "reduce"))
    part = bench.next()
    bench.lose()
    [repeat] = bench.connect()
    assert repeat == part | {"t": "0421"}


def test_a_sale_is_voided(bench):
    bought = bench.sale("purchase", "reverse")
    bench.answer(bought)
    void = bench.next()
    assert (void["t"], void["90"]) == ("0420", originals(bought))
    bench.answer(void)
    record = bench.last(bought["11"])
    assert (record.de39, record.reversal, record.standing_cents) == ("00", "acknowledged", int(bought["4"]))


def test_both_holds_are_taken_back_newest_first(bench):
    held = bench.sale("preauth", "increment", "reverse", "reverse")
    bench.answer(held)
    more = bench.next()
    bench.answer(more)
    for original in (more, held):
        reversal = bench.next()
        assert reversal["90"] == originals(original)
        bench.answer(reversal)
    assert bench.wait(300) == []


def test_a_partial_approval_is_taken_and_completed(bench):
    held = bench.sale("preauth", "complete")
    bench.answer(held, "10", f4="000000000001", f38="000001")
    record = bench.last(held["11"])
    assert (record.de39, record.approved_cents, record.amount_cents) == ("10", 1, int(held["4"]))
    assert bench.next()["4"] == "000000000001"


def test_cashback_says_what_is_paid_out(bench):
    doc = bench.sale("cashback")
    assert doc["3"] == "090000"
    assert doc["54"].startswith("0040978D")
    assert len(doc["54"]) == 20
    assert 1_000 <= int(doc["54"][8:]) < int(doc["4"])


def test_a_read_stripe_is_not_kept(bench):
    bench.start(mix=Mix(name="x", shares=(Share(weight=1, kind="purchase", entry="track2", then=("reverse",)),)))
    read = bench.next()
    bench.acquirer._next_arrival = None
    assert ("2" in read, "14" in read, read["22"]) == (False, False, "021")
    bench.answer(read)
    void = bench.next()
    assert (void["2"], "35" in void) == (pan_of(read), False)
    assert read["35"] not in b"".join(bench.lines).decode()


def test_the_code_on_the_back_goes_into_de_48(bench):
    bench.start(mix=Mix(name="x", shares=(Share(weight=1, kind="purchase", pin="none", entry="cvv2"),)))
    assert bench.next()["48"] == "9203407"


def test_steps_wait_for_a_session(bench):
    held = bench.sale("preauth", "complete")
    bench.answer(held)
    bench.lose()
    assert bench.wait(300) == []
    bench.connect()
    assert bench.next()["t"] == "0220"


def test_closing_time_brings_everything_forward(bench):
    held = bench.sale("preauth", "increment", "complete", follow_up_s=3600.0)
    bench.answer(held)
    assert (bench.wait(10), bench.acquirer.outstanding()) == ([], 1)
    bench.acquirer.stop_traffic()
    more = bench.next(0.1)
    bench.answer(more)
    posted = bench.next(0.1)
    assert (more["t"], posted["t"]) == ("0100", "0220")
    bench.answer(posted)
    assert bench.acquirer.outstanding() == 0


def test_stans_are_free_again_when_a_sale_is_over(bench):
    held = bench.sale("preauth", "complete")
    bench.answer(held)
    assert held["11"] in bench.acquirer._line.busy
    bench.answer(bench.next())
    assert bench.acquirer._line.busy == set()


@pytest.mark.parametrize("silence", [0.0, 0.3])
def test_whatever_the_switch_answers_everything_ends_in_order(bench, silence):
    """Every message follows the rules of its kind, and nothing is left open: a scripted switch, a thousand seconds."""
    bench.start(mix=EVERYTHING, rate_per_s=2.0, max_in_flight=10_000)
    sent, approved, reversed_, queue = {}, set(), set(), []
    for number in range(1_000):
        if number == 300:
            bench.acquirer.stop_traffic()
        queue += bench.wait(1)
        while queue:
            doc = queue.pop(0)
            mti = doc["t"]
            if "90" in doc:
                about = doc["90"][4:10]
                assert about in sent
                if mti in ("0220", "0100"):
                    assert about in approved
                    assert about not in reversed_
                if mti == "0420" and "95" not in doc:
                    reversed_.add(about)
            if mti == "0221":
                assert doc["11"] not in reversed_
            sent.setdefault(doc["11"], doc)
            quiet = mti.endswith("0") and int(doc["37"][-3:]) % 10 < 10 * silence
            if not quiet:
                de39 = "51" if mti == "0100" and int(doc["4"]) % 7 == 0 else "00"
                if de39 == "00" and mti == "0100":
                    approved.add(doc["11"])
                queue += bench.answer(doc, de39)
    assert bench.acquirer.outstanding() == 0
    assert bench.acquirer._line.busy == set()
    assert bench.acquirer.counters["unmatched"] == 0
    assert {doc["t"] for doc in sent.values()} == {"0100", "0120", "0220"}


def test_moves_outside_the_table_are_refused(bench):
    bench.sale("purchase")
    [tx] = bench.acquirer._transactions._open.values()
    assert (State.ASKED, State.REVERSED) not in MOVES
    with pytest.raises(AssertionError, match="ASKED to REVERSED"):
        tx.move(State.REVERSED)


def test_fifteen_in_a_hundred_everyday_sales_are_more_than_a_request():
    for name, least, most in (("everyday", 0.13, 0.17), ("everything", 0.45, 0.55)):
        shares = [draw(MIXES[name], 1, "acquirer", number).share for number in range(5_000)]
        flows = sum(1 for share in shares if share.then or share.kind in ("advice", "force-post")) / len(shares)
        assert least < flows < most
