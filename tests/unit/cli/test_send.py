"""`send`: what goes out, what is shown, and the exit status."""

import socket

import pytest
from psec import pinblock
from psec.des import decrypt_tdes_ecb

from switch.acquirers.macs import Macs
from switch.config import Card, find_key, load
from switch.iso8583.dialect import load as load_dialect

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


def test_a_keep_alive_before_an_answer_and_garbage_behind_it_change_nothing(monetique, fake_switch: FakeSwitch) -> None:
    fake_switch.before, fake_switch.behind = b"\0\0", b"\xff\xff"
    assert send(monetique, fake_switch, "purchase").status == 0


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


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("130=", "expected a field from 2 to 128, found 130"),
        ("0=1", "expected a field from 2 to 128, found 0"),
        ("1=x", "expected a field from 2 to 128, found 1"),
        ("99999=x", "expected a field from 2 to 128, found 5 digits"),
        ("48", "expected NUMBER=TEXT, such as 48=ABC (48= leaves the field out)"),
        ("x=1", "expected the number of a field before the ="),
        ("=1", "expected the number of a field before the ="),
        ("39=too long", "--de 39: is 8 bytes long, expected 2, in iso87-ascii"),
        ("4=12.50", "--de 4: expected digits alone, in iso87-ascii"),
        ("41=too long a name", "--de 41: is 15 bytes long, expected 8, in iso87-ascii"),
        ("65=x", "--de 65: no such field in this layout, in iso87-ascii"),
    ],
)
def test_a_field_that_cannot_be_is_refused_before_anything_is_sent(
    monetique, fake_switch: FakeSwitch, text: str, sentence: str
) -> None:
    result = send(monetique, fake_switch, "purchase", "--de", text)
    assert (result.status, fake_switch.received) == (2, [])
    assert sentence in result.err


def test_a_wrong_field_is_told_without_its_value(monetique, fake_switch: FakeSwitch) -> None:
    for text in ("4687380000000016", "2:4687380000000016", "2=4687380000000016x" * 3):
        assert "4687380000000016" not in send(monetique, fake_switch, "purchase", f"--de={text}").err


@pytest.mark.parametrize("timeout", ["-1", "0", "nan", "inf", "abc"])
def test_a_timeout_that_is_none(monetique, fake_switch: FakeSwitch, timeout: str) -> None:
    result = send(monetique, fake_switch, "purchase", f"--timeout={timeout}")
    assert (result.status, fake_switch.received) == (2, [])
    assert "argument --timeout: a number" in result.err


def test_without_a_pin(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "purchase", "--no-pin")
    assert not fake_switch.received[1].has(52)


def test_a_reversal_follows_its_purchase(monetique, fake_switch: FakeSwitch) -> None:
    result = send(monetique, fake_switch, "reversal", "--json")
    _, purchase, reversal = fake_switch.received
    assert (purchase.mti, reversal.mti) == ("0100", "0420")
    assert (reversal.text(90) or "").startswith(f"0100{purchase.text(11)}{purchase.text(7)}10000000001")
    assert (result.json["answer"]["t"], result.json["original"]["answer"]["t"]) == ("0430", "0110")


def test_a_completion_follows_its_preauthorization(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "completion", "--amount", "90")
    _, held, posted = fake_switch.received
    assert (held.mti, held.text(25), held.text(4)) == ("0100", "06", "000000010000")
    assert (posted.mti, posted.text(4), posted.text(37)) == ("0220", "000000009000", held.text(37))
    assert (posted.text(90) or "").startswith(f"0100{held.text(11)}{held.text(7)}10000000001")
    assert posted.text(11) != held.text(11)
    assert not posted.has(52)


def test_a_partial_reversal_says_what_stands(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "partial-reversal", "--original-amount", "80", "--amount", "30")
    _, bought, part = fake_switch.received
    assert (bought.text(4), part.text(4)) == ("000000008000", "000000008000")
    assert part.text(95) == "000000003000" + "0" * 12 + "D00000000" + "D00000000"
    send(monetique, fake_switch, "partial-reversal")
    assert (fake_switch.received[-1].text(95) or "")[:12] == "000000005000"


def test_an_original_is_what_an_earlier_send_printed(monetique, fake_switch: FakeSwitch, tmp_path) -> None:
    funds = next(card for card in CONFIG.card if card.behaviour == "funds")
    fake_switch.answer = lambda request: echo(request) | ({"38": "471100"} if request.mti == "0100" else {})
    printed = send(monetique, fake_switch, "preauth", "--card", "funds", "--amount", "80", "--json").out
    (tmp_path / "held.json").write_text(printed)
    held = fake_switch.received[-1]
    for kind, mti, cents in (
        ("incremental", "0100", 20_00),
        ("completion", "0220", 100_00),
        ("reversal", "0420", 80_00),
    ):
        send(monetique, fake_switch, kind, "--original", "held.json", "--amount", str(cents // 100), "--terminal", "X")
        message = fake_switch.received[-1]
        assert (message.mti, int(message.text(4) or 0)) == (mti, cents)
        assert [message.text(field) for field in (2, 37, 41)] == [funds.pan, held.text(37), held.text(41)]
        assert (message.text(90) or "")[4:10] == held.text(11)
    assert send(monetique, fake_switch, "completion", "--original", "held.json").status == 0
    assert fake_switch.received[-1].text(38) == "471100"
    assert fake_switch.received[-1].text(4) == held.text(4)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"request": {"t": "0100"}, "answer": {}}', "\xff"])
def test_an_original_that_is_none(monetique, fake_switch: FakeSwitch, tmp_path, content) -> None:
    (tmp_path / "held.json").write_text(content)
    result = send(monetique, fake_switch, "completion", "--original", "held.json")
    assert (result.status, "held.json is not what" in result.err) == (2, True)
    assert send(monetique, fake_switch, "completion", "--original", "none.json").status == 2


def test_advices_carry_no_pin(monetique, fake_switch: FakeSwitch) -> None:
    for kind, mti in (("advice", "0120"), ("force-post", "0220")):
        send(monetique, fake_switch, kind, "--amount", "12")
        advice = fake_switch.received[-1]
        assert (advice.mti, advice.text(4), advice.has(52), advice.has(90)) == (mti, "000000001200", False, False)


def test_cashback_stripe_and_code(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "cashback", "--amount", "60")
    assert fake_switch.received[-1].text(54) == "0040978D000000002000"
    send(monetique, fake_switch, "cashback", "--amount", "60", "--cash", "50")
    assert fake_switch.received[-1].text(54) == "0040978D000000005000"
    send(monetique, fake_switch, "purchase", "--track2")
    read = fake_switch.received[-1]
    assert (read.has(2), read.has(14), read.text(35)) == (False, False, APPROVE.track2())
    send(monetique, fake_switch, "purchase", "--cvv2")
    assert fake_switch.received[-1].text(48) == f"9203{APPROVE.cvv2}"
    send(monetique, fake_switch, "purchase", "--cvv2", "000")
    assert fake_switch.received[-1].text(48) == "9203000"


def test_a_short_text_fills_its_fixed_field(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "purchase", "--no-pin", "--de", "42=AB", "--de", "22=5", "--de", "32=123")
    sent = fake_switch.received[-1]
    assert (sent.text(42), sent.text(22), sent.text(32)) == ("AB".ljust(15), "005", "123")


def test_fields_are_set_and_left_out(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "completion", "--de", "25=59", "--de", "48=x=y", "--de", "22=")
    _, held, posted = fake_switch.received
    assert (posted.text(25), posted.text(48), posted.has(22)) == ("59", "x=y", False)
    assert (held.text(25), held.has(48), held.has(22)) == ("06", False, True)


def test_reconciliation_and_cutover(monetique, fake_switch: FakeSwitch) -> None:
    send(monetique, fake_switch, "reconciliation", "--date", "0731", "--de", "76=0000000001", "--currency", "FRF")
    asked = fake_switch.received[-1]
    assert [asked.text(field) for field in (15, 32, 50, 76)] == ["0731", "10000000001", "250", "0000000001"]
    assert asked.mti == "0500"
    send(monetique, fake_switch, "cutover", "--date", "0801")
    assert (fake_switch.received[-1].text(70), fake_switch.received[-1].text(15)) == ("201", "0801")
    send(monetique, fake_switch, "cutover")
    assert not fake_switch.received[-1].has(15)


def test_a_link_with_macs(monetique, fake_switch: FakeSwitch, tmp_path) -> None:
    tak = "0123456789ABCDEFFEDCBA9876543210"
    key = f'[[key]]\nlink = "acquirer"\ntype = "TAK"\nclear = "{tak}"\n'
    (tmp_path / "mac.toml").write_text(f'[[link]]\nname = "acquirer"\nmac = true\n{key}')
    macs = Macs(load_dialect("iso87-ascii"), bytes.fromhex(tak))
    fake_switch.seal = macs.seal
    assert send(monetique, fake_switch, "purchase", "--config", "mac.toml").status == 0
    assert all(macs.verify(message.frame) for message in fake_switch.received)
    fake_switch.seal = None
    result = send(monetique, fake_switch, "purchase", "--config", "mac.toml")
    assert (result.status, "MAC of the answer to 0800" in result.err) == (1, True)


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


def test_where_a_bench_was_looked_for(monetique, tmp_path) -> None:
    """Without a port nor a bench: the directory, and what to start."""
    result = monetique("send", "purchase", "--data", "D", "--link", "acquirer-bcd")
    assert result.status == 3
    assert f"no bench runs in {tmp_path / 'D'}" in result.err
    assert "`monetique up`" in result.err


def test_a_misspelled_behaviour_is_recognised_and_a_card_number_never_suggested(monetique, fake_switch) -> None:
    """An error ends up in logs, where a number in clear has no business."""
    assert "(did you mean limit?)" in send(monetique, fake_switch, "purchase", "--card", "limt").err
    assert "did you mean" not in send(monetique, fake_switch, "purchase", "--card", "4687380000000015").err


@pytest.mark.parametrize(
    "words",
    [
        ["purchase", "--amount", "1.005"],
        ["purchase", "--amount", "-1"],
        ["purchase", "--amount", "nan"],
        ["purchase", "--amount", "10000000000.00"],
        ["purchase", "--card", "no-such"],
        ["purchase", "--link", "no-such"],
        ["purchase", "--link", "issuer-1"],
        ["purchase", "--pin", "12"],
        ["purchase", "--original", "held.json"],
        ["purchase", "--original-amount", "3"],
        ["completion", "--original", "held.json", "--original-amount", "3"],
        ["purchase", "--de", "48"],
        ["purchase", "--de", "1=x"],
        ["purchase", "--cvv2", "12"],
        ["cutover", "--date", "801"],
        ["purchase", "--pin", "1234", "--no-pin"],
        ["dance"],
        [],
    ],
)
def test_wrong_usage(monetique, fake_switch: FakeSwitch, words: list[str]) -> None:
    result = send(monetique, fake_switch, *words)
    assert result.status == 2
    assert "Traceback" not in result.err
