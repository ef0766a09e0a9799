"""A PIN block, a MAC or a key that the HSM refuses: the line says what its code means, the likely cause, and the key.

Production core and HSM on virtual time; messages from pyiso8583, PIN blocks from psec.
"""

from typing import Any

import msgspec
import pytest
from psec import des, pinblock

from hsm_sim import errors
from switch.config.build import check_value, find_key, issuer_spec
from switch.config.tables import Config, Key
from switch.core import hsm_errors
from switch.issuers.issuer import Issuer
from switch.simulation.bench import Bench
from tests.simulation.conftest import Terminal, terminal_of

Cards = dict[str, dict[str, Any]]

ANOTHER_KEY = "0123456789ABCDEFFEDCBA9876543210"  # check value 08D7B4


def under_zpk(terminal: Terminal, clear: bytes) -> str:
    return des.encrypt_tdes_ecb(bytes.fromhex(terminal.foreign.link["key"]), clear).hex().upper()


def iso_0(card: dict[str, Any]) -> bytes:
    return bytes(pinblock.encode_pinblock_iso_0(card["pin"], card["pan"]))


def declined(terminal: Terminal, card: dict[str, Any], block: str) -> str:
    """The line about a purchase with this DE 52, which it does not show."""
    assert terminal.ask(terminal.foreign.purchase(card, f52=block))["39"] == "88"
    (line,) = (line for line in terminal.bench.world.said if line["reason"] in ("hsm-20", "hsm-24"))
    assert block not in str(line)
    assert card["pin"] not in line["why"].replace(card["pan"][:6], "")
    return str(line["why"])


def kcv(config: Config, link: str, key_type: str) -> str:
    return check_value(find_key(config, link, key_type))


def test_a_block_under_another_key_names_the_key_that_was_used(terminal: Terminal, cards: Cards) -> None:
    card = cards["approve"]
    block = des.encrypt_tdes_ecb(bytes.fromhex(ANOTHER_KEY), iso_0(card)).hex().upper()
    why = declined(terminal, card, block)
    assert why.startswith("the HSM answered 20 to the PIN translation: the deciphered PIN block does not contain valid")
    zpk = f"ZPK of link {terminal.link} (check value {kcv(terminal.bench.config, terminal.link, 'ZPK')})"
    assert f"under the {zpk}. Likely it was made under another key" in why


def test_a_block_in_clear_is_called_so(terminal: Terminal, cards: Cards) -> None:
    why = declined(terminal, cards["approve"], iso_0(cards["approve"]).hex().upper())
    assert why.endswith(f"(check value {kcv(terminal.bench.config, terminal.link, 'ZPK')})")
    assert "DE 52 is a PIN block in clear: encrypt it under the ZPK" in why


def test_a_clear_block_of_format_3_is_called_so(terminal: Terminal, cards: Cards) -> None:
    block = pinblock.encode_pinblock_iso_3(cards["approve"]["pin"], cards["approve"]["pan"]).hex().upper()
    assert "DE 52 is a PIN block in clear" in declined(terminal, cards["approve"], block)


@pytest.mark.parametrize("mistake", ["another PAN", "with the check digit", "format 1", "format 3"])
def test_a_block_that_is_another_is_explained(terminal: Terminal, cards: Cards, mistake: str) -> None:
    card = cards["approve"]
    clear = {
        "another PAN": iso_0(card | {"pan": cards["funds"]["pan"]}),
        "with the check digit": iso_0(card | {"pan": card["pan"] + "0"}),
        "format 1": bytes.fromhex(f"1{len(card['pin'])}{card['pin']}0123456789"),
        "format 3": bytes(pinblock.encode_pinblock_iso_3(card["pin"], card["pan"])),
    }[mistake]
    why = declined(terminal, card, under_zpk(terminal, clear))
    assert "in format 1 or 3, or for another account: an account is the 12 rightmost digits" in why
    assert "without its check digit" in why


def test_every_code_has_a_sentence(config: Config) -> None:
    """Codes of the payShield family in every command that the switch and its issuers send."""
    commands = (
        hsm_errors.TRANSLATION, hsm_errors.PIN_VERIFICATION, hsm_errors.CVV_VERIFICATION, hsm_errors.MAC,
        hsm_errors.KEY_IMPORT, hsm_errors.KEY_GENERATION,
    )  # fmt: skip
    for command in commands:
        of_our_device = {code.decode() for code in vars(errors).values() if isinstance(code, bytes)} - {"00"}
        assert of_our_device <= {*hsm_errors.MEANINGS, *hsm_errors.MEANINGS_IN[hsm_errors.MAC]}
        for code in (*hsm_errors.MEANINGS, *hsm_errors.MEANINGS_IN.get(command, ()), "A1", "BE", "99"):
            said = hsm_errors.sentence(command, code, "ZPK of link a", "ZPK of link b")
            assert said.startswith(f"the HSM answered {code} to the {command}: ")
            assert "{" not in said
            assert (hsm_errors.UNKNOWN in said) == (code == "99")


def test_a_key_under_another_lmk_is_named(config: Config, cards: Cards) -> None:
    """11: the issuer's key is what the HSM cannot use, and not the terminal's."""
    key = find_key(config, "issuer-1", "ZPK")
    broken = msgspec.structs.replace(key, clear="", under_lmk="U" + "0123456789ABCDEF" * 2)

    def changed(one: Key) -> Key:
        return broken if one is key else one

    bench = Bench(msgspec.structs.replace(config, key=tuple(changed(one) for one in config.key)), seed=1)
    bench.world.run(1.0)
    terminal = terminal_of(bench, "acquirer")
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "88"
    (line,) = terminal.said("hsm-11")
    assert "the destination is the ZPK of link issuer-1" in line["why"]
    assert "look at under_lmk in its [[key]]" in line["why"]


def test_the_issuer_names_its_own_keys(config: Config, cards: Cards) -> None:
    """The switch and the issuer are configured with different ZPKs: the issuer's line says which one it used."""
    bench = Bench(config, seed=1)
    other = issuer_spec(config, "issuer-2")
    spec = msgspec.structs.replace(issuer_spec(config, "issuer-1"), zpk=other.zpk, check_values=other.check_values)
    bench.issuers["issuer-1"].part = Issuer(spec, seed=1)
    bench.world.run(1.0)
    terminal = terminal_of(bench, "acquirer")
    assert terminal.ask(terminal.foreign.purchase(cards["approve"]))["39"] == "88"
    (line,) = terminal.said("cryptographic")
    assert "to the PIN verification: the deciphered PIN block does not contain valid values" in line["why"]
    assert f"ZPK of link issuer-1 (check value {kcv(config, 'issuer-2', 'ZPK')})" in line["why"]
