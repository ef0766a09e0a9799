"""The shipped configuration: every key and every card is what it says, by the HSM and by psec."""

import os
from typing import get_args

import pytest
from msgspec import structs
from psec import cvv, des, pin

from hsm_sim import settings as hsm_sim_settings
from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from switch.acquirers.pinpad import pin_block
from switch.cards.pan import is_pan, is_test_number
from switch.cards.testkeys import KEY_TYPES
from switch.config import Card, Config, Key, acquirer_spec, find_key, issuer_spec, load, switch_spec, tables
from switch.core.specs import SwitchSpec
from switch.simulation.world import HSM_TIMEOUT_S

CONFIG = load()
LISTED = [card for card in CONFIG.card if not card.sample]
SAMPLE = [card for card in CONFIG.card if card.sample]


def issuing(config: Config, card: Card) -> str:
    """Whose keys the card is made with: cards that no simulated issuer has are made with issuer-1's."""
    return card.issuer if card.issuer in {issuer.name for issuer in config.issuer} else "issuer-1"


def clear_key(link: str, type_name: str) -> bytes:
    return bytes.fromhex(find_key(CONFIG, link, type_name).clear)


@pytest.fixture(scope="module")
def hsm() -> Device:
    return Device(published_test_lmk(), random=os.urandom)


@pytest.mark.parametrize("key", CONFIG.key, ids=repr)
def test_key_check_values_and_parity(key: Key) -> None:
    clear = bytes.fromhex(key.clear)
    assert des.generate_kcv(clear, 3).hex().upper() == key.kcv
    assert des.adjust_key_parity(clear) == clear


@pytest.mark.parametrize("key", CONFIG.key, ids=repr)
def test_the_test_hsm_takes_each_key(key: Key, hsm: Device) -> None:
    """BU, generate a key check value: 6 digits of the key under the LMK, which must be those of the clear key."""
    command = f"0001BUFF1{key.under_lmk};{KEY_TYPES[key.type]};001"
    assert hsm.respond(command.encode()).decode() == f"0001BV00{key.kcv}"


@pytest.mark.parametrize("card", CONFIG.card, ids=repr)
def test_card_numbers_and_codes(card: Card) -> None:
    cvk = clear_key(issuing(CONFIG, card), "CVK")
    assert is_pan(card.pan)
    assert is_test_number(card.pan)
    assert card.cvv == cvv.generate_cvv(cvk, card.pan, card.expiry, card.service_code)
    assert card.cvv2 == cvv.generate_cvv(cvk, card.pan, card.expiry, "000")
    assert len(card.track2()) <= 37


@pytest.mark.parametrize("card", CONFIG.card, ids=repr)
def test_card_pin_verification_values(card: Card) -> None:
    pvk = clear_key(issuing(CONFIG, card), "PVK")
    assert card.pvv == pin.generate_visa_pvv(pvk, card.pvki, card.pin, card.pan)


@pytest.mark.parametrize("card", CONFIG.card, ids=repr)
def test_the_test_hsm_verifies_each_pin(card: Card, hsm: Device) -> None:
    """EC, verify a PIN by its PVV, with the block as the switch forwards it; and a wrong PIN fails."""
    issuer = issuing(CONFIG, card)
    zpk, pvk = find_key(CONFIG, issuer, "ZPK"), find_key(CONFIG, issuer, "PVK")

    def outcome(entered: str) -> str:
        block = pin_block(entered, card.pan, bytes.fromhex(zpk.clear)).hex().upper()
        command = f"0001EC{zpk.under_lmk}{pvk.under_lmk}{block}01{card.pan[-13:-1]}{card.pvki}{card.pvv}"
        return hsm.respond(command.encode())[4:].decode()

    assert outcome(card.pin) == "ED00"
    assert outcome(card.pin[::-1]) == "ED01"


def test_behaviours_and_expectations() -> None:
    expected = {
        "approve": "00",
        "pin-tries": "00",
        "plain": "00",
        "funds": "51",
        "expired": "54",
        "lost": "41",
        "stolen": "43",
        "limit": "61",
        "restricted": "62",
        "partial": "10",
        "stand-in": "00",
        "do-not-honor": "05",
        "not-permitted": "57",
        "count-limit": "65",
        "unknown": "14",
        "no-route": "92",
        "issuer-down": "91",
        "issuer-late": "91",
        "issuer-silent": "91",
    }
    assert {card.behaviour: card.expect for card in LISTED} == expected
    assert [card.behaviour for card in LISTED].count("approve") == 1
    assert [card.behaviour for card in LISTED].count("pin-tries") == 1
    assert len(next(card.pan for card in LISTED if card.behaviour == "approve")) == 16


def test_both_issuers_have_cards_of_both_kinds() -> None:
    for cards in (LISTED, SAMPLE):
        assert {"issuer-1", "issuer-2"} <= {card.issuer for card in cards}
    assert len(SAMPLE) >= 20
    assert {card.behaviour for card in SAMPLE} == {"plain"}


def test_wrong_pins_that_people_try_are_wrong() -> None:
    """A PVV has four digits, so one wrong PIN in 10,000 passes; none of the likely ones does on these cards."""
    for card in LISTED:
        pvk = clear_key(issuing(CONFIG, card), "PVK")
        likely = {digit * 4 for digit in "0123456789"} | {"1234", "4321", card.pin[::-1], f"{int(card.pin) ^ 1:04}"}
        likely |= {f"{(int(card.pin) + step) % 10_000:04}" for step in (-2, -1, 1, 2)}
        assert card.pin not in likely
        assert card.pvv not in {pin.generate_visa_pvv(pvk, card.pvki, wrong, card.pan) for wrong in likely}


def test_what_the_parts_are_told() -> None:
    core = switch_spec(CONFIG)
    assert [(link.name, link.role, link.enabled) for link in core.links] == [
        ("acquirer", "acquirer", True),
        ("acquirer-bcd", "acquirer", True),
        ("issuer-1", "issuer", True),
        ("issuer-2", "issuer", True),
        ("issuer-down", "issuer", False),
    ]
    assert core.links[0].zpk == find_key(CONFIG, "acquirer", "ZPK").under_lmk

    issuer = issuer_spec(CONFIG, "issuer-2")
    assert issuer.dialect.name == "iso87-bcd"
    assert {card.pan for card in issuer.cards} == {card.pan for card in CONFIG.card if card.issuer == "issuer-2"}

    acquirer = acquirer_spec(CONFIG, "acquirer-bcd")
    assert acquirer.zpk == clear_key("acquirer-bcd", "ZPK")
    assert {card.pan for card in acquirer.cards} == {card.pan for card in SAMPLE}


@pytest.mark.rule("R6")
def test_whoever_asks_waits_longer_than_who_is_asked() -> None:
    """The acquirer's timer leaves room for the HSM, the issuer's timer and the switch's 91."""
    core = switch_spec(CONFIG)
    slowest = max(link.timeout_s for link in core.links if link.role == "issuer")
    for link in core.links:
        if link.role == "acquirer":
            assert acquirer_spec(CONFIG, link.name).timer_s > slowest + HSM_TIMEOUT_S


def test_tables_and_the_parts_that_read_them_agree() -> None:
    """The same names and defaults stand in several places, because the HSM and the core know nothing of this one."""
    assert tables.Hsm.__struct_fields__ == hsm_sim_settings.NAMES
    assert set(get_args(tables.KeyType)) == set(KEY_TYPES)
    core = SwitchSpec(links=(), routes=())
    assert structs.asdict(tables.Limits()) == {name: getattr(core, name) for name in tables.Limits.__struct_fields__}
    assert (tables.Limits(), tables.Hsm(), tables.Metrics()) == (CONFIG.limits, CONFIG.hsm, CONFIG.metrics)
    assert CONFIG.currencies == core.currencies


def test_nothing_secret_in_reprs() -> None:
    text = repr(CONFIG)
    for key in CONFIG.key:
        assert key.clear not in text
    for card in CONFIG.card:
        assert card.pan not in text
        assert f"'{card.pin}'" not in text
