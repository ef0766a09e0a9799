"""The contract, line by line, over TCP, with a stranger's client."""

import json
import re
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.running import RunningBench, Tcp, eventually

Cards = dict[str, dict[str, Any]]
Connect = Callable[[], Tcp]

ECHOED = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")


def test_the_ready_line_and_up_json(bench: RunningBench) -> None:
    address = r"127\.0\.0\.1:\d+"
    assert re.match(rf"ready acquirer={address} acquirer-bcd={address} hsm={address}", bench.ready_line)
    parts = json.loads((bench.data / "up.json").read_text())
    assert {"switch", "issuer-1", "issuer-2", "hsm"} <= set(parts)
    assert all(isinstance(part["pid"], int) and isinstance(part["ports"], dict) for part in parts.values())


def test_cards_and_keys(bench: RunningBench, keys: list[dict[str, Any]]) -> None:
    cards = bench.json("cards")
    wanted = {
        "pan", "expiry", "service_code", "track2", "cvv2", "psn", "pin", "issuer", "behaviour", "expect", "stand_in",
    }  # fmt: skip
    assert all(wanted <= set(card) for card in cards)
    behaviours = [card["behaviour"] for card in cards]
    assert behaviours.count("approve") == behaviours.count("pin-tries") == 1
    expected = {
        "approve": "00", "funds": "51", "expired": "54", "lost": "41", "stolen": "43", "limit": "61",
        "restricted": "62", "unknown": "14", "no-route": "92", "issuer-down": "91", "issuer-late": "91",
        "issuer-silent": "91",
    }  # fmt: skip
    assert expected.items() <= {card["behaviour"]: card["expect"] for card in cards}.items()
    assert len(next(card["pan"] for card in cards if card["behaviour"] == "approve")) == 16
    wanted = {
        "link", "role", "port", "framing", "dialect", "institution_id", "acquirer_id", "type", "key", "kcv",
        "under_lmk",
    }  # fmt: skip
    assert all(wanted <= set(row) for row in keys)
    acquirers = {row["link"]: row for row in keys if row["role"] == "acquirer"}
    assert acquirers["acquirer"]["port"] == bench.addresses["acquirer"][1]
    assert acquirers["acquirer"]["institution_id"] == acquirers["acquirer"]["acquirer_id"]


@pytest.mark.rule("R14", "91")
def test_sign_on_is_per_connection(connect: Connect, cards: Cards) -> None:
    one, two = connect().sign_on(), connect()
    assert two.ask(two.foreign.purchase(cards["approve"]))["39"] == "91"
    assert one.ask(one.foreign.purchase(cards["approve"]))["39"] == "00"
    assert two.ask(two.foreign.network("301"))["39"] == "00"


@pytest.mark.rule("R2", "00", "14", "41", "43", "51", "54", "61", "62", "91", "92")
@pytest.mark.usefixtures("fresh")
def test_every_test_card(client: Tcp, cards: Cards) -> None:
    """All at once on one connection, those that wait for a timer too: each gets its own answer."""
    requests = {name: client.foreign.purchase(card) for name, card in cards.items()}
    client.send(*requests.values())
    answers = {answer["11"]: answer for answer in (client.receive() for _ in requests)}
    for name, request in requests.items():
        answer = answers[request["11"]]
        assert (name, answer["t"], answer["39"]) == (name, "0110", cards[name]["expect"])
        approved = {"4": "000000004000"} if name == "partial" else {}  # DE 39 = 10: as much as the card has
        assert {number: answer[number] for number in ECHOED} == {n: request[n] for n in ECHOED} | approved
        assert "52" not in answer
        assert ("38" in answer) == (answer["39"] in ("00", "10"))


@pytest.mark.rule("55", "75")
@pytest.mark.usefixtures("fresh")
def test_pin_tries(client: Tcp, cards: Cards) -> None:
    card = cards["pin-tries"]
    wrong = "0000" if card["pin"] != "0000" else "1111"
    foreign = client.foreign
    assert [client.ask(foreign.purchase(card, pin=wrong))["39"] for _ in range(3)] == ["55", "55", "75"]
    assert client.ask(foreign.purchase(card))["39"] == "75"


@pytest.mark.usefixtures("fresh")
def test_a_right_pin_clears_earlier_tries(client: Tcp, cards: Cards) -> None:
    card = cards["pin-tries"]
    wrong = "0000" if card["pin"] != "0000" else "1111"
    pins = [wrong, wrong, card["pin"], wrong, wrong]
    codes = [client.ask(client.foreign.purchase(card, pin=pin))["39"] for pin in pins]
    assert codes == ["55", "55", "00", "55", "55"]


@pytest.mark.rule("88")
@pytest.mark.usefixtures("fresh")
def test_a_bad_pin_block_is_88_and_counts_no_try(client: Tcp, cards: Cards) -> None:
    card = cards["pin-tries"]
    for _ in range(4):
        assert client.ask(client.foreign.purchase(card, f52="0123456789ABCDEF"))["39"] == "88"
    assert client.ask(client.foreign.purchase(card))["39"] == "00"


def test_no_pin_no_track_no_cvv_is_fine(client: Tcp, cards: Cards) -> None:
    assert client.ask(client.foreign.purchase(cards["approve"], pin=None))["39"] == "00"


@pytest.mark.rule("12", "58")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"f32": "99999999999"}, "58"), ({"f3": "010000"}, "00"), ({"f3": "090000"}, "00"), ({"f3": "200000"}, "00"),
        ({"f3": "310000", "amount_cents": 0}, "00"), ({"f3": "370000", "amount_cents": 0}, "00"),
        ({"f49": "250"}, "00"), ({"f3": "770000"}, "12"),
    ],
)  # fmt: skip
def test_codes_of_de_3_32_and_49(client: Tcp, cards: Cards, change: dict[str, Any], code: str) -> None:
    assert client.ask(client.foreign.purchase(cards["approve"], **change))["39"] == code


@pytest.mark.rule("R18", "30")
def test_missing_fields_are_30(client: Tcp, cards: Cards) -> None:
    for number in ("2", "3", "4", "7", "12", "13", "14", "22", "32", "37", "41", "42", "49"):
        request = client.foreign.purchase(cards["approve"])
        del request[number]
        assert (number, client.ask(request)["39"]) == (number, "30")


@pytest.mark.rule("R5", "94")
def test_duplicates(client: Tcp, cards: Cards) -> None:
    request = client.foreign.purchase(cards["approve"])
    first = client.ask(request)
    assert first["39"] == "00"
    assert client.ask(request) == first
    assert client.ask(client.foreign.repeat(request)) == first
    assert client.ask(request | {"4": "000000000001"})["39"] == "94"


@pytest.mark.rule("R10")
@pytest.mark.parametrize("mti", ["0400", "0420"])
@pytest.mark.usefixtures("fresh")
def test_reversals(client: Tcp, cards: Cards, mti: str) -> None:
    card, foreign = cards["funds"], client.foreign

    def balance() -> str:
        answer = client.ask(foreign.purchase(card, 0, f3="310000"))
        assert answer["39"] == "00"
        return answer["54"]

    before = balance()
    purchase = foreign.purchase(card, 1_00)
    assert client.ask(purchase)["39"] == "00"
    assert balance() != before
    reversal = foreign.reversal(purchase, mti)
    first = client.ask(reversal)
    assert (first["t"], first["39"]) == ("0410" if mti == "0400" else "0430", "00")
    assert balance() == before
    assert client.ask(foreign.repeat(reversal)) == first
    assert balance() == before


@pytest.mark.rule("R9")
def test_a_reversal_of_nothing_is_acknowledged_and_remembered(client: Tcp, cards: Cards) -> None:
    purchase = client.foreign.purchase(cards["approve"])
    answer = client.ask(client.foreign.reversal(purchase))
    assert answer["t"] == "0430"
    assert answer["39"] in ("00", "25")
    assert client.ask(purchase)["39"] != "00"


def test_a_burst_of_256(client: Tcp, cards: Cards) -> None:
    requests = [client.foreign.purchase(cards["approve"]) for _ in range(256)]
    client.send(*requests)
    answers = [client.receive() for _ in requests]
    assert {answer["11"] for answer in answers} == {request["11"] for request in requests}
    assert {answer["39"] for answer in answers} == {"00"}


@pytest.mark.rule("R14", "91")
def test_network_management(connect: Connect, cards: Cards) -> None:
    client = connect()
    answer = client.ask(client.foreign.network("001"))
    assert (answer["t"], answer["70"], answer["39"]) == ("0810", "001", "00")
    assert client.ask(client.foreign.network("002"))["39"] == "00"
    assert client.ask(client.foreign.purchase(cards["approve"]))["39"] == "91"


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_a_byte_at_a_time(client: Tcp, cards: Cards) -> None:
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = client.foreign.purchase(cards["approve"])
    for byte in client.frame(request):
        client.sock.sendall(bytes([byte]))
    assert client.receive()["39"] == "00"


@pytest.mark.rule("R18")
@pytest.mark.parametrize(
    ("garbage", "hint"),
    [
        (b"0100" + b"4" * 200, "first bytes 0100: no length header?"),
        (b"\xff\xff" + b"x" * 10, "not framed as len2"),
        (b"\x00\x04\xde\xad\xbe\xef", ""),
        (b"\x00\x30GET / HTTP/1.1\r\n" + b"x" * 32, ""),
        (b"\x00\x02\x01", "no bytes after the length"),
        (b"\x01", ""),
    ],
)  # fmt: skip
def test_garbage_closes_and_harms_nobody(
    bench: RunningBench, connect: Connect, cards: Cards, garbage: bytes, hint: str
) -> None:  # fmt: skip
    bad, good = connect().sign_on(), connect().sign_on()
    bad.sock.sendall(garbage)
    assert bad.is_closed()
    assert good.ask(good.foreign.purchase(cards["approve"]))["39"] == "00"
    if hint:
        eventually(lambda: hint in bench.stderr())


def test_a_purchase_in_one_segment_with_garbage_is_answered(connect: Connect, cards: Cards) -> None:
    client = connect().sign_on()
    requests = [client.foreign.purchase(cards["approve"]) for _ in range(3)]
    client.sock.sendall(b"".join(map(client.frame, requests)) + b"\xff\xff" + b"x" * 100)
    answers = [client.receive() for _ in requests]
    assert sorted((answer["11"], answer["39"]) for answer in answers) == [(doc["11"], "00") for doc in requests]
    assert client.is_closed()


def test_keep_alives_are_passed_over(client: Tcp, connect: Connect, cards: Cards) -> None:
    """A length of zero, before the sign-on and after it, alone and in one segment with a request."""
    stranger = connect()
    stranger.sock.sendall(b"\0\0")
    assert stranger.sign_on().ask(stranger.foreign.network("301"))["39"] == "00"
    client.sock.sendall(b"\0\0" + client.frame(client.foreign.purchase(cards["approve"])) + b"\0\0" * 10)
    assert client.receive()["39"] == "00"
    assert client.ask(client.foreign.purchase(cards["approve"]))["39"] == "00"


def test_an_end_in_mid_frame_leaves_a_line(bench: RunningBench, client: Tcp, cards: Cards) -> None:
    client.sock.sendall(client.frame(client.foreign.purchase(cards["approve"]))[:30])
    client.sock.shutdown(socket.SHUT_WR)
    assert client.is_closed()
    eventually(lambda: "the peer ended after 30 bytes of a frame" in bench.stderr())


@pytest.mark.rule("R18", "30")
def test_one_bad_terminal_does_not_cut_off_its_acquirer(client: Tcp, cards: Cards, link: str) -> None:
    """A bad digit before DE 11: 30 for that message, and the requests around it go on."""
    good = client.foreign.purchase(cards["approve"])
    bad = bytearray(client.foreign.encode(client.foreign.purchase(cards["approve"])))
    pan = cards["approve"]["pan"]
    at = bad.index(pan.encode()) + 16 if link == "acquirer" else bad.index(bytes.fromhex(pan)) + 8
    bad[at] = ord("X") if link == "acquirer" else 0xAB
    client.sock.sendall(client.frame(good) + len(bad).to_bytes(2, "big") + bad)
    assert sorted(client.receive()["39"] for _ in range(2)) == ["00", "30"]


def test_the_wrong_dialect(bench: RunningBench, connect: Connect, link: str, cards: Cards) -> None:
    other = "acquirer-bcd" if link == "acquirer" else "acquirer"
    client = connect()
    stranger = Tcp(bench.addresses[other], client.foreign)
    stranger.send(client.foreign.purchase(cards["approve"]))
    assert stranger.is_closed()
    stranger.sock.close()
    hint = "ASCII on a BCD port?" if link == "acquirer" else "BCD on an ASCII port?"
    eventually(lambda: hint in bench.stderr())
    client.sign_on()
    assert client.ask(client.foreign.purchase(cards["approve"]))["39"] == "00"


@pytest.mark.rule("R18", "30")
def test_an_undecodable_field_is_30_and_named(bench: RunningBench, client: Tcp, cards: Cards, link: str) -> None:
    frame = bytearray(client.foreign.encode(client.foreign.purchase(cards["approve"], f22="051")))
    if link == "acquirer":
        at = frame.index(b"1121" + cards["approve"]["expiry"].encode()) + 8
        frame[at : at + 3] = b"0X1"
    else:
        at = frame.index(b"\x11\x21" + bytes.fromhex(cards["approve"]["expiry"])) + 4
        frame[at : at + 2] = b"\x0a\xbc"
    client.sock.sendall(len(frame).to_bytes(2, "big") + frame)
    assert client.receive()["39"] == "30"
    eventually(lambda: "undecodable at DE 22" in bench.stderr())
    assert client.ask(client.foreign.purchase(cards["approve"]))["39"] == "00"


@pytest.mark.rule("12")
@pytest.mark.parametrize("mti", ["0600", "0302", "1100"])
def test_an_unknown_mti_is_refused(client: Tcp, cards: Cards, mti: str) -> None:
    assert client.ask(client.foreign.purchase(cards["approve"], mti=mti))["39"] == "12"
    assert client.ask(client.foreign.purchase(cards["approve"]))["39"] == "00"


@pytest.mark.rule("R3")
def test_an_answer_nobody_asked_for(bench: RunningBench, client: Tcp, cards: Cards) -> None:
    client.send(client.foreign.purchase(cards["approve"], mti="0110", f39="00"))
    assert client.ask(client.foreign.purchase(cards["approve"]))["39"] == "00"
    eventually(lambda: "0110 matched nothing pending" in bench.stderr())


def test_a_half_closed_socket_still_gets_its_answer(client: Tcp, cards: Cards) -> None:
    client.send(client.foreign.purchase(cards["approve"]))
    client.sock.shutdown(socket.SHUT_WR)
    assert client.receive()["39"] == "00"


# -- parts that fail ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("91")
def test_control_link_down_and_up(bench: RunningBench, client: Tcp, cards: Cards) -> None:
    issuer = cards["approve"]["issuer"]
    assert bench.cli("control", "link", issuer, "down").returncode == 0
    eventually(lambda: client.ask(client.foreign.purchase(cards["approve"]))["39"] == "91")
    assert bench.cli("control", "link", issuer, "up").returncode == 0
    eventually(lambda: client.ask(client.foreign.purchase(cards["approve"]))["39"] == "00")


@pytest.mark.rule("05")
def test_control_arm(bench: RunningBench, client: Tcp, cards: Cards) -> None:
    pan = cards["approve"]["pan"]
    assert bench.cli("control", "arm", "--card", pan, "--next", "2", "--de39", "05").returncode == 0
    codes = [client.ask(client.foreign.purchase(cards["approve"]))["39"] for _ in range(3)]
    assert codes == ["05", "05", "00"]


@pytest.mark.rule("96")
def test_control_hsm_stall(bench: RunningBench, client: Tcp, cards: Cards) -> None:
    assert bench.cli("control", "hsm", "stall", "3600").returncode == 0
    assert client.ask(client.foreign.purchase(cards["approve"]))["39"] == "96"
    assert client.ask(client.foreign.purchase(cards["approve"], pin=None))["39"] == "00"
    assert bench.cli("control", "hsm", "stall", "0").returncode == 0
    eventually(lambda: client.ask(client.foreign.purchase(cards["approve"]))["39"] == "00")


def test_metrics_count_by_reason(bench: RunningBench, client: Tcp, cards: Cards) -> None:
    client.ask(client.foreign.purchase(cards["no-route"]))
    ports = json.loads((bench.data / "up.json").read_text())["switch"]["ports"]
    with urllib.request.urlopen(f"http://127.0.0.1:{ports['metrics']}/metrics", timeout=10) as response:
        text = response.read().decode()
    assert re.search(r'reason="no-route"[^\n]* [1-9]', text)
