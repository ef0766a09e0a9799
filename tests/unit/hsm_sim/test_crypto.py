"""The pure cryptography against published answers and psec."""

import random
import tomllib
from importlib.resources import files

import psec
import pytest

from hsm_sim.crypto import keywrap, lmk
from hsm_sim.crypto.pvv import pvv
from hsm_sim.crypto.tdes import Tdes, check_value, has_odd_parity, with_odd_parity
from tests.unit.hsm_sim import oracle


def test_pvv(vectors):
    for vector in vectors["pvv"]:
        key = Tdes(bytes.fromhex(vector["pvk"]))
        account = oracle.account(vector["pan"]).encode()
        assert pvv(key, account, vector["pvki"].encode(), vector["pin"].encode()) == vector["pvv"].encode()


def test_pvv_as_psec_does():
    draw = random.Random(7)
    for _ in range(200):
        key, pan = draw.randbytes(16), f"{draw.randrange(10**16):016}"
        pvki, pin = f"{draw.randrange(1, 7)}", f"{draw.randrange(10**4):04}"
        expected = psec.pin.generate_visa_pvv(key, pvki, pin, pan)
        assert pvv(Tdes(key), oracle.account(pan).encode(), pvki.encode(), pin.encode()).decode() == expected


def test_check_values(vectors):
    for vector in vectors["check_value"]:
        assert check_value(Tdes(bytes.fromhex(vector["key"])))[:3].hex().upper() == vector["kcv"]


@pytest.mark.parametrize("length", [8, 16, 24])
def test_tdes_as_psec_does(length):
    key, data = random.Random(length).randbytes(length), random.Random(9).randbytes(16)
    assert Tdes(key).encrypt(data) == psec.des.encrypt_tdes_ecb(key, data)
    assert Tdes(key).decrypt(data) == psec.des.decrypt_tdes_ecb(key, data)


def test_a_key_of_another_length_is_no_key():
    with pytest.raises(ValueError, match="8, 16 or 24 bytes, not 15"):
        Tdes(bytes(15))


def test_parity():
    adjusted = with_odd_parity(bytes(range(256)))
    assert adjusted == psec.des.adjust_key_parity(bytes(range(256)))
    assert has_odd_parity(adjusted)
    assert not any(has_odd_parity(bytes([byte ^ 1])) for byte in adjusted)


def test_keys_under_the_published_test_lmk(vectors):
    for vector in vectors["under_test_lmk"]:
        scheme = vector["field"][:-16].encode()
        cryptogram = bytes.fromhex(vector["field"][len(scheme) :])
        clear = lmk.published_test_lmk().unwrap(vector["key_type"].encode(), scheme, cryptogram)
        assert clear.hex().upper() == vector["clear"]


@pytest.mark.parametrize("scheme", ["", "Z", "U", "X", "T", "Y"])
@pytest.mark.parametrize("key_type", ["000", "001", "002", "70D", "402", "003", "109", "30B", "607", "50C", "806"])
def test_every_scheme_and_type_as_the_oracle_does(scheme, key_type):
    clear = random.Random(3).randbytes(keywrap.SCHEME_BYTES.get(scheme.encode(), 8))
    wrapped = lmk.published_test_lmk().wrap(key_type.encode(), scheme.encode(), clear)
    assert scheme + wrapped.hex().upper() == oracle.under_lmk(key_type, clear, scheme)
    assert lmk.published_test_lmk().unwrap(key_type.encode(), scheme.encode(), wrapped) == clear


def test_the_halves_of_a_variant_key_cannot_change_places():
    wrapped = keywrap.wrap(oracle.K, b"U", oracle.ZPK_SOURCE)
    swapped = keywrap.unwrap(oracle.K, b"U", wrapped[8:] + wrapped[:8])
    assert swapped != oracle.ZPK_SOURCE[8:] + oracle.ZPK_SOURCE[:8]


def test_an_lmk_survives_its_file_and_hides_from_repr():
    made = lmk.generate(random.Random(5).randbytes)
    assert lmk.parse(lmk.dump(made)) == made
    assert made.check_value() != lmk.published_test_lmk().check_value()
    assert repr(made) == "Lmk()"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"04-05" = "40', '"04-05" = "41', r'\$.pairs."04-05".*odd parity'),
        ('"04-05" = "40', '"04-05" = "4', r'\$.pairs."04-05".*32 hexadecimal digits'),
        ('"04-05" = "40', '"04-05" = "4G', r'\$.pairs."04-05"'),
        ('"04-05" = ', '"04-06" = ', "00-01 to 38-39"),
        ("[pairs]", "[peers]", r"the table \[pairs\]"),
        ("[pairs]", "[pairs", "does not parse"),
        ("[pairs]", f"a = {'[' * 5_000}", "does not parse"),
    ],
)
def test_a_bad_lmk_file_is_named_and_not_shown(before, after, message):
    text = files("hsm_sim").joinpath("test_lmk.toml").read_text("ascii")
    assert tomllib.loads(text)["pairs"]["04-05"] == oracle.PAIRS["00"]
    with pytest.raises(lmk.LmkError, match=message) as caught:
        lmk.parse(text.replace(before, after))
    assert "4040404040" not in str(caught.value)
