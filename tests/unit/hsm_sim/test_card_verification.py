"""CW and CY against published card verification values and psec."""

import random

import psec
import pytest

from tests.unit.hsm_sim.oracle import ZPK_SOURCE, K, ask, under_lmk

CVK = under_lmk("402", K)
PAN, EXPIRY, SERVICE_CODE = "4123456789012345", "8701", "101"
CARD = f"{PAN};{EXPIRY}{SERVICE_CODE}"


def test_published_values(device, vectors):
    for vector in vectors["cvv"]:
        cvk = under_lmk("402", bytes.fromhex(vector["cvk"]))
        card = f"{vector['pan']};{vector['expiry']}{vector['service_code']}"
        assert ask(device, f"CW{cvk}{card}") == "CX00" + vector["cvv"]
        assert ask(device, f"CY{cvk}{vector['cvv']}{card}") == "CZ00"


@pytest.mark.parametrize("digits", range(1, 20))
def test_every_length_of_pan_as_psec_does(device, digits):
    draw = random.Random(digits)
    for _ in range(10):
        pan, expiry, code = (f"{draw.randrange(10**width):0{width}}" for width in (digits, 4, 3))
        key = psec.des.adjust_key_parity(draw.randbytes(16))
        value = psec.cvv.generate_cvv(key, pan, expiry, code)
        assert ask(device, f"CW{under_lmk('402', key)}{pan};{expiry}{code}") == "CX00" + value


@pytest.mark.parametrize("cvk", [CVK, under_lmk("402", K, "X"), under_lmk("402", K, "X")[1:]])
def test_a_cvk_pair_comes_in_three_forms(device, cvk):
    assert ask(device, f"CW{cvk}{CARD}") == "CX00561"
    assert ask(device, f"CY{cvk}561{CARD}%00\x19seen") == "CZ00\x19seen"


def test_a_wrong_value_fails(device):
    assert {ask(device, f"CY{CVK}{value:03}{CARD}") for value in range(1000) if value != 561} == {"CZ01"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (f"{under_lmk('302', K)}{CARD}", "10"),
        (f"{under_lmk('402', K[:8], 'Z')}{CARD}", "27"),
        (f"{under_lmk('402', K + ZPK_SOURCE[:8], 'T')}{CARD}", "27"),
        (f"{CVK};{EXPIRY}{SERVICE_CODE}", "15"),
        (f"{CVK}{PAN}{EXPIRY}{SERVICE_CODE}", "15"),
        (f"{CVK}{'4' * 20};{EXPIRY}{SERVICE_CODE}", "15"),
        (f"{CVK}412345678901234A;{EXPIRY}{SERVICE_CODE}", "15"),
        (f"{CVK}{PAN};870A101", "15"),
        (f"{CVK}{PAN};870110", "15"),
        (f"{CVK}{CARD}0", "80"),
    ],
)
def test_errors(device, data, error):
    assert ask(device, "CW" + data) == "CX" + error


@pytest.mark.parametrize(("value", "error"), [("56A", "15"), ("56", "01"), ("5611", "01")])
def test_a_value_of_another_form(device, value, error):
    """A digit too few or too many is taken from, or given to, the PAN."""
    assert ask(device, f"CY{CVK}{value}{CARD}") == "CZ" + error
