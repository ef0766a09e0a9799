"""Diagnostics: NC and NO (state of the device), B2 (echo)."""

from hsm_sim.errors import INPUT_DATA, NO_ERROR, RefusedError
from hsm_sim.fields import Fields, from_hex
from hsm_sim.keys import Keys, in_hex

FIRMWARE = b"1500-0023"  # nine characters, a device's form; no real firmware is meant
LMK_CHECK_DIGITS = 16

# What NO tells of the host interface: a 32 KB buffer (code 3), TCP (1), the 64 sockets that `hsm_sim.server` serves.
BUFFER_CODE = b"3"
PROTOCOL_CODE = b"1"
SOCKETS = b"64"
RESERVED = b"0" + b"0000"


def diagnostics(keys: Keys, fields: Fields) -> bytes:
    """NC. → LMK check 16H (six digits that count, ten zeros) ‖ firmware 9A."""
    fields.finish()
    return NO_ERROR + in_hex(keys.lmk.check_value()).ljust(LMK_CHECK_DIGITS, b"0") + FIRMWARE


def status(keys: Keys, fields: Fields) -> bytes:
    """NO: mode 2N. → buffer 1 ‖ protocol 1 ‖ sockets 2N ‖ firmware 9A ‖ reserved 5 in mode 00, PCI 1 (0 or 1) in 01."""
    mode = fields.take(2)
    fields.finish()
    if mode == b"00":
        return NO_ERROR + BUFFER_CODE + PROTOCOL_CODE + SOCKETS + FIRMWARE + RESERVED
    if mode == b"01":
        return NO_ERROR + (b"1" if keys.is_pci else b"0")
    raise RefusedError(INPUT_DATA)


def echo(_keys: Keys, fields: Fields) -> bytes:
    """B2: length 4H ‖ data. → the data. Any byte may stand in it."""
    length = int.from_bytes(from_hex(fields.take(4)))
    if length > fields.remaining:
        raise RefusedError(INPUT_DATA)
    data = fields.take(length)
    fields.finish()
    return NO_ERROR + data
