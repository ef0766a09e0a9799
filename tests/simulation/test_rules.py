"""The rules of the switch on virtual time: production core, issuers and HSM, no socket, no clock.

Each test names the rule of the contract it holds to. Messages come from pyiso8583.
"""

import re
from collections.abc import Callable
from typing import Any

import iso8583
import msgspec
import pytest

from switch.config.tables import Config
from switch.core.effects import ANSWER, SEND, Effect
from switch.issuers.issuer import Issuer
from switch.profiles.latency import Constant, Profile
from switch.simulation.bench import Bench
from switch.simulation.world import Part
from tests.simulation.conftest import Terminal, terminal_of
from tests.support.foreign import SPECS

Cards = dict[str, dict[str, Any]]

ECHOED = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")


def balance(terminal: Terminal, card: dict[str, Any]) -> str:
    """What the card's account can still spend: DE 54, available."""
    answer = terminal.ask(terminal.foreign.purchase(card, 0, f3="310000"))
    assert answer["39"] == "00"
    return answer["54"]


@pytest.mark.rule("R1", "R2", "00")
def test_a_pin_purchase_is_approved_and_echoed(terminal: Terminal, cards: Cards) -> None:
    """R1, R2: 0100 → 0110 with 38 and 39, the request's own fields, and never a PIN block."""
    request = terminal.foreign.purchase(cards["approve"])
    answer = terminal.ask(request)
    assert (answer["t"], answer["39"]) == ("0110", "00")
    assert len(answer["38"]) == 6
    assert {number: answer[number] for number in ECHOED} == {number: request[number] for number in ECHOED}
    assert "52" not in answer


@pytest.mark.rule("00", "05", "10", "14", "41", "43", "51", "54", "57", "61", "62", "65", "91", "92")
@pytest.mark.parametrize("mti", ["0100", "0200"])
def test_every_card_answers_as_published(terminal: Terminal, cards: Cards, mti: str) -> None:
    for behaviour, card in cards.items():
        if card["expect"]:
            answer = terminal.ask(terminal.foreign.purchase(card, mti=mti, f37=f"{mti}{behaviour[:8]:8}"))
            assert (behaviour, answer["39"]) == (behaviour, card["expect"])
            assert answer["t"] == mti[:2] + "10"


@pytest.mark.rule("55", "75")
def test_three_wrong_pins(terminal: Terminal, cards: Cards) -> None:
    card = cards["pin-tries"]
    wrong = "0000" if card["pin"] != "0000" else "1111"
    codes = [terminal.ask(terminal.foreign.purchase(card, pin=wrong))["39"] for _ in range(3)]
    assert codes == ["55", "55", "75"]
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "75"


@pytest.mark.rule("88")
def test_a_damaged_pin_block_is_88_and_counts_no_try(terminal: Terminal, cards: Cards) -> None:
    card = cards["pin-tries"]
    for _ in range(4):
        answer = terminal.ask(terminal.foreign.purchase(card, f52="0123456789ABCDEF"))
        assert answer["39"] == "88"
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "00"
    assert all(line["mti"] == "0100" for line in terminal.said("hsm-20"))


@pytest.mark.rule("R14", "91")
def test_before_sign_on_everything_is_91(terminal: Terminal, cards: Cards) -> None:
    """Sign-on is per connection: a second one has not signed on."""
    stranger = Terminal(terminal.bench, terminal.foreign, terminal.link).connect()
    assert stranger.ask(stranger.foreign.purchase(cards["approve"]))["39"] == "91"
    assert stranger.said("not-signed-on")
    assert stranger.ask(stranger.foreign.network("301"))["39"] == "00"
    stranger.sign_on()
    assert stranger.ask(stranger.foreign.purchase(cards["approve"]))["39"] == "00"
    assert stranger.ask(stranger.foreign.network("002"))["39"] == "00"
    assert stranger.ask(stranger.foreign.purchase(cards["approve"]))["39"] == "91"


def test_a_message_type_of_another_edition_is_named(terminal: Terminal, cards: Cards) -> None:
    """Before the sign-on as after it; the answers are those to any other message that is not served."""
    stranger = Terminal(terminal.bench, terminal.foreign, terminal.link).connect()
    for client, mti, code in ((stranger, "1804", "91"), (stranger, "1100", "91"), (terminal, "1100", "12")):
        assert client.ask(client.foreign.purchase(cards["approve"], mti=mti))["39"] == code
        assert client.said("wrong-edition")[-1]["why"] == f"{mti} is ISO 8583:1993; this link speaks 1987"
    assert stranger.ask(stranger.foreign.purchase(cards["approve"]))["39"] == "91"
    assert "send 0800" in stranger.said("not-signed-on")[-1]["why"]


def test_a_frame_of_another_edition_is_named_though_it_cannot_be_read(terminal: Terminal) -> None:
    stranger = Terminal(terminal.bench, terminal.foreign, terminal.link).connect()
    stranger.client.send(bytes.fromhex("1804") + bytes(20) if terminal.link == "acquirer-bcd" else b"1804 no bitmap")
    terminal.bench.world.run(1.0)
    assert not stranger.client.open
    assert "1804 is ISO 8583:1993; this link speaks 1987" in stranger.said("wrong-dialect")[-1]["why"]


@pytest.mark.rule("R18", "30")
@pytest.mark.parametrize("missing", ["3", "4", "7", "12", "13", "22", "32", "37", "41", "42", "49", "2", "14"])
def test_a_missing_field_is_30(terminal: Terminal, cards: Cards, missing: str) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    del request[missing]
    assert terminal.ask(request)["39"] == "30"
    assert f"DE {missing}" in terminal.said("missing-field")[-1]["why"]


def test_track_2_stands_in_for_pan_and_expiry(terminal: Terminal, cards: Cards) -> None:
    card = cards["approve"]
    separator = "D" if terminal.link == "acquirer-bcd" else "="
    request = terminal.foreign.purchase(card, f35=f"{card['pan']}{separator}{card['expiry']}101")
    del request["2"], request["14"]
    answer = terminal.ask(request)
    assert answer["39"] == "00"
    assert "2" not in answer
    assert "35" not in answer


@pytest.mark.rule("12", "13", "58")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"f32": "99999999999"}, "58"),
        ({"f3": "770000"}, "12"),
        ({"f49": "840"}, "12"),
        ({"amount_cents": 0}, "13"),
        ({"f49": "250"}, "00"),
    ],
)
def test_what_the_switch_itself_refuses(
    terminal: Terminal, cards: Cards, change: dict[str, Any], code: str
) -> None:  # fmt: skip
    assert terminal.ask(terminal.foreign.purchase(cards["approve"], **change))["39"] == code


@pytest.mark.rule("R1", "R4", "R5", "I3")
def test_r5_a_repeat_gets_the_stored_answer_and_one_effect(terminal: Terminal, cards: Cards) -> None:
    card = cards["approve"]
    request = terminal.foreign.purchase(card)
    first = terminal.ask(request)
    for again in (request, terminal.foreign.repeat(request), terminal.foreign.repeat(request) | {"7": "1121120007"}):
        answer = terminal.ask(again)
        assert answer["t"] == "0110"
        assert {k: v for k, v in answer.items() if k != "7"} == {k: v for k, v in first.items() if k != "7"}
    issuers = terminal.bench.issuers.values()
    assert sum(host.part.counters.get("de39-00", 0) for host in issuers) == 1


@pytest.mark.rule("R5")
def test_r5_a_repeat_in_flight_is_attached(new_terminal: Callable[[], Terminal], cards: Cards) -> None:
    """The same request on two connections at once: one effect, both answered alike."""
    one, two = new_terminal(), new_terminal()
    request = one.foreign.purchase(cards["approve"])
    one.send(request)
    two.send(one.foreign.repeat(request))
    one.bench.world.run(20.0)
    assert (one.inbox[-1]["39"], one.inbox[-1]["38"]) == ("00", two.inbox[-1]["38"])
    assert sum(host.part.counters.get("de39-00", 0) for host in one.bench.issuers.values()) == 1


@pytest.mark.rule("R5", "94")
@pytest.mark.parametrize("change", [{"4": "000000000001"}, {"3": "010000"}, {"2": "4687380000009999"}])
def test_r5_same_key_other_card_or_amount_is_94(terminal: Terminal, cards: Cards, change: dict[str, str]) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request)["39"] == "00"
    assert terminal.ask(request | change)["39"] == "94"


@pytest.mark.rule("R4", "R5")
def test_r5_duplicates_survive_a_restart(new_terminal: Callable[[], Terminal], cards: Cards) -> None:
    terminal = new_terminal()
    request = terminal.foreign.purchase(cards["approve"])
    first = terminal.ask(request)
    refused = terminal.foreign.purchase(cards["no-route"])
    assert terminal.ask(refused)["39"] == "92"
    terminal.bench.crash_switch()
    terminal.bench.world.run(1.0)
    again = new_terminal()
    assert again.ask(terminal.foreign.repeat(request)) == first
    assert again.ask(refused)["39"] == "92"
    assert again.ask(request | {"4": "000000000001"})["39"] == "94"


@pytest.mark.rule("R7", "91")
def test_r7_a_silent_issuer_is_91_and_reversed(terminal: Terminal, cards: Cards) -> None:
    answer = terminal.ask(terminal.foreign.purchase(cards["issuer-silent"]), seconds=5.9)
    assert answer["39"] == "91"
    terminal.bench.world.run(10.0)
    assert terminal.said("issuer-timeout")
    assert terminal.bench.core.reversals_owed() == 0
    assert terminal.bench.core.counters["reversal-delivered"] == 1


@pytest.mark.rule("R3", "R8")
def test_r8_a_late_answer_is_seen_and_not_forwarded(terminal: Terminal, cards: Cards) -> None:
    assert terminal.ask(terminal.foreign.purchase(cards["issuer-late"]), seconds=60.0)["39"] == "91"
    (line,) = terminal.said("late-answer")
    assert re.fullmatch(r"0110 matched nothing pending: STAN \d{6} timed out \d+ ms before", line["why"])


@pytest.mark.rule("R10", "I6")
@pytest.mark.parametrize("mti", ["0400", "0420"])
def test_r10_a_reversal_releases_once(terminal: Terminal, cards: Cards, mti: str) -> None:
    card = cards["funds"]
    before = balance(terminal, card)
    purchase = terminal.foreign.purchase(card, 1_00)
    assert terminal.ask(purchase)["39"] == "00"
    assert balance(terminal, card) != before
    reversal = terminal.foreign.reversal(purchase, mti)
    first = terminal.ask(reversal)
    assert (first["t"], first["39"]) == (mti[:2] + ("10" if mti == "0400" else "30"), "00")
    assert balance(terminal, card) == before
    assert terminal.ask(terminal.foreign.repeat(reversal)) == first
    assert balance(terminal, card) == before


@pytest.mark.rule("R9")
def test_r9_a_reversal_before_its_original(new_terminal: Callable[[], Terminal], cards: Cards) -> None:
    terminal = new_terminal()
    purchase = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(terminal.foreign.reversal(purchase))["t"] == "0430"
    assert terminal.said("reversal-without-original")
    terminal.bench.crash_switch()
    terminal.bench.world.run(1.0)
    again = new_terminal()
    assert again.ask(purchase)["39"] not in ("00", "91")


@pytest.mark.rule("R10")
def test_a_reversal_in_flight_ends_its_original(terminal: Terminal, cards: Cards) -> None:
    """The 0420 overtakes the answer: the issuer's hold is released, whatever it answered."""
    card = cards["funds"]
    before = balance(terminal, card)
    purchase = terminal.foreign.purchase(card, 1_00)
    terminal.send(purchase)
    terminal.bench.world.run(0.002)
    assert terminal.ask(terminal.foreign.reversal(purchase))["39"] == "00"
    assert balance(terminal, card) == before


@pytest.mark.rule("96")
def test_hsm_silent_is_96(terminal: Terminal, cards: Cards) -> None:
    terminal.bench.hsm.up = False
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]), seconds=6.0)["39"] == "96"
    terminal.bench.hsm.up = True
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "00"


@pytest.mark.rule("96")
@pytest.mark.parametrize("reply", [b"ED00", b"CD00", b"CD0004NOTHEXADECIMAL!01", b"CD\x00\x01", b""])
def test_an_hsm_that_answers_nonsense_is_96(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, cards: Cards, reply: bytes
) -> None:  # fmt: skip
    monkeypatch.setattr(terminal.bench.hsm.device, "respond", lambda body: body[:4] + reply)
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "96"
    assert terminal.said("hsm-malformed")


@pytest.mark.rule("R11", "91")
def test_no_new_risk_with_an_issuer_that_takes_no_reversals(config: Config) -> None:
    bench = Bench(config)
    bench.core._context.spec = msgspec.structs.replace(bench.spec, max_owed=2)
    bench.world.run(1.0)
    terminal = terminal_of(bench, "acquirer")
    silent = next(card for card in config.card if card.behaviour == "issuer-silent")
    card = {"pan": silent.pan, "expiry": silent.expiry, "pin": silent.pin}
    host = bench.issuers[silent.issuer]
    host.part = Deaf(host.part, lost=100)
    reasons = []
    for _ in range(4):
        assert terminal.ask(terminal.foreign.purchase(card), seconds=6.0)["39"] == "91"
        reasons.append(terminal.bench.world.said[-1]["reason"])
    assert reasons == ["issuer-timeout", "issuer-timeout", "reversals-owed", "reversals-owed"]


@pytest.mark.rule("R7", "91")
def test_issuer_crash_in_flight_is_91_and_reversed(terminal: Terminal, cards: Cards) -> None:
    card = cards["approve"]
    terminal.send(terminal.foreign.purchase(card))
    terminal.bench.world.run(0.01)
    for name in list(terminal.bench.issuers):
        terminal.bench.crash_issuer(name)
    terminal.bench.world.run(10.0)
    assert terminal.inbox[-1]["39"] == "91"
    assert terminal.bench.core.reversals_owed() == 0
    assert terminal.ask(terminal.foreign.purchase(card))["39"] == "00"


@pytest.mark.rule("R7", "R11", "I5")
def test_switch_crash_in_flight_reverses_at_the_issuer(new_terminal: Callable[[], Terminal], cards: Cards) -> None:
    terminal = new_terminal()
    card = cards["funds"]
    before = balance(terminal, card)
    purchase = terminal.foreign.purchase(card, 1_00)
    terminal.send(purchase)
    terminal.bench.world.run(0.01)
    terminal.bench.crash_switch()
    terminal.bench.world.run(10.0)
    again = new_terminal()
    assert again.ask(terminal.foreign.repeat(purchase))["39"] == "91"
    assert balance(again, card) == before


def test_a_snapshot_folds_to_the_same_state(terminal: Terminal, cards: Cards) -> None:
    foreign = terminal.foreign
    approved, reversed_ = foreign.purchase(cards["approve"]), foreign.purchase(cards["approve"])
    for doc in (approved, reversed_, foreign.reversal(reversed_), foreign.purchase(cards["no-route"])):
        terminal.ask(doc)
    terminal.ask(foreign.reversal(foreign.purchase(cards["approve"])))
    bench, host = terminal.bench, terminal.bench.switch
    state = bench.core.snapshot()
    host.disk.write_snapshot(host.disk.last_sequence, state)
    bench.crash_switch()
    assert bench.core.snapshot() == state


ECHOED = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")  # R2

BAD_VALUES = {"4": (b"000000010000", b"        1000"), "12": (b"130000", b"13:000"), "22": (b"051", b"A51")}


@pytest.mark.rule("R18", "R2", "30")
@pytest.mark.parametrize("link", ["acquirer"], indirect=True)
@pytest.mark.parametrize("field", BAD_VALUES)
def test_a_bad_value_is_30_with_everything_else_that_an_answer_echoes(
    terminal: Terminal, cards: Cards, field: str
) -> None:
    doc = terminal.foreign.purchase(cards["approve"]) | {"4": "000000010000", "12": "130000"}
    right, wrong = BAD_VALUES[field]
    terminal.client.send(terminal.foreign.encode(doc).replace(right, wrong, 1))
    terminal.bench.world.run(1.0)
    answer, line = terminal.inbox[-1], terminal.said("undecodable")[-1]
    assert {key: answer[key] for key in answer if key in ECHOED} == {
        key: doc[key] for key in ECHOED if key in doc and key != field
    }
    assert answer["39"] == "30"
    assert f"DE {field}: expected" in line["why"]
    assert (line["stan"], line["rrn"], line["terminal"]) == (doc["11"], doc["37"], doc["41"])


@pytest.mark.rule("30")
@pytest.mark.parametrize("gone", [["22"], ["22", "41", "42"], ["2", "14", "35", "7"]])
def test_all_missing_fields_are_named_at_once(terminal: Terminal, cards: Cards, gone: list[str]) -> None:
    doc = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask({key: text for key, text in doc.items() if key not in gone})["39"] == "30"
    why = terminal.said("missing-field")[-1]["why"]
    assert all(re.search(rf"\b{key}\b", why) for key in gone), why


IMPOSSIBLE = [
    ({"7": "9999999999"}, ["DE 7"]),
    ({"7": "1121240000"}, ["DE 7"]),
    ({"12": "256199"}, ["DE 12"]),
    ({"13": "9999"}, ["DE 13"]),
    ({"13": "0230"}, ["DE 13"]),
    ({"14": "2800"}, ["DE 14"]),
    ({"14": "2813", "15": "0431", "17": "0000"}, ["DE 14", "DE 15", "DE 17"]),
]


@pytest.mark.rule("30")
@pytest.mark.parametrize(("changes", "named"), IMPOSSIBLE)
def test_a_date_or_time_that_there_is_not_is_30(
    terminal: Terminal, cards: Cards, changes: dict[str, str], named: list[str]
) -> None:
    doc = terminal.foreign.purchase(cards["approve"])
    doc.pop("35", None)
    assert terminal.ask({"14": cards["approve"]["expiry"]} | doc | changes)["39"] == "30"
    why = terminal.said("impossible-date")[-1]["why"]
    assert all(name in why for name in named), why


@pytest.mark.rule("30")
def test_the_leap_day_is_a_day(terminal: Terminal, cards: Cards) -> None:
    leap = {"7": "0229120000", "13": "0229"}
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]) | leap)["39"] == "00"


@pytest.mark.rule("R10", "30")
def test_a_reversal_is_processed_whatever_its_date(terminal: Terminal, cards: Cards) -> None:
    doc = terminal.foreign.purchase(cards["approve"])
    terminal.ask(doc)
    assert terminal.ask(terminal.foreign.reversal(doc) | {"7": "9999999999"})["39"] == "00"


@pytest.mark.rule("30")
@pytest.mark.parametrize("link", ["acquirer"], indirect=True)
def test_an_empty_variable_field_counts_as_absent(terminal: Terminal, cards: Cards) -> None:
    doc = terminal.foreign.purchase(cards["approve"]) | {"14": cards["approve"]["expiry"]}
    assert terminal.ask(doc | {"35": ""})["39"] == "00"
    track = f"{cards['approve']['pan']}={cards['approve']['expiry']}2211234567890"
    doc = terminal.foreign.purchase(cards["approve"]) | {"35": track}
    assert terminal.ask(doc | {"2": ""})["39"] == "63", "the issuer has read the track, whose CVV is none"


@pytest.mark.parametrize("character", [b"\xc9", b"\xff", b"\x80"])
def test_a_name_that_is_not_ascii_declines_nothing(terminal: Terminal, cards: Cards, character: bytes) -> None:
    frame = terminal.foreign.encode(terminal.foreign.purchase(cards["approve"]) | {"43": "~" * 40})
    tilde = "~".encode(terminal.foreign.spec["43"]["data_enc"])
    terminal.client.send(frame.replace(tilde * 40, character * 40))
    terminal.bench.world.run(3.0)
    assert terminal.inbox[-1]["39"] in ("00", "000")


@pytest.mark.rule("R18", "30")
@pytest.mark.parametrize("link", ["acquirer"], indirect=True)
def test_garbage_closes_and_half_garbage_is_30(new_terminal: Callable[[], Terminal], cards: Cards) -> None:
    """What cannot be read in one field is 30; what is no message at all closes the connection, and harms no other."""
    terminal, other = new_terminal(), new_terminal()
    frame = terminal.foreign.encode(terminal.foreign.purchase(cards["approve"]))
    at = frame.index(b"051")
    terminal.client.send(frame[:at] + b"0X1" + frame[at + 3 :])
    terminal.bench.world.run(1.0)
    assert terminal.inbox[-1]["39"] == "30"
    assert "DE 22" in terminal.said("undecodable")[-1]["why"]
    terminal.client.send(b"\x01\x00 is BCD")
    terminal.bench.world.run(1.0)
    assert not terminal.client.open
    assert other.ask(other.foreign.purchase(cards["approve"]))["39"] == "00"


def test_the_same_seed_gives_the_same_log(config: Any, cards: Cards) -> None:
    def run() -> bytes:
        bench = Bench(config, seed=7)
        bench.world.run(1.0)
        return bench.core.snapshot() + b"".join(payload for _, payload in bench.switch.disk.replay())

    assert run() == run()


@pytest.mark.rule("I7")
def test_nothing_leaves_before_it_is_durable(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, cards: Cards
) -> None:  # fmt: skip
    """I7: the intent is durable before the request is forwarded, the outcome before it is answered."""
    sync_s = 1.0
    monkeypatch.setattr("switch.simulation.world.SYNC_DELAY_S", sync_s)
    card, bench = cards["approve"], terminal.bench
    issuer = bench.issuers["issuer-1"]
    assert isinstance(issuer.part, Issuer)
    intent = bench.switch.disk.last_sequence + 1
    terminal.send(terminal.foreign.purchase(card, pin=None))
    bench.world.run(0.9 * sync_s)
    assert bench.switch.disk.last_sequence == intent
    assert not issuer.part.ledger.booked
    bench.world.run(sync_s)
    assert issuer.part.ledger.booked
    answers = len(terminal.inbox)
    while bench.switch.disk.last_sequence == intent:
        bench.world.run(0.01)
    bench.world.run(0.9 * sync_s)
    assert len(terminal.inbox) == answers
    bench.world.run(0.2 * sync_s)
    assert terminal.inbox[-1]["39"] == "00"


@pytest.mark.rule("30")
@pytest.mark.parametrize("link", ["acquirer"], indirect=True)
@pytest.mark.parametrize(
    "change", [{"f54": "0002978C000000000100" * 10}, {"f28": "X00000000"}, {"f55": "not hexadecimal"}]
)
def test_what_does_not_fit_the_issuers_dialect_is_30(
    terminal: Terminal, cards: Cards, change: dict[str, str]
) -> None:  # fmt: skip
    """From ASCII to BCD: a DE 54 that is too long there, an amount without sign, a DE 55 that is no binary."""
    card = cards["funds"]
    assert card["issuer"] == "issuer-2"
    assert terminal.ask(terminal.foreign.purchase(card, 1_00, **change))["39"] == "30"
    assert terminal.said("does-not-fit-issuer")
    assert terminal.ask(terminal.foreign.purchase(card, 1_00))["39"] == "00"
    assert terminal.bench.core.in_flight() == 0


@pytest.mark.rule("30")
@pytest.mark.parametrize("number", ["4", "46873800000"])
def test_a_number_that_is_no_pan_is_30(terminal: Terminal, cards: Cards, number: str) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(request | {"2": number})["39"] == "30"
    assert terminal.said("bad-pan")
    assert terminal.ask(terminal.foreign.reversal(request) | {"2": number})["39"] == "30"


@pytest.mark.rule("30")
@pytest.mark.parametrize("link", ["acquirer"], indirect=True)
def test_a_track_2_without_a_number_is_30(terminal: Terminal, cards: Cards) -> None:
    request = terminal.foreign.purchase(cards["approve"], f35="ABC=3012101")
    del request["2"], request["14"]
    assert terminal.ask(request)["39"] == "30"


@pytest.mark.rule("30")
@pytest.mark.parametrize("original", ["", "0100", "X" * 42])
@pytest.mark.parametrize("link", ["acquirer"], indirect=True)
def test_a_reversal_that_names_no_original_is_30(terminal: Terminal, cards: Cards, original: str) -> None:
    reversal = terminal.foreign.reversal(terminal.foreign.purchase(cards["approve"]))
    assert terminal.ask(reversal | {"90": original.ljust(42)})["39"] == "30"


@pytest.mark.rule("R9", "R10")
def test_a_reversal_with_another_card_changes_nothing(terminal: Terminal, cards: Cards) -> None:
    card = cards["funds"]
    before = balance(terminal, card)
    purchase = terminal.foreign.purchase(card, 1_00)
    first = terminal.ask(purchase)
    reversal = terminal.foreign.reversal(purchase)
    terminal.ask(reversal | {"2": cards["approve"]["pan"]})
    assert terminal.said("reversal-of-another-card")
    assert terminal.ask(terminal.foreign.repeat(purchase)) == first
    assert terminal.ask(reversal)["39"] == "00"
    assert balance(terminal, card) == before


@pytest.mark.rule("68", "I8")
def test_a_repeat_of_what_was_reversed_is_not_approved(
    new_terminal: Callable[[], Terminal], cards: Cards
) -> None:  # fmt: skip
    terminal = new_terminal()
    purchase = terminal.foreign.purchase(cards["approve"])
    terminal.ask(purchase)
    terminal.ask(terminal.foreign.reversal(purchase))
    assert terminal.ask(terminal.foreign.repeat(purchase))["39"] == "68"
    terminal.bench.crash_switch()
    terminal.bench.world.run(1.0)
    assert new_terminal().ask(terminal.foreign.repeat(purchase))["39"] == "68"


class Altered:
    """An issuer whose answers are changed on the way: `change` gets and returns pyiso8583's fields."""

    def __init__(self, issuer: Part, spec: Any, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        self.issuer = issuer
        self.spec = spec
        self.change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self.issuer, name)

    def take_effects(self) -> list[Effect]:
        def altered(frame: bytes) -> bytes:
            return bytes(iso8583.encode(self.change(iso8583.decode(frame, self.spec)[0]), self.spec)[0])

        return [
            (effect[0], effect[1], altered(effect[2]), *effect[3:]) if effect[0] in (SEND, ANSWER) else effect
            for effect in self.issuer.take_effects()
        ]


def alter(terminal: Terminal, card: dict[str, Any], change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """From now on `change` happens to all that the card's issuer answers."""
    host = terminal.bench.issuers[card["issuer"]]
    dialect = {"issuer-1": "iso87-ascii", "issuer-2": "iso87-bcd"}[card["issuer"]]
    host.part = Altered(host.part, SPECS[dialect], change)


@pytest.mark.parametrize("link", ["acquirer-bcd"], indirect=True)
def test_what_does_not_fit_the_acquirers_dialect_is_left_out(terminal: Terminal, cards: Cards) -> None:
    card = cards["approve"]
    alter(terminal, card, lambda doc: doc | {"54": "9" * 240, "44": "fits"} if doc["t"] == "0110" else doc)
    request = terminal.foreign.purchase(card)
    answer = terminal.ask(request)
    assert (answer["39"], answer["44"], "54" in answer) == ("00", "fits", False)
    assert terminal.said("does-not-fit-acquirer")
    assert terminal.ask(terminal.foreign.repeat(request)) == answer


@pytest.mark.rule("R11")
@pytest.mark.parametrize("code", ["91", "96", "30"])
def test_a_reversal_that_the_issuer_did_not_take_is_repeated(terminal: Terminal, cards: Cards, code: str) -> None:
    card, refusals = cards["approve"], [code, code]
    alter(
        terminal,
        card,
        lambda doc: doc | {"39": refusals.pop()} if doc["t"] == "0430" and refusals else doc,
    )
    purchase = terminal.foreign.purchase(card)
    terminal.ask(purchase)
    assert terminal.ask(terminal.foreign.reversal(purchase), seconds=1.0)["39"] == "00"
    assert terminal.bench.core.reversals_owed() == 1
    terminal.bench.world.run(20.0)
    assert terminal.bench.core.reversals_owed() == 0
    assert len(terminal.said("reversal-refused")) == 2


@pytest.mark.parametrize("code", ["08", "11"])
def test_an_approval_in_other_words_is_still_released(terminal: Terminal, cards: Cards, code: str) -> None:
    card = cards["funds"]
    before = balance(terminal, card)
    alter(terminal, card, lambda doc: doc | {"39": code} if doc["t"] == "0110" and doc["3"] == "000000" else doc)
    purchase = terminal.foreign.purchase(card, 1_00)
    assert terminal.ask(purchase)["39"] == code
    assert terminal.ask(terminal.foreign.reversal(purchase))["39"] == "00"
    assert balance(terminal, card) == before


@pytest.mark.rule("R14", "91")
def test_an_issuer_that_signs_off_gets_no_requests(terminal: Terminal, cards: Cards) -> None:
    card, bench = cards["approve"], terminal.bench
    issuer_conn = bench.core._context.lines[bench.link_index[card["issuer"]]].conn
    for code, expected in (("002", "91"), ("001", "00")):
        frame = bytes(iso8583.encode(terminal.foreign.network(code), SPECS["iso87-ascii"])[0])
        bench.switch.receive(issuer_conn, frame)
        bench.world.run(0.1)
        assert terminal.ask(terminal.foreign.purchase(card), seconds=6.0)["39"] == expected


@pytest.mark.rule("R14", "91")
def test_an_unknown_mti_before_sign_on_is_91(terminal: Terminal, cards: Cards) -> None:
    stranger = Terminal(terminal.bench, terminal.foreign, terminal.link).connect()
    assert stranger.ask(stranger.foreign.purchase(cards["approve"], mti="0600"))["39"] == "91"


def test_the_ninth_waiter_is_left_to_its_timer(new_terminal: Callable[[], Terminal], cards: Cards) -> None:
    terminals = [new_terminal() for _ in range(9)]
    request = terminals[0].foreign.purchase(cards["approve"])
    for terminal in terminals:
        terminal.send(request)
    terminals[0].bench.world.run(5.0)
    assert [terminal.inbox[-1]["t"] for terminal in terminals] == ["0110"] * 8 + ["0810"]
    assert terminals[0].bench.core.counters["repeat-dropped"] == 1


class Deaf:
    """An issuer whose first answers to reversals are lost on the way."""

    def __init__(self, issuer: Part, lost: int) -> None:
        self.issuer = issuer
        self.lost = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self.issuer, name)

    def take_effects(self) -> list[Effect]:
        kept = []
        for effect in self.issuer.take_effects():
            is_answer = effect[0] == ANSWER and effect[2].startswith((b"0430", b"\x04\x30"))
            if is_answer and self.lost:
                self.lost -= 1
            else:
                kept.append(effect)
        return kept


@pytest.mark.rule("R11")
def test_r11_a_reversal_is_repeated_until_acknowledged(terminal: Terminal, cards: Cards) -> None:
    card, bench = cards["issuer-silent"], terminal.bench
    host = bench.issuers[card["issuer"]]
    host.part = Deaf(host.part, lost=3)
    assert terminal.ask(terminal.foreign.purchase(card), seconds=6.0)["39"] == "91"
    bench.world.run(5.0 + 10.0)
    assert (bench.core.counters["sent-0420"], bench.core.counters["sent-0421"]) == (1, 2)
    assert bench.core.reversals_owed() == 1
    bench.world.run(20.0)
    assert bench.core.counters["sent-0421"] == 3
    assert bench.core.reversals_owed() == 0
    assert host.part.ledger.account(card["pan"]).held_cents == 0


@pytest.mark.rule("R11")
def test_a_reversal_owed_survives_a_restart(
    new_terminal: Callable[[], Terminal], cards: Cards
) -> None:  # fmt: skip
    terminal = new_terminal()
    card, bench = cards["issuer-silent"], terminal.bench
    host = bench.issuers[card["issuer"]]
    host.part = Deaf(host.part, lost=1)
    assert terminal.ask(terminal.foreign.purchase(card), seconds=6.0)["39"] == "91"
    bench.crash_switch()
    assert bench.core.reversals_owed() == 1
    bench.world.run(1.0)
    assert bench.core.reversals_owed() == 0
    assert host.part.ledger.account(card["pan"]).held_cents == 0


def test_a_published_card_answers_in_time_whatever_the_profile_draws(config: Config) -> None:
    """Profiles have a tail beyond the timer, as issuers have; a card that a test relies on must not meet it."""
    slow = Profile("issuer-europe", "test", hops=(Constant(20_000.0),))
    others = tuple(profile for profile in config.profile if profile.name != slow.name)
    bench = Bench(msgspec.structs.replace(config, profile=(*others, slow)))
    bench.world.run(1.0)
    terminal = terminal_of(bench, "acquirer")
    card = next(card for card in config.card if card.behaviour == "approve")
    sample = next(card for card in config.card if card.sample)
    for chosen, expected in ((card, "00"), (sample, "91")):
        fields = {"pan": chosen.pan, "expiry": chosen.expiry, "pin": chosen.pin}
        assert terminal.ask(terminal.foreign.purchase(fields))["39"] == expected
