"""PIN blocks, native and twin, against published answers and psec."""

import psec
import pytest

from hsm_sim import native
from hsm_sim.crypto import pinblock as chooser
from tests.unit.hsm_sim.oracle import account

ACCOUNT = b"401234567890"


def test_the_choice_is_made_and_told():
    assert native.loaded() == {"hsm_sim.crypto.pinblock": "native" if native.NATIVE else "twin"}
    assert ("_pinblock_c" in chooser.encode.__module__) is native.NATIVE


def test_published_blocks(pinblock, vectors):
    for vector in vectors["pin_block"]:
        digits, pin = account(vector["pan"]).encode(), vector["pin"].encode()
        block = pinblock.encode(vector["control"], pin, digits, 0)
        expected = vector.get("block") or vector["block_starts"]
        assert block.hex().upper().startswith(expected)
        assert pinblock.decode(vector["control"], block, digits) == pin


@pytest.mark.parametrize("length", range(4, 13))
def test_psec_reads_what_we_write(pinblock, length):
    pin, pan = "9080706050403"[:length], "4012345678909"
    iso_0 = pinblock.encode(0, pin.encode(), ACCOUNT, 0)
    assert iso_0 == psec.pinblock.encode_pinblock_iso_0(pin, pan)
    iso_3 = pinblock.encode(3, pin.encode(), ACCOUNT, 0x0123456789ABCDEF)
    assert psec.pinblock.decode_pinblock_iso_3(iso_3, pan) == pin
    assert pinblock.decode(3, psec.pinblock.encode_pinblock_iso_3(pin, pan), ACCOUNT) == pin.encode()


def test_the_fill_is_drawn_from_its_range(pinblock):
    drawn_3 = {digit for fill in range(36) for digit in clear_fill(pinblock, 3, fill)}
    drawn_1 = {digit for fill in range(256) for digit in pinblock.encode(1, b"1234", ACCOUNT, fill).hex()[6:8]}
    assert drawn_3 == set("abcdef")
    assert drawn_1 == set("0123456789abcdef")


def clear_fill(pinblock, control, fill):
    block = int.from_bytes(pinblock.encode(control, b"1234", ACCOUNT, fill)) ^ int(ACCOUNT, 16)
    return f"{block:016x}"[6:]


def test_iso_1_is_read_whatever_fills_it(pinblock):
    assert pinblock.decode(1, bytes.fromhex("14123456789ABCDE"), ACCOUNT) == b"1234"


@pytest.mark.parametrize("length", [*range(4), 13, 14])
def test_a_length_out_of_range_is_left_to_the_caller(pinblock, length):
    block = int(f"0{length:X}" + "1" * length + "F" * (14 - length), 16) ^ int(ACCOUNT, 16)
    assert pinblock.decode(0, block.to_bytes(8), ACCOUNT) == b"1" * length


@pytest.mark.parametrize(
    ("control", "clear", "message"),
    [
        (0, "141234FFFFFFFFFF", "control or the length"),
        (0, "0F1234FFFFFFFFFF", "control or the length"),
        (0, "04A234FFFFFFFFFF", "PIN digit"),
        (0, "041234FFFFFFFFFE", "fill"),
        (3, "3412349AAAAAAAAA", "fill"),
        (3, "041234FFFFFFFFFF", "control or the length"),
    ],
)
def test_another_structure_is_refused(pinblock, control, clear, message):
    block = (int(clear, 16) ^ int(ACCOUNT, 16)).to_bytes(8)
    with pytest.raises(chooser.PinBlockError, match=message):
        pinblock.decode(control, block, ACCOUNT)


@pytest.mark.parametrize("wrong", [b"", b"40123456789", b"4012345678901", b"40123456789A", b"40123456789\xb2"])
def test_a_wrong_account_is_refused(pinblock, wrong):
    for control in (0, 1, 3):
        with pytest.raises(ValueError, match="12 decimal digits"):
            pinblock.encode(control, b"1234", wrong, 0)
        with pytest.raises(ValueError, match="12 decimal digits"):
            pinblock.decode(control, bytes.fromhex("141234FFFFFFFFFF"), wrong)


@pytest.mark.parametrize("wrong", [b"", b"123", b"1234567890123", b"12E4"])
def test_a_wrong_pin_is_refused_and_not_shown(pinblock, wrong):
    with pytest.raises(ValueError, match=r"^a PIN is 4 to 12 decimal digits$"):
        pinblock.encode(0, wrong, ACCOUNT, 0)


@pytest.mark.parametrize("control", [-1, 2, 4, 16])
def test_other_formats_are_refused(pinblock, control):
    with pytest.raises(ValueError, match="control nibble"):
        pinblock.encode(control, b"1234", ACCOUNT, 0)
    with pytest.raises(ValueError, match="control nibble"):
        pinblock.decode(control, bytes(8), ACCOUNT)


def test_a_block_of_another_length_is_refused(pinblock):
    with pytest.raises(ValueError, match="8 bytes, not 7"):
        pinblock.decode(0, bytes(7), ACCOUNT)
