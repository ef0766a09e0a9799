"""MACs on links, on virtual time: the production core and HSM against strangers that make theirs by hand."""

from collections.abc import Callable
from itertools import product
from typing import Any

import msgspec
import pytest

from switch.config.build import find_key, find_link
from switch.config.tables import Config
from switch.core.effects import SEND, Effect
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal, terminal_of
from tests.support.foreign import Doc
from tests.support.macs import Sealed

Cards = dict[str, dict[str, Any]]

OTHER_TAK = "13A2B5C4D6E0F1F20123456789ABCDEF"


def guarded(config: Config, name: str, algorithm: str = "3", repeat: str = "as-sent") -> Config:
    """The configuration with MACs on the link `name`."""
    changes = {"mac": True, "mac_algorithm": algorithm, "mac_repeat": repeat}
    changed = msgspec.structs.replace(find_link(config, name), **changes)
    links = tuple(changed if link.name == name else link for link in config.link)
    return msgspec.structs.replace(config, link=links)


def stranger(config: Config, name: str, tak: str = "") -> Sealed:
    """A client of the link, with its TAK or another."""
    link = find_link(config, name)
    row = {
        "dialect": link.dialect,
        "institution_id": link.institution_id,
        "key": find_key(config, name, "ZPK").clear,
    }
    tak = tak or find_key(config, name, "TAK").clear
    return Sealed(row, tak=tak, algorithm=link.mac_algorithm, as_original=link.mac_repeat == "as-original")


def signed_on(config: Config, name: str) -> Terminal:
    """The bench of this configuration, and such a client on it."""
    bench = Bench(config, seed=1)
    bench.world.run(1.0)
    return terminal_of(bench, name, stranger(config, name))


@pytest.fixture
def terminal(config: Config, link: str) -> Terminal:
    """Each default acquirer link in turn, with MACs of algorithm 3."""
    return signed_on(guarded(config, link), link)


def approvals(terminal: Terminal) -> int:
    """How many purchases the issuers approved."""
    return sum(host.part.counters.get("de39-00", 0) for host in terminal.bench.issuers.values())


# -- what arrives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["1", "3"])
def test_a_right_mac_is_taken_and_every_answer_has_one(
    config: Config, cards: Cards, link: str, algorithm: str
) -> None:  # fmt: skip
    """Sign-on (DE 128), purchase (DE 64), reversal (DE 128): `Sealed.decode` refuses any answer without a right MAC."""
    terminal = signed_on(guarded(config, link, algorithm), link)
    purchase = terminal.foreign.purchase(cards["approve"])
    answer = terminal.ask(purchase)
    assert (answer["t"], answer["39"]) == ("0110", "00")
    assert terminal.ask(terminal.foreign.reversal(purchase))["39"] == "00"
    assert terminal.ask(terminal.foreign.network("301"))["39"] == "00"


@pytest.mark.rule("63")
def test_wherever_a_bit_flips_it_is_63_and_nothing_is_remembered(terminal: Terminal, cards: Cards) -> None:
    request = terminal.foreign.purchase(cards["approve"])
    frame = terminal.foreign.encode(request)
    for at in range(len(frame) - 2 * terminal.foreign.size, len(frame)):
        before = len(terminal.inbox)
        terminal.client.send(frame[:at] + bytes([frame[at] ^ 0x01]) + frame[at + 1 :])
        terminal.bench.world.run(0.1)
        assert [answer["39"] for answer in terminal.inbox[before:]] == ["63"]
    assert terminal.said("bad-mac")
    assert approvals(terminal) == 0
    assert terminal.ask(request)["39"] == "00"
    assert approvals(terminal) == 1


@pytest.mark.rule("63")
def test_another_amount_under_the_old_mac_is_63(terminal: Terminal, cards: Cards) -> None:
    frame = terminal.foreign.encode(terminal.foreign.purchase(cards["approve"], 1_00))
    amount = b"000000000100" if terminal.link == "acquirer" else bytes.fromhex("000000000100")
    assert frame.count(amount) == 1
    terminal.client.send(frame.replace(amount, amount[:-1] + bytes([amount[-1] ^ 0x01])))
    terminal.bench.world.run(1.0)
    assert terminal.inbox[-1]["39"] == "63"


@pytest.mark.rule("63")
def test_another_key_is_63(terminal: Terminal, cards: Cards) -> None:
    frame = stranger(terminal.bench.config, terminal.link, OTHER_TAK).encode(
        terminal.foreign.purchase(cards["approve"])
    )
    terminal.client.send(frame)
    terminal.bench.world.run(1.0)
    assert terminal.inbox[-1]["39"] == "63"


def unsealed(terminal: Terminal, doc: Doc) -> bytes:
    """`doc` as it is, whatever MAC it has or has not."""
    return super(Sealed, terminal.foreign).encode(doc)  # type: ignore[misc]


@pytest.mark.rule("63")
def test_a_missing_mac_is_63(terminal: Terminal, cards: Cards) -> None:
    """None at all, or one that is not the last field."""
    for doc in (
        terminal.foreign.purchase(cards["approve"]),
        terminal.foreign.network("001"),
        terminal.foreign.network("001") | {"64": "0123456789ABCDEF"},
    ):
        terminal.client.send(unsealed(terminal, doc))
        terminal.bench.world.run(1.0)
        assert terminal.inbox[-1]["39"] == "63"
        assert "DE 128" in terminal.said("bad-mac")[-1]["why"]


@pytest.mark.parametrize("link", ["acquirer"], indirect=True)
def test_a_mac_that_is_no_number_is_63_without_asking_the_hsm(terminal: Terminal, cards: Cards) -> None:
    terminal.client.send(unsealed(terminal, terminal.foreign.purchase(cards["approve"]) | {"64": "no hexadecimals!"}))
    terminal.bench.world.run(1.0)
    assert terminal.inbox[-1]["39"] == "63"
    lower = terminal.foreign.encode(terminal.foreign.purchase(cards["approve"]))
    terminal.client.send(lower[:-16] + lower[-16:].lower())
    terminal.bench.world.run(5.0)
    assert terminal.inbox[-1]["39"] == "00"


def test_an_unasked_answer_without_mac_is_dropped(terminal: Terminal) -> None:
    before = len(terminal.inbox)
    terminal.client.send(unsealed(terminal, terminal.foreign.network("001") | {"t": "0810", "39": "00"}))
    terminal.bench.world.run(1.0)
    assert len(terminal.inbox) == before
    assert terminal.said("bad-mac")[-1]["event"] == "dropped"


def test_what_cannot_be_read_is_refused_as_ever(terminal: Terminal, cards: Cards) -> None:
    frame = terminal.foreign.encode(terminal.foreign.purchase(cards["approve"]))
    terminal.client.send(frame[:-1])
    terminal.bench.world.run(1.0)
    assert terminal.inbox[-1]["39"] == "30"
    terminal.client.send(b"\xff\xff is no message")
    terminal.bench.world.run(1.0)
    assert not terminal.client.open


@pytest.mark.rule("R1")
@pytest.mark.parametrize(
    ("theirs", "ours"), [("as-sent", "as-sent"), ("as-original", "as-original"), ("as-sent", "as-original")]
)
def test_the_mac_of_a_repeat(config: Config, cards: Cards, link: str, theirs: str, ours: str) -> None:
    """R1: over its own MTI or its original's, as agreed; a repeat gets the stored answer if both keep to it."""
    terminal = signed_on(guarded(config, link, repeat=ours), link)
    terminal.foreign.as_original = theirs == "as-original"  # type: ignore[attr-defined]
    purchase = terminal.foreign.purchase(cards["approve"])
    first = terminal.ask(purchase)
    answer = terminal.ask(terminal.foreign.repeat(purchase))
    assert answer["39"] == ("00" if theirs == ours else "63")
    if theirs == ours:
        assert answer == first
    assert approvals(terminal) == 1


def test_frames_keep_their_order(terminal: Terminal, cards: Cards) -> None:
    """A reversal sent on the heels of its purchase finds it, whatever the HSM has to do for either."""
    purchase = terminal.foreign.purchase(cards["approve"])
    terminal.send(purchase)
    terminal.send(terminal.foreign.reversal(purchase))
    terminal.bench.world.run(10.0)
    assert not terminal.said("reversal-without-original")
    assert terminal.inbox[-1]["t"] == "0430"


@pytest.mark.parametrize("sizes", list(product([900, 920], [8, 107, 114, 120])))
def test_a_message_longer_than_a_host_command(config: Config, cards: Cards, sizes: tuple[int, int]) -> None:
    """In pieces, the last of which may be short."""
    terminal = signed_on(guarded(config, "acquirer"), "acquirer")
    fields = {"f48": "A" * sizes[0], "f60": "B" * 999, "f61": "C" * sizes[1]}
    request = terminal.foreign.purchase(cards["approve"], **fields)
    assert len(terminal.foreign.encode(request)) > 2048
    assert terminal.ask(request)["39"] == "00"
    frame = terminal.foreign.encode(terminal.foreign.purchase(cards["approve"], **fields))
    terminal.client.send(frame.replace(b"BBBBBB", b"BBBXBB", 1))
    terminal.bench.world.run(1.0)
    assert terminal.inbox[-1]["39"] == "63"


# -- the HSM ----------------------------------------------------------------------------------------------------------


def test_hsm_down_answers_nothing_for_nothing_can_be_sealed(terminal: Terminal, cards: Cards) -> None:
    request, before = terminal.foreign.purchase(cards["approve"]), len(terminal.inbox)
    terminal.bench.hsm.up = False
    terminal.send(request)
    terminal.bench.world.run(6.0)
    assert len(terminal.inbox) == before
    assert terminal.said("hsm-silent")[-1]["de39"] == "96"
    assert terminal.said("no-mac")[-1]["mti"] == "0110"
    terminal.bench.hsm.up = True
    assert terminal.ask(request)["39"] == "00"


def test_an_hsm_that_comes_back_lets_the_96_out(terminal: Terminal, cards: Cards) -> None:
    terminal.bench.hsm.up = False
    terminal.send(terminal.foreign.purchase(cards["approve"]))
    terminal.bench.world.run(1.0)
    terminal.bench.hsm.up = True
    terminal.bench.world.run(5.0)
    assert terminal.inbox[-1]["39"] == "96"


@pytest.mark.parametrize(
    ("reply", "code"), [(b"M941", "96"), (b"M910", "88"), (b"M9", "96"), (b"M700", "96"), (b"", "96"), (b"M900X", "96")]
)
def test_an_hsm_that_cannot_verify(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, cards: Cards, reply: bytes, code: str
) -> None:
    """Only the HSM's plain yes lets a frame in."""
    device = terminal.bench.hsm.device
    real = device.respond
    monkeypatch.setattr(device, "respond", lambda body: body[:4] + reply if body[4:6] == b"M8" else real(body))
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == code
    assert approvals(terminal) == 0


@pytest.mark.parametrize("reply", [b"M741", b"M7", b"M700", b"M700XYZ", b"M700" + b"0" * 15])
def test_an_hsm_that_cannot_seal(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, cards: Cards, reply: bytes
) -> None:
    device, before = terminal.bench.hsm.device, len(terminal.inbox)
    real = device.respond
    monkeypatch.setattr(device, "respond", lambda body: body[:4] + reply if body[4:6] == b"M6" else real(body))
    terminal.send(terminal.foreign.purchase(cards["approve"]))
    terminal.bench.world.run(10.0)
    assert len(terminal.inbox) == before
    assert terminal.said("no-mac")


def test_a_yes_to_the_first_piece_is_none_to_the_message(
    monkeypatch: pytest.MonkeyPatch, config: Config, cards: Cards
) -> None:
    terminal = signed_on(guarded(config, "acquirer"), "acquirer")
    device = terminal.bench.hsm.device
    real = device.respond
    monkeypatch.setattr(device, "respond", lambda body: body[:4] + b"M900" if body[4:7] == b"M81" else real(body))
    request = terminal.foreign.purchase(cards["approve"], f48="A" * 999, f60="B" * 999)
    assert terminal.ask(request)["39"] == "96"


# -- issuers ----------------------------------------------------------------------------------------------------------


class ScriptedIssuer:
    """Approves everything, in messages with MACs; `spoil` may change what it answers to all but 0800."""

    def __init__(self, foreign: Sealed, spoil: Callable[[bytes], bytes] = lambda frame: frame) -> None:
        self.foreign = foreign
        self.spoil = spoil
        self.heard: list[Doc] = []
        self.effects: list[Effect] = []

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        doc = self.foreign.decode(frame)
        self.heard.append(doc)
        answer = {key: doc[key] for key in ("2", "3", "4", "7", "11", "32", "37", "41", "42", "49", "70") if key in doc}
        mti = f"{doc['t'][:2]}{int(doc['t'][2]) + 1}0"
        sealed = self.foreign.encode(answer | {"t": mti, "39": "00"})
        self.effects.append((SEND, conn, sealed if mti == "0810" else self.spoil(sealed)))

    def take_effects(self) -> list[Effect]:
        effects, self.effects = self.effects, []
        return effects

    def nothing(self, *_told: Any) -> None:
        """It keeps no connection, no time and no HSM."""

    connected = disconnected = hsm_reply = tick = next_deadline = nothing

    def mtis(self) -> list[str]:
        """What it heard, sign-on and echoes apart."""
        assert self.heard[0]["t"] == "0800"
        return [doc["t"] for doc in self.heard if doc["t"] != "0800"]


def with_issuer(config: Config, name: str, repeat: str = "as-sent") -> tuple[Terminal, ScriptedIssuer]:
    """A bench whose issuer `name` is scripted and makes MACs, with a plain client of the first acquirer link."""
    config = guarded(config, name, repeat=repeat)
    bench = Bench(config, seed=1)
    issuer = ScriptedIssuer(stranger(config, name))
    bench.issuers[name].part = issuer  # type: ignore[assignment]
    bench.world.run(1.0)
    return terminal_of(bench, "acquirer"), issuer


def card_of(config: Config, issuer: str) -> dict[str, Any]:
    card = next(card for card in config.card if card.sample and card.issuer == issuer)
    return {"pan": card.pan, "expiry": card.expiry, "pin": card.pin}


@pytest.fixture(params=["issuer-1", "issuer-2"])
def issuer_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_issuers_leg(config: Config, issuer_name: str) -> None:
    """Our sign-on, the request, its reversal: each arrives with a MAC that the issuer finds right."""
    terminal, issuer = with_issuer(config, issuer_name)
    purchase = terminal.foreign.purchase(card_of(config, issuer_name))
    assert terminal.ask(purchase)["39"] == "00"
    assert terminal.ask(terminal.foreign.reversal(purchase))["39"] == "00"
    assert issuer.mtis() == ["0100", "0420"]
    assert terminal.bench.core.reversals_owed() == 0


@pytest.mark.parametrize("spoil", [lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]), lambda frame: frame[:-1] + b"?"])
def test_an_answer_with_a_wrong_mac_was_never_given(
    config: Config, issuer_name: str, spoil: Callable[[bytes], bytes]
) -> None:
    """R7: 91 when the timer ends, and a 0420, repeated until it is acknowledged with a right MAC."""
    terminal, issuer = with_issuer(config, issuer_name)
    issuer.spoil = spoil
    assert terminal.ask(terminal.foreign.purchase(card_of(config, issuer_name)), seconds=6.0)["39"] == "91"
    assert terminal.said("bad-mac")[-1]["mti"] == "0430"
    assert terminal.bench.core.reversals_owed() == 1
    issuer.spoil = lambda frame: frame
    terminal.bench.world.run(10.0)
    assert issuer.mtis() == ["0100", "0420", "0421"]
    assert terminal.bench.core.reversals_owed() == 0


@pytest.mark.parametrize("repeat", ["as-sent", "as-original"])
def test_the_mac_of_our_own_repeats(config: Config, issuer_name: str, repeat: str) -> None:
    terminal, issuer = with_issuer(config, issuer_name, repeat)
    issuer.spoil = lambda _frame: b"not a message"
    terminal.ask(terminal.foreign.purchase(card_of(config, issuer_name)), seconds=6.0)
    terminal.bench.world.run(10.0)
    assert "0421" in issuer.mtis()


def test_an_issuer_without_hsm_is_left_alone_and_then_told(config: Config, issuer_name: str) -> None:
    """What gets no MAC is not sent: 91, and store-and-forward keeps what the issuer must be told."""
    terminal, issuer = with_issuer(config, issuer_name)
    terminal.bench.hsm.up = False
    request = terminal.foreign.purchase(card_of(config, issuer_name), pin=None)
    assert terminal.ask(request, seconds=8.0)["39"] == "91"
    assert terminal.said("no-mac")[0]["mti"] == "0100"
    assert issuer.mtis() == []
    terminal.bench.hsm.up = True
    terminal.bench.world.run(20.0)
    assert "0100" not in issuer.mtis()
    assert terminal.bench.core.reversals_owed() == 0


def test_a_long_request_is_sealed_in_pieces(config: Config) -> None:
    terminal, issuer = with_issuer(config, "issuer-1")
    fields = {"f48": "A" * 999, "f60": "B" * 999, "f61": "C" * 999, "f62": "D" * 999}
    assert terminal.ask(terminal.foreign.purchase(card_of(config, "issuer-1"), **fields))["39"] == "00"
    assert issuer.heard[-1]["62"] == "D" * 999


# -- all of it --------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_said(terminal: Terminal, cards: Cards) -> None:
    card = cards["approve"]
    request = terminal.foreign.purchase(card)
    terminal.client.send(unsealed(terminal, request | {"64": "0123456789ABCDEF"}))
    terminal.bench.world.run(1.0)
    said = str(terminal.bench.world.said)
    assert terminal.said("bad-mac")
    for secret in (card["pan"], terminal.foreign.tak, request["52"], "0123456789ABCDEF"):
        assert secret not in said
