"""ISO 8583:1993 on either side of the rules: a client and an issuer that speak it, beside those of 1987.

Messages come from pyiso8583, by a specification written apart from ours; the issuer is the production one.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from switch.config import load
from switch.config.build import find_key, find_link
from switch.config.tables import Config
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal
from tests.support.foreign import Doc, Foreign, Foreign93
from tests.support.iso93 import CONFIG
from tests.support.macs import Sealed

Cards = dict[str, dict[str, Any]]

ECHOED = ("2", "3", "4", "7", "11", "12", "32", "37", "41", "42", "49")

# The published cards' DE 39 as action codes.
ACTION_CODES = {
    "00": "000", "05": "100", "10": "002", "14": "111", "41": "208", "43": "209", "51": "116", "54": "101", "55": "117",
    "57": "119", "61": "121", "62": "104", "63": "122", "65": "123", "75": "106", "91": "907", "92": "908",
}  # fmt: skip


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path: Path = tmp_path_factory.mktemp("iso93") / "iso93.toml"
    path.write_text(CONFIG)
    return load(path)


@pytest.fixture
def cards(config: Config) -> Cards:
    """The published test cards by behaviour."""
    return {
        card.behaviour: {name: getattr(card, name) for name in ("pan", "expiry", "pin", "expect", "issuer")}
        for card in config.card
        if not card.sample
    }


@pytest.fixture
def bench(config: Config) -> Bench:
    """Up and signed on."""
    bench = Bench(config, seed=1)
    bench.world.run(1.0)
    assert bench.core.ready()
    return bench


def client_of(bench: Bench, link: str) -> Terminal:
    """A client of the link, in the edition of its dialect, not signed on."""
    spec = next(found for found in bench.config.link if found.name == link)
    key = next(key.clear for key in bench.config.key if (key.link, key.type) == (link, "ZPK"))
    row = {"dialect": spec.dialect, "institution_id": spec.institution_id, "key": key}
    builder = Foreign93 if spec.dialect.startswith("iso93") else Foreign
    return Terminal(bench, builder(row), link).connect()


@pytest.fixture
def terminal(bench: Bench) -> Terminal:
    """A client of 1993, signed on."""
    client = client_of(bench, "acquirer-93")
    answer = client.ask(client.foreign.network("001"))
    assert (answer["t"], answer["39"]) == ("1814", "800")
    return client


@pytest.fixture
def heard(bench: Bench) -> list[Doc]:
    """What issuer-1 is sent, read by pyiso8583."""
    frames: list[Doc] = []
    issuer = bench.issuers["issuer-1"].part
    foreign = Foreign93({"dialect": "iso93-ascii"})
    receive = issuer.receive

    def listen(conn: int, frame: bytes, now: float) -> None:
        frames.append(foreign.decode(frame))
        receive(conn, frame, now)

    issuer.receive = listen  # type: ignore[method-assign]
    return frames


def test_network_messages_keep_their_form(bench: Bench) -> None:
    """The function code and the date and time come back as they were; 1800 is answered 1810, 1804 and 1805 1814."""
    client = client_of(bench, "acquirer-93")
    for mti, answered in (("1804", "1814"), ("1805", "1814"), ("1800", "1810"), ("1801", "1810")):
        request = client.foreign.network("001") | {"t": mti}
        answer = client.ask(request)
        assert (answer["t"], answer["39"]) == (answered, "800")
        assert {key: answer[key] for key in ("7", "11", "12", "24")} == {
            key: request[key] for key in ("7", "11", "12", "24")
        }
    assert client.ask(client.foreign.network("301"))["39"] == "800"
    unknown = client.ask(client.foreign.network("803"))
    assert (unknown["t"], unknown["24"], unknown["39"]) == ("1814", "803", "902")
    assert client.ask(client.foreign.network("002"))["39"] == "800"


@pytest.mark.parametrize("mti", ["0800", "0100"])
def test_a_frame_of_1987_is_named(bench: Bench, mti: str) -> None:
    client = client_of(bench, "acquirer-93")
    doc = client.foreign.network("001") | {"t": mti}
    client.client.send(client.foreign.encode(doc))
    bench.world.run(1.0)
    assert any(f"{mti} is ISO 8583:1987; this link speaks 1993" in line["why"] for line in bench.world.said)


def test_before_sign_on_everything_is_907(bench: Bench, cards: Cards) -> None:
    client = client_of(bench, "acquirer-93")
    answer = client.ask(client.foreign.purchase(cards["approve"]))
    assert (answer["t"], answer["39"]) == ("1110", "907")


@pytest.mark.parametrize(("mti", "answered"), [("1100", "1110"), ("1200", "1210")])
def test_every_card_answers_as_published(terminal: Terminal, cards: Cards, mti: str, answered: str) -> None:
    """PIN blocks included; cards of both issuers, one of 1993 and one of 1987."""
    issuers = set()
    for behaviour, card in cards.items():
        if card["expect"]:
            request = terminal.foreign.purchase(card, mti=mti)
            answer = terminal.ask(request)
            assert (behaviour, answer["t"], answer["39"]) == (behaviour, answered, ACTION_CODES[card["expect"]])
            approved = {"4": "000000004000"} if behaviour == "partial" else {}
            assert {key: answer[key] for key in ECHOED} == {key: request[key] for key in ECHOED} | approved
            assert not {"13", "22", "24", "52"} & answer.keys()
            issuers.add(card["issuer"])
    assert {"issuer-1", "issuer-2"} <= issuers


@pytest.mark.parametrize("link", ["acquirer", "acquirer-bcd"])
def test_a_client_of_1987_reaches_an_issuer_of_1993(bench: Bench, cards: Cards, heard: list[Doc], link: str) -> None:
    client = client_of(bench, link).sign_on()
    card = cards["approve"]
    assert card["issuer"] == "issuer-1"
    request = client.foreign.purchase(card, f55="9F2608A1B2C3D4E5F60708", f48="house data")
    answer = client.ask(request)
    assert (answer["t"], answer["39"], len(answer["38"])) == ("0110", "00", 6)
    sent = heard[-1]
    assert (sent["t"], sent["24"], sent["12"], sent["22"]) == ("1100", "100", "261121120000", "51010151300C")
    icc = request["55"] if link == "acquirer" else request["55"].encode().hex().upper()  # characters to pyiso8583
    assert (sent["55"], sent["48"], sent["37"]) == (icc, request["48"], request["37"])
    assert not {"13", "70", "90"} & sent.keys()


def test_the_sign_on_of_the_switch_is_that_of_1993(bench: Bench, heard: list[Doc]) -> None:
    bench.world.run(60.0)
    assert {doc["t"] for doc in heard} == {"1804"}
    assert {doc["24"] for doc in heard} == {"831"}
    assert heard[0]["12"] == "26" + heard[0]["7"]


def test_between_two_links_of_1993_nothing_is_lost(terminal: Terminal, cards: Cards, heard: list[Doc]) -> None:
    own = {"f13": "2401", "f26": "5411", "f31": "REF-1", "f40": "201", "f43": "x" * 60, "f46": "FEE", "f57": "100"}
    own |= {"f22": "A1B2C3D4E5F6", "f25": "1500", "f24": "104", "f58": "123", "f72": "record", "f95": "issuer's"}
    request = terminal.foreign.purchase(cards["approve"], **own)
    assert terminal.ask(request)["39"] == "000"
    sent = heard[-1]
    changed = ("p", "1", "11", "52", "15")
    assert {k: v for k, v in sent.items() if k not in changed} == {k: v for k, v in request.items() if k not in changed}


def test_a_repeat_gets_the_stored_answer(terminal: Terminal, cards: Cards, heard: list[Doc]) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    first = terminal.ask(request)
    again = terminal.ask(request | {"t": "1101"})
    assert again == first
    assert [doc["t"] for doc in heard if doc["t"][1] == "1"] == ["1100"]
    other = terminal.ask(request | {"t": "1101", "4": "000000000001"})
    assert other["39"] == "913"


@pytest.mark.parametrize("mti", ["1420", "1400"])
def test_a_reversal_takes_back_once(terminal: Terminal, cards: Cards, heard: list[Doc], mti: str) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    terminal.ask(request)
    reversal = terminal.foreign.reversal(request, mti)
    answer = terminal.ask(reversal)
    assert (answer["t"], answer["39"]) == (f"14{int(mti[2]) + 1}0", "400")
    assert {key: answer[key] for key in ECHOED} == {key: reversal[key] for key in ECHOED}
    again = terminal.ask(terminal.foreign.repeat(reversal))
    assert (again["t"], again["39"]) == (answer["t"], "400")
    sent = [doc for doc in heard if doc["t"][:2] == "14"]
    assert [doc["t"] for doc in sent] == ["1420"]
    assert (sent[0]["24"], sent[0]["25"], sent[0]["4"]) == ("400", "4000", request["4"])
    assert sent[0]["56"][:10] == "1100" + next(doc["11"] for doc in heard if doc["t"] == "1100")
    assert sent[0]["56"][22:] == "11" + request["32"]
    assert not terminal.bench.core.reversals_owed()


def test_a_reversal_without_its_original(terminal: Terminal, cards: Cards) -> None:
    """R9: accepted, and the original is refused should it come."""
    request = terminal.foreign.purchase(cards["approve"])
    assert terminal.ask(terminal.foreign.reversal(request))["39"] == "400"
    assert terminal.ask(request)["39"] == "902"


def test_a_silent_issuer_of_1987_and_our_reversal(terminal: Terminal, cards: Cards) -> None:
    answer = terminal.ask(terminal.foreign.purchase(cards["issuer-silent"]))
    assert (answer["t"], answer["39"]) == ("1110", "907")


def test_our_reversal_to_an_issuer_of_1993_says_why(bench: Bench, cards: Cards, heard: list[Doc]) -> None:
    """R7: function 400 and reason 4021, not 1987's DE 39 = 68."""
    client = client_of(bench, "acquirer-bcd").sign_on()
    late = next((card for card in cards.values() if card["issuer"] == "issuer-1" and card["expect"] == "91"), None)
    assert late is not None, "no card of issuer-1 goes unanswered"
    assert client.ask(client.foreign.purchase(late))["39"] == "91"
    bench.world.run(30.0)
    reversal = next(doc for doc in heard if doc["t"] == "1420")
    assert (reversal["24"], reversal["25"]) == ("400", "4021")
    assert "39" not in reversal
    assert not bench.core.reversals_owed()


@pytest.mark.parametrize("missing", ["3", "4", "7", "12", "22", "32", "37", "41", "42", "49", "2", "14"])
def test_a_missing_field_is_904(terminal: Terminal, cards: Cards, missing: str) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    del request[missing]
    answer = terminal.ask(request)
    assert (answer["t"], answer["39"]) == ("1110", "904")
    assert f"DE {missing}" in terminal.said("missing-field")[-1]["why"]


def test_what_cannot_be_read_is_904_and_named_as_in_1993(terminal: Terminal, cards: Cards) -> None:
    """R18: the connection goes on. DE 12 is broken in the frame, DE 56 in its inside."""
    request = terminal.foreign.purchase(cards["approve"])
    frame = terminal.foreign.encode(request)
    at = frame.index(b"261121130000")
    for broken in (frame.replace(b"261121130000", b"26112113000A"), frame + b"0"):
        before = len(terminal.inbox)
        terminal.client.send(broken)
        terminal.bench.world.run(1.0)
        answer = terminal.inbox[before]
        assert (answer["t"], answer["11"], answer["39"]) == ("1110", request["11"], "904")
    assert f"DE 12: expected 12 digits, position {at}" in terminal.said("undecodable")[0]["why"]
    answer = terminal.ask(terminal.foreign.reversal(request, f56="1100000001"))
    assert (answer["t"], answer["39"], answer["12"]) == ("1430", "904", request["12"])
    assert "DE 56: expected MTI, STAN" in terminal.said("undecodable")[-1]["why"]
    answer = terminal.ask(terminal.foreign.reversal(request, f24="401"))
    assert answer["39"] == "904"
    assert "DE 24: 401, a partial reversal, needs the original amount" in terminal.said("undecodable")[-1]["why"]
    without = terminal.foreign.reversal(request)
    del without["56"]
    assert terminal.ask(without)["39"] == "904"
    assert "DE 56: a reversal needs its original" in terminal.said("undecodable")[-1]["why"]
    echo = terminal.foreign.network("301")
    del echo["24"]
    assert (terminal.ask(echo)["t"], terminal.inbox[-1]["39"]) == ("1814", "904")
    assert "DE 24: a network message needs its function code" in terminal.said("undecodable")[-1]["why"]
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "000"


def test_a_message_of_1987_closes_the_connection_with_the_reason(terminal: Terminal, bench: Bench) -> None:
    terminal.client.send(client_of(bench, "acquirer").foreign.encode({"t": "0800", "11": "000001", "70": "001"}))
    bench.world.run(1.0)
    assert "expected a message type 1xxx" in terminal.said("undecodable")[-1]["why"]


def test_a_pre_authorization_is_one_in_both_editions(bench: Bench, cards: Cards, heard: list[Doc]) -> None:
    client = client_of(bench, "acquirer").sign_on()
    assert client.ask(client.foreign.purchase(cards["approve"], f25="06"))["39"] == "00"
    assert heard[-1]["24"] == "101"
    assert "25" not in heard[-1]


def test_a_partial_reversal(terminal: Terminal, cards: Cards, heard: list[Doc]) -> None:
    """R10: DE 4 is what stands, DE 30 the original amount, on both legs; the issuer's own STAN in DE 56."""
    request = terminal.foreign.purchase(cards["approve"])
    terminal.ask(request)
    stan = next(doc["11"] for doc in heard if doc["t"] == "1100")
    part = {"f24": "401", "f4": "000000004000", "f30": "000000010000" + "0" * 12}
    answer = terminal.ask(terminal.foreign.reversal(request, **part))
    assert (answer["t"], answer["39"], answer["4"]) == ("1430", "400", "000000004000")
    sent = next(doc for doc in heard if doc["t"] == "1420")
    assert (sent["24"], sent["4"], sent["30"]) == ("401", "000000004000", part["f30"])
    assert sent["56"][:10] == "1100" + stan


def test_a_pre_authorization_and_its_completion(terminal: Terminal, cards: Cards, heard: list[Doc]) -> None:
    request = terminal.foreign.purchase(cards["approve"], f24="101")
    assert terminal.ask(request)["39"] == "000"
    original = terminal.foreign.reversal(request)["56"]
    completion = request | {"t": "1220", "24": "202", "11": "900001", "4": "000000007000", "56": original}
    del completion["52"]
    answer = terminal.ask(completion)
    assert (answer["t"], answer["39"], answer["4"]) == ("1230", "000", "000000007000")
    opened, sent = (next(doc for doc in heard if doc["t"] == mti) for mti in ("1100", "1220"))
    assert opened["24"] == "101"
    assert (sent["24"], sent["4"], sent["56"][:10]) == ("202", "000000007000", "1100" + opened["11"])


def test_a_completion_reaches_an_issuer_of_1987(terminal: Terminal, bench: Bench, cards: Cards) -> None:
    """R12: what 1993 alone can say stays behind, as it does in requests."""
    request = terminal.foreign.purchase(cards["funds"], 1000, f24="101")
    assert terminal.ask(request)["39"] == "000"
    original = terminal.foreign.reversal(request)["56"]
    completion = request | {"t": "1220", "24": "202", "11": "900001", "4": "000000000700", "56": original}
    del completion["52"]
    assert terminal.ask(completion)["39"] == "000"
    bench.world.run(5.0)
    assert bench.core.advices_owed() == 0


class Sealed93(Sealed, Foreign93):
    """A client of 1993 with a TAK."""


@pytest.mark.parametrize("repeat", ["as-sent", "as-original"])
def test_macs_are_over_the_frame_of_1993(config: Config, cards: Cards, repeat: str) -> None:
    """`Sealed.decode` refuses any answer without a right MAC."""
    changed = msgspec.structs.replace(find_link(config, "acquirer-93"), mac=True, mac_repeat=repeat)
    links = tuple(changed if link.name == "acquirer-93" else link for link in config.link)
    bench = Bench(msgspec.structs.replace(config, link=links), seed=1)
    bench.world.run(1.0)
    zpk, tak = (find_key(config, "acquirer-93", name).clear for name in ("ZPK", "TAK"))
    row = {"dialect": "iso93-ascii", "institution_id": changed.institution_id, "key": zpk}
    client = Terminal(bench, Sealed93(row, tak=tak, as_original=repeat == "as-original"), "acquirer-93").connect()
    request = client.foreign.purchase(cards["approve"])
    assert client.ask(client.foreign.network("001"))["39"] == "800"
    assert client.ask(request)["39"] == "000"
    assert client.ask(client.foreign.repeat(request))["39"] == "000"
    assert client.ask(client.foreign.reversal(request))["39"] == "400"
    frame = client.foreign.encode(client.foreign.purchase(cards["approve"]))
    client.client.send(frame.replace(b"000000010000", b"000000000001"))
    bench.world.run(1.0)
    assert (client.inbox[-1]["t"], client.inbox[-1]["39"], client.inbox[-1]["12"]) == ("1110", "122", request["12"])


def test_sample_traffic_in_1993(config: Config) -> None:
    """The simulated acquirer over such a link: the books agree as over any other."""
    bench = Bench(config, seed=3)
    bench.world.run(1.0)
    traffic = bench.start_traffic()
    bench.world.run(20.0)
    for host in traffic.values():
        host.part.stop_traffic()
    bench.world.run(40.0)
    answered = [line for line in bench.world.said if line.get("reason") == "undecodable"]
    assert not answered
    assert all(host.part.outstanding() == 0 for host in traffic.values())
    assert all(host.part.counters["de39-00"] for host in traffic.values())
