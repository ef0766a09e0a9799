"""What translating a PIN costs: the ciphers alone, with formatting, and as a host command in the device.

All four subjects translate one ISO-0 block from one double-length ZPK to another, and take turns within each round, so
that what the machine does to one it does to all. The floor is two blocks of triple DES in OpenSSL without any call
overhead: bulk ECB through `cryptography`, divided by the number of blocks. psec makes its ciphers anew every time.
"""

import time
import warnings
from collections.abc import Callable

from cryptography.utils import CryptographyDeprecationWarning
from psec import des
from psec import pinblock as psec_pinblock

from hsm_sim.crypto import pinblock
from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.crypto.pinblock import ISO_0
from hsm_sim.crypto.tdes import Tdes
from hsm_sim.device import Device
from hsm_sim.keys import field_of, in_hex
from tests.bench import table

ROUNDS = 9
US_PER_S = 1e6
BULK_BLOCKS = 4096

PAN = "4012345678909"
ACCOUNT = b"401234567890"
SOURCE = Tdes(bytes.fromhex("1C1C1C1C2A2A2A2A3B3B3B3B4C4C4C4C"))
TARGET = Tdes(bytes.fromhex("9B9B9B9B8A8A8A8A7979797968686868"))
BLOCK = SOURCE.encrypt(pinblock.encode(ISO_0, b"1234", ACCOUNT, 0))
TRANSLATED = TARGET.encrypt(pinblock.encode(ISO_0, b"1234", ACCOUNT, 0))


def ours() -> bytes:
    """What the device does between a command's fields and its answer."""
    pin = pinblock.decode(ISO_0, SOURCE.decrypt(BLOCK), ACCOUNT)
    return TARGET.encrypt(pinblock.encode(ISO_0, pin, ACCOUNT, 0))


def psec() -> bytes:
    """The same by psec's functions."""
    pin = psec_pinblock.decode_pinblock_iso_0(des.decrypt_tdes_ecb(SOURCE.clear, BLOCK), PAN)
    return des.encrypt_tdes_ecb(TARGET.clear, psec_pinblock.encode_pinblock_iso_0(pin, PAN))


def bulk() -> bytes:
    """The two cipher operations of `BULK_BLOCKS` translations."""
    return TARGET.encrypt(SOURCE.decrypt(BLOCK * BULK_BLOCKS))


def command() -> Callable[[], bytes]:
    """A CC command through the whole device."""
    lmk = published_test_lmk()
    device = Device(lmk, random=bytes)
    zpks = b"".join(field_of(b"U", lmk.wrap(b"001", b"U", key.clear)) for key in (SOURCE, TARGET))
    body = b"0000CC" + zpks + b"12" + in_hex(BLOCK) + b"0101" + ACCOUNT
    return lambda: device.respond(body)


def cost_us(call: Callable[[], bytes], count: int) -> float:
    """CPU time of one call, in microseconds."""
    start = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - start) / count * US_PER_S


def rows() -> list[table.Row]:
    """The three rows, each the median of `ROUNDS` interleaved rounds."""
    respond = command()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # psec reaches TripleDES by its old path
        assert ours() == psec() == TRANSLATED
        assert respond() == b"0000CD0004" + in_hex(TRANSLATED) + b"01"
        rounds = [
            (cost_us(ours, 20000), cost_us(psec, 1000), cost_us(bulk, 5) / BULK_BLOCKS, cost_us(respond, 10000))
            for _ in range(ROUNDS)
        ]
    ours_us, psec_us, floor_us, command_us = zip(*rounds, strict=True)
    translation = table.row("PIN translation", "us", ours_us, "psec", table.median(psec_us))
    floor = table.row("PIN translation, bare OpenSSL", "us", floor_us, "PIN translation", translation["value"])
    return [translation, floor, table.row("HSM command CC in the device", "us", command_us)]


if __name__ == "__main__":
    table.show(rows)
