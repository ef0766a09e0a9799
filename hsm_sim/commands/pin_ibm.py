"""PINs by the IBM 3624 method: DE and BK (offset of a PIN), DA and EA (verification).

The validation data field is twelve characters, hexadecimal digits and one N, which stands for the last five digits of
the account: sixteen digits in all. The decimalisation table is in clear. A PVK of double or triple length is used as it
is, with the error code 02 as a warning, since the method was made for a single-length one; all else stands as with 00.

Keys are checked first (28 key type, 10, 11), then account, format and block (22, 23, 20, or 14 for a PIN under the
LMK), 24 (a PIN shorter than the check length or too long), 25 (table), and last 01.
"""

from hmac import compare_digest
from struct import Struct

from hsm_sim.commands.lmk_pins import lmk_pin
from hsm_sim.commands.pin_blocks import pin_length, pin_of, require_length
from hsm_sim.crypto import ibm3624
from hsm_sim.crypto.ibm3624 import VALIDATION_DIGITS
from hsm_sim.crypto.pinblock import MAX_PIN, MIN_PIN
from hsm_sim.crypto.tdes import BLOCK_BYTES, Tdes
from hsm_sim.errors import (
    DECIMALISATION_TABLE,
    INPUT_DATA,
    KEY_TYPE,
    NO_ERROR,
    PVK_LENGTH_ADVICE,
    SOURCE_KEY_PARITY,
    TARGET_KEY_PARITY,
    VERIFICATION_FAILED,
    RefusedError,
)
from hsm_sim.fields import Fields, from_hex
from hsm_sim.keys import Keys

# Fields of fixed width: block and format; longest PIN before them; check length, account, table, validation data.
_BLOCK = Struct("16s2s")
_LONGEST_AND_BLOCK = Struct("2s16s2s")
_METHOD = Struct("2s12s16s12s")

_OFFSET_DIGITS = 12
_PADDING = b"F"
_ACCOUNT_MARK = b"N"
_ACCOUNT_DIGITS = 5


class _Method:
    """The fields that all four commands end with, but for the offset."""

    def __init__(self, fields: Fields) -> None:
        check_length, self.account, self._table, self._validation_data = fields.unpack(_METHOD)
        self.check_length = pin_length(check_length)
        from_hex(self._with(b"0" * _ACCOUNT_DIGITS))

    def natural_pin(self, pvk: Tdes) -> bytes:
        """The natural PIN of the account, all digits; the account has been checked."""
        if not ibm3624.is_table(self._table):
            raise RefusedError(DECIMALISATION_TABLE)
        return ibm3624.natural_pin(pvk, self._with(self.account[-_ACCOUNT_DIGITS:]), self._table)

    def _with(self, account_digits: bytes) -> bytes:
        """The validation data with these digits of an account put in."""
        data = self._validation_data.replace(_ACCOUNT_MARK, account_digits)
        if len(data) != VALIDATION_DIGITS:
            raise RefusedError(INPUT_DATA)
        return data


def offset_of_lmk_pin(keys: Keys, fields: Fields) -> bytes:
    """DE: PVK ‖ PIN under the LMK ‖ check length 2N ‖ account 12N ‖ decimalisation table 16N ‖ validation data 12A.

    → offset 12H, as long as the PIN and then F.
    """
    pvk_field = fields.key()
    pin_field = fields.before(_METHOD)
    method = _Method(fields)
    fields.finish()
    pvk = keys.open(pvk_field, keys.types["PVK"], SOURCE_KEY_PARITY)
    return _offset(pvk, method, lmk_pin(keys, pin_field, method.account))


def offset_of_block(keys: Keys, fields: Fields) -> bytes:
    """BK: key type 3 (TPK or ZPK) ‖ key ‖ PVK ‖ block 16H ‖ format 2N ‖ check length and on as DE. → as DE."""
    key_type = fields.take(3)
    field, pvk_field = fields.key(), fields.key()
    block_digits, code = fields.unpack(_BLOCK)
    method = _Method(fields)
    fields.finish()
    block = from_hex(block_digits)
    if key_type not in (keys.types["TPK"], keys.types["ZPK"]):
        raise RefusedError(KEY_TYPE)
    key = keys.open(field, key_type, SOURCE_KEY_PARITY)
    pvk = keys.open(pvk_field, keys.types["PVK"], TARGET_KEY_PARITY)
    return _offset(pvk, method, pin_of(key.decrypt(block), code, method.account))


def verify_under_tpk(keys: Keys, fields: Fields) -> bytes:
    """DA: TPK ‖ then as EA."""
    return _verify(keys, fields, keys.types["TPK"])


def verify_under_zpk(keys: Keys, fields: Fields) -> bytes:
    """EA: ZPK ‖ PVK ‖ longest PIN 2N ‖ block 16H ‖ format 2N ‖ check length and on as DE ‖ offset 12H. → nothing."""
    return _verify(keys, fields, keys.types["ZPK"])


def _offset(pvk: Tdes, method: _Method, pin: bytes) -> bytes:
    require_length(pin, method.check_length, MAX_PIN)
    offset = ibm3624.offset(pin, method.natural_pin(pvk))
    return _outcome(pvk) + offset.ljust(_OFFSET_DIGITS, _PADDING)


def _verify(keys: Keys, fields: Fields, key_type: bytes) -> bytes:
    field, pvk_field = fields.key(), fields.key()
    longest_digits, block_digits, code = fields.unpack(_LONGEST_AND_BLOCK)
    method = _Method(fields)
    offset = _unpadded(fields.take(_OFFSET_DIGITS))
    fields.finish()
    longest, block = pin_length(longest_digits), from_hex(block_digits)
    key = keys.open(field, key_type, SOURCE_KEY_PARITY)
    pvk = keys.open(pvk_field, keys.types["PVK"], TARGET_KEY_PARITY)
    pin = pin_of(key.decrypt(block), code, method.account)
    require_length(pin, method.check_length, longest)
    if not compare_digest(ibm3624.customers_pin(offset, method.natural_pin(pvk)), pin):
        raise RefusedError(VERIFICATION_FAILED)
    return _outcome(pvk)


def _unpadded(field: bytes) -> bytes:
    """The digits of an offset field; a PIN has four at least, and so has its offset."""
    offset = field.rstrip(_PADDING)
    if len(offset) < MIN_PIN or not offset.isdigit():
        raise RefusedError(INPUT_DATA)
    return offset


def _outcome(pvk: Tdes) -> bytes:
    return NO_ERROR if len(pvk.clear) == BLOCK_BYTES else PVK_LENGTH_ADVICE
