"""PINs under the LMK: into it by JC and JE, out of it by JG, and used by DG."""

import random

import psec
import pytest
from psec import des

from hsm_sim.crypto import lmkpin
from hsm_sim.crypto.tdes import Tdes
from tests.unit.hsm_sim import oracle
from tests.unit.hsm_sim.oracle import ZPK_SOURCE, ZPK_TARGET, K, ask, under_lmk

PAN = "4012345678909"
ACCOUNT = oracle.account(PAN)
ZPK = under_lmk("001", ZPK_SOURCE)
TPK = under_lmk("002", ZPK_SOURCE)
TARGET = under_lmk("001", ZPK_TARGET)
PVK_PAIR = under_lmk("002", K)
BLOCK = oracle.pin_block(ZPK_SOURCE, "1234", PAN)
WRONG_TYPE = under_lmk("000", ZPK_SOURCE)
LMK_02_03 = Tdes(bytes.fromhex("20202020202020203131313131313131"))
SEALED_1234, SEALED_12 = b"03386", b"3990231021941"


def sealed(device, pin="1234", pan=PAN):
    """A PIN under the LMK, as the device makes it."""
    answer = ask(device, f"JE{ZPK}{oracle.pin_block(ZPK_SOURCE, pin, pan)}01{oracle.account(pan)}")
    assert answer[:4] == "JF00"
    return answer[4:]


@pytest.mark.parametrize("length", range(4, 13))
def test_a_pin_goes_in_and_comes_out(device, length):
    pin = "9080706050403"[:length]
    under = sealed(device, pin)
    assert under.isdigit()
    assert len(under) == length + 1
    assert ask(device, f"JG{TARGET}01{ACCOUNT}{under}") == "JH00" + oracle.pin_block(ZPK_TARGET, pin, PAN)
    answer = ask(device, f"JG{TARGET}47{ACCOUNT}{under}%00\x19seen")
    assert (answer[:4], answer[-5:]) == ("JH00", "\x19seen")
    assert psec.pinblock.decode_pinblock_iso_3(oracle.deciphered(ZPK_TARGET, answer[4:-5]), PAN) == pin


def test_terminals_and_zones_seal_alike_from_every_format(device):
    iso_3 = des.encrypt_tdes_ecb(ZPK_SOURCE, psec.pinblock.encode_pinblock_iso_3("1234", PAN)).hex().upper()
    iso_1 = des.encrypt_tdes_ecb(ZPK_SOURCE, bytes.fromhex("141234ABCDEF0123")).hex().upper()
    for block, code in ((BLOCK, "01"), (iso_3, "47"), (iso_1, "05")):
        assert ask(device, f"JE{ZPK}{block}{code}{ACCOUNT}") == "JF00" + sealed(device)
        assert ask(device, f"JC{TPK}{block}{code}{ACCOUNT}") == "JD00" + sealed(device)


def test_a_pin_belongs_to_its_account(device):
    under = sealed(device)
    answers = [ask(device, f"JG{TARGET}01{account:012}{under}") for account in range(200)]
    noticed = answers.count("JH14")
    assert 160 <= noticed < 200  # nine in ten, since one digit is all there is to tell by
    assert oracle.pin_block(ZPK_TARGET, "1234", PAN) not in {answer[4:] for answer in answers}


def test_all_pins_of_an_account_are_sealed_differently():
    made = {lmkpin.seal(LMK_02_03, b"%04d" % pin, b"401234567890") for pin in range(10**4)}
    assert len(made) == 10**4
    # One PIN digit off shows nowhere in particular: each place differs about nine times in ten.
    draw = random.Random(4)
    pairs = [
        (lmkpin.seal(LMK_02_03, b"%04d" % pin, b"401234567890"), pin) for pin in draw.sample(range(0, 10**4, 2), 300)
    ]
    changed = [(was, lmkpin.seal(LMK_02_03, b"%04d" % (pin + 1), b"401234567890")) for was, pin in pairs]
    for place in range(5):
        assert 240 <= sum(was[place] != now[place] for was, now in changed) < 300


def test_the_form_at_rest_does_not_change_between_releases():
    """What hosts have stored must stay readable; the values are this implementation's own."""
    assert lmkpin.seal(LMK_02_03, b"1234", b"401234567890") == SEALED_1234
    assert lmkpin.seal(LMK_02_03, b"123456789012", b"401234567890") == SEALED_12


def test_dg_makes_the_pvv_that_psec_makes(device):
    draw = random.Random(6)
    for _ in range(40):
        pan, pin = f"{draw.randrange(10**16):016}", f"{draw.randrange(10**6):06}"[: draw.choice([4, 5, 6])]
        index = draw.choice("123456")
        value = psec.pin.generate_visa_pvv(K, index, pin[:4], pan)
        assert ask(device, f"DG{PVK_PAIR}{sealed(device, pin, pan)}{oracle.account(pan)}{index}") == "DH00" + value


@pytest.mark.parametrize("pvk", [PVK_PAIR, under_lmk("002", K, "X"), under_lmk("002", K, "X")[1:]])
def test_dg_takes_the_pvk_pair_in_three_forms(device, pvk):
    value = psec.pin.generate_visa_pvv(K, "1", "1234", PAN)
    assert ask(device, f"DG{pvk}{sealed(device)}{ACCOUNT}1") == "DH00" + value


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (f"JE{WRONG_TYPE}{BLOCK}01{ACCOUNT}", "10"),
        (f"JC{ZPK}{BLOCK}01{ACCOUNT}", "10"),
        (f"JE{ZPK}{BLOCK}01{ACCOUNT[:-1]}A", "22"),
        (f"JE{ZPK}{BLOCK}34{ACCOUNT}", "23"),
        (f"JE{ZPK}0123456789ABCDEF01{ACCOUNT}", "20"),
        (f"JE{ZPK}0123456789ABCDEG01{ACCOUNT}", "15"),
        (f"JE{ZPK}{BLOCK}01{ACCOUNT[:-1]}", "15"),
        (f"JE{ZPK}{BLOCK}01{ACCOUNT}0", "80"),
        (f"JG{WRONG_TYPE}01{ACCOUNT}12345", "11"),
        (f"JG{TARGET}01{ACCOUNT[:-1]}A12345", "22"),
        (f"JG{TARGET}01{ACCOUNT}", "14"),
        (f"JG{TARGET}01{ACCOUNT}1234", "14"),
        (f"JG{TARGET}01{ACCOUNT}1234A", "14"),
        (f"JG{TARGET}01{ACCOUNT}{'1' * 14}", "14"),
        (f"JG{TARGET}01{ACCOUNT[:-1]}", "15"),
        (f"DG{WRONG_TYPE}12345{ACCOUNT}1", "10"),
        (f"DG{under_lmk('002', K[:8], 'Z')}12345{ACCOUNT}1", "27"),
        (f"DG{PVK_PAIR}12345{ACCOUNT[:-1]}A1", "22"),
        (f"DG{PVK_PAIR}{ACCOUNT}1", "14"),
        (f"DG{PVK_PAIR}12345{ACCOUNT}A", "15"),
        (f"DG{PVK_PAIR}{ACCOUNT}", "15"),
    ],
)
def test_errors(device, command, error):
    assert ask(device, command)[2:] == error


@pytest.mark.parametrize("code", ["05", "34", "99"])
def test_jg_keeps_the_account(device, code):
    assert ask(device, f"JG{TARGET}{code}{ACCOUNT}{sealed(device)}") == "JH23"


def test_a_pin_of_three_digits_is_too_short(device):
    block = (int("03123FFFFFFFFFFF", 16) ^ int(ACCOUNT, 16)).to_bytes(8)
    assert ask(device, f"JE{ZPK}{des.encrypt_tdes_ecb(ZPK_SOURCE, block).hex()}01{ACCOUNT}") == "JF24"
