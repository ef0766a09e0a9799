"""CI and G0 against published DUKPT vectors, and against a terminal that derives its keys forwards."""

import psec
import pytest
from psec import des

from hsm_sim.crypto import dukpt
from tests.unit.hsm_sim import oracle
from tests.unit.hsm_sim.oracle import ZPK_SOURCE, ZPK_TARGET, K, ask, under_lmk

PAN = "4012345678909"
ACCOUNT = oracle.account(PAN)
BDK = under_lmk("009", K)
ZPK = under_lmk("001", ZPK_TARGET)
KSN = "FFFF9876543210E00001"
BLOCK = "1B9C1845EB993A7A"
TRANSLATED = f"04{oracle.pin_block(ZPK_TARGET, '1234', PAN)}01"


class Terminal:
    """Each key from the one whose counter has one bit less, the lowest, as a terminal makes its future keys."""

    def __init__(self, bdk, serial):
        self.serial = int(serial, 16) & ~0x1FFFFF
        register = self.serial.to_bytes(10)[:8]
        other = bytes(byte ^ mask for byte, mask in zip(bdk, bytes.fromhex("C0C0C0C000000000" * 2), strict=True))
        self.keys = {0: des.encrypt_tdes_ecb(bdk, register) + des.encrypt_tdes_ecb(other, register)}

    def key(self, counter):
        if counter not in self.keys:
            key = self.key(counter & counter - 1)
            self.keys[counter] = self.half(key, "C0C0C0C000000000", counter) + self.half(key, "00" * 8, counter)
        return self.keys[counter]

    def half(self, key, mask, counter):
        left, right = (psec.tools.xor(part, bytes.fromhex(mask)) for part in (key[:8], key[8:]))
        register = (self.serial | counter).to_bytes(10)[2:]
        return psec.tools.xor(des.encrypt_tdes_ecb(left, psec.tools.xor(register, right)), right)

    def pin_block(self, counter, clear):
        return des.encrypt_tdes_ecb(psec.tools.xor(self.key(counter), bytes.fromhex("00000000000000FF" * 2)), clear)


def g0(bdk=BDK, zpk=ZPK, descriptor="A05", ksn=KSN, block=BLOCK, formats="0101", account=ACCOUNT):
    return f"G0{bdk}{zpk}{descriptor}{ksn}{block}{formats}{account}"


def ci(bdk=BDK, zpk=ZPK, descriptor="A05", ksn=KSN, block=BLOCK, target="01", account=ACCOUNT):
    return f"CI{bdk}{zpk}{descriptor}{ksn}{block}{target}{account}"


def test_published_blocks(device, vectors):
    for vector in vectors["dukpt"]:
        ksn, block, account = vector["ksn"], vector["block"], oracle.account(vector["pan"])
        answer = f"00{len(vector['pin']):02}{oracle.pin_block(ZPK_TARGET, vector['pin'], vector['pan'])}01"
        bdk = under_lmk("009", bytes.fromhex(vector["bdk"]))
        assert ask(device, ci(bdk, ksn=ksn, block=block, account=account)) == "CJ" + answer
        expected = answer if vector["generation"] == "triple DES" else "20"
        assert ask(device, g0(bdk, ksn=ksn, block=block, account=account)) == "G1" + expected


def test_the_published_initial_key(vectors):
    for vector in vectors["dukpt_initial_key"]:
        key = dukpt.initial_key(bytes.fromhex(vector["bdk"]), bytes.fromhex(vector["ksn"]))
        assert key.hex().upper() == vector["key"]


def test_every_counter_as_the_terminal_has_it():
    terminal = Terminal(ZPK_SOURCE, "A1B2C3D4E5F6A7E00000")
    clear = psec.pinblock.encode_pinblock_iso_0("1234", PAN)
    counters = [*range(130), *(1 << place for place in range(21)), 0x1FF800, 0x1FFC00 & 0x155555, 0x1FFFFF]
    for counter in counters:
        ksn = (terminal.serial | counter).to_bytes(10)
        assert dukpt.deciphered(ZPK_SOURCE, ksn, terminal.pin_block(counter, clear)) == clear


@pytest.mark.parametrize(
    ("descriptor", "digits"),
    [("A05", 20), ("609", 20), ("906", 20), ("605", 16), ("00A", 15), ("007", 12), ("340", 12)],
)
def test_a_short_ksn_is_filled_with_f(device, descriptor, digits):
    ksn = "0123456789ABCDE00003"[-digits:]
    terminal = Terminal(K, ksn.rjust(20, "F"))
    block = terminal.pin_block(3, psec.pinblock.encode_pinblock_iso_0("1234", PAN)).hex().upper()
    assert ask(device, g0(descriptor=descriptor, ksn=ksn, block=block)) == "G100" + TRANSLATED
    assert ask(device, ci(descriptor=descriptor, ksn=ksn, block=block)) == "CJ00" + TRANSLATED


@pytest.mark.parametrize(
    "bdk", ["*" + BDK, "~" + under_lmk("609", K), under_lmk("009", K, "X"), under_lmk("009", K, "")]
)
def test_g0_takes_marks_and_forms_of_the_bdk(device, bdk):
    assert ask(device, g0(bdk) + "%00\x19seen") == "G100" + TRANSLATED + "\x19seen"


def test_other_formats(device):
    terminal = Terminal(K, KSN)
    for clear, source in (
        (psec.pinblock.encode_pinblock_iso_3("1234", PAN), "47"),
        (bytes.fromhex("141234ABCDEF0123"), "05"),
    ):
        block = terminal.pin_block(1, clear).hex().upper()
        assert ask(device, g0(block=block, formats=source + "01")) == "G100" + TRANSLATED
    for command in (g0(formats="0147"), ci(target="47")):
        answer = ask(device, command)
        assert (answer[2:6], answer[-2:]) == ("0004", "47")
        block = oracle.deciphered(ZPK_TARGET, answer[6:22])
        assert psec.pinblock.decode_pinblock_iso_3(block, PAN) == "1234"


ERRORS = [
    ({"bdk": under_lmk("001", K)}, "10"),
    ({"bdk": under_lmk("609", K)}, "10"),
    ({"zpk": BDK}, "11"),
    ({"bdk": under_lmk("009", K + K[:8], "T")}, "27"),
    ({"bdk": under_lmk("009", K + K[:8], "T"), "zpk": BDK}, "27"),
    ({"account": ACCOUNT[:-1] + "A"}, "22"),
    ({"account": "901234567890"}, "20"),
    ({"block": "0123456789ABCDEF"}, "20"),
    ({"ksn": "FFFF9876543210E00002"}, "20"),
    ({"ksn": "FFFF9876543210G00001"}, "15"),
    ({"block": "1B9C1845EB993A7G"}, "15"),
    ({"descriptor": "A06"}, "15"),
    ({"descriptor": "006"}, "15"),
    ({"descriptor": "FFF"}, "15"),
    ({"descriptor": "G05"}, "15"),
    ({"account": ACCOUNT + "0"}, "80"),
    ({"account": ACCOUNT[:-1]}, "15"),
]


@pytest.mark.parametrize(("changed", "error"), ERRORS)
def test_errors(device, changed, error):
    assert ask(device, g0(**changed)) == "G1" + error
    assert ask(device, ci(**changed)) == "CJ" + error


def test_errors_of_the_format(device):
    for formats in ("0105", "0134", "9901"):
        assert ask(device, g0(formats=formats)) == "G123"
    assert ask(device, ci(target="05")) == "CJ23"
    assert ask(device, ci("*" + BDK)) == "CJ26"


def test_a_pin_of_three_digits_is_too_short(device):
    clear = (int("03123FFFFFFFFFFF", 16) ^ int(ACCOUNT, 16)).to_bytes(8)
    block = Terminal(K, KSN).pin_block(1, clear).hex().upper()
    assert ask(device, g0(block=block)) == "G124"
    assert ask(device, ci(block=block)) == "CJ24"
