"""R15: zone PIN keys exchanged in both directions, on virtual time with the software HSM.

Messages come from pyiso8583; keys under a ZMK, check values and PIN blocks from psec, with nothing of ours.
"""

from collections.abc import Callable
from typing import Any

import iso8583
import msgspec
import pytest
from psec import des, pinblock

from switch.config import check_value, find_key
from switch.config.tables import Config
from switch.core.keys import Exchange
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal, terminal_of
from tests.simulation.institution import Institution
from tests.support.foreign import Doc

NEW_KEY = "0123456789ABCDEFFEDCBA9876543210"  # its check value, 08D7B4, is in every vendor's manual
OTHER_KEY = "4C9BE09E681A19DC9B395BFE5F07DA9B"
SCHEME_U = (0xA6, 0x5A)  # variants of byte 8 for the two halves
ACQUIRER_TESTS = pytest.mark.parametrize("link", ["acquirer"], indirect=True)


def parts(zmk: str) -> list[bytes]:
    """The ZMK as each half of a key goes under it."""
    clear = bytes.fromhex(zmk)
    return [clear[:8] + bytes([clear[8] ^ variant]) + clear[9:] for variant in SCHEME_U]


def under(zmk: str, key: str) -> str:
    halves = (bytes.fromhex(key)[:8], bytes.fromhex(key)[8:])
    wrapped = b"".join(des.encrypt_tdes_ecb(k, half) for k, half in zip(parts(zmk), halves, strict=True))
    return "U" + wrapped.hex().upper()


def opened(zmk: str, text: str) -> str:
    """The clear key of `U` and 32 digits."""
    assert text[0] == "U"
    halves = (bytes.fromhex(text[1:17]), bytes.fromhex(text[17:33]))
    return b"".join(des.decrypt_tdes_ecb(k, half) for k, half in zip(parts(zmk), halves, strict=True)).hex().upper()


def kcv(key: str) -> str:
    return des.encrypt_tdes_ecb(bytes.fromhex(key), bytes(8)).hex().upper()[:6]


def odd(key: str) -> str:
    """With odd parity."""
    return bytes(b ^ (b.bit_count() % 2 == 0) for b in bytes.fromhex(key)).hex().upper()


def zmk_of(config: Config, link: str) -> str:
    return find_key(config, link, "ZMK").clear


@pytest.fixture
def change(terminal: Terminal, config: Config) -> Callable[..., Doc]:
    """An acquirer's 0800/101."""

    def build(key: str = NEW_KEY, check_value: str = "") -> Doc:
        field = under(zmk_of(config, terminal.link), key) + (check_value or kcv(key))
        return terminal.foreign.network("101") | {"48": field}

    return build


def buys(terminal: Terminal, card: dict[str, Any], key: str) -> str:
    """DE 39 of a purchase whose PIN block is under that key."""
    terminal.foreign.link = terminal.foreign.link | {"key": key}
    return terminal.ask(terminal.foreign.purchase(card, 1_00), seconds=2.0)["39"]  # well within the old key's grace


def no_secret(bench: Bench, *keys: str) -> None:
    """Nothing that was said holds a key, clear or under the ZMK."""
    said = repr(bench.world.said)
    assert not any(key in said for key in keys)


# -- begun by an acquirer ----------------------------------------------------------------------------------------------


def test_r15_an_acquirer_changes_its_key(
    terminal: Terminal, cards: Any, change: Callable[..., Doc], config: Config
) -> None:
    """0800/101 → 0810/00; from then on PIN blocks under the new key are read."""
    request = change()
    answer = terminal.ask(request)
    assert (answer["t"], answer["39"], answer["11"], answer["70"]) == ("0810", "00", request["11"], "101")
    assert "48" not in answer
    assert buys(terminal, cards["approve"], NEW_KEY) == "00"
    (line,) = terminal.said("key-changed")
    assert "08D7B4" in line["why"]
    no_secret(terminal.bench, NEW_KEY, request["48"][:33])


def test_r15_old_and_new_are_valid_until_the_first_success(
    terminal: Terminal, cards: Any, change: Callable[..., Doc]
) -> None:
    """The old key goes on being read; once the new one has served, the old is no key any more."""
    old = terminal.foreign.link["key"]
    assert terminal.ask(change())["39"] == "00"
    assert buys(terminal, cards["approve"], old) == "00"
    assert buys(terminal, cards["approve"], NEW_KEY) == "00"
    assert buys(terminal, cards["approve"], old) == "88"
    assert buys(terminal, cards["approve"], NEW_KEY) == "00"


def test_r15_the_old_key_ends_with_its_grace(terminal: Terminal, cards: Any, change: Callable[..., Doc]) -> None:
    """Without any success of the new one: after `key_grace_s`."""
    old = terminal.foreign.link["key"]
    assert terminal.ask(change())["39"] == "00"
    terminal.bench.world.run(61.0)
    assert buys(terminal, cards["approve"], old) == "88"
    assert buys(terminal, cards["approve"], NEW_KEY) == "00"


def test_r15_a_bad_check_value_keeps_the_old_key(terminal: Terminal, cards: Any, change: Callable[..., Doc]) -> None:
    assert terminal.ask(change(check_value="000000"))["39"] == "63"
    (line,) = terminal.said("bad-check-value")
    zmk = check_value(find_key(terminal.bench.config, terminal.link, "ZMK"))
    assert f"another key than the ZMK of link {terminal.link} (check value {zmk})" in line["why"]
    assert buys(terminal, cards["approve"], NEW_KEY) == "88"
    assert buys(terminal, cards["approve"], find_key(terminal.bench.config, terminal.link, "ZPK").clear) == "00"


@ACQUIRER_TESTS
@pytest.mark.parametrize(
    ("field", "code", "reason"),
    [
        (None, "30", "bad-key-field"),
        ("U" + "0" * 31, "30", "bad-key-field"),
        ("T" + "0" * 48 + "000000", "30", "bad-key-field"),
        ("U" + "G" * 32 + "000000", "30", "bad-key-field"),
        ("U" + "0" * 32 + "000000", "63", "bad-check-value"),
    ],
)
def test_r15_what_is_no_key_is_refused(terminal: Terminal, field: str | None, code: str, reason: str) -> None:
    request = terminal.foreign.network("101") | ({"48": field} if field else {})
    assert terminal.ask(request)["39"] == code
    assert terminal.said(reason)


@ACQUIRER_TESTS
def test_r15_a_repeat_changes_nothing_more(terminal: Terminal, cards: Any, change: Callable[..., Doc]) -> None:
    """0801 for an 0800 whose answer was lost: 00 again, and the old key keeps its grace."""
    request, old = change(), terminal.foreign.link["key"]
    assert terminal.ask(request)["39"] == "00"
    assert terminal.ask(request | {"t": "0801"})["39"] == "00"
    assert len(terminal.said("key-changed")) == 1
    assert buys(terminal, cards["approve"], old) == "00"


@ACQUIRER_TESTS
def test_r15_before_sign_on_is_91(terminal: Terminal, change: Callable[..., Doc]) -> None:
    stranger = Terminal(terminal.bench, terminal.foreign, terminal.link).connect()
    assert stranger.ask(change())["39"] == "91"


@ACQUIRER_TESTS
def test_r15_the_hsm_is_silent(terminal: Terminal, cards: Any, change: Callable[..., Doc]) -> None:
    terminal.bench.hsm.up = False
    assert terminal.ask(change(), seconds=3.0)["39"] == "96"
    terminal.bench.hsm.up = True
    assert buys(terminal, cards["approve"], find_key(terminal.bench.config, "acquirer", "ZPK").clear) == "00"


@ACQUIRER_TESTS
def test_r15_a_link_without_zmk_exchanges_nothing(terminal: Terminal, change: Callable[..., Doc]) -> None:
    link = terminal.bench.core._context.acquirers[terminal.bench.link_index["acquirer"]]
    link.spec = msgspec.structs.replace(link.spec, zmk="")
    assert terminal.ask(change())["39"] == "12"
    assert terminal.said("no-zmk")


def test_r15_the_change_is_durable_before_its_answer(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, change: Callable[..., Doc]
) -> None:
    """I7: a 0810/00 that left is kept by a crash right after it."""
    monkeypatch.setattr("switch.simulation.world.SYNC_DELAY_S", 1.0)
    before, records = len(terminal.inbox), terminal.bench.switch.disk.last_sequence
    terminal.send(change())
    terminal.bench.world.run(0.9)
    assert terminal.bench.switch.disk.last_sequence == records + 1
    assert len(terminal.inbox) == before
    terminal.bench.world.run(0.2)
    assert terminal.inbox[-1]["39"] == "00"


@pytest.mark.parametrize("seconds", [0.0003, 0.0008, 0.0013, 0.00134, 0.0016, 0.1])
def test_r15_a_crash_anywhere_leaves_one_key_that_serves(
    new_terminal: Callable[[], Terminal], cards: Any, config: Config, seconds: float
) -> None:
    """Crashed before the HSM, before the commit, before or after the answer: answered means changed, and what is not
    answered is repeated; then the new key serves."""
    terminal = new_terminal()
    request = terminal.foreign.network("101") | {"48": under(zmk_of(config, terminal.link), NEW_KEY) + kcv(NEW_KEY)}
    before = len(terminal.inbox)
    terminal.send(request)
    terminal.bench.world.run(seconds)
    answered = len(terminal.inbox) > before
    terminal.bench.crash_switch()
    terminal.bench.world.run(1.0)
    again = new_terminal()
    if not answered:
        assert again.ask(request | {"t": "0801"})["39"] == "00"
    assert buys(again, cards["approve"], NEW_KEY) == "00"


@ACQUIRER_TESTS
def test_r15_keys_survive_a_snapshot(
    new_terminal: Callable[[], Terminal], cards: Any, config: Config
) -> None:  # fmt: skip
    """Two changes, a snapshot, a crash: the newest serves, the one before it has its grace, the first is gone."""
    terminal, bench = new_terminal(), new_terminal().bench
    first = terminal.foreign.link["key"]
    for key in (NEW_KEY, odd(OTHER_KEY)):
        text = under(zmk_of(config, "acquirer"), key) + kcv(key)
        assert terminal.ask(terminal.foreign.network("101") | {"48": text}, seconds=1.0)["39"] == "00"
    state = bench.core.snapshot()
    bench.switch.disk.write_snapshot(bench.switch.disk.last_sequence, state)
    bench.crash_switch()
    assert bench.core.snapshot() == state
    bench.world.run(1.0)
    again = new_terminal()
    assert buys(again, cards["approve"], first) == "88"
    assert buys(again, cards["approve"], NEW_KEY) == "00"
    assert buys(again, cards["approve"], odd(OTHER_KEY)) == "00"
    assert buys(again, cards["approve"], NEW_KEY) == "88"


# -- begun by an issuer ------------------------------------------------------------------------------------------------


def pin_at(issuer: Institution, key: str, card: dict[str, Any]) -> str:
    """The PIN in the newest request that the issuer got, read under that key."""
    (request,) = [doc for doc in issuer.got if doc["t"] == "0100"][-1:]
    block = des.decrypt_tdes_ecb(bytes.fromhex(key), bytes.fromhex(request["52"]))
    return pinblock.decode_pinblock_iso_0(block, card["pan"])


@pytest.mark.parametrize(("behaviour", "name"), [("approve", "issuer-1"), ("funds", "issuer-2")])
def test_r15_an_issuer_changes_its_key(
    terminal: Terminal, cards: Any, config: Config, behaviour: str, name: str
) -> None:
    """PIN blocks to it go out under the new key as soon as it was told 00."""
    bench, card = terminal.bench, cards[behaviour]
    assert card["issuer"] == name
    issuer = Institution(bench, name)
    terminal.ask(terminal.foreign.purchase(card, 1_00))
    assert pin_at(issuer, find_key(config, name, "ZPK").clear, card) == card["pin"]
    line = bench.core._context.lines[bench.link_index[name]]
    ask = terminal.foreign.network("101") | {"48": under(zmk_of(config, name), NEW_KEY) + kcv(NEW_KEY)}
    bench.switch.receive(line.conn, bytes(iso8583.encode(dict(ask), issuer.spec)[0]))
    bench.world.run(0.1)
    assert (issuer.heard[-1]["t"], issuer.heard[-1]["39"]) == ("0810", "00")
    terminal.ask(terminal.foreign.purchase(card, 1_00))
    assert pin_at(issuer, NEW_KEY, card) == card["pin"]
    bad = ask | {"48": ask["48"][:33] + "123456"}
    bench.switch.receive(line.conn, bytes(iso8583.encode(dict(bad), issuer.spec)[0]))
    bench.world.run(0.1)
    assert issuer.heard[-1]["39"] == "63"
    terminal.ask(terminal.foreign.purchase(card, 1_00))
    assert pin_at(issuer, NEW_KEY, card) == card["pin"]


# -- begun by us -------------------------------------------------------------------------------------------------------


def exchange(bench: Bench, name: str, seconds: float = 1.0) -> list[Exchange]:
    """What the command is told, within that time."""
    told: list[Exchange] = []
    bench.core.exchange_key(name, told.append)
    bench.switch.settle()
    bench.world.run(seconds)
    return told


@pytest.mark.parametrize(("behaviour", "name"), [("approve", "issuer-1"), ("funds", "issuer-2")])
def test_r15_we_exchange_a_key_with_an_issuer(
    terminal: Terminal, cards: Any, config: Config, behaviour: str, name: str
) -> None:
    """`keys exchange`: A0, 0800/101 with the key under the ZMK and its check value, 0810/00, then it is in use."""
    bench, card = terminal.bench, cards[behaviour]
    issuer = Institution(bench, name)
    ((done, told_kcv, _),) = exchange(bench, name)
    (asked,) = [doc for doc in issuer.asked if doc["70"] == "101"]
    key = opened(zmk_of(config, name), asked["48"][:33])
    assert (done, told_kcv, asked["48"][33:]) == (True, kcv(key), kcv(key))
    assert odd(key) == key
    terminal.ask(terminal.foreign.purchase(card, 1_00))
    assert pin_at(issuer, key, card) == card["pin"]
    no_secret(bench, key, asked["48"][:33])
    bench.crash_switch()
    bench.world.run(1.0)
    again = terminal_of(bench, terminal.link, terminal.foreign)
    again.ask(again.foreign.purchase(card, 1_00))
    assert pin_at(issuer, key, card) == card["pin"]


@pytest.mark.parametrize(("behaviour", "name"), [("approve", "issuer-1"), ("funds", "issuer-2")])
def test_r15_with_the_simulated_issuers(terminal: Terminal, cards: Any, behaviour: str, name: str) -> None:
    """Two sides that share no code: the PIN is still the right one, also after both have come back from their logs."""
    bench, card = terminal.bench, cards[behaviour]
    for _ in range(2):
        ((done, _, why),) = exchange(bench, name)
        assert (done, why) == (True, f"{name} has a new key")
        assert terminal.ask(terminal.foreign.purchase(card, 1_00), seconds=2.0)["39"] == "00"
    bench.crash_issuer(name)
    bench.crash_switch()
    bench.world.run(1.0)
    again = terminal_of(bench, terminal.link, terminal.foreign)
    assert again.ask(again.foreign.purchase(card, 1_00))["39"] == "00"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(lambda _: {"39": "63"}, "exchange-refused"), (lambda _: None, "exchange-unanswered")],
)
@ACQUIRER_TESTS
def test_r15_an_exchange_that_the_issuer_does_not_take(
    terminal: Terminal, cards: Any, config: Config, answer: Callable[[Doc], Doc | None], reason: str
) -> None:
    """The old key stays, an event says why, and so is the command told; the next exchange may succeed."""
    bench, card = terminal.bench, cards["approve"]
    issuer = Institution(bench, "issuer-1")
    issuer.script["101"] = answer
    ((done, _, why),) = exchange(bench, "issuer-1", seconds=6.0)
    assert not done
    assert "the old key stays" in why
    assert terminal.said(reason)
    terminal.ask(terminal.foreign.purchase(card, 1_00))
    assert pin_at(issuer, find_key(config, "issuer-1", "ZPK").clear, card) == card["pin"]
    del issuer.script["101"]
    assert exchange(bench, "issuer-1")[0].done


@ACQUIRER_TESTS
def test_r15_exchanges_that_cannot_begin(terminal: Terminal, cards: Any) -> None:
    bench = terminal.bench
    issuer = Institution(bench, "issuer-1")
    issuer.script["101"] = lambda _: None
    ((done, _, why),) = exchange(bench, "issuer-down")
    assert not done
    assert "ZMK" in why
    assert exchange(bench, "issuer-1", seconds=0.5) == []
    ((done, _, why),) = exchange(bench, "issuer-1")
    assert (done, "under way" in why) == (False, True)
    bench.world.run(10.0)
    bench.hsm.up = False
    ((done, _, why),) = exchange(bench, "issuer-1", seconds=3.0)
    assert (done, "HSM" in why) == (False, True)
    with pytest.raises(KeyError):
        bench.core.exchange_key("nobody", lambda _: None)


@ACQUIRER_TESTS
def test_r15_the_connection_is_lost_during_an_exchange(terminal: Terminal) -> None:
    """Told at once, not at the end of the timer."""
    bench = terminal.bench
    issuer = Institution(bench, "issuer-1")
    issuer.script["101"] = lambda _: bench._dialled["issuer-1"].close()
    ((done, _, why),) = exchange(bench, "issuer-1", seconds=0.1)
    assert (done, "connection was lost" in why) == (False, True)
    bench.world.run(1.0)
    del issuer.script["101"]
    assert exchange(bench, "issuer-1")[0].done


def test_r15_we_exchange_a_key_with_an_acquirer(terminal: Terminal, cards: Any, config: Config) -> None:
    """On a connection that has signed on; the acquirer answers 0810/00 and encrypts under the new key."""
    bench, told = terminal.bench, []
    bench.core.exchange_key(terminal.link, told.append)
    bench.switch.settle()
    bench.world.run(0.1)
    asked = terminal.inbox[-1]
    assert (asked["t"], asked["70"]) == ("0800", "101")
    key = opened(zmk_of(config, terminal.link), asked["48"][:33])
    terminal.send({"t": "0810", "7": asked["7"], "11": asked["11"], "39": "00", "70": "101"})
    bench.world.run(0.1)
    assert [result.done for result in told] == [True]
    assert buys(terminal, cards["approve"], key) == "00"


@ACQUIRER_TESTS
def test_r15_an_acquirer_that_is_not_signed_on_is_asked_nothing(terminal: Terminal) -> None:
    terminal.client.close()
    terminal.bench.world.run(0.1)
    ((done, _, why),) = exchange(terminal.bench, "acquirer")
    assert (done, why) == (False, "acquirer is not signed on")


@pytest.mark.parametrize("seconds", [0.0005, 0.0012, 0.0014, 0.0016, 0.0017, 0.1])
@ACQUIRER_TESTS
def test_r15_a_crash_anywhere_in_our_exchange(terminal: Terminal, cards: Any, config: Config, seconds: float) -> None:
    """The switch comes back with the old key, or with the new one if the issuer was heard to take it; another exchange
    always mends it."""
    bench, card = terminal.bench, cards["approve"]
    issuer = Institution(bench, "issuer-1")
    told = exchange(bench, "issuer-1", seconds=seconds)
    durable = [payload for _, payload in bench.switch.disk.replay()]
    bench.crash_switch()
    bench.world.run(1.0)
    again = terminal_of(bench, "acquirer", terminal.foreign)
    again.ask(again.foreign.purchase(card, 1_00))
    keys = [find_key(config, "issuer-1", "ZPK").clear]
    keys += [opened(zmk_of(config, "issuer-1"), doc["48"][:33]) for doc in issuer.asked if doc["70"] == "101"]
    in_use = [key for key in keys if _reads(issuer, key, card)]
    assert len(in_use) == 1
    if seconds == 0.1:
        assert (told[0].done, in_use, len(durable) > 1) == (True, keys[1:], True)
    assert exchange(bench, "issuer-1")[0].done


def _reads(issuer: Institution, key: str, card: dict[str, Any]) -> bool:
    try:
        return pin_at(issuer, key, card) == card["pin"]
    except ValueError:
        return False


def test_r15_stand_in_reads_a_pin_under_either_key(config: Config) -> None:
    """The switch verifies a PIN itself, by EC: the key before the last change has its grace there too."""
    covered = next(card for card in config.card if card.behaviour == "approve")
    cards = tuple(msgspec.structs.replace(card, stand_in=card is covered) for card in config.card)
    bench = Bench(msgspec.structs.replace(config, card=cards), seed=1)
    bench.world.run(1.0)
    terminal = terminal_of(bench, "acquirer")
    card = {"pan": covered.pan, "expiry": covered.expiry, "pin": covered.pin}
    old = terminal.foreign.link["key"]
    bench.core.set_link(covered.issuer, up=False, now=bench.world.now)
    bench.switch.settle()
    field = under(zmk_of(config, "acquirer"), NEW_KEY) + kcv(NEW_KEY)
    assert terminal.ask(terminal.foreign.network("101") | {"48": field}, seconds=1.0)["39"] == "00"
    assert [buys(terminal, card, key) for key in (old, NEW_KEY, old)] == ["00", "00", "88"]


def test_the_helpers_of_this_test_know_the_published_answers() -> None:
    """K → 08D7B4; and what `under` makes, `opened` takes apart."""
    assert kcv(NEW_KEY) == "08D7B4"
    assert opened(OTHER_KEY, under(OTHER_KEY, NEW_KEY)) == NEW_KEY


def test_r15_a_pin_block_on_its_way_meets_the_issuers_new_key(terminal: Terminal, cards: Any, config: Config) -> None:
    """The key changes while the HSM translates: what was made for the old one is made again (found by seed 1292)."""
    bench, card = terminal.bench, cards["approve"]
    issuer = Institution(bench, "issuer-1")
    new = find_key(config, "issuer-2", "ZPK")
    terminal.send(terminal.foreign.purchase(card, 1_00))
    bench.world.run(0.0005)
    keys = bench.core._context.issuers[bench.link_index["issuer-1"]].keys
    keys.change(new.under_lmk, new.kcv, bench.world.now, 60.0)
    bench.world.run(1.0)
    assert pin_at(issuer, new.clear, card) == card["pin"]
