"""Host commands through the device: what a client sends and gets, error by error."""

import random

import psec
import pytest
from psec import des

from hsm_sim.commands.table import COMMANDS
from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from hsm_sim.server import MAX_CONNECTIONS
from tests.unit.hsm_sim import oracle
from tests.unit.hsm_sim.oracle import ZPK_SOURCE, ZPK_TARGET, K, ask, under_lmk

PAN = "4012345678909"
ACCOUNT = oracle.account(PAN)
SOURCE = under_lmk("001", ZPK_SOURCE)
TARGET = under_lmk("001", ZPK_TARGET)
TPK = under_lmk("002", ZPK_SOURCE)
PVK_PAIR = under_lmk("002", K)
BLOCK = oracle.pin_block(ZPK_SOURCE, "1234", PAN)


def translation(code="CC", source=SOURCE, target=TARGET, longest="12", block=BLOCK, formats="0101", account=ACCOUNT):
    return f"{code}{source}{target}{longest}{block}{formats}{account}"


def verification(code="EC", key=SOURCE, pvk=PVK_PAIR, block=BLOCK, pin_format="01", pvki="1", pvv=None):
    pvv = pvv or psec.pin.generate_visa_pvv(K, pvki, "1234", PAN)
    return f"{code}{key}{pvk}{block}{pin_format}{ACCOUNT}{pvki}{pvv}"


def clear_block(text, account=ACCOUNT):
    """Any clear block under the source ZPK, its account field added."""
    block = (int(text, 16) ^ int(account, 16)).to_bytes(8)
    return des.encrypt_tdes_ecb(ZPK_SOURCE, block).hex().upper()


def test_nc(device):
    assert ask(device, "NC") == "ND00" + "397B0B0000000000" + "1500-0023"


@pytest.mark.parametrize(("is_pci", "flag"), [(False, "0"), (True, "1")])
def test_no(is_pci, flag):
    device = Device(published_test_lmk(), pci=is_pci, random=bytes)
    assert ask(device, "NO00") == "NP00" + "3" + "1" + f"{MAX_CONNECTIONS}" + "1500-0023" + "0" + "0000"
    assert ask(device, "NO01%00\x19seen") == f"NP00{flag}\x19seen"
    assert [ask(device, command) for command in ("NO02", "NO0", "NO000")] == ["NP15", "NP15", "NP80"]


@pytest.mark.parametrize("data", ["", "HELLO", "100%", "a\x19b", "%00\x19seen", "\x00\xff"])
def test_b2_echoes_any_bytes(device, data):
    assert ask(device, f"B2{len(data):04X}{data}") == "B300" + data
    assert ask(device, f"B2{len(data):04X}{data}\x19seen") == f"B300{data}\x19seen"
    assert ask(device, f"B2{len(data):04X}{data}%00\x19seen") == f"B300{data}\x19seen"


def test_b2_counts(device):
    assert ask(device, "B20006HELLO") == "B315"
    assert ask(device, "B20004HELLO") == "B380"
    assert ask(device, "B2000GHELLO") == "B315"


@pytest.mark.parametrize("code", ["CC", "CA"])
def test_translation_0_to_0(device, code):
    answer = ask(device, translation(code, SOURCE if code == "CC" else TPK))
    assert answer == f"C{'D' if code == 'CC' else 'B'}0004{oracle.pin_block(ZPK_TARGET, '1234', PAN)}01"


def test_translation_to_iso_3_draws_its_fill(device):
    answers = {ask(device, translation(formats="0147")) for _ in range(5)}
    assert len(answers) == 5
    for answer in answers:
        assert (answer[:6], answer[-2:]) == ("CD0004", "47")
        block = oracle.deciphered(ZPK_TARGET, answer[6:22])
        assert psec.pinblock.decode_pinblock_iso_3(block, PAN) == "1234"


def test_translation_from_iso_3_and_iso_1(device):
    iso_3 = des.encrypt_tdes_ecb(ZPK_SOURCE, psec.pinblock.encode_pinblock_iso_3("987654", PAN)).hex()
    iso_1 = des.encrypt_tdes_ecb(ZPK_SOURCE, bytes.fromhex("16987654ABCDEF01")).hex()
    for block, formats in ((iso_3, "4701"), (iso_1, "0501")):
        assert ask(device, translation(block=block.upper(), formats=formats)) == (
            f"CD0006{oracle.pin_block(ZPK_TARGET, '987654', PAN)}01"
        )
    answer = ask(device, translation(block=iso_1.upper(), formats="0505"))
    assert (answer[:6], answer[-2:]) == ("CD0006", "05")
    assert oracle.deciphered(ZPK_TARGET, answer[6:22]).hex().startswith("16987654")


@pytest.mark.parametrize("scheme", ["", "Z", "U", "X", "T", "Y"])
def test_translation_under_every_key_scheme(device, scheme):
    key = des.adjust_key_parity(random.Random(2).randbytes({"": 8, "Z": 8, "U": 16, "X": 16, "T": 24, "Y": 24}[scheme]))
    field, block = under_lmk("001", key, scheme), oracle.pin_block(key, "1234", PAN)
    assert ask(device, translation(source=field, block=block))[:6] == "CD0004"
    assert ask(device, translation(target=field)) == f"CD0004{oracle.pin_block(key, '1234', PAN)}01"


WRONG_TYPE = under_lmk("000", ZPK_SOURCE)
GARBAGE = "0123456789ABCDEF"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"source": WRONG_TYPE}, "10"),
        ({"target": WRONG_TYPE}, "11"),
        ({"source": WRONG_TYPE, "target": WRONG_TYPE}, "10"),
        ({"source": WRONG_TYPE, "block": GARBAGE, "formats": "0199"}, "10"),
        ({"target": WRONG_TYPE, "block": GARBAGE, "account": "40123456789A"}, "11"),
        ({"block": GARBAGE}, "20"),
        ({"account": "901234567890", "block": oracle.pin_block(ZPK_SOURCE, "123456", PAN)}, "20"),
        ({"formats": "4701"}, "20"),
        ({"block": GARBAGE, "formats": "0105"}, "20"),
        ({"account": "40123456789A"}, "22"),
        ({"account": "40123456789A", "block": GARBAGE}, "22"),
        ({"account": "40123456789A", "formats": "9901"}, "22"),
        ({"block": GARBAGE, "formats": "0199"}, "20"),
        ({"formats": "0105"}, "23"),
        ({"formats": "0134"}, "23"),
        ({"formats": "0103"}, "23"),
        ({"formats": "9901"}, "23"),
        ({"formats": "AB01"}, "23"),
        ({"block": clear_block("03123FFFFFFFFFFF")}, "24"),
        ({"block": clear_block("0D1234567890123F")}, "24"),
        ({"block": clear_block("03123FFFFFFFFFFF"), "formats": "0105"}, "23"),
        ({"longest": "04", "block": oracle.pin_block(ZPK_SOURCE, "12345", PAN)}, "24"),
        ({"longest": "13"}, "15"),
        ({"longest": "1X"}, "15"),
        ({"block": "0123456789ABCDEG"}, "15"),
        ({"source": "U" + "G" * 32}, "15"),
        ({"source": "U" + " " * 32}, "15"),
        ({"source": "UK123"}, "15"),
        ({"source": "K123"}, "12"),
        ({"source": "S0072P0TB00E0001"}, "26"),
        ({"account": ACCOUNT[:-1]}, "15"),
        ({"account": ACCOUNT + "0"}, "80"),
        ({"account": ACCOUNT + "%01"}, "13"),
        ({"account": ACCOUNT + "%0X"}, "15"),
    ],
)
def test_translation_errors(device, changed, error):
    assert ask(device, translation(**changed)) == "CD" + error


def test_an_account_bound_pin_never_loses_its_account(device):
    for source, target in (("01", "05"), ("47", "05")):
        block = BLOCK if source == "01" else clear_block("341234" + "A" * 10)
        assert ask(device, translation(block=block, formats=source + target)) == "CD23"


@pytest.mark.parametrize("code", ["DC", "EC"])
@pytest.mark.parametrize("pvk", [PVK_PAIR, under_lmk("002", K, "X"), under_lmk("002", K, "X")[1:]])
def test_verification(device, code, pvk):
    key, answer = (TPK, "DD") if code == "DC" else (SOURCE, "ED")
    assert ask(device, verification(code, key, pvk)) == answer + "00"
    wrong = oracle.pin_block(ZPK_SOURCE, "1235", PAN)
    assert ask(device, verification(code, key, pvk, block=wrong)) == answer + "01"
    assert ask(device, verification(code, key, pvk, pvki="2")) == answer + "00"


def test_verification_uses_four_digits_of_a_longer_pin(device):
    assert ask(device, verification(block=oracle.pin_block(ZPK_SOURCE, "123499", PAN))) == "ED00"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"key": WRONG_TYPE}, "10"),
        ({"key": TPK}, "10"),
        ({"pvk": SOURCE}, "11"),
        ({"key": WRONG_TYPE, "pvk": SOURCE}, "10"),
        ({"pvk": under_lmk("002", K + ZPK_SOURCE[:8], "T")}, "27"),
        ({"pvk": under_lmk("002", K[:8], "Z")}, "27"),
        ({"block": GARBAGE}, "20"),
        ({"pin_format": "34"}, "23"),
        ({"block": clear_block("03123FFFFFFFFFFF")}, "24"),
        ({"pvki": "A", "pvv": "1234"}, "15"),
        ({"pvv": "12A4"}, "15"),
        ({"pvv": "12345"}, "80"),
    ],
)
def test_verification_errors(device, changed, error):
    assert ask(device, verification(**changed)) == "ED" + error


@pytest.mark.parametrize(("scheme", "length"), [("U", 16), ("X", 16), ("T", 24), ("Y", 24), ("Z", 8), ("0", 8)])
def test_a0_makes_a_key_of_odd_parity_under_the_lmk(device, scheme, length):
    answer = ask(device, f"A00001{scheme}")
    tag = scheme if scheme in "UXTY" else ""
    assert answer.startswith("A100" + tag)
    digits = answer[4 + len(tag) : -6]
    assert len(digits) == 2 * length
    clear = unwrapped(digits, oracle.wrapping_key("001"), tag)
    assert clear == des.adjust_key_parity(clear)
    assert answer[-6:] == des.generate_kcv(clear, 3).hex().upper()
    assert ask(device, f"A00001{scheme}") != answer


def unwrapped(digits, key, scheme):
    """The oracle's inverse: the parts of a field, each under its variant."""
    clear = b""
    for index in range(len(digits) // 16):
        wrapping = bytearray(key)
        if scheme in oracle.PARTS:
            wrapping[8] ^= int(oracle.PARTS[scheme][index], 16)
        clear += des.decrypt_tdes_ecb(bytes(wrapping), bytes.fromhex(digits[16 * index : 16 * index + 16]))
    return clear


@pytest.mark.parametrize("delimiter", ["", ";0"])
@pytest.mark.parametrize("scheme", ["U", "X"])
def test_a0_under_a_zmk_comes_back_through_a6(device, delimiter, scheme):
    zmk = under_lmk("000", K)
    answer = ask(device, f"A01001U{delimiter}{zmk}{scheme}")
    under_own, under_zmk, kcv = answer[4:37], answer[37:70], answer[70:]
    assert under_own[0] + under_zmk[0] == "U" + scheme
    assert unwrapped(under_zmk[1:], K, scheme) == unwrapped(under_own[1:], oracle.wrapping_key("001"), "U")
    assert ask(device, f"A6001{zmk}{under_zmk}U") == "A700" + under_own + kcv


def test_a0_under_a_tmk(device):
    assert ask(device, f"A01001U;1{under_lmk('002', K)}X")[:4] == "A100"
    assert ask(device, f"A01001U;1{under_lmk('000', K)}X") == "A110"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("A00001Q", "26"),
        ("A00004U", "28"),
        ("A00FFFU", "28"),
        ("A000a1U", "28"),
        ("A02001U", "15"),
        ("A0A001U", "29"),
        ("A0000", "15"),
        ("A00001UX", "80"),
        (f"A01001U;0{SOURCE}X", "10"),
        (f"A01001U;2{SOURCE}X", "15"),
        (f"A01001U;0{under_lmk('000', K)}T", "26"),
        (f"A01001U;0{under_lmk('000', K)}", "15"),
    ],
)
def test_a0_errors(device, command, error):
    assert ask(device, command) == "A1" + error


@pytest.mark.parametrize("scheme", ["", "U", "X", "T", "Y"])
def test_a6_imports_every_scheme(device, scheme):
    clear = des.adjust_key_parity(random.Random(4).randbytes({"": 8, "T": 24, "Y": 24}.get(scheme, 16)))
    field = oracle.under(K, scheme, clear)
    target = scheme or "Z"
    answer = ask(device, f"A6002{under_lmk('000', K)}{field}{target}")
    assert answer == f"A700{under_lmk('002', clear, scheme)}{des.generate_kcv(clear, 3).hex().upper()}"


def test_a6_adjusts_a_key_of_wrong_parity_and_says_so(device):
    even = bytes(byte ^ 1 for byte in ZPK_SOURCE)
    answer = ask(device, f"A6001{under_lmk('000', K)}{oracle.under(K, 'U', even)}U")
    assert answer == f"A701{SOURCE}{des.generate_kcv(ZPK_SOURCE, 3).hex().upper()}"


@pytest.mark.parametrize(
    ("zmk", "key_type", "scheme", "error"),
    [
        (SOURCE, "001", "U", "10"),
        (under_lmk("000", K), "001", "T", "26"),
        (under_lmk("000", K), "001", "Z", "26"),
        (under_lmk("000", K), "004", "U", "28"),
    ],
)
def test_a6_errors(device, zmk, key_type, scheme, error):
    assert ask(device, f"A6{key_type}{zmk}{oracle.under(K, 'U', ZPK_SOURCE)}{scheme}") == "A7" + error


@pytest.mark.parametrize("scheme", ["", "U", "X", "T", "Y"])
@pytest.mark.parametrize("delimiter", ["", ";0"])
def test_a8_exports_every_scheme_and_a6_takes_it_back(device, scheme, delimiter):
    clear = des.adjust_key_parity(random.Random(4).randbytes({"": 8, "T": 24, "Y": 24}.get(scheme, 16)))
    own, zmk, kcv = under_lmk("003", clear, scheme), under_lmk("000", K), des.generate_kcv(clear, 3).hex().upper()
    field = oracle.under(K, scheme, clear)
    assert ask(device, f"A8003{delimiter}{zmk}{own}{scheme or 'Z'}") == f"A900{field}{kcv}"
    assert ask(device, f"A6003{zmk}{field}{scheme or 'Z'}") == f"A700{own}{kcv}"


def test_a8_from_one_scheme_to_another_and_under_a_tmk(device):
    kcv = des.generate_kcv(ZPK_SOURCE, 3).hex().upper()
    exported = f"A900{oracle.under(K, 'X', ZPK_SOURCE)}{kcv}"
    assert ask(device, f"A8001{under_lmk('000', K)}{SOURCE}X") == exported
    assert ask(device, f"A8001;1{under_lmk('002', K)}{SOURCE}X") == exported


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (f"A8001{SOURCE}{SOURCE}X", "10"),
        (f"A8001;1{under_lmk('000', K)}{SOURCE}X", "10"),
        (f"A8002{under_lmk('000', K)}{SOURCE}X", "11"),
        (f"A8004{under_lmk('000', K)}{SOURCE}X", "28"),
        (f"A8001{under_lmk('000', K)}{SOURCE}T", "26"),
        (f"A8001{under_lmk('000', K)}{SOURCE}Q", "26"),
        (f"A8001;2{under_lmk('000', K)}{SOURCE}X", "15"),
        (f"A8001{under_lmk('000', K)}{SOURCE}", "15"),
        (f"A8001{under_lmk('000', K)}{SOURCE}X0", "80"),
    ],
)
def test_a8_errors(device, command, error):
    assert ask(device, command) == "A9" + error


KCV_16 = des.encrypt_tdes_ecb(K, bytes(8)).hex().upper()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (f"BU011{under_lmk('001', K)}", "00" + KCV_16),
        (f"BU011{under_lmk('001', K)};000", "00" + KCV_16),
        (f"BU011{under_lmk('001', K)};001", "0008D7B4"),
        (f"BU021{under_lmk('002', K, 'X')[1:]}", "00" + KCV_16),
        (f"BUFF1{under_lmk('402', K)};402", "00" + KCV_16),
        (f"BUFF1{under_lmk('402', K)};402;001", "0008D7B4"),
        ("BU0209B395FB9FE5F07DA;001", "00" + des.generate_kcv(bytes.fromhex("4C9BE09E681A19DC"), 3).hex().upper()),
        (f"BUFF1{under_lmk('402', K)};302", "10"),
        (f"BUFF1{under_lmk('402', K)}", "15"),
        (f"BUFF1{under_lmk('402', K)};FFF", "28"),
        (f"BU013{under_lmk('001', K)}", "05"),
        (f"BU012{under_lmk('001', K)}", "27"),
        (f"BU011{under_lmk('001', K)};002", "15"),
        (f"BU011{under_lmk('001', K)};101", "15"),
        (f"BU041{under_lmk('001', K)}", "28"),
    ],
)
def test_bu(device, command, answer):
    assert ask(device, command) == "BV" + answer


def test_the_trailer_comes_back_with_every_outcome(device):
    assert ask(device, translation() + "\x19the end")[-8:] == "\x19the end"
    assert ask(device, translation(block=GARBAGE) + "%00\x19the end") == "CD20\x19the end"
    assert ask(device, "A6\x19") == "A715\x19"
    assert ask(device, "NC\x19" + "x" * 32)[-33:] == "\x19" + "x" * 32
    assert ask(device, "NC\x19" + "x" * 33)[:4] == "ND15"
    assert ask(device, "NC%00\x19%01\x19")[-5:] == "\x19%01\x19"


def test_what_is_no_command(device):
    assert ask(device, "XX") == "XY68"
    assert ask(device, "cc") == "cd68"
    assert ask(device, "C") == "ZZ15"
    assert ask(device, "") == "ZZ15"
    assert device.respond(b"HE") == b"HEZZ15"
    assert device.respond(b"") == b"ZZ15"


@pytest.mark.parametrize("length", [0, 1, 12])
def test_other_header_lengths(length):
    device = Device(published_test_lmk(), length, random=bytes)
    header = b"%00\x19CCheader"[:length]
    assert device.respond(header + b"B20002OK") == header + b"B300OK"


def test_pci_mode_has_a_tpk_of_its_own():
    device = Device(published_test_lmk(), pci=True, random=bytes)
    assert ask(device, translation("CA", under_lmk("70D", ZPK_SOURCE)))[:4] == "CB00"
    assert ask(device, translation("CA", TPK)) == "CB10"
    assert ask(device, verification("DC", under_lmk("70D", ZPK_SOURCE))) == "DD00"
    assert ask(device, f"A01001U;1{under_lmk('80D', K)}X")[:4] == "A100"


def test_the_same_randomness_gives_the_same_answers():
    first, second = (Device(published_test_lmk(), random=random.Random(8).randbytes) for _ in range(2))
    for command in ("A00001U", translation(formats="0147"), "A00402T", translation(formats="0147")):
        assert ask(first, command) == ask(second, command)


def test_every_response_code_follows_its_command():
    for code, command in COMMANDS.items():
        assert (command.response[0], command.response[1]) == (code[0], code[1] + 1)
