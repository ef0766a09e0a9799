"""Reading a trace: every line is checked, and an error names line and field."""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final, TypeVar

import msgspec

from switch.traces.format import FORMAT, Gap, Header, Message

# A frame of 8 KiB as hexadecimal, and its values, of which JSON may escape every character.
MAX_LINE_BYTES: Final = 128 * 1024

# Where msgspec says what is wrong: "… - at `$.leg`"; a field that is missing is named in the reason alone.
_PLACE: Final = re.compile(r"`\$\.([^`]+)`")
_MISSING: Final = re.compile(r"required field `(\w+)`")

Line = TypeVar("Line", bound=msgspec.Struct)


class TraceError(ValueError):
    """A line that is none of the format. `field` is "" where the line as a whole is wrong."""

    def __init__(self, line: int, field: str, reason: str) -> None:
        super().__init__(f"line {line}{f', {field!r}' if field else ''}: {reason}")
        self.line = line
        self.field = field
        self.reason = reason


class _Kind(msgspec.Struct):
    """What tells a gap from a message."""

    gap: msgspec.Raw = msgspec.Raw()


class TraceReader:
    """A trace: `header`, then its lines by iteration, once. Raises TraceError.

    A trace whose writer was killed may end within a line. That line is left out, and `cut` says so afterwards.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.cut = False
        self._file = file
        self._number = 0
        first = self._next_line()
        if first is None:
            raise TraceError(1, "", f"there is nothing here; a trace begins with the header of {FORMAT}")
        self.header = self._decode(first, Header)

    def __iter__(self) -> Iterator[Message | Gap]:
        last = -1
        while (line := self._next_line()) is not None:
            item = self._item(line)
            if item.n <= last:
                raise TraceError(self._number, "n", f"{item.n} does not follow {last}: ids ascend")
            last = item.n
            yield item

    def _item(self, line: bytes) -> Message | Gap:
        if self._decode(line, _Kind).gap:
            return self._decode(line, Gap)
        message = self._decode(line, Message)
        if message.raw is not None and self.header.masked:
            raise TraceError(self._number, "raw", "a masked trace holds no bytes of messages")
        return message

    def _next_line(self) -> bytes | None:
        """The next whole line; None at the end."""
        line = self._file.readline(MAX_LINE_BYTES)
        if not line:
            return None
        self._number += 1
        if not line.endswith(b"\n"):
            if len(line) == MAX_LINE_BYTES:
                raise TraceError(self._number, "", f"a line is no longer than {MAX_LINE_BYTES} bytes")
            self.cut = True
            return None
        return line

    def _decode(self, line: bytes, kind: type[Line]) -> Line:
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at ")
            field = _PLACE.search(place) or _MISSING.search(reason)
            raise TraceError(self._number, field[1] if field else "", reason) from None
        except msgspec.DecodeError as error:
            raise TraceError(self._number, "", f"not JSON: {error}") from None
