"""Cutting a byte stream into frames.

On TCP a message is preceded by its length, and sometimes by a header too:

    length | header | message          the length counts header and message, and itself where it is `inclusive`

A framing is data. Its `kind` is a row of `LENGTHS`; its header, as a configuration writes it, is one of

    ""                nothing
    "tpdu"            five bytes: 60, destination address, originator address (two bytes each). An answer goes back with
                      the addresses of its request swapped; `switch.iso8583.tpdu` remembers them
    "tpdu:6000030000" the same; what is given stands before messages that we start ourselves
    "49534F30"        these bytes stand before all that we send; a peer's are as many, and are passed over

A frame of no bytes, or of nothing but its header, is a keep-alive and passed over. An inclusive length counts itself
there too; a plain zero is understood all the same, for it can mean nothing else.

A `Splitter` holds the bytes of at most one unfinished frame; whoever owns the socket asks it for `partial` and gives up
on a peer that sent a length and then nothing. When a stream cannot be cut any further, the frames before that place are
returned all the same and `fault` says what is wrong: whoever owns the socket serves the frames and then closes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self, TypeAlias

from switch.iso8583.doctor import TPDU_BYTES, guess_stream, leading_mti
from switch.iso8583.frames import cut
from switch.iso8583.frames import join as join_frames

# The longest message of the shipped dialects in practice is below 2 KiB; a longer frame is a framing mistake, and
# refusing it early bounds what a peer can make us hold.
MAX_FRAME_BYTES = 8192

HEADER_PATTERN: Final = r"^(tpdu(:6[0-9A-F]{9})?|([0-9A-F]{2}){1,64})?$"
NO_ADDRESSES: Final = bytes.fromhex("6000000000")  # of a TPDU that nobody has configured
TPDU_HIGH_NIBBLE: Final = 6  # 60 for transactions, 68 and others of networks' own

Kind: TypeAlias = Literal["len2", "len2-inclusive", "len4", "len4-inclusive", "ascii4", "ascii4-inclusive", "bcd2"]


class FramingError(ValueError):
    """Why a stream cannot be cut any further: `reason`, at byte `position` of the stream."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason}, position {position}")
        self.reason = reason
        self.position = position


class Length(NamedTuple):
    """How a length stands on the wire: `read` gives -1 for bytes that are none."""

    width: int
    highest: int
    read: Callable[[bytes], int]
    write: Callable[[int], bytes]
    words: str
    inclusive: bool = False

    @property
    def binary(self) -> bool:
        """Is it a number as `switch.iso8583.frames` reads and writes it?"""
        return self.read is _read_binary

    def fits(self, frame: bytes) -> bool:
        """Do the first bytes say how long the frame is?"""
        counted = len(frame) if self.inclusive else len(frame) - self.width
        return len(frame) > self.width and self.read(frame[: self.width]) == counted


def _read_digits(raw: bytes) -> int:
    return int(raw) if raw.isdigit() else -1


def _read_bcd(raw: bytes) -> int:
    return _read_digits(raw.hex().encode("ascii"))


def _read_binary(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


_LEN2 = Length(2, 0xFFFF, _read_binary, lambda size: size.to_bytes(2, "big"), "two bytes")
_LEN4 = Length(4, 0xFFFF_FFFF, _read_binary, lambda size: size.to_bytes(4, "big"), "four bytes")
_ASCII4 = Length(4, 9999, _read_digits, lambda size: b"%04d" % size, "four digits")
_BCD2 = Length(2, 9999, _read_bcd, lambda size: bytes.fromhex(f"{size:04}"), "two bytes of BCD digits")

LENGTHS: Final[Mapping[Kind, Length]] = {
    "len2": _LEN2,
    "len2-inclusive": _LEN2._replace(inclusive=True),
    "len4": _LEN4,
    "len4-inclusive": _LEN4._replace(inclusive=True),
    "ascii4": _ASCII4,
    "ascii4-inclusive": _ASCII4._replace(inclusive=True),
    "bcd2": _BCD2,
}


@dataclass(frozen=True, slots=True)
class Framing:
    """How frames are delimited. `header` stands before the messages that we start; `tpdu` tells what it is.

    >>> Framing().wrap(b"0800"), Framing("ascii4-inclusive").wrap(b"0800")
    (b'\\x00\\x040800', b'00080800')
    >>> Framing.parse("len2", "tpdu:6000030000").wrap(b"0800").hex(" ")
    '00 09 60 00 03 00 00 30 38 30 30'
    """

    kind: Kind = "len2"
    header: bytes = b""
    tpdu: bool = False

    @classmethod
    def parse(cls, kind: Kind, header: str) -> Self:
        """From the words of a configuration; `header` fits HEADER_PATTERN."""
        name, _, addresses = header.partition(":")
        if name == "tpdu":
            return cls(kind, bytes.fromhex(addresses) or NO_ADDRESSES, tpdu=True)
        return cls(kind, bytes.fromhex(header))

    def wrap(self, payload: bytes, header: bytes | None = None) -> bytes:
        """The payload with length and header (None: our own) before it; raises `ValueError` when that does not fit."""
        length = LENGTHS[self.kind]
        whole = (self.header if header is None else header) + payload
        size = len(whole) + length.width if length.inclusive else len(whole)
        if not payload or size > length.highest:
            most = length.highest - (size - len(payload))
            raise ValueError(f"a frame holds 1 to {most} bytes, not {len(payload)}")
        return length.write(size) + whole


class Joiner:
    """Frames of one framing into one piece.

    >>> Joiner(Framing()).join([b"0800", b"0810"])
    b'\\x00\\x040800\\x00\\x040810'
    """

    __slots__ = ("_binary", "_framing", "_header", "_inclusive", "_width")

    def __init__(self, framing: Framing) -> None:
        length = LENGTHS[framing.kind]
        self._framing = framing
        self._header = framing.header
        self._binary, self._width, self._inclusive = length.binary, length.width, length.inclusive

    def join(self, payloads: list[bytes]) -> bytes:
        """Each payload wrapped with our own header; raises `ValueError` as `Framing.wrap` does."""
        if self._binary:
            return join_frames(payloads, self._header, self._width, self._inclusive)
        return b"".join(map(self._framing.wrap, payloads))


class Splitter:
    """Frames out of the pieces in which a stream arrives, without their headers.

    >>> splitter = Splitter(Framing())
    >>> splitter.feed(b"\\x00\\x040800\\x00"), splitter.partial
    ([b'0800'], 1)
    >>> splitter.feed(b"\\x040810")
    [b'0810']

    `headers` and `keep_alives` are of the last `feed`: the TPDUs of its frames, where the framing has any, and how many
    keep-alives were passed over. `taken` counts the bytes of the stream before those held. `fault` is None until the
    stream is broken.
    """

    __slots__ = (
        "_bulk", "_header_bytes", "_held", "_inclusive", "_length", "_max_frame", "_width",
        "fault", "framing", "headers", "keep_alives", "taken",
    )  # fmt: skip

    def __init__(self, framing: Framing, max_frame: int = MAX_FRAME_BYTES) -> None:
        self.framing = framing
        self.fault: FramingError | None = None
        self.headers: list[bytes] = []
        self.keep_alives = 0
        self._length = LENGTHS[framing.kind]
        self._width, self._inclusive = self._length.width, self._length.inclusive
        self._header_bytes = len(framing.header)
        self._max_frame = max_frame
        self._bulk = self._length.binary and not framing.tpdu
        self._held = b""
        self.taken = 0

    @property
    def partial(self) -> int:
        """Bytes of an unfinished frame that wait for the rest."""
        return len(self._held)

    def hint(self) -> str | None:
        """What the unfinished frame looks like, when its rest does not come."""
        inclusive = f"{self.framing.kind}-inclusive"
        if inclusive in LENGTHS and self._length.read(self._held[: self._length.width]) == len(self._held):
            return f"does the length count itself? that is {inclusive}"
        return guess_stream(self._held, self._length.words, whole=True)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes: all before a fault, and none after it."""
        if self.fault is not None:
            self.headers, self.keep_alives = [], 0
            return []
        if self._held:
            data = self._held + data
        frames: list[bytes] = []
        at, size = 0, len(data)
        self.keep_alives = 0
        if self._bulk:  # the rest, if any, is the start of a frame, or broken
            frames, at, self.keep_alives = cut(data, self._width, self._inclusive, self._header_bytes, self._max_frame)
        if at < size or not self._bulk:
            headers: list[bytes] = []
            at = self._cut(data, at, frames, headers)
            self.headers = headers
        self._held = data[at:] if at < size and self.fault is None else b""
        self.taken += at
        return frames

    def _cut(self, data: bytes, at: int, frames: list[bytes], headers: list[bytes]) -> int:
        """One frame after the other, and where the last whole one ends."""
        width, inclusive, size = self._width, self._inclusive, len(data)
        read, tpdu = self._length.read, self.framing.tpdu
        while size - at >= width:
            start = at + width
            length = read(data[at:start])
            if inclusive and length > 0:
                length -= width
            if length and not self._header_bytes <= length <= self._max_frame:
                self._refuse(self._bad_length(data[at:], length), at)
                break
            end = start + length
            if end > size:
                break
            body = start + self._header_bytes
            if tpdu and length and data[start] >> 4 != TPDU_HIGH_NIBBLE:
                self._refuse(_no_tpdu(data[start:end]), at)
                break
            if body < end:
                frames.append(data[body:end])
                if tpdu:
                    headers.append(data[start:body])
            else:
                self.keep_alives += 1
            at = end
        return at

    def _refuse(self, reason: str, at: int) -> None:
        self.fault = FramingError(reason, self.taken + at)

    def _bad_length(self, data: bytes, length: int) -> str:
        if self._length.read(data[: self._width]) < 0:
            reason = f"no length: expected {self._length.words}"
        elif length > self._max_frame:
            reason = f"a frame of {length} bytes is above the maximum {self._max_frame}"
        elif length < 0:
            reason = "a length that counts itself is too short for that"
        else:
            reason = f"a frame of {length} bytes is shorter than its header of {self._header_bytes}"
        hint = guess_stream(data, self._length.words)
        return f"{reason} ({hint})" if hint else reason


def _no_tpdu(frame: bytes) -> str:
    mti = leading_mti(frame[: TPDU_BYTES + 4])
    return f"no TPDU (60…) before the MTI {mti}" if mti else "expected a TPDU, whose first byte is 60"
