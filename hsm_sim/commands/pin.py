"""PIN commands: CA and CC (translation), DC and EC (verification by PVV), DG (making the PVV).

Keys are checked first: 10 source key, 11 destination key, 27 PVK. What follows is in `hsm_sim.commands.pin_blocks`.
"""

from hmac import compare_digest
from struct import Struct

from hsm_sim.commands.lmk_pins import lmk_pin
from hsm_sim.commands.pin_blocks import pin_length, pin_of, require_length, translated
from hsm_sim.crypto.pinblock import MAX_PIN, MIN_PIN
from hsm_sim.crypto.pvv import pvv
from hsm_sim.crypto.tdes import Tdes
from hsm_sim.errors import (
    KEY_LENGTH,
    NO_ERROR,
    SOURCE_KEY_PARITY,
    TARGET_KEY_PARITY,
    VERIFICATION_FAILED,
    RefusedError,
)
from hsm_sim.fields import Fields, digits, from_hex
from hsm_sim.keys import Keys

# Fields of fixed width after the keys: longest PIN, block, two formats, account; block, format, account, PVKI, PVV; and
# after the PIN: account, PVKI.
_TRANSLATION = Struct("2s16s2s2s12s")
_VERIFICATION = Struct("16s2s12s1s4s")
_GENERATION = Struct("12s1s")

_PVK_PAIR_DIGITS = 32
_PVK_PAIR_BYTES = 16


def translate_from_tpk(keys: Keys, fields: Fields) -> bytes:
    """CA: TPK ‖ ZPK ‖ then as CC."""
    return _translate(keys, fields, keys.types["TPK"])


def translate_from_zpk(keys: Keys, fields: Fields) -> bytes:
    """CC: ZPK ‖ ZPK ‖ longest PIN 2N ‖ block 16H ‖ its format 2N ‖ new format 2N ‖ account 12N.

    → PIN length 2N ‖ block 16H ‖ format 2N.
    """
    return _translate(keys, fields, keys.types["ZPK"])


def verify_under_tpk(keys: Keys, fields: Fields) -> bytes:
    """DC: TPK ‖ then as EC."""
    return _verify(keys, fields, keys.types["TPK"])


def verify_under_zpk(keys: Keys, fields: Fields) -> bytes:
    """EC: ZPK ‖ PVK pair 32H or U+32H ‖ block 16H ‖ format 2N ‖ account 12N ‖ PVKI 1N ‖ PVV 4N. → nothing."""
    return _verify(keys, fields, keys.types["ZPK"])


def generate_pvv(keys: Keys, fields: Fields) -> bytes:
    """DG: PVK pair 32H or U+32H ‖ PIN under the LMK ‖ account 12N ‖ PVKI 1N. → PVV 4N."""
    pvk_field = fields.key(bare_digits=_PVK_PAIR_DIGITS)
    pin_field = fields.before(_GENERATION)
    account, key_index = fields.unpack(_GENERATION)
    fields.finish()
    digits(key_index)
    pvk_pair = _pvk_pair(keys, pvk_field, SOURCE_KEY_PARITY)
    return NO_ERROR + pvv(pvk_pair, account, key_index, lmk_pin(keys, pin_field, account))


def _translate(keys: Keys, fields: Fields, source_type: bytes) -> bytes:
    source_field, target_field = fields.key(), fields.key()
    longest_digits, block_digits, source_code, target_code, account = fields.unpack(_TRANSLATION)
    fields.finish()
    longest, block = pin_length(longest_digits), from_hex(block_digits)
    source = keys.open(source_field, source_type, SOURCE_KEY_PARITY)
    target = keys.open(target_field, keys.types["ZPK"], TARGET_KEY_PARITY)
    return translated(keys, source.decrypt(block), target, (source_code, target_code), account, longest)


def _verify(keys: Keys, fields: Fields, key_type: bytes) -> bytes:
    field, pvk_field = fields.key(), fields.key(bare_digits=_PVK_PAIR_DIGITS)
    block_digits, code, account, key_index, expected = fields.unpack(_VERIFICATION)
    fields.finish()
    block = from_hex(block_digits)
    digits(key_index + expected)
    key = keys.open(field, key_type, SOURCE_KEY_PARITY)
    pvk_pair = _pvk_pair(keys, pvk_field, TARGET_KEY_PARITY)
    pin = pin_of(key.decrypt(block), code, account)
    require_length(pin, MIN_PIN, MAX_PIN)
    if not compare_digest(pvv(pvk_pair, account, key_index, pin), expected):
        raise RefusedError(VERIFICATION_FAILED)
    return NO_ERROR


def _pvk_pair(keys: Keys, field: bytes, on_bad_parity: bytes) -> Tdes:
    """The PVK, which must be of double length."""
    pvk_pair = keys.open(field, keys.types["PVK"], on_bad_parity)
    if len(pvk_pair.clear) != _PVK_PAIR_BYTES:
        raise RefusedError(KEY_LENGTH)
    return pvk_pair
