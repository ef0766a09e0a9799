"""PINs under the LMK: JC and JE (from a PIN block), JG (into one).

A PIN under the LMK is one digit longer than the PIN. On a device all of them have the length set at installation; here
the field takes what the fields behind it leave.
"""

from struct import Struct

from hsm_sim.commands.pin_blocks import ACCOUNT_BOUND, enciphered, pin_of, require_account, require_length
from hsm_sim.crypto import lmkpin
from hsm_sim.crypto.lmkpin import LmkPinError
from hsm_sim.crypto.pinblock import MAX_PIN, MIN_PIN
from hsm_sim.errors import LMK_PIN, NO_ERROR, PIN_BLOCK_FORMAT, SOURCE_KEY_PARITY, TARGET_KEY_PARITY, RefusedError
from hsm_sim.fields import Fields, from_hex
from hsm_sim.keys import Keys

# Fields of fixed width after the key: block, format, account; format, account.
_BLOCK = Struct("16s2s12s")
_TARGET = Struct("2s12s")
_NOTHING = Struct("")


def seal_from_tpk(keys: Keys, fields: Fields) -> bytes:
    """JC: TPK ‖ then as JE."""
    return _seal(keys, fields, keys.types["TPK"])


def seal_from_zpk(keys: Keys, fields: Fields) -> bytes:
    """JE: ZPK ‖ block 16H ‖ format 2N ‖ account 12N. → PIN under the LMK, 5N to 13N."""
    return _seal(keys, fields, keys.types["ZPK"])


def unseal_to_zpk(keys: Keys, fields: Fields) -> bytes:
    """JG: ZPK ‖ format 2N ‖ account 12N ‖ PIN under the LMK. → block 16H.

    The format must be bound to the account, as the PIN is.
    """
    field = fields.key()
    code, account = fields.unpack(_TARGET)
    pin_field = fields.before(_NOTHING)
    fields.finish()
    key = keys.open(field, keys.types["ZPK"], TARGET_KEY_PARITY)
    pin = lmk_pin(keys, pin_field, account)
    if code not in ACCOUNT_BOUND:
        raise RefusedError(PIN_BLOCK_FORMAT)
    return NO_ERROR + enciphered(keys, key, code, pin, account)


def lmk_pin(keys: Keys, field: bytes, account: bytes) -> bytes:
    """The PIN of a field; error 14 for one of another account or none at all."""
    require_account(account)
    if not (field.isdigit() and MIN_PIN < len(field) <= MAX_PIN + 1):
        raise RefusedError(LMK_PIN)
    try:
        return lmkpin.unseal(keys.pin_key, field, account)
    except LmkPinError:
        raise RefusedError(LMK_PIN) from None


def _seal(keys: Keys, fields: Fields, key_type: bytes) -> bytes:
    field = fields.key()
    block_digits, code, account = fields.unpack(_BLOCK)
    fields.finish()
    block = from_hex(block_digits)
    pin = pin_of(keys.open(field, key_type, SOURCE_KEY_PARITY).decrypt(block), code, account)
    require_length(pin, MIN_PIN, MAX_PIN)
    return NO_ERROR + lmkpin.seal(keys.pin_key, pin, account)
