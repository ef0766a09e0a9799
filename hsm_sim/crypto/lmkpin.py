"""PINs at rest: decimal digits under the LMK, as many as the PIN has and one more.

Devices have an algorithm of their own for this, which is not published; host systems see digits that they store and
give back. Here a zero is put before the PIN and all of it is permuted by a Feistel network over decimal digits, in the
manner of FF1 (NIST SP 800-38G), with triple DES under LMK pair 02-03 and the account as its tweak:

    left, right       the first half of the digits, and the others (the longer half if there is a middle one)
    each of 10 rounds left, right = right, left + F(round, right)      modulo ten to the number of its digits
    F(round, right)   the block (round ‖ right) XORed with E(account ‖ length), encrypted

The zero is all the redundancy there is: nine in ten wrong accounts, keys or typing errors are noticed.

>>> key = Tdes(bytes.fromhex("20202020202020203131313131313131"))
>>> sealed = seal(key, b"1234", b"401234567890")
>>> len(sealed), unseal(key, sealed, b"401234567890")
(5, b'1234')
"""

from hsm_sim.crypto.tdes import BLOCK_BYTES, Tdes

_MARK = b"0"
_ROUNDS = 10


class LmkPinError(ValueError):
    """Digits that are no PIN under this LMK for this account."""


def seal(key: Tdes, pin: bytes, account: bytes) -> bytes:
    """The PIN as it rests; `account`: twelve digits."""
    digits = _MARK + pin
    left_width, right_width = _widths(digits)
    left, right = int(digits[:left_width]), int(digits[left_width:])
    tweak = _tweak(key, account, len(digits))
    for number in range(_ROUNDS):
        left, right = right, (left + _scrambled(key, tweak, number, right)) % 10**left_width
        left_width, right_width = right_width, left_width
    return b"%0*d%0*d" % (left_width, left, right_width, right)


def unseal(key: Tdes, sealed: bytes, account: bytes) -> bytes:
    """The inverse of `seal`; LmkPinError unless the zero comes out."""
    left_width, right_width = _widths(sealed)
    left, right = int(sealed[:left_width]), int(sealed[left_width:])
    tweak = _tweak(key, account, len(sealed))
    for number in reversed(range(_ROUNDS)):
        left_width, right_width = right_width, left_width
        left, right = (right - _scrambled(key, tweak, number, left)) % 10**left_width, left
    digits = b"%0*d%0*d" % (left_width, left, right_width, right)
    if not digits.startswith(_MARK):
        raise LmkPinError("not a PIN under this LMK for this account")
    return digits[len(_MARK) :]


def _widths(digits: bytes) -> tuple[int, int]:
    """How many digits each half has, before the first round and after the last: their number is even."""
    left = len(digits) // 2
    return left, len(digits) - left


def _tweak(key: Tdes, account: bytes, length: int) -> int:
    block = bytes.fromhex(account.decode("ascii")) + length.to_bytes(2)
    return int.from_bytes(key.encrypt(block))


def _scrambled(key: Tdes, tweak: int, number: int, half: int) -> int:
    block = tweak ^ (number << 8 * (BLOCK_BYTES - 1) | half)
    return int.from_bytes(key.encrypt(block.to_bytes(BLOCK_BYTES)))
