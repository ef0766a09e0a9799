"""A simulated acquirer: traffic, answers, timers, reversals, lost connections, and what it notes down."""

from collections import Counter

import psec
import pytest

from switch.acquirers.specs import TerminalCard
from switch.profiles.mix import EVERYDAY, Mix, Share

WITH_PIN = Mix(name="with PIN", shares=(Share(weight=1, kind="purchase"),))


def test_nothing_is_sent_before_the_sign_on_is_approved(bench):
    bench.start()
    bench.lose()
    assert bench.connect(de39="91") == []
    again = bench.wait(5.1)
    assert [doc["70"] for doc in again] == ["001"]
    assert bench.events[-1]["reason"] == "sign-on-declined"
    bench.answer(again[0])
    assert {doc["t"] for doc in bench.wait(2)} == {"0100"}


def test_an_unanswered_sign_on_is_repeated_less_and_less_often(bench):
    bench.start()
    bench.lose()
    bench.conn += 1
    bench.acquirer.connected(bench.conn, 0, bench.now)
    bench.settle()
    start, times = bench.now, []
    for _ in range(200):
        times += [round(bench.now - start) for _ in bench.wait(1)]
    assert times == [5, 15, 35, 75, 135, 195]


def test_requests_are_complete_and_their_keys_unique(bench):
    bench.start(rate_per_s=200.0, max_in_flight=10_000)
    docs = bench.wait(5)
    assert len(docs) > 800
    for doc in docs:
        assert {"3", "4", "7", "11", "12", "13", "22", "32", "37", "41", "42", "49"} <= doc.keys()
        assert ({"2", "14"} <= doc.keys()) != ("35" in doc)
        assert doc["32"] == "10000000001"
        assert [len(doc[field]) for field in ("37", "41", "42")] == [12, 8, 15]
    assert len({doc["37"] for doc in docs}) == len({doc["11"] for doc in docs}) == len(docs)
    assert len({doc["41"] for doc in docs}) == 8


def test_arrivals_are_poisson_at_the_rate(bench):
    bench.start(rate_per_s=50.0, max_in_flight=10_000)
    counts = [len(bench.wait(1)) for _ in range(8)]
    assert 320 < sum(counts) < 480  # 400 ± 4 standard deviations
    assert len(set(counts)) > 1


def test_the_same_seed_sends_the_same_whatever_the_switch_does(bench):
    bench.start()
    silent = bench.wait(5)
    bench.now -= 5
    bench.start()
    answered = []
    for _ in range(500):
        for doc in bench.wait(0.01):
            answered.append(doc)
            bench.answer(doc)
    assert [doc["37"][6:] for doc in answered] == [doc["37"][6:] for doc in silent]
    assert [(doc.get("2"), doc["4"]) for doc in answered] == [(doc.get("2"), doc["4"]) for doc in silent]


def test_the_pin_block_holds_the_cards_pin(bench, zpk):
    doc = bench.one(mix=WITH_PIN)
    clear = psec.tools.xor(
        psec.des.decrypt_tdes_ecb(zpk, bytes.fromhex(doc["52"])), bytes.fromhex("0000" + doc["2"][-13:-1])
    )
    assert clear.hex().upper() == "044711FFFFFFFFFF"


def test_an_approved_request_is_final(bench):
    doc = bench.one()
    bench.now += 0.25
    assert bench.answer(doc) == []
    assert bench.acquirer.outstanding() == 0
    [record] = bench.records
    assert (record.de39, record.reversal, record.stan, record.rrn) == ("00", "none", doc["11"], doc["37"])
    assert record.answered_at == bench.now
    assert record.amount_cents == int(doc["4"])
    assert bench.wait(60) == []


@pytest.mark.rule("R3")
@pytest.mark.parametrize(
    "change", [{"f11": "000099"}, {"f37": "999999999999"}, {"f41": "TERM9999"}, {"ft": "0210"}, {"ft": "0430"}]
)
def test_an_answer_to_something_else_does_not_match(bench, change):
    doc = bench.one()
    bench.answer(doc, **change)
    assert bench.acquirer.outstanding() == 1
    assert bench.acquirer.counters["unmatched"] == 1
    assert bench.records == []


@pytest.mark.rule("R11")
def test_no_answer_within_the_timer_is_reversed_until_acknowledged(bench):
    doc = bench.one()
    assert bench.wait(9.8) == []
    [reversal] = bench.wait(0.3)
    assert reversal["t"] == "0420"
    assert reversal["90"] == f"0100{doc['11']}{doc['7']}10000000001" + "0" * 11
    for field in ("2", "3", "4", "7", "11", "32", "37", "41", "42", "49"):
        assert reversal[field] == doc[field]
    assert bench.records[-1].reversal == "pending"
    repeats = bench.wait(200)
    assert [repeat["t"] for repeat in repeats] == ["0421"] * 6  # after 5, 10, 20, 40, 60, 60 s
    assert bench.acquirer.outstanding() == 1
    bench.answer(repeats[-1])
    assert bench.acquirer.outstanding() == 0
    assert (bench.records[-1].reversal, bench.records[-1].reversal_de39) == ("acknowledged", "00")
    assert bench.wait(200) == []


def test_a_late_answer_changes_nothing_but_a_counter(bench):
    doc = bench.one()
    [reversal] = bench.wait(10.1)
    bench.answer(doc)
    assert bench.acquirer.outstanding() == 1
    bench.answer(reversal)
    bench.answer(doc)
    assert bench.acquirer.counters["late-answer"] == 2
    assert bench.acquirer.counters["unmatched"] == 0
    assert (bench.records[-1].de39, bench.records[-1].reversal) == (None, "acknowledged")


def test_a_reversal_that_was_not_taken_is_repeated(bench):
    bench.one()
    [reversal] = bench.wait(10.1)
    bench.answer(reversal, de39="91")
    [repeat] = bench.wait(5.1)
    assert repeat["t"] == "0421"
    bench.answer(repeat, de39="25")
    assert bench.acquirer.outstanding() == 0
    assert bench.records[-1].reversal_de39 == "25"


def test_a_lost_connection_reverses_what_is_open_after_the_next_sign_on(bench):
    doc = bench.one()
    bench.lose()
    assert bench.wait(1) == []
    [reversal] = bench.connect()
    assert (reversal["t"], reversal["11"]) == ("0420", doc["11"])
    bench.lose()
    [repeat] = bench.connect()
    assert repeat["t"] == "0421"
    bench.answer(repeat)
    assert bench.acquirer.outstanding() == 0


def test_the_timer_of_the_request_does_not_hurry_the_repeats_of_its_reversal(bench):
    bench.one()
    bench.wait(7)
    bench.lose()
    [_] = bench.connect()
    assert bench.wait(4.9) == []  # the request's own 10 s end in between
    assert [doc["t"] for doc in bench.wait(0.2)] == ["0421"]


def test_a_timer_that_runs_out_while_disconnected_waits_for_the_sign_on(bench):
    bench.one()
    bench.lose()
    assert bench.wait(60) == []
    assert bench.records[-1].reversal == "pending"
    assert [doc["t"] for doc in bench.connect()] == ["0420"]


def test_the_loss_of_an_older_connection_is_not_the_loss_of_this_one(bench):
    bench.start()
    bench.acquirer.disconnected(99, bench.now)
    assert bench.wait(2)


def test_arrivals_without_a_session_or_beyond_the_limit_are_dropped_and_counted(bench):
    bench.start(rate_per_s=50.0, max_in_flight=5)
    assert len(bench.wait(2)) == 5
    assert bench.acquirer.outstanding() == 5
    assert bench.acquirer.counters["arrivals-dropped-busy"] > 50
    bench.lose()
    assert bench.wait(2) == []
    assert bench.acquirer.counters["arrivals-dropped-signed-off"] > 50


def test_stopped_traffic_still_ends_what_is_open(bench):
    bench.start(rate_per_s=50.0)
    docs = bench.wait(1)
    bench.acquirer.stop_traffic()
    for doc in docs[1:]:
        bench.answer(doc)
    assert bench.acquirer.outstanding() == 1
    [reversal] = bench.wait(12)
    bench.answer(reversal)
    assert bench.acquirer.outstanding() == 0
    assert bench.wait(300) == []
    bench.lose()
    assert bench.connect() == []
    assert bench.wait(10) == []


def test_stans_wrap_past_those_still_open(bench):
    bench.start(rate_per_s=50.0)
    bench.acquirer._line._stan = 999_997
    first = [doc["11"] for doc in bench.wait(1)]
    assert first[:4] == ["999998", "999999", "000001", "000002"]
    bench.acquirer._line._stan = 999_997
    assert bench.wait(1)[0]["11"] == f"{int(first[-1]) + 1:06d}"


def test_the_mix_is_what_is_sent(bench):
    bench.start(mix=EVERYDAY, rate_per_s=500.0, max_in_flight=100_000)
    docs = bench.wait(4)
    kinds = Counter(doc["3"][:2] for doc in docs)
    assert kinds["00"] / len(docs) == pytest.approx(0.8, abs=0.05)
    assert kinds["01"] / len(docs) == pytest.approx(0.1, abs=0.04)
    assert set(kinds) == {"00", "01", "09", "20", "31", "37"}
    assert any(doc.get("2", "").startswith("999999") for doc in docs)
    assert all(int(doc["4"]) % 1000 == 0 for doc in docs if doc["3"][:2] == "01")


def test_nothing_secret_is_written_or_shown(bench, zpk):
    bench.start(rate_per_s=50.0)
    for doc in bench.wait(2):
        bench.answer(doc)
    bench.wait(20)
    shown = b"".join(bench.lines).decode() + str(bench.events) + repr(bench.acquirer.spec)
    assert "468738******0017" in shown
    for secret in ("4687389000000017", "4711", zpk.hex(), repr(zpk)):
        assert secret not in shown
    assert repr(TerminalCard("4687389000000017", "3012", "4711")) == "TerminalCard(468738******0017)"
    assert "\n" not in b"".join(bench.lines).decode()


def test_an_unreadable_answer_closes_the_connection(bench):
    doc = bench.one()
    bench.acquirer.receive(bench.conn, b"\x00garbage", bench.now)
    bench.settle()
    assert bench.closed == [bench.conn]
    bench.lose()
    [reversal] = bench.connect()
    assert reversal["11"] == doc["11"]


def test_no_rate_means_no_traffic(bench):
    bench.start(rate_per_s=0.0)
    assert bench.acquirer.next_deadline() is None
