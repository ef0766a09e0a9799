"""What a codec says when a message cannot be read or written.

No error text ever holds a value of the message: only the field, the position and what was expected there.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.iso8583.codec import View

NO_SUCH_FIELD = "no such field in this layout"
NOT_A_BITMAP = "expected 16 hexadecimal digits"
TOO_LONG = "the message is longer than 65535 bytes"

SECTIONS = {"h": "header", "t": "MTI", "p": "bitmap", "1": "secondary bitmap"}


def field_name(key: str) -> str:
    """The name of a field for people.

    >>> field_name("t"), field_name("22")
    ('MTI', 'DE 22')
    """
    return SECTIONS.get(key) or f"DE {key}"


def excess(count: int) -> str:
    """What is wrong when `count` bytes stand after the last field."""
    return f"{count} bytes too many after the last field"


class FormatError(ValueError):
    """A frame that its layout cannot read.

    `field` is the key of the first bad part ("h", "t", "p", "1" or a field number), `position` its offset in the frame,
    and `reason` what was expected there. `partial` is a view of what can be trusted; its `mti` is "" when even that
    could not be read:

    - Only values are wrong and the frame ends where its lengths say: every field but the bad ones. The view is
      `complete`.
    - A length is wrong, or the frame ends too early or too late: the fields before `field`. Those behind it may have
      slipped against the bytes.
    """

    def __init__(self, field: str, position: int, reason: str, partial: "View") -> None:
        super().__init__(f"undecodable at {field_name(field)}: {reason}, position {position}")
        self.field = field
        self.position = position
        self.reason = reason
        self.partial = partial


class EncodeError(ValueError):
    """A value that its layout cannot write: `field` is its key, `reason` what was expected."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"cannot encode {field_name(field)}: {reason}")
        self.field = field
        self.reason = reason

    def __reduce__(self) -> tuple[type["EncodeError"], tuple[str, str]]:
        return type(self), (self.field, self.reason)


class Unreadable(Exception):  # noqa: N818 - never leaves the codec, which turns it into a FormatError
    """One field cannot be read at `position` for `reason`.

    `end` is where the next field starts; 0 when the length of this one is unknown, or reaches beyond the frame.
    """

    def __init__(self, position: int, reason: str, end: int = 0) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason
        self.end = end
