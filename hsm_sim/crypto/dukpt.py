"""Derived unique key per transaction (ANSI X9.24-1): what a terminal encrypts its PINs under, from base key and KSN.

    KSN     80 bits: who the terminal is (59), and its transaction counter (21), the rightmost
    IK      the initial key, in the terminal from the start: the KSN with its counter cleared, its first eight bytes
            encrypted under the BDK for the left half, under a variant of the BDK for the right one
    key     from the IK on, one step that cannot be undone for each one bit of the counter, from the highest to the
            lowest, each with the rightmost eight bytes of the KSN, in which the counter has the bits so far
    PIN     encrypted under the key with the last byte of each half inverted

That is triple DES, of 2004 and later. In the form of 1998 a key is the left half alone, and a PIN block is XORed with
the key before and after encryption. Terminals skip counters with more than ten one bits; none is refused here.

>>> bdk = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
>>> ksn = bytes.fromhex("FFFF9876543210E00001")
>>> initial_key(bdk, ksn).hex().upper()
'6AC292FAA1315B4D858AB3A3D7D5933A'
>>> deciphered(bdk, ksn, bytes.fromhex("1B9C1845EB993A7A")).hex().upper()
'041274EDCBA9876F'
>>> deciphered_1998(bdk, bytes.fromhex("FFFF9876543210E00002"), bytes.fromhex("B76997F83C1479DB")).hex().upper()
'041274EDCBA9876F'
"""

from collections.abc import Callable

from hsm_sim.crypto.tdes import BLOCK_BYTES, Tdes

KSN_BYTES = 10
BDK_BYTES = 16

_COUNTER_BITS = 21
_COUNTER = (1 << _COUNTER_BITS) - 1
_BLOCK = (1 << 8 * BLOCK_BYTES) - 1
_LEFT_VARIANT = bytes.fromhex("C0C0C0C000000000C0C0C0C000000000")
_PIN_VARIANT = bytes.fromhex("00000000000000FF00000000000000FF")


def deciphered(bdk: bytes, ksn: bytes, block: bytes) -> bytes:
    """A terminal's PIN block, in clear; `ksn`: ten bytes, the counter of the transaction included."""
    key = _walked(initial_key(bdk, ksn), ksn, _step)
    return Tdes(_xored(key, _PIN_VARIANT)).decrypt(block)


def deciphered_1998(bdk: bytes, ksn: bytes, block: bytes) -> bytes:
    """As `deciphered`, from a terminal with keys of single length."""
    key = _walked(initial_key(bdk, ksn)[:BLOCK_BYTES], ksn, _step_1998)
    pin_key = _xored(key, _PIN_VARIANT[:BLOCK_BYTES])
    return _xored(Tdes(pin_key).decrypt(_xored(block, pin_key)), pin_key)


def initial_key(bdk: bytes, ksn: bytes) -> bytes:
    """The key that was loaded into the terminal; the KSN's counter plays no part."""
    without_counter = (int.from_bytes(ksn) & ~_COUNTER).to_bytes(KSN_BYTES)[:BLOCK_BYTES]
    return Tdes(bdk).encrypt(without_counter) + Tdes(_xored(bdk, _LEFT_VARIANT)).encrypt(without_counter)


def _walked(key: bytes, ksn: bytes, step: Callable[[bytes, bytes], bytes]) -> bytes:
    """The key of one transaction."""
    serial = int.from_bytes(ksn) & _BLOCK
    counter = serial & _COUNTER
    register = serial ^ counter
    for place in reversed(range(_COUNTER_BITS)):
        bit = counter & 1 << place
        if bit:
            register |= bit
            key = step(key, register.to_bytes(BLOCK_BYTES))
    return key


def _step(key: bytes, register: bytes) -> bytes:
    """With a variant of the key for the new left half, with the key itself for the right."""
    variant = _xored(key, _LEFT_VARIANT)
    return b"".join(_half(each[:BLOCK_BYTES], each[BLOCK_BYTES:], register) for each in (variant, key))


def _step_1998(key: bytes, register: bytes) -> bytes:
    return _half(key, key, register)


def _half(key: bytes, mask: bytes, register: bytes) -> bytes:
    return _xored(Tdes(key).encrypt(_xored(register, mask)), mask)


def _xored(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))
