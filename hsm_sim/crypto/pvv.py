"""The Visa PIN Verification Value: four digits that an issuer can keep instead of the PIN.

The transformed security parameter is eleven account digits, the key index and the first four PIN digits. It is
encrypted under the PVK pair; the PVV is the first four decimal digits of the result and, where those are too few,
then its letters A–F read as 0–5 (VISA Payment Technology Standards Manual; ISO 9564-1 leaves the method to schemes).
"""

from hsm_sim.crypto.tdes import Tdes
from hsm_sim.crypto.twoscans import decimal_digits

_PVV_DIGITS = 4


def pvv(pvk_pair: Tdes, account: bytes, key_index: bytes, pin: bytes) -> bytes:
    """The PVV as four ASCII digits.

    `account`: the twelve rightmost digits of the PAN without its check digit; `key_index`: the PVKI, one digit;
    `pin`: four digits or more.

    >>> key = Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    >>> pvv(key, b"233445566778", b"1", b"4524")
    b'8523'
    """
    parameter = account[-11:] + key_index + pin[:4]
    return decimal_digits(pvk_pair.encrypt(bytes.fromhex(parameter.decode("ascii"))), _PVV_DIGITS)
