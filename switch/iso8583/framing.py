"""Cutting a byte stream into frames.

On TCP a message is preceded by its length. The one form here is the commonest, `len2`: two bytes, big-endian, which do
not count themselves. A `Splitter` holds the bytes of at most one unfinished frame; whoever owns the socket asks it
for `partial` and gives up on a peer that sent a length and then nothing.
"""

from dataclasses import dataclass
from typing import Literal

from switch.iso8583.doctor import guess_stream

# The longest message of the shipped dialects in practice is below 2 KiB; a longer frame is a framing mistake, and
# refusing it early bounds what a peer can make us hold.
MAX_FRAME_BYTES = 8192


class FramingError(ValueError):
    """A stream that cannot be cut any further: `reason`, at byte `position` of the stream.

    `frames` are the whole frames that came before it in the same feed.
    """

    def __init__(self, reason: str, position: int, frames: list[bytes]) -> None:
        super().__init__(f"{reason}, position {position}")
        self.reason = reason
        self.position = position
        self.frames = frames


@dataclass(frozen=True, slots=True)
class Framing:
    """How frames are delimited.

    >>> Framing().wrap(b"0800")
    b'\\x00\\x040800'
    """

    kind: Literal["len2"] = "len2"

    def wrap(self, payload: bytes) -> bytes:
        """The payload with its length before it; raises `ValueError` when that does not fit."""
        if not 0 < len(payload) <= 0xFFFF:
            raise ValueError(f"a frame holds 1 to 65535 bytes, not {len(payload)}")
        return len(payload).to_bytes(2, "big") + payload


class Splitter:
    """Frames out of the pieces in which a stream arrives.

    >>> splitter = Splitter(Framing())
    >>> splitter.feed(b"\\x00\\x040800\\x00"), splitter.partial
    ([b'0800'], 1)
    >>> splitter.feed(b"\\x040810")
    [b'0810']
    """

    __slots__ = ("_fault", "_held", "_max_frame", "_taken", "framing")

    def __init__(self, framing: Framing, max_frame: int = MAX_FRAME_BYTES) -> None:
        self.framing = framing
        self._max_frame = max_frame
        self._held = b""
        self._taken = 0  # bytes of the stream before those held
        self._fault: FramingError | None = None

    @property
    def partial(self) -> int:
        """Bytes of an unfinished frame that wait for the rest."""
        return len(self._held)

    def hint(self) -> str | None:
        """What the unfinished frame looks like, when its rest does not come."""
        return guess_stream(self._held[:16])

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes; raises `FramingError`, and from then on always the same one."""
        if self._fault:
            raise self._fault
        if self._held:
            data = self._held + data
        frames: list[bytes] = []
        at, size = 0, len(data)
        while size - at >= 2:
            start = at + 2
            end = start + (data[at] << 8 | data[at + 1])
            if end == start or end - start > self._max_frame:
                self._held = b""
                self._fault = FramingError(self._reason(data[at : at + 16], end - start), self._taken + at, [])
                raise FramingError(self._fault.reason, self._fault.position, frames)
            if end > size:
                break
            frames.append(data[start:end])
            at = end
        self._held = data[at:]
        self._taken += at
        return frames

    def _reason(self, first: bytes, length: int) -> str:
        if length == 0:
            return "a frame of no bytes"
        reason = f"a frame of {length} bytes is above the maximum {self._max_frame}"
        hint = guess_stream(first)
        return f"{reason} ({hint})" if hint else reason
