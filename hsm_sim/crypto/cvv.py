"""The card verification value of Visa and Mastercard: CVV, CVC, and with other service codes CVV2 and iCVV.

PAN, expiry and service code stand one after the other, with zeros up to 32 digits, which make two blocks. They go
through what ISO/IEC 9797-1 calls algorithm 3, under the CVK pair; three digits of the result are the value.
"""

from hsm_sim.crypto.mac import RETAIL, ZEROS, mac
from hsm_sim.crypto.tdes import Tdes
from hsm_sim.crypto.twoscans import decimal_digits

MAX_PAN_DIGITS = 19  # ISO/IEC 7812
CVV_DIGITS = 3
CVK_PAIR_BYTES = 16

_DATA_DIGITS = 32


def cvv(cvk_pair: Tdes, pan: bytes, expiry: bytes, service_code: bytes) -> bytes:
    """The value as three ASCII digits; `expiry` is four digits in the order that the issuer has chosen.

    >>> key = Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    >>> cvv(key, b"4123456789012345", b"8701", b"101")
    b'561'
    """
    data = (pan + expiry + service_code).ljust(_DATA_DIGITS, b"0")
    return decimal_digits(mac(cvk_pair, RETAIL, ZEROS, bytes.fromhex(data.decode("ascii"))), CVV_DIGITS)
