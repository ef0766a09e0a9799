"""DE, BK, DA and EA against published 3624 answers and psec."""

import random

import psec
import pytest
from psec import des

from tests.unit.hsm_sim import oracle
from tests.unit.hsm_sim.oracle import ZPK_SOURCE, K, ask, under_lmk

PAN = "4012345678909"
ACCOUNT = oracle.account(PAN)
ZPK = under_lmk("001", ZPK_SOURCE)
TPK = under_lmk("002", ZPK_SOURCE)
K1 = K[:8]
PVK = under_lmk("002", K1, "")
TABLE = "0123456789012345"
VALIDATION = "4012345678N9"
SCHEMES = {8: "", 16: "U", 24: "T"}


def expected_offset(pin, pan=PAN, key=K1, table=TABLE, validation=VALIDATION):
    data = validation.replace("N", oracle.account(pan)[-5:])
    natural = des.encrypt_tdes_ecb(key, bytes.fromhex(data)).hex().upper()
    digits = natural.translate(str.maketrans("0123456789ABCDEF", table))
    return "".join(str((int(a) - int(b)) % 10) for a, b in zip(pin, digits, strict=False))


def method(check="04", account=ACCOUNT, table=TABLE, validation=VALIDATION):
    return f"{check}{account}{table}{validation}"


def sealed(device, pin="1234", pan=PAN):
    """A PIN under the LMK, as the device makes it."""
    return ask(device, f"JE{ZPK}{oracle.pin_block(ZPK_SOURCE, pin, pan)}01{oracle.account(pan)}")[4:]


def verification(
    code="EA", key=ZPK, pvk=PVK, longest="12", pin="1234", pin_format="01", offset=None, block=None, **changed
):
    block = block or oracle.pin_block(ZPK_SOURCE, pin, PAN)
    offset = (expected_offset(pin) if offset is None else offset).ljust(12, "F")
    return f"{code}{key}{pvk}{longest}{block}{pin_format}{method(**changed)}{offset}"


def test_published_answers(device, vectors):
    for vector in vectors["ibm_3624"]:
        data, pvk, pin = vector["validation_data"], bytes.fromhex(vector["pvk"]), vector["pin"]
        # The account's last five digits go in at the end here, so that all sixteen digits are the published ones.
        pan = "0000000" + data[-5:] + "0"
        end = method("04", oracle.account(pan), vector["table"], data[:11] + "N")
        field, outcome = under_lmk("002", pvk, SCHEMES[len(pvk)]), "00" if len(pvk) == 8 else "02"
        offset = vector["offset"].ljust(12, "F")
        assert ask(device, f"DE{field}{sealed(device, pin, pan)}{end}") == f"DF{outcome}{offset}"
        block = oracle.pin_block(ZPK_SOURCE, pin, pan)
        assert ask(device, f"BK001{ZPK}{field}{block}01{end}") == f"BL{outcome}{offset}"
        assert ask(device, f"EA{ZPK}{field}12{block}01{end}{offset}") == f"EB{outcome}"


def test_the_published_key_under_the_test_lmk(device):
    end = method("06", "923000010431", "3456789012345678", "92300000043N")
    answer = ask(device, f"DE9B395FB9FE5F07DA{sealed(device, '111111', '9230000104310')}{end}")
    assert answer == "DF00328064FFFFFF"


@pytest.mark.parametrize("length", range(4, 13))
@pytest.mark.parametrize("key", [K1, K, K + ZPK_SOURCE[:8]])
def test_offsets_and_verification_as_the_oracle_has_them(device, length, key):
    draw = random.Random(length)
    outcome = "00" if len(key) == 8 else "02"
    pvk = under_lmk("002", key, SCHEMES[len(key)])
    for place in (0, 5, 11):
        pan, pin = f"{draw.randrange(10**16):016}", f"{draw.randrange(10**length):0{length}}"
        hexadecimal = f"{draw.randrange(16**11):011X}"
        validation = hexadecimal[:place] + "N" + hexadecimal[place:]
        table = "".join(draw.sample("0123456789012345", 16))
        offset = expected_offset(pin, pan, key, table, validation).ljust(12, "F")
        end = method("04", oracle.account(pan), table, validation)
        block = oracle.pin_block(ZPK_SOURCE, pin, pan)
        assert ask(device, f"DE{pvk}{sealed(device, pin, pan)}{end}") == f"DF{outcome}{offset}"
        assert ask(device, f"BK002{TPK}{pvk}{block}01{end}") == f"BL{outcome}{offset}"
        assert ask(device, f"DA{TPK}{pvk}12{block}01{end}{offset}") == f"DB{outcome}"
        wrong = oracle.pin_block(ZPK_SOURCE, pin[:-1] + str((int(pin[-1]) + 1) % 10), pan)
        assert ask(device, f"EA{ZPK}{pvk}12{wrong}01{end}{offset}") == "EB01"


def test_an_offset_of_zeros_verifies_the_natural_pin(device):
    pin = psec.pin.generate_ibm3624_pin(K1, TABLE, "0000", "1122334455667788", 0, 16, "F")
    end = method("04", "000000067788", TABLE, "11223344556N")
    block = oracle.pin_block(ZPK_SOURCE, pin, "0000000677880")
    assert ask(device, f"EA{ZPK}{PVK}12{block}01{end}0000FFFFFFFF") == "EB00"


def test_a_pin_longer_than_its_offset_fails(device):
    assert ask(device, verification(pin="123456", offset=expected_offset("1234"))) == "EB01"
    assert ask(device, verification(pin="1234", offset=expected_offset("123456"))) == "EB01"


WRONG_TYPE = under_lmk("000", ZPK_SOURCE)
GARBAGE = "0123456789ABCDEF"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"key": WRONG_TYPE}, "10"),
        ({"key": TPK}, "10"),
        ({"pvk": WRONG_TYPE}, "11"),
        ({"key": WRONG_TYPE, "pvk": WRONG_TYPE}, "10"),
        ({"block": GARBAGE}, "20"),
        ({"account": ACCOUNT[:-1] + "G"}, "22"),
        ({"pin_format": "34"}, "23"),
        ({"pin": "12345", "check": "06"}, "24"),
        ({"pin": "12345", "longest": "04"}, "24"),
        ({"table": "0123456701234567"}, "00"),
        ({"table": "0123456601234566"}, "25"),
        ({"table": "0000012345678901"}, "25"),
        ({"table": "0123456789ABCDEF"}, "25"),
        ({"table": "0123456601234566", "block": GARBAGE}, "20"),
        ({"table": "0123456601234566", "offset": "0000"}, "25"),
        ({"check": "03"}, "15"),
        ({"check": "13"}, "15"),
        ({"check": "0A"}, "15"),
        ({"longest": "3A"}, "15"),
        ({"validation": "401234567899"}, "15"),
        ({"validation": "40123456NN99"}, "15"),
        ({"validation": "40123456GN99"}, "15"),
        ({"offset": ""}, "15"),
        ({"offset": "123"}, "15"),
        ({"offset": "123A"}, "15"),
        ({"offset": "12F4"}, "15"),
        ({"offset": "1234567890123"}, "80"),
    ],
)
def test_verification_errors(device, changed, error):
    if error == "00":
        changed = changed | {"offset": expected_offset("1234", **changed)}
    assert ask(device, verification(**changed)) == "EB" + error


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (f"DE{WRONG_TYPE}12345{method()}", "10"),
        (f"DE{PVK}{method()}", "14"),
        (f"DE{PVK}1234{method()}", "14"),
        (f"DE{PVK}12345{method(account=ACCOUNT[:-1] + 'G')}", "22"),
        (f"DE{PVK}12345{method(validation='4' * 12)}", "15"),
        (f"DE{PVK}{method()[1:]}", "15"),
        (f"BK000{ZPK}{PVK}{GARBAGE}01{method()}", "28"),
        (f"BK001{TPK}{PVK}{GARBAGE}01{method()}", "10"),
        (f"BK001{ZPK}{WRONG_TYPE}{GARBAGE}01{method()}", "11"),
        (f"BK001{ZPK}{PVK}{GARBAGE}01{method()}", "20"),
        (f"BK001{ZPK}{PVK}{GARBAGE}99{method()}", "23"),
        (f"BK001{ZPK}{PVK}{oracle.pin_block(ZPK_SOURCE, '1234', PAN)}01{method('05')}", "24"),
        (f"BK001{ZPK}{PVK}{oracle.pin_block(ZPK_SOURCE, '1234', PAN)}01{method(table='1' * 16)}", "25"),
        (f"BK001{ZPK}{PVK}{GARBAGE}01{method()}0", "80"),
    ],
)
def test_offset_errors(device, command, error):
    assert ask(device, command)[2:] == error


def test_a_pin_at_rest_must_reach_the_check_length_and_meet_a_sound_table(device):
    assert ask(device, f"DE{PVK}{sealed(device)}{method('05')}") == "DF24"
    assert ask(device, f"DE{PVK}{sealed(device)}{method(table='1' * 16)}") == "DF25"
