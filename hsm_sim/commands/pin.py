"""PIN commands: CA and CC (translation), DC and EC (verification by PVV).

Checks go in the order of their error codes, keys first: 10 source key, 11 destination key, 20 PIN block, 23 format or
forbidden conversion, 24 PIN length. The exceptions are an account that is not twelve digits (22) and a source format
that does not exist (23), without which a block cannot be read at all: they come before 20.
"""

from hmac import compare_digest
from struct import Struct

from hsm_sim.crypto import pinblock
from hsm_sim.crypto.pinblock import MAX_PIN, MIN_PIN, PinBlockError
from hsm_sim.crypto.pvv import pvv
from hsm_sim.crypto.tdes import Tdes
from hsm_sim.errors import (
    ACCOUNT,
    INPUT_DATA,
    KEY_LENGTH,
    NO_ERROR,
    PIN_BLOCK,
    PIN_BLOCK_FORMAT,
    PIN_LENGTH,
    SOURCE_KEY_PARITY,
    TARGET_KEY_PARITY,
    VERIFICATION_FAILED,
    RefusedError,
)
from hsm_sim.fields import Fields, digits, from_hex
from hsm_sim.keys import Keys, in_hex

# The host's format codes, and the control nibbles they stand for (ISO 9564-1).
_ISO_0, _ISO_1, _ISO_3 = b"01", b"05", b"47"
_CONTROLS = {_ISO_0: pinblock.ISO_0, _ISO_1: pinblock.ISO_1, _ISO_3: pinblock.ISO_3}

# PCI PIN Security, requirement 3-3: a PIN may not lose the account it is bound to.
_ALLOWED_CONVERSIONS = frozenset(
    {
        (_ISO_0, _ISO_0),
        (_ISO_0, _ISO_3),
        (_ISO_3, _ISO_0),
        (_ISO_3, _ISO_3),
        (_ISO_1, _ISO_0),
        (_ISO_1, _ISO_1),
        (_ISO_1, _ISO_3),
    }
)

# Fields of fixed width after the keys: longest PIN, block, two formats, account; block, format, account, PVKI, PVV.
_TRANSLATION = Struct("2s16s2s2s12s")
_VERIFICATION = Struct("16s2s12s1s4s")

_PVK_PAIR_DIGITS = 32
_PVK_PAIR_BYTES = 16
_FILL_BYTES = 8


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


def _translate(keys: Keys, fields: Fields, source_type: bytes) -> bytes:
    source_field, target_field = fields.key(), fields.key()
    longest, block_digits, source_code, target_code, account = fields.unpack(_TRANSLATION)
    fields.finish()
    longest_pin, block = int(digits(longest)), from_hex(block_digits)
    if not MIN_PIN <= longest_pin <= MAX_PIN:
        raise RefusedError(INPUT_DATA)
    source = keys.open(source_field, source_type, SOURCE_KEY_PARITY)
    target = keys.open(target_field, keys.types["ZPK"], TARGET_KEY_PARITY)
    pin = _decipher(source, block, source_code, account)
    if (source_code, target_code) not in _ALLOWED_CONVERSIONS:
        raise RefusedError(PIN_BLOCK_FORMAT)
    if not MIN_PIN <= len(pin) <= longest_pin:
        raise RefusedError(PIN_LENGTH)
    fill = 0 if target_code == _ISO_0 else int.from_bytes(keys.random(_FILL_BYTES))
    translated = target.encrypt(pinblock.encode(_CONTROLS[target_code], pin, account, fill))
    return b"%b%02d%b%b" % (NO_ERROR, len(pin), in_hex(translated), target_code)


def _verify(keys: Keys, fields: Fields, key_type: bytes) -> bytes:
    field, pvk_field = fields.key(), fields.key(bare_digits=_PVK_PAIR_DIGITS)
    block_digits, code, account, key_index, expected = fields.unpack(_VERIFICATION)
    fields.finish()
    block = from_hex(block_digits)
    digits(key_index + expected)
    key = keys.open(field, key_type, SOURCE_KEY_PARITY)
    pvk_pair = keys.open(pvk_field, keys.types["PVK"], TARGET_KEY_PARITY)
    if len(pvk_pair.clear) != _PVK_PAIR_BYTES:
        raise RefusedError(KEY_LENGTH)
    pin = _decipher(key, block, code, account)
    if not MIN_PIN <= len(pin) <= MAX_PIN:
        raise RefusedError(PIN_LENGTH)
    if not compare_digest(pvv(pvk_pair, account, key_index, pin), expected):
        raise RefusedError(VERIFICATION_FAILED)
    return NO_ERROR


def _decipher(key: Tdes, block: bytes, code: bytes, account: bytes) -> bytes:
    """The PIN's digits, their number not checked yet."""
    if not account.isdigit():
        raise RefusedError(ACCOUNT)
    control = _CONTROLS.get(code)
    if control is None:
        raise RefusedError(PIN_BLOCK_FORMAT)
    try:
        return pinblock.decode(control, key.decrypt(block), account)
    except PinBlockError:
        raise RefusedError(PIN_BLOCK) from None
