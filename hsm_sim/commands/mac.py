"""Message authentication: M6 (generate) and M8 (verify).

A message comes whole, in mode 0, or in pieces: a first one (mode 1), any number of middle ones (2) and a last one (3).
The answer to a first or a middle piece is the value that the next piece is sent with. It is a block of ciphertext,
given in clear, and the device keeps nothing of it.

The fields' widths hang on the flags, so these are checked as they are read: 02 mode, 03 input format, 04 size or
algorithm, 09 padding, 05 key type. Then 15 and 80 (the fields), 06 (a length that is not whole blocks where it has
to be), 10 (key), 27 (a key of single length for algorithm 3) and, last, 01.
"""

from dataclasses import dataclass
from hmac import compare_digest
from struct import Struct

from hsm_sim.crypto.mac import BLOCK_BYTES, CBC_MAC, RETAIL, RETAIL_KEY_BYTES, ZEROS, chain, mac, padded
from hsm_sim.errors import (
    KEY_LENGTH,
    MAC_ALGORITHM,
    MAC_INPUT_FORMAT,
    MAC_KEY_TYPE,
    MAC_MESSAGE_LENGTH,
    MAC_MODE,
    MAC_PADDING,
    NO_ERROR,
    SOURCE_KEY_PARITY,
    VERIFICATION_FAILED,
    RefusedError,
)
from hsm_sim.fields import Fields, from_hex
from hsm_sim.keys import KEY_TYPES, Keys, in_hex

# Flag → is it the first piece, is it the last.
_MODES = {b"0": (True, True), b"1": (True, False), b"2": (False, False), b"3": (False, True)}
_BINARY, _HEXADECIMAL, _TEXT = b"0", b"1", b"2"
_INPUT_FORMATS = (_BINARY, _HEXADECIMAL, _TEXT)
_MAC_BYTES_OF_SIZE = {b"0": 4, b"1": 8}
_ALGORITHMS = {b"1": CBC_MAC, b"3": RETAIL}
_PADDINGS = {b"0": 0, b"1": 1, b"2": 2}
_KEY_TYPES = (KEY_TYPES["TAK"], KEY_TYPES["ZAK"])

# Fields of fixed width before the key: mode, input format, size, algorithm, padding, key type.
_FLAGS = Struct("1s1s1s1s1s3s")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A message or a piece of one, as the command gives it."""

    is_last: bool
    mac_bytes: int
    algorithm: int
    padding: int
    key_type: bytes
    key_field: bytes
    start: bytes
    message: bytes


def generate(keys: Keys, fields: Fields) -> bytes:
    """M6: mode 1N ‖ input format 1N ‖ size 1N ‖ algorithm 1N ‖ padding 1N ‖ key type 3 ‖ key [‖ IV 16H, modes 2 and 3]
    ‖ length 4H ‖ message. → MAC 8H or 16H in modes 0 and 3, IV 16H in modes 1 and 2.

    The length counts what stands in the message field, hexadecimal digits one by one. Size 0 is a MAC of 8H, 1 of 16H.
    """
    piece = _read(fields)
    fields.finish()
    value = _value(keys, piece)
    return NO_ERROR + in_hex(value[: piece.mac_bytes] if piece.is_last else value)


def verify(keys: Keys, fields: Fields) -> bytes:
    """M8: as M6 [‖ MAC 8H or 16H in modes 0 and 3]. → IV 16H in modes 1 and 2, else nothing."""
    piece = _read(fields)
    expected = from_hex(fields.take(2 * piece.mac_bytes)) if piece.is_last else b""
    fields.finish()
    value = _value(keys, piece)
    if not piece.is_last:
        return NO_ERROR + in_hex(value)
    if not compare_digest(value[: piece.mac_bytes], expected):
        raise RefusedError(VERIFICATION_FAILED)
    return NO_ERROR


def _read(fields: Fields) -> _Piece:
    mode, input_format, size, algorithm, padding, key_type = fields.unpack(_FLAGS)
    for field, allowed, error in (
        (mode, _MODES, MAC_MODE),
        (input_format, _INPUT_FORMATS, MAC_INPUT_FORMAT),
        (size, _MAC_BYTES_OF_SIZE, MAC_ALGORITHM),
        (algorithm, _ALGORITHMS, MAC_ALGORITHM),
        (padding, _PADDINGS, MAC_PADDING),
        (key_type, _KEY_TYPES, MAC_KEY_TYPE),
    ):
        if field not in allowed:
            raise RefusedError(error)
    is_first, is_last = _MODES[mode]
    key_field = fields.key()
    start = ZEROS if is_first else from_hex(fields.take(2 * BLOCK_BYTES))
    message = fields.take(int.from_bytes(from_hex(fields.take(4))))
    if input_format == _HEXADECIMAL:
        if len(message) % 2:
            raise RefusedError(MAC_MESSAGE_LENGTH)
        message = from_hex(message)
    return _Piece(
        is_last,
        _MAC_BYTES_OF_SIZE[size],
        _ALGORITHMS[algorithm],
        _PADDINGS[padding],
        key_type,
        key_field,
        start,
        message,
    )


def _value(keys: Keys, piece: _Piece) -> bytes:
    """The MAC, or what the next piece starts from."""
    blocks = padded(piece.message, piece.padding) if piece.is_last else piece.message
    if not piece.message or len(blocks) % BLOCK_BYTES:
        raise RefusedError(MAC_MESSAGE_LENGTH)
    key = keys.open(piece.key_field, piece.key_type, SOURCE_KEY_PARITY)
    if piece.algorithm == RETAIL and len(key.clear) not in RETAIL_KEY_BYTES:
        raise RefusedError(KEY_LENGTH)
    return (mac if piece.is_last else chain)(key, piece.algorithm, piece.start, blocks)
