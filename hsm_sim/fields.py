"""A cursor over one command, and what may follow its data: an LMK identifier and a message trailer.

    header ‖ command code ‖ data [‖ '%' LMK identifier 2N] [‖ X'19' trailer, 32 bytes at most]

In a command of text the first X'19' ends the data. A command that counts its binary data may hold any byte, so
it is never searched: what stands after the counted data is looked at once the cursor is there.
"""

from binascii import Error as NotHexadecimalError
from binascii import unhexlify
from struct import Struct

from hsm_sim.crypto.keywrap import SCHEME_BYTES
from hsm_sim.errors import (
    DATA_LENGTH,
    INPUT_DATA,
    KEY_SCHEME,
    LMK_IDENTIFIER,
    USER_STORAGE_EMPTY,
    RefusedError,
)

END_OF_MESSAGE = b"\x19"
TRAILER_BYTES = 32
LMK_MARK = b"%"
THE_ONE_LMK = b"00"
SINGLE_LENGTH_DIGITS = 16

_TAGGED_DIGITS = {tag: 2 * count for tag, count in SCHEME_BYTES.items()}
_HEXADECIMAL = frozenset(b"0123456789ABCDEFabcdef")
_USER_STORAGE = b"K"


class Fields:
    """Reads the fields of a command in order; whatever is short or malformed raises RefusedError.

    `trailer` is what the response must echo, X'19' included; of a counted command it is known after `finish`.

    >>> fields = Fields(b"HEADBUFF0...%00\\x19seen", 6, counted=False)
    >>> fields.take(2), fields.trailer
    (b'FF', b'\\x19seen')
    """

    __slots__ = ("_body", "_counted", "_end", "_lmk", "_position", "trailer")

    def __init__(self, body: bytes, start: int, counted: bool) -> None:
        """`body`: header, code and all; `start`: where the data begins."""
        self._body = body
        self._position = start
        self._counted = counted
        self._end = len(body)
        self._lmk = b""
        self.trailer = b""
        if not counted:
            self._cut_suffix(body.find(END_OF_MESSAGE, start))

    def take(self, length: int) -> bytes:
        """The next `length` bytes as they are."""
        start = self._position
        end = self._position = start + length
        if end > self._end:
            raise RefusedError(INPUT_DATA)
        return self._body[start:end]

    def unpack(self, layout: Struct) -> tuple[bytes, ...]:
        """The next fields of fixed width, all at once; `layout` holds one `Ns` for each field of N bytes."""
        start = self._position
        end = self._position = start + layout.size
        if end > self._end:
            raise RefusedError(INPUT_DATA)
        return layout.unpack_from(self._body, start)

    def key(self, bare_digits: int = SINGLE_LENGTH_DIGITS) -> bytes:
        """The next key as it stands, tag included; `bare_digits`: how long a key without a tag is here."""
        tag = self._body[self._position : self._position + 1]
        tagged_digits = _TAGGED_DIGITS.get(tag)
        if tagged_digits is not None:
            return self.take(1 + tagged_digits)
        if self._position >= self._end or tag[0] in _HEXADECIMAL:
            return self.take(bare_digits)
        raise RefusedError(USER_STORAGE_EMPTY if tag == _USER_STORAGE else KEY_SCHEME)

    def delimiter(self, mark: bytes) -> bool:
        """Whether the next byte is the `mark` of an optional part, which is then passed over."""
        found = self.remaining > 0 and self._body[self._position : self._position + 1] == mark
        self._position += found
        return found

    def before(self, layout: Struct) -> bytes:
        """What stands before the fields that end the command, whose widths `layout` knows."""
        return self.take(max(self.remaining - layout.size, 0))

    def until(self, mark: bytes, longest: int) -> bytes:
        """What stands before the next `mark`, `longest` bytes at most; the mark is passed over."""
        start = self._position
        end = self._body.find(mark, start, min(self._end, start + longest + len(mark)))
        if end < 0:
            raise RefusedError(INPUT_DATA)
        self._position = end + len(mark)
        return self._body[start:end]

    @property
    def remaining(self) -> int:
        """How many bytes of data are left."""
        return self._end - self._position

    def finish(self) -> None:
        """The data must end here; what follows it must be an LMK identifier, the only one there is, or a trailer."""
        if self._counted:
            after = self._body[self._position : self._position + 1 + len(LMK_MARK + THE_ONE_LMK)]
            mark = after.find(END_OF_MESSAGE)
            self._cut_suffix(self._position + mark if mark in (0, 3) else -1)
        if self._position != self._end:
            raise RefusedError(DATA_LENGTH)
        if self._lmk and not self._lmk.isdigit():
            raise RefusedError(INPUT_DATA)
        if self._lmk and self._lmk != THE_ONE_LMK:
            raise RefusedError(LMK_IDENTIFIER)
        if len(self.trailer) > len(END_OF_MESSAGE) + TRAILER_BYTES:
            raise RefusedError(INPUT_DATA)

    def _cut_suffix(self, end_of_message: int) -> None:
        """Take trailer (from `end_of_message`, -1 for none) and LMK identifier off the end of the data."""
        if end_of_message >= 0:
            self.trailer = self._body[end_of_message:]
            self._end = end_of_message
        mark = self._end - 3
        if mark >= self._position and self._body[mark : mark + 1] == LMK_MARK:
            self._lmk = self._body[mark + 1 : self._end]
            self._end = mark


def digits(field: bytes) -> bytes:
    """The field, which must be decimal digits."""
    if not field.isdigit():
        raise RefusedError(INPUT_DATA)
    return field


def from_hex(field: bytes) -> bytes:
    """What the field's hexadecimal digits stand for, half as many bytes; lower case is let pass."""
    try:
        return unhexlify(field)
    except NotHexadecimalError:
        raise RefusedError(INPUT_DATA) from None
