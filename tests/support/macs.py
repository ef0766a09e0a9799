"""ISO/IEC 9797-1 by hand, and a stranger that uses it: every message it sends ends in a MAC, and so must every answer.

Single DES is triple DES with one key three times; that is all that is borrowed.
"""

from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from tests.support.foreign import Doc, Foreign


def mac(key: bytes, algorithm: str, message: bytes) -> bytes:
    """Algorithm 1 (CBC) or 3 (retail), padding method 1.

    >>> message = b"Now is the time for all "
    >>> mac(bytes.fromhex("0123456789ABCDEF"), "1", message).hex().upper()
    '70A30640CC76DD8B'
    >>> mac(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), "3", message).hex().upper()
    'A1C72E74EA3FA9B6'
    """
    whole, left, right = key, key[:8], key[8:16]
    block = bytes(8)
    message += bytes(-len(message) % 8)
    for at in range(0, len(message), 8):
        mixed = bytes(a ^ b for a, b in zip(block, message[at : at + 8], strict=True))
        block = _encrypt(left if algorithm == "3" else whole, mixed)
    return _encrypt(left, _decrypt(right, block)) if algorithm == "3" else block


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(TripleDES((key * 3)[:24]), modes.ECB())


def _encrypt(key: bytes, block: bytes) -> bytes:
    return _cipher(key).encryptor().update(block)


def _decrypt(key: bytes, block: bytes) -> bytes:
    return _cipher(key).decryptor().update(block)


@dataclass
class Sealed(Foreign):
    """A client or an issuer with a TAK. `as_original`: the MAC of a repeat is made over the original's MTI (R1)."""

    tak: str = ""
    algorithm: str = "3"
    as_original: bool = False

    def encode(self, doc: Doc) -> bytes:
        field = self.field(doc)
        blank = super().encode(doc | {field: "0" * 16})
        value = self.mac(blank[: -self.size]).hex().upper()
        return super().encode(doc | {field: value})

    def decode(self, frame: bytes) -> Doc:
        """The fields without their MAC, which must be there and right."""
        doc = super().decode(frame)
        field = self.field(doc)
        assert set(doc) & {"64", "128"} == {field}
        assert doc.pop(field) == self.mac(frame[: -self.size]).hex().upper()
        return doc

    def mac(self, message: bytes) -> bytes:
        if self.as_original and self.spec["t"]["data_enc"] == "b":
            message = message[:1] + bytes([message[1] & 0xF0]) + message[2:]
        elif self.as_original:
            message = message[:3] + b"%d" % (int(message[3:4]) & ~1) + message[4:]
        return mac(bytes.fromhex(self.tak), self.algorithm, message)

    @staticmethod
    def field(doc: Doc) -> str:
        return "128" if any(key.isdecimal() and int(key) > 64 for key in doc) else "64"

    @property
    def size(self) -> int:
        return int(self.spec["64"]["max_len"])
