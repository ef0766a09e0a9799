"""PIN blocks of 64 bits (ISO 9564-1): a PIN of 4 to 12 digits made into what TDES can encrypt.

    format   C L  P P P P  then           XOR
    ISO-0    0 L  PIN      F to the end   0000 + twelve account digits
    ISO-1    1 L  PIN      random 0–F     nothing
    ISO-3    3 L  PIN      random A–F     0000 + twelve account digits

C is the control nibble, by which the formats are named here, and L the PIN's length. The account digits are the
twelve rightmost of the PAN without its check digit; they tie the block to its card.

    encode(control, pin, account, fill) -> the clear block of 8 bytes
        `pin` and `account` are ASCII digits; `fill`, an integer of 64 random bits, is spent on the random
        nibbles and not looked at by ISO-0. A PIN or an account of a wrong form is a ValueError.
    decode(control, block, account) -> the PIN's digits, 0 to 14 of them
        A block of another structure raises PinBlockError. Whether the length is one of ISO 9564
        (`MIN_PIN` to `MAX_PIN`) is left to the caller, since an HSM reports it as an error of its own.

>>> encode(ISO_0, b"1234", b"401234567890", 0).hex().upper()
'041274EDCBA9876F'
>>> decode(ISO_0, bytes.fromhex("041274EDCBA9876F"), b"401234567890")
b'1234'
>>> encode(ISO_3, b"1234", b"401234567890", 0).hex().upper()
'341274B89EFCD23A'
>>> decode(ISO_1, encode(ISO_1, b"12345", b"000000000000", 0x123456789), b"000000000000")
b'12345'
"""

from hsm_sim.crypto._pinblock_rules import ACCOUNT_DIGITS, BLOCK_BYTES, MAX_PIN, MIN_PIN, PinBlockError
from hsm_sim.native import NATIVE

if NATIVE:
    from hsm_sim.crypto._pinblock_c import decode, encode

    IMPLEMENTATION = "native"
else:
    from hsm_sim.crypto._pinblock_py import decode, encode

    IMPLEMENTATION = "twin"

ISO_0 = 0
ISO_1 = 1
ISO_3 = 3

__all__ = [
    "ACCOUNT_DIGITS",
    "BLOCK_BYTES",
    "IMPLEMENTATION",
    "ISO_0",
    "ISO_1",
    "ISO_3",
    "MAX_PIN",
    "MIN_PIN",
    "PinBlockError",
    "decode",
    "encode",
]
