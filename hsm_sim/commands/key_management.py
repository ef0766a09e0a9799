"""Key management: A0 (generate), A6 (import), A8 (export), BU (check value)."""

from hsm_sim.crypto import keywrap
from hsm_sim.crypto.tdes import Tdes, check_value, has_odd_parity, with_odd_parity
from hsm_sim.errors import (
    FUNCTION_NOT_PERMITTED,
    INPUT_DATA,
    KEY_LENGTH,
    KEY_LENGTH_FLAG,
    KEY_PARITY_ADVICE,
    NO_ERROR,
    SOURCE_KEY_PARITY,
    TARGET_KEY_PARITY,
    RefusedError,
)
from hsm_sim.fields import Fields
from hsm_sim.keys import (
    Keys,
    check_value_6,
    field_of,
    in_hex,
    parse,
    require_key_type,
    require_scheme,
    scheme_bytes,
    tag_of,
)

_KEY_BYTES_OF_FLAG = {b"0": 8, b"1": 16, b"2": 24}
_WRAPPING_KEY_OF_FLAG = {b"0": "ZMK", b"1": "TMK"}


def generate(keys: Keys, fields: Fields) -> bytes:
    """A0: mode 1 (0 or 1) ‖ key type 3 ‖ scheme 1 [‖ [';' flag 1] ‖ ZMK ‖ scheme 1 in mode 1].

    → key under the LMK [‖ key under the ZMK] ‖ KCV 6H. Flag 1 takes a TMK in the ZMK's place.
    """
    mode, key_type, scheme = fields.take(1), fields.take(3), fields.take(1)
    if mode not in (b"0", b"1"):
        raise RefusedError(FUNCTION_NOT_PERMITTED if mode in (b"A", b"B") else INPUT_DATA)
    wrapping = _wrapping_key(fields) if mode == b"1" else None
    fields.finish()
    require_key_type(key_type)
    clear = with_odd_parity(keys.random(scheme_bytes(scheme)))
    answer = keys.sealed(clear, key_type, scheme)
    if wrapping is not None:
        field, name, target_scheme = wrapping
        require_scheme(target_scheme, clear)
        wrapping_key = keys.open(field, keys.types[name], SOURCE_KEY_PARITY)
        answer += _under(wrapping_key, target_scheme, clear)
    return NO_ERROR + answer + check_value_6(clear)


def import_key(keys: Keys, fields: Fields) -> bytes:
    """A6: key type 3 ‖ ZMK ‖ key under the ZMK ‖ scheme 1. → key under the LMK ‖ KCV 6H.

    A key of wrong parity is imported all the same, adjusted, with the error code 01 as advice.
    """
    key_type = fields.take(3)
    zmk_field = fields.key()
    scheme_of_source, cryptogram = parse(fields.key())
    scheme = fields.take(1)
    fields.finish()
    require_key_type(key_type)
    zmk = keys.open(zmk_field, keys.types["ZMK"], SOURCE_KEY_PARITY)
    received = keywrap.unwrap(zmk.clear, scheme_of_source, cryptogram)
    clear = with_odd_parity(received)
    error = NO_ERROR if has_odd_parity(received) else KEY_PARITY_ADVICE
    return error + keys.sealed(clear, key_type, scheme) + check_value_6(clear)


def export_key(keys: Keys, fields: Fields) -> bytes:
    """A8: key type 3 ‖ [';' flag 1] ‖ ZMK ‖ key under the LMK ‖ scheme 1. → key under the ZMK ‖ KCV 6H.

    Flag 1 takes a TMK in the ZMK's place.
    """
    key_type = fields.take(3)
    wrapping_field, name = _wrapping_field(fields)
    field, scheme = fields.key(), fields.take(1)
    fields.finish()
    require_key_type(key_type)
    wrapping_key = keys.open(wrapping_field, keys.types[name], SOURCE_KEY_PARITY)
    clear = keys.open(field, key_type, TARGET_KEY_PARITY).clear
    require_scheme(scheme, clear)
    return NO_ERROR + _under(wrapping_key, scheme, clear) + check_value_6(clear)


def key_check_value(keys: Keys, fields: Fields) -> bytes:
    """BU: type code 2 ‖ length flag 1 ‖ key [‖ ';' key type 3, if the code is FF] [‖ ';00' ‖ KCV kind 1]. → KCV.

    The kind is 0 for 16 digits, which is also the default, and 1 for six.
    """
    code, flag = fields.take(2), fields.take(1)
    if flag not in _KEY_BYTES_OF_FLAG:
        raise RefusedError(KEY_LENGTH_FLAG)
    field = fields.key(bare_digits=2 * _KEY_BYTES_OF_FLAG[flag])
    key_type = b"0" + code
    if code == b"FF":
        if not fields.delimiter(b";"):
            raise RefusedError(INPUT_DATA)
        key_type = fields.take(3)
    digits = _check_value_digits(fields)
    fields.finish()
    key = keys.open(field, key_type, SOURCE_KEY_PARITY)
    if len(key.clear) != _KEY_BYTES_OF_FLAG[flag]:
        raise RefusedError(KEY_LENGTH)
    return NO_ERROR + in_hex(check_value(key))[:digits]


def _check_value_digits(fields: Fields) -> int:
    """The optional end of BU: two reserved zeros and the kind of check value."""
    if not fields.delimiter(b";"):
        return 16
    reserved, kind = fields.take(2), fields.take(1)
    if reserved != b"00" or kind not in (b"0", b"1"):
        raise RefusedError(INPUT_DATA)
    return 16 if kind == b"0" else 6


def _wrapping_key(fields: Fields) -> tuple[bytes, str, bytes]:
    """The second part of A0: the wrapping key's field, its name, and the scheme to print the new key in."""
    return *_wrapping_field(fields), fields.take(1)


def _wrapping_field(fields: Fields) -> tuple[bytes, str]:
    """The field and the name of a ZMK, or a TMK if the optional flag says so."""
    flag = fields.take(1) if fields.delimiter(b";") else b"0"
    if flag not in _WRAPPING_KEY_OF_FLAG:
        raise RefusedError(INPUT_DATA)
    return fields.key(), _WRAPPING_KEY_OF_FLAG[flag]


def _under(wrapping_key: Tdes, scheme: bytes, clear: bytes) -> bytes:
    """A key's field under a ZMK or TMK, of a scheme that fits it."""
    return field_of(scheme, keywrap.wrap(wrapping_key.clear, tag_of(scheme), clear))
