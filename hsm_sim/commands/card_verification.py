"""Card verification values: CW (generate) and CY (verify), of CVV, CVV2 and iCVV alike.

CVV2 is made with service code 000, iCVV with 999; whether the expiry is YYMM or MMYY is the issuer's choice, too.
"""

from hmac import compare_digest
from struct import Struct

from hsm_sim.crypto.cvv import CVK_PAIR_BYTES, CVV_DIGITS, MAX_PAN_DIGITS, cvv
from hsm_sim.errors import INPUT_DATA, KEY_LENGTH, NO_ERROR, SOURCE_KEY_PARITY, VERIFICATION_FAILED, RefusedError
from hsm_sim.fields import Fields, digits
from hsm_sim.keys import Keys

_CVK_PAIR_DIGITS = 32

# Fields of fixed width after the PAN's delimiter: expiry, service code.
_CARD = Struct("4s3s")


def generate(keys: Keys, fields: Fields) -> bytes:
    """CW: CVK pair 32H or U+32H ‖ PAN, 19N at most ‖ ';' ‖ expiry 4N ‖ service code 3N. → CVV 3N."""
    field = fields.key(bare_digits=_CVK_PAIR_DIGITS)
    return NO_ERROR + _cvv(keys, field, fields)


def verify(keys: Keys, fields: Fields) -> bytes:
    """CY: CVK pair ‖ CVV 3N ‖ then as CW. → nothing."""
    field = fields.key(bare_digits=_CVK_PAIR_DIGITS)
    expected = digits(fields.take(CVV_DIGITS))
    if not compare_digest(_cvv(keys, field, fields), expected):
        raise RefusedError(VERIFICATION_FAILED)
    return NO_ERROR


def _cvv(keys: Keys, field: bytes, fields: Fields) -> bytes:
    """The value for the card that the rest of the command describes."""
    pan = fields.until(b";", MAX_PAN_DIGITS)
    expiry, service_code = fields.unpack(_CARD)
    fields.finish()
    if not pan:
        raise RefusedError(INPUT_DATA)
    digits(pan + expiry + service_code)
    cvk_pair = keys.open(field, keys.types["CVK"], SOURCE_KEY_PARITY)
    if len(cvk_pair.clear) != CVK_PAIR_BYTES:
        raise RefusedError(KEY_LENGTH)
    return cvv(cvk_pair, pan, expiry, service_code)
