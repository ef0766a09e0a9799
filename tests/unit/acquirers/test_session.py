"""Key changes in both directions against the HSM's own export, reconciliation, and what the switch asks."""

import psec
import pytest

from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from switch.cards import testkeys
from switch.profiles.mix import Mix, Share

from .conftest import ZMK, ZPK

WITH_PIN = Mix(name="with PIN", shares=(Share(weight=1, kind="purchase"),))
RANDOM = bytes(range(100, 116))
ZMK_UNDER_LMK = testkeys.under_test_lmk("ZMK", ZMK.hex().upper())


def command(text: str) -> str:
    """The HSM's answer, header and code taken off; error 00 is asserted."""
    answer = Device(published_test_lmk(), random=lambda n: RANDOM[:n]).respond(b"HEAD" + text.encode())[4:].decode()
    assert answer[2:4] == "00", answer
    return answer[4:]


def generated() -> tuple[str, str]:
    """A new ZPK made by the HSM (A0): under the ZMK with its check value, as DE 48 carries it, and under the LMK."""
    keys = command(f"A01001U{ZMK_UNDER_LMK}U")
    return keys[33:], keys[:33]


def change(bench, exchanged: str, **fields: str) -> list[dict[str, str]]:
    doc = {"t": "0800", "7": "0115080000", "11": "000777", "70": "101", "48": exchanged}
    return bench.say(doc | fields)


def pin_under(doc: dict[str, str], under_lmk: str) -> bool:
    """Does the HSM read this PIN block under that key (CC, to itself)?"""
    body = f"CC{under_lmk}{under_lmk}12{doc['52']}0101{doc['2'][-13:-1]}"
    return Device(published_test_lmk(), random=bytes).respond(b"HEAD" + body.encode())[6:8] == b"00"


def test_a_key_from_the_switch_serves_the_next_pin(bench):
    bench.start(mix=WITH_PIN, zmk=ZMK)
    old = testkeys.under_test_lmk("ZPK", ZPK.hex().upper())
    exchanged, under_lmk = generated()
    before = bench.next()
    [answer] = change(bench, exchanged)
    assert (answer["t"], answer["39"], answer["11"], answer["70"]) == ("0810", "00", "000777", "101")
    assert "48" not in answer
    after = bench.next()
    assert [pin_under(before, old), pin_under(before, under_lmk)] == [True, False]
    assert [pin_under(after, old), pin_under(after, under_lmk)] == [False, True]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda text: text[:-6] + "000000", lambda text: text[:-1], lambda text: "X" + text[1:],
        lambda text: text[:20] + "Z" + text[21:], lambda text: "",
        lambda text: "U" + text[17:33] + text[1:17] + text[33:],
    ],
    ids=["check value", "short", "scheme", "no digits", "empty", "halves swapped"],
)  # fmt: skip
def test_a_key_that_is_not_what_it_says_is_refused(bench, spoilt):
    bench.start(mix=WITH_PIN, zmk=ZMK)
    exchanged, _ = generated()
    [answer] = change(bench, spoilt(exchanged))
    assert answer["39"] == "63"
    assert bench.events[-1]["reason"] == "bad-check-value"
    assert pin_under(bench.next(), testkeys.under_test_lmk("ZPK", ZPK.hex().upper()))


def test_without_a_zone_master_key_no_key_is_exchanged(bench):
    bench.start()
    exchanged, _ = generated()
    [answer] = change(bench, exchanged)
    assert (answer["39"], bench.events[-1]["reason"]) == ("12", "no-zmk")
    with pytest.raises(ValueError, match="no zone master key"):
        bench.acquirer.exchange_key(RANDOM, bench.now)


def test_code_and_field_of_a_key_change_are_the_links(bench):
    bench.start(zmk=ZMK, key_code="161", key_field=62)
    exchanged, _ = generated()
    [answer] = change(bench, "", **{"70": "161", "62": exchanged})
    assert answer["39"] == "00"
    bench.acquirer.exchange_key(RANDOM, bench.now)
    [asked] = bench.settle()
    assert (asked["70"], len(asked["62"]), "48" in asked) == ("161", 39, False)


def test_a_key_of_ours_is_used_once_the_switch_has_it(bench):
    bench.start(mix=WITH_PIN, zmk=ZMK)
    bench.acquirer.exchange_key(RANDOM, bench.now)
    [asked] = bench.settle()
    imported = command(f"A6001{ZMK_UNDER_LMK}{asked['48'][:33]}U")
    under_lmk, kcv = imported[:33], imported[33:]
    assert asked["48"][33:] == kcv
    assert not pin_under(bench.next(), under_lmk)
    bench.answer(asked)
    assert pin_under(bench.next(), under_lmk)


def test_a_key_of_ours_that_is_refused_is_forgotten(bench):
    bench.start(mix=WITH_PIN, zmk=ZMK)
    bench.acquirer.exchange_key(RANDOM, bench.now)
    [asked] = bench.settle()
    bench.answer(asked, "63")
    assert bench.events[-1]["reason"] == "key-refused"
    assert pin_under(bench.next(), testkeys.under_test_lmk("ZPK", ZPK.hex().upper()))


def test_an_unanswered_key_change_is_asked_again_also_on_the_next_connection(bench):
    bench.start(zmk=ZMK, rate_per_s=0.0)
    bench.acquirer.exchange_key(RANDOM, bench.now)
    [first] = bench.settle()
    [second] = bench.wait(5.1)
    assert (second["48"], second["70"]) == (first["48"], "101")
    assert second["11"] != first["11"]
    bench.lose()
    assert bench.wait(100) == []
    [third] = bench.connect()
    assert third["48"] == first["48"]
    bench.answer(third)
    assert bench.wait(300) == []


def test_when_the_new_key_is_not_understood_the_other_serves_again(bench):
    """The 0810 was lost, so the switch kept its old key: the first 88 tells."""
    bench.start(mix=WITH_PIN, zmk=ZMK)
    old = testkeys.under_test_lmk("ZPK", ZPK.hex().upper())
    exchanged, under_lmk = generated()
    change(bench, exchanged)
    asked = bench.next()
    assert pin_under(asked, under_lmk)
    bench.answer(asked, "88")
    assert bench.events[-1]["reason"] == "key-fallback"
    again = bench.next()
    assert pin_under(again, old)
    bench.answer(again)
    asked = bench.next()
    bench.answer(asked, "88")  # no key before it is left to fall back to
    assert pin_under(bench.next(), old)


def test_a_key_that_was_understood_stays(bench):
    bench.start(mix=WITH_PIN, zmk=ZMK)
    exchanged, under_lmk = generated()
    change(bench, exchanged)
    bench.answer(bench.next())
    bench.answer(bench.next(), "88")
    assert pin_under(bench.next(), under_lmk)


def test_no_key_is_shown(bench):
    bench.start(zmk=ZMK)
    exchanged, _ = generated()
    change(bench, exchanged[:-6] + "000000")
    bench.acquirer.exchange_key(RANDOM, bench.now)
    bench.settle()
    shown = str(bench.events) + repr(bench.acquirer.spec) + repr(bench.acquirer._pinpad)
    clear = bytes(byte if byte.bit_count() % 2 else byte ^ 1 for byte in RANDOM)
    for secret in (ZMK, ZPK, clear):
        assert secret.hex().upper() not in shown.upper()
        assert repr(secret) not in shown
    assert exchanged[1:33] not in shown
    assert psec.des.encrypt_tdes_ecb(clear, bytes(8)).hex().upper()[:6] == exchanged[-6:]


@pytest.mark.parametrize("code", ["301", "201", "001"])
def test_what_else_the_switch_asks_is_answered_yes(bench, code):
    bench.start(rate_per_s=0.0)
    [answer] = bench.say({"t": "0800", "7": "0115080000", "11": "000778", "70": code})
    assert (answer["t"], answer["39"], answer["11"], answer["70"]) == ("0810", "00", "000778", code)


def figures(doc: dict[str, str]) -> dict[int, int]:
    return {int(number): int(text) for number, text in doc.items() if number.isdigit() and 74 <= int(number) <= 89}


def test_a_day_is_reconciled_with_our_own_figures(bench):
    bench.start(rate_per_s=20.0)
    sums = {86: 0, 88: 0, 80: 0}
    for doc in bench.wait(9):
        bench.answer(doc, f15="0731")
        kind = doc["3"][:2]
        sums[{"20": 86, "31": 80, "37": 80}.get(kind, 88)] += 1 if kind in ("31", "37") else int(doc["4"])
    bench.acquirer.reconcile(bench.now)
    [asked] = bench.settle()
    assert (asked["t"], asked["15"], asked["32"], asked["50"]) == ("0500", "0731", "10000000001", "978")
    told = figures(asked)
    assert {number: told[number] for number in sums} == sums
    assert told[74] > 0
    net = sums[86] - sums[88]
    assert asked["97"] == f"{'D' if net < 0 else 'C'}{abs(net):016d}"
    bench.say({"t": "0510", "7": asked["7"], "11": asked["11"], "39": "00", "66": "1"})
    assert bench.acquirer.settlement == {("0731", "978"): "1"}
    assert [event for event in bench.events if event["event"] == "reconciliation"] == []


def test_what_is_taken_back_counts_on_the_originals_day(bench):
    bought = bench.sale("purchase", "reduce", "reverse")
    bench.answer(bought, f15="0731")
    part = bench.next()
    bench.answer(part, f15="0801")
    standing = int(part["95"][:12])
    bench.acquirer.reconcile(bench.now, "0731")
    [asked] = bench.settle()
    assert figures(asked) == dict.fromkeys((74, 75, 80, 81, 86, 87), 0) | {
        76: 1, 77: 1, 88: int(bought["4"]), 89: int(bought["4"]) - standing,
    }  # fmt: skip
    assert asked["97"] == f"D{standing:016d}"
    bench.answer(bench.next(), f15="0801")
    bench.acquirer.reconcile(bench.now, "0731")
    [asked] = bench.settle()
    assert (figures(asked)[77], figures(asked)[89], asked["97"]) == (2, int(bought["4"]), f"C{0:016d}")


def test_a_hold_is_an_authorization_and_its_completion_a_debit(bench):
    held = bench.sale("preauth", "increment", "complete")
    bench.answer(held)
    bench.answer(bench.next())
    posted = bench.next()
    bench.answer(posted)
    bench.acquirer.reconcile(bench.now)
    [asked] = bench.settle()
    told = figures(asked)
    assert (told[81], told[76], told[88]) == (2, 1, int(posted["4"]))
    assert asked["15"] == "0115"  # the switch says no day: the calendar's


def test_what_was_not_approved_or_never_answered_is_not_counted(bench):
    bench.start(rate_per_s=20.0)
    _, *others = bench.wait(5)
    for doc in others:
        bench.answer(doc, "51")
    bench.acquirer.stop_traffic()
    [reversal] = bench.wait(10)
    bench.answer(reversal)
    bench.acquirer.reconcile(bench.now)
    [asked] = bench.settle()
    assert set(figures(asked).values()) == {0}


def test_out_of_balance_is_an_event_that_says_what_differs(bench):
    bench.start(rate_per_s=0.0)
    bench.acquirer.reconcile(bench.now, "0731", "250")
    [asked] = bench.settle()
    theirs = {number: text for number, text in asked.items() if number.isdigit() and int(number) >= 74}
    answer = {"t": "0510", "7": asked["7"], "11": asked["11"], "39": "00", "66": "2"}
    bench.say(answer | theirs | {"76": "0000000001", "88": "0000000000000999"})
    event = bench.events[-1]
    assert (event["event"], event["reason"]) == ("reconciliation", "out-of-balance")
    assert "DE 76 ours 0000000000 theirs 0000000001, DE 88" in event["why"]
    assert "DE 74" not in event["why"]
    assert bench.acquirer.settlement == {("0731", "250"): "2"}


def test_a_reconciliation_waits_for_a_session(bench):
    bench.start(rate_per_s=0.0)
    bench.lose()
    bench.acquirer.reconcile(bench.now)
    assert bench.settle() == []
    assert [doc["t"] for doc in bench.connect()] == ["0500"]
