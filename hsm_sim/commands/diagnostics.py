"""Diagnostics: NC (state of the device) and B2 (echo)."""

from hsm_sim.errors import INPUT_DATA, NO_ERROR, RefusedError
from hsm_sim.fields import Fields, from_hex
from hsm_sim.keys import Keys, in_hex

FIRMWARE = b"1500-0023"  # nine characters, a device's form; no real firmware is meant
LMK_CHECK_DIGITS = 16


def diagnostics(keys: Keys, fields: Fields) -> bytes:
    """NC. → LMK check 16H (six digits that count, ten zeros) ‖ firmware 9A."""
    fields.finish()
    return NO_ERROR + in_hex(keys.lmk.check_value()).ljust(LMK_CHECK_DIGITS, b"0") + FIRMWARE


def echo(_keys: Keys, fields: Fields) -> bytes:
    """B2: length 4H ‖ data. → the data. Any byte may stand in it."""
    length = int.from_bytes(from_hex(fields.take(4)))
    if length > fields.remaining:
        raise RefusedError(INPUT_DATA)
    data = fields.take(length)
    fields.finish()
    return NO_ERROR + data
