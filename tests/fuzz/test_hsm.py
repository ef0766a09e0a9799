"""The device answers whatever it is sent: random bytes, and real commands cut, grown and changed."""

import random

import pytest

from hsm_sim.commands.table import COMMANDS as TABLE
from hsm_sim.crypto.lmk import PIN_PAIR, published_test_lmk
from hsm_sim.crypto.lmkpin import seal
from hsm_sim.crypto.tdes import Tdes
from hsm_sim.device import Device
from tests.unit.hsm_sim.oracle import ZPK_SOURCE, ZPK_TARGET, K, pin_block, under_lmk

PAN = "4012345678909"
ZPK = under_lmk("001", ZPK_SOURCE)
BLOCK = pin_block(ZPK_SOURCE, "1234", PAN)
PIN = seal(Tdes(published_test_lmk().pairs[PIN_PAIR]), b"1234", b"401234567890").decode()
IBM = "044012345678900123456789012345" + "4012345678N9"
COMMANDS = [
    b"NC",
    b"NO00",
    b"B20005HELLO",
    b"A00001U",
    f"A01001U;0{under_lmk('000', K)}X".encode(),
    f"A6001{under_lmk('000', K)}{ZPK}U".encode(),
    f"BUFF1{ZPK};001;001".encode(),
    f"A8001;0{under_lmk('000', K)}{ZPK}X".encode(),
    f"BK001{ZPK}{under_lmk('002', K)}{BLOCK}01{IBM}".encode(),
    f"CA{under_lmk('002', ZPK_SOURCE)}{ZPK}12{BLOCK}0147401234567890".encode(),
    f"CC{ZPK}{under_lmk('001', ZPK_TARGET)}12{BLOCK}0101401234567890".encode(),
    f"DA{under_lmk('002', ZPK_SOURCE)}{under_lmk('002', K)}12{BLOCK}01{IBM}1234FFFFFFFF".encode(),
    f"DC{under_lmk('002', ZPK_SOURCE)}{under_lmk('002', K)}{BLOCK}0140123456789011234".encode(),
    f"DE{under_lmk('002', K)}{PIN}{IBM}".encode(),
    f"DG{under_lmk('002', K)}{PIN}4012345678901".encode(),
    f"EA{ZPK}{under_lmk('002', K)}12{BLOCK}01{IBM}1234FFFFFFFF".encode(),
    f"EC{ZPK}{under_lmk('002', K)}{BLOCK}0140123456789011234".encode(),
    f"CI{under_lmk('009', K)}{ZPK}A05FFFF9876543210E000011B9C1845EB993A7A01401234567890".encode(),
    f"CW{under_lmk('402', K)}4123456789012345;8701101".encode(),
    f"CY{under_lmk('402', K)}5614123456789012345;8701101".encode(),
    f"G0~{under_lmk('609', K)}{ZPK}605FF9876543210E0011B9C1845EB993A7A0101401234567890".encode(),
    f"JC{under_lmk('002', ZPK_SOURCE)}{BLOCK}01401234567890".encode(),
    f"JE{ZPK}{BLOCK}01401234567890".encode(),
    f"JG{ZPK}47401234567890{PIN}".encode(),
    f"M600131003{under_lmk('003', K)}0008".encode() + b"8 byte%\x19",
    f"M831131003{under_lmk('003', K)}00112233445566770004ABCDAF6C6BB9BF1B0FE2".encode(),
]
SUFFIXES = [b"", b"%00", b"%99", b"\x19", b"\x19trailer", b"%00\x19trailer", b"%", b"\x19" * 40]
ROUNDS = 300 * len(COMMANDS)


def mutated(draw: random.Random, command: bytes) -> bytes:
    """The command with digits overwritten, bytes taken out or put in, perhaps cut, perhaps with a suffix."""
    body = bytearray(command)
    for _ in range(draw.randrange(3)):
        body[draw.randrange(len(body))] = draw.choice(b"0123456789ABCDEFTUXYZ")
    for _ in range(draw.randrange(3) // 2):
        place = draw.randrange(len(body) + 1)
        body[place : place + draw.randrange(3)] = draw.choice([b"", b"%", b"\x19", b";", b"K", draw.randbytes(1)])
    if draw.random() < 0.2:
        del body[draw.randrange(len(body) + 1) :]
    return bytes(body) + draw.choice(SUFFIXES)


def test_the_list_has_every_command() -> None:
    assert {command[:2] for command in COMMANDS} == set(TABLE)


@pytest.mark.parametrize("seed", range(2))
def test_every_command_gets_one_response(seed: int) -> None:
    draw = random.Random(seed)
    device = Device(published_test_lmk(), random=draw.randbytes)
    errors = set()
    for _ in range(ROUNDS):
        body = b"HEAD" + mutated(draw, draw.choice(COMMANDS))
        response = device.respond(body)
        assert response[:4] == b"HEAD"
        assert len(response) <= len(body) + 128
        errors.add(response[6:8])
        assert response[6:8].isdigit()
    assert {b"00", b"01", b"10", b"11", b"13", b"15", b"20", b"22", b"26", b"28", b"68", b"80"} <= errors


def test_random_bytes_get_a_response() -> None:
    draw = random.Random(11)
    device = Device(published_test_lmk(), random=draw.randbytes)
    for _ in range(ROUNDS):
        body = draw.randbytes(draw.randrange(40))
        assert device.respond(body)[: min(4, len(body))] == body[:4]
