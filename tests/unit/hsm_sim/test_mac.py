"""M6 and M8 against published MACs and psec, whole and in pieces, with any bytes in the message."""

import itertools
import random

import psec
import pytest
from psec import des

from hsm_sim.crypto import mac
from hsm_sim.crypto.tdes import Tdes
from tests.unit.hsm_sim.oracle import K, ask, under_lmk

K24 = K + bytes.fromhex("89ABCDEF01234567")
SCHEMES = {8: "", 16: "U", 24: "T"}
TAK = under_lmk("003", K)
TEXT = b"Now is the time for all "


def command(
    code="M6",
    message=TEXT,
    mode="0",
    input_format="0",
    size="1",
    algorithm="3",
    padding="1",
    key_type="003",
    key=TAK,
    start="",
    length=None,
):
    length = f"{len(message):04X}" if length is None else length
    flags = mode + input_format + size + algorithm + padding
    return f"{code}{flags}{key_type}{key}{start}{length}" + message.decode("latin-1")


def expected(algorithm, padding, key, message):
    """The MAC as psec has it, which pads by method 1 what is whole blocks already."""
    padding = padding or 1
    if algorithm == 1:
        return psec.mac.generate_cbc_mac(key, message, padding).hex().upper()
    if len(key) == 16:
        return psec.mac.generate_retail_mac(key[:8], key[8:], message, padding).hex().upper()
    under_third = des.encrypt_tdes_ecb(
        key[16:],
        des.decrypt_tdes_ecb(key[:8], psec.mac.generate_retail_mac(key[:8], key[8:16], message, padding)),
    )
    return under_third.hex().upper()


def test_published_macs(device, vectors):
    for vector in vectors["mac"]:
        key, message = bytes.fromhex(vector["key"]), vector["message"].encode()
        blocks = mac.padded(message, vector["padding"])
        assert mac.mac(Tdes(key), vector["algorithm"], mac.ZEROS, blocks).hex().upper() == vector["mac"]
        field = under_lmk("003", key, SCHEMES[len(key)])
        sent = command(message=message, algorithm=str(vector["algorithm"]), key=field)
        assert ask(device, sent) == "M700" + vector["mac"]


@pytest.mark.parametrize(("algorithm", "key"), [(1, K[:8]), (1, K), (1, K24), (3, K), (3, K24)])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("key_type", ["003", "008"])
def test_every_algorithm_as_psec_does(device, algorithm, key, padding, key_type):
    draw = random.Random(len(key) + padding)
    for length in [8, 16, 248] if padding == 0 else [*range(1, 26), 500]:
        message = draw.randbytes(length)
        value = expected(algorithm, padding, key, message)
        changed = {"algorithm": str(algorithm), "padding": str(padding), "key_type": key_type}
        changed["key"] = under_lmk(key_type, key, SCHEMES[len(key)])
        assert ask(device, command(message=message, **changed)) == "M700" + value
        assert ask(device, command(message=message, size="0", **changed)) == "M700" + value[:8]
        in_hex = message.hex().upper().encode()
        assert ask(device, command(message=in_hex, input_format="1", **changed)) == "M700" + value
        assert ask(device, command("M8", message=message, **changed) + value) == "M900"
        assert ask(device, command("M8", message=message, size="0", **changed) + value[:8]) == "M900"


@pytest.mark.parametrize(("algorithm", "key"), [(1, K[:8]), (1, K), (3, K), (3, K24)])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("code", ["M6", "M8"])
def test_pieces_make_the_same_mac_as_the_whole(device, algorithm, key, padding, code):
    message = random.Random(3).randbytes(64 if padding == 0 else 61)
    value = expected(algorithm, padding, key, message)
    changed = {"code": code, "algorithm": str(algorithm), "padding": str(padding)}
    changed["key"] = under_lmk("003", key, SCHEMES[len(key)])
    answer = code[0] + chr(ord(code[1]) + 1) + "00"
    for cuts in ([0, 8], [0, 24, 32], [0, 8, 16, 56]):
        start = ""
        for at, end in itertools.pairwise(cuts):
            sent = command(message=message[at:end], mode="2" if start else "1", start=start, **changed)
            got = ask(device, sent)
            assert (got[:4], len(got)) == (answer, 4 + 16)
            start = got[4:]
        last = command(message=message[cuts[-1] :], mode="3", start=start, **changed)
        assert ask(device, last + (value if code == "M8" else "")) == answer + (value if code == "M6" else "")


@pytest.mark.parametrize("message", [b"%00\x19seen", b"\x19" * 8, b"100%", b"\x00\xff%00", bytes(range(256))])
@pytest.mark.parametrize("suffix", ["", "%00", "\x19seen", "%00\x19seen"])
def test_any_byte_may_stand_in_the_message(device, message, suffix):
    value, trailer = expected(3, 1, K, message), suffix.removeprefix("%00")
    assert ask(device, command(message=message) + suffix) == "M700" + value + trailer
    assert ask(device, command("M8", message=message) + value + suffix) == "M900" + trailer
    first = command(message=message[:8].ljust(8), mode="1") + suffix
    assert ask(device, first)[20:] == trailer


def test_text_is_taken_as_it_is(device):
    assert ask(device, command(input_format="2")) == ask(device, command())


def test_verification_fails_by_one_bit(device):
    value = bytes.fromhex(expected(3, 1, K, TEXT))
    for place in range(64):
        wrong = (int.from_bytes(value) ^ 1 << place).to_bytes(8).hex().upper()
        assert ask(device, command("M8") + wrong) == "M901"
        assert ask(device, command("M8", size="0") + wrong[:8]) == ("M901" if place >= 32 else "M900")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"mode": "4"}, "02"),
        ({"mode": "4", "input_format": "3", "size": "2"}, "02"),
        ({"input_format": "3"}, "03"),
        ({"size": "2"}, "04"),
        ({"algorithm": "2"}, "04"),
        ({"algorithm": "5"}, "04"),
        ({"padding": "3"}, "09"),
        ({"key_type": "001"}, "05"),
        ({"key_type": "0G3"}, "05"),
        ({"message": b"", "padding": "2"}, "06"),
        ({"message": b"seven b"}, "00"),
        ({"message": b"seven b", "padding": "0"}, "06"),
        ({"message": b"seven b", "mode": "1"}, "06"),
        ({"message": b"seven b", "mode": "2", "start": "00" * 8}, "06"),
        ({"message": b"seven b", "mode": "3", "start": "00" * 8, "padding": "0"}, "06"),
        ({"message": b"", "mode": "3", "start": "00" * 8}, "06"),
        ({"message": b"123", "input_format": "1"}, "06"),
        ({"message": b"12 4", "input_format": "1"}, "15"),
        ({"length": "00GG"}, "15"),
        ({"length": "0019"}, "15"),
        ({"length": "0017"}, "80"),
        ({"mode": "2", "start": "0G" * 8}, "15"),
        ({"key_type": "008"}, "10"),
        ({"key": "K123"}, "12"),
        ({"key": under_lmk("003", K[:8], "Z")}, "27"),
    ],
)
def test_errors(device, changed, error):
    assert ask(device, command(**changed))[:4] == "M7" + error


@pytest.mark.parametrize("end", ["", "1234567", "123456789ABCDEF", "123456789ABCDEFG"])
def test_a_mac_of_another_form_is_an_error_in_the_data(device, end):
    assert ask(device, command("M8") + end) == "M915"


def test_a_piece_that_is_not_the_last_brings_no_mac(device):
    assert ask(device, command("M8", mode="1") + "00" * 8) == "M980"
