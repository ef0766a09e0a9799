"""Message authentication codes of ISO/IEC 9797-1, with DES and triple DES as the block cipher.

    algorithm 1   all blocks in CBC mode under the whole key; the last block is the MAC
                  (ANSI X9.9 with a single-length key)
    algorithm 3   all blocks in CBC mode under the key's first part alone; the last one is then
                  decrypted under the second part and encrypted under the third, which for a
                  double-length key is the first again (ANSI X9.19, the "retail MAC")

    padding 0     none: the message is whole blocks
    padding 1     zeros up to a whole block, none if it is one already
    padding 2     X'80', then zeros up to a whole block

A long message is authenticated in pieces: `chain` gives the block that goes on to the next piece, and `mac` finishes.

>>> key = Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
>>> mac(key, RETAIL, ZEROS, padded(b"Now is the time for all ", 1)).hex().upper()
'A1C72E74EA3FA9B6'
>>> mac(key, RETAIL, chain(key, RETAIL, ZEROS, b"Now is t"), b"he time for all ").hex().upper()
'A1C72E74EA3FA9B6'
"""

from hsm_sim.crypto.tdes import BLOCK_BYTES, ZEROS, Tdes, last_block, parts

CBC_MAC = 1
RETAIL = 3
# Algorithm 3 is made of two keys; one alone would be algorithm 1 under another name.
RETAIL_KEY_BYTES = (16, 24)

_MARK = b"\x80"

__all__ = ["BLOCK_BYTES", "CBC_MAC", "RETAIL", "RETAIL_KEY_BYTES", "ZEROS", "chain", "mac", "padded"]


def padded(message: bytes, method: int) -> bytes:
    """The message with its padding; method 0 leaves it as it is.

    >>> padded(b"abc", 1), padded(b"8 bytes!", 1), padded(b"abc", 2)
    (b'abc\\x00\\x00\\x00\\x00\\x00', b'8 bytes!', b'abc\\x80\\x00\\x00\\x00\\x00')
    """
    if method == 0:
        return message
    marked = message + _MARK if method == 2 else message
    return marked + bytes(-len(marked) % BLOCK_BYTES)


def chain(key: Tdes, algorithm: int, start: bytes, blocks: bytes) -> bytes:
    """The 8 bytes that the next piece starts from; `start`: those of the piece before, zeros for the first."""
    return last_block(parts(key)[0] if algorithm == RETAIL else key, start, blocks)


def mac(key: Tdes, algorithm: int, start: bytes, blocks: bytes) -> bytes:
    """The whole MAC, 8 bytes, of which applications keep the first four or all; `blocks`: padded, the last piece."""
    if algorithm == CBC_MAC:
        return last_block(key, start, blocks)
    first, second, *third = parts(key)
    return (third[0] if third else first).encrypt(second.decrypt(last_block(first, start, blocks)))
