"""`send`: what goes out, what is shown, and the exit status."""

import socket

import pytest
from psec import pinblock
from psec.des import decrypt_tdes_ecb

from switch.config import Card, find_key, load

from .conftest import FakeSwitch, echo

CONFIG = load()
APPROVE = next(card for card in CONFIG.card if card.behaviour == "approve")
MANDATORY = {2, 3, 4, 7, 11, 12, 13, 14, 22, 32, 37, 41, 42, 49, 52}


def clear_pin(block: str, card: Card) -> str:
    zpk = bytes.fromhex(find_key(CONFIG, "acquirer", "ZPK").clear)
    return pinblock.decode_pinblock_iso_0(decrypt_tdes_ecb(zpk, bytes.fromhex(block)), card.pan)


def send(monetique, switch: FakeSwitch, *words: str):
    return monetique("send", *words, "--port", str(switch.port))


def test_a_purchase_is_complete_and_signed_on_first(monetique, fake_switch: FakeSwitch) -> None:
    assert send(monetique, fake_switch, "purchase").status == 0
    sign_on, purchase = fake_switch.received
    assert (sign_on.mti, sign_on.text(70)) == ("0800", "001")
    assert (purchase.mti, set(purchase.fields())) == ("0100", MANDATORY)
    assert (purchase.text(2), purchase.text(4), purchase.text(49)) == (APPROVE.pan, "000000010000", "978")
    assert clear_pin(purchase.text(52) or "", APPROVE) == APPROVE.pin


@pytest.mark.parametrize(
    ("kind", "processing_code", "amount"),
    [
        ("cash", "010000", "000000002550"),
        ("refund", "200000", "000000002550"),
        ("balance", "310000", "000000000000"),
        ("verification", "370000", "000000000000"),
    ],
)
def test_kinds(monetique, fake_switch: FakeSwitch, kind: str, processing_code: str, amount: str) -> None:
    send(monetique, fake_switch, kind, "--amount", "25.5", "--currency", "FRF")
    request = fake_switch.received[1]
    assert (request.text(3), request.text(4), request.text(49)) == (processing_code, amount, "250")


def test_cards_by_what_they_are_for_and_by_pan(monetique, fake_switch: FakeSwitch) -> None:
    funds = next(card for card in CONFIG.card if card.behaviour == "funds")
    for wanted in ("funds", funds.pan):
        send(monetique, fake_switch, "purchase", "--card", wanted, "--pin", "1234")
        assert fake_switch.received[-1].text(2) == funds.pan
        assert clear_pin(fake_switch.received[-1].text(52) or "", funds) == "1234"


def test_without_a_pin(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "purchase", "--no-pin")
    assert not fake_switch.received[1].has(52)


def test_a_reversal_follows_its_purchase(monetique, fake_switch: FakeSwitch) -> None:
    result = send(monetique, fake_switch, "reversal", "--json")
    _, purchase, reversal = fake_switch.received
    assert (purchase.mti, reversal.mti) == ("0100", "0420")
    assert (reversal.text(90) or "").startswith(f"0100{purchase.text(11)}{purchase.text(7)}10000000001")
    assert (result.json["answer"]["t"], result.json["original"]["answer"]["t"]) == ("0430", "0110")


def test_sign_on_and_echo(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "sign-on")
    send(monetique, fake_switch, "echo")
    assert [message.text(70) for message in fake_switch.received] == ["001", "001", "301"]


def test_what_is_shown_is_masked(monetique, fake_switch: FakeSwitch) -> None:
    for form in ([], ["--json"]):
        out = send(monetique, fake_switch, "purchase", *form).out
        assert "468738******0016" in out
        assert APPROVE.pan not in out
        assert fake_switch.received[-1].text(52) not in out


def test_an_expectation_decides(monetique, fake_switch: FakeSwitch) -> None:
    fake_switch.answer = lambda request: echo(request, "51" if request.mti == "0100" else "00")
    assert send(monetique, fake_switch, "purchase", "--expect", "51").status == 0
    result = send(monetique, fake_switch, "purchase", "--expect", "00")
    assert result.status == 1
    assert "DE 39 = 51, expected 00" in result.err
    assert send(monetique, fake_switch, "purchase", "--json").json["result"] == "insufficient funds"


def test_an_answer_to_another_question_is_passed_over(monetique, fake_switch: FakeSwitch) -> None:
    fake_switch.answer = lambda request: echo(request) | ({"11": "000000"} if request.mti == "0100" else {})
    result = send(monetique, fake_switch, "purchase", "--timeout", "0.2")
    assert result.status == 3
    assert "no answer to 0100" in result.err


def test_a_refused_sign_on(monetique, fake_switch: FakeSwitch) -> None:
    fake_switch.answer = lambda request: echo(request, "58")
    result = send(monetique, fake_switch, "purchase")
    assert (result.status, "sign-on refused with DE 39 = 58" in result.err) == (1, True)


def test_nobody_there(monetique) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = monetique("send", "purchase", "--port", str(port))
    assert result.status == 3
    assert "Connection refused" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["purchase", "--amount", "1.005"],
        ["purchase", "--amount", "-1"],
        ["purchase", "--amount", "nan"],
        ["purchase", "--amount", "10000000000.00"],
        ["purchase", "--card", "no-such"],
        ["purchase", "--link", "no-such"],
        ["purchase", "--pin", "12"],
        ["purchase", "--pin", "1234", "--no-pin"],
        ["dance"],
        [],
    ],
)
def test_wrong_usage(monetique, fake_switch: FakeSwitch, words: list[str]) -> None:
    result = send(monetique, fake_switch, *words)
    assert result.status == 2
    assert "Traceback" not in result.err
