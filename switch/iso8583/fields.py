"""How one field stands on the wire: encoding × length prefix × padding.

A specification is data: a mapping shaped as pyiso8583's (`data_enc`, `len_enc`, `len_type`, `max_len`, `len_count`,
`left_pad`, `right_pad`, `desc`; see its `iso8583.specs`), to which a dialect may add

- `class`: "n" makes a field numeric: anything but decimal digits is an error, both ways. In text (a, an, ans, as, ns,
  or no class at all) no character is an error, because names of people have many: a byte that the encoding does not
  know is read as Latin-1, and a character that it does not know is written without its accent, or as "?";
- `track`: magnetic-stripe data, whose separator is "=" in characters and the nibble D in BCD;
- `signed`: an amount x + n (ISO 8583:1987, class x): "C" or "D" in ASCII, then the digits in BCD.

`compile_spec` checks it once and makes a `Field` of every entry. The methods of `Field` are the plain meaning of the
format: the twin codec runs them as they are, and the native codec, which knows by itself the good path of the common
encodings, asks them for everything else, the words of its errors included.

The half byte that pads an odd count of digits says nothing: any value is read, the declared one is written.

Lengths are counted in *units*: bytes on the wire, or half bytes where `nibbles` is true, or characters where `signed`.
"""

import codecs
import unicodedata
from binascii import a2b_hex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switch.iso8583.errors import EncodeError, Unreadable

Spec = Mapping[str, Mapping[str, Any]]

# Offsets are held in 16 bits, and the widest length header in use counts no further.
MAX_FRAME_BYTES = 65_535

# Three bitmaps of 64; numbers 0 and 1 stand for the header and the secondary bitmap.
MAX_FIELD = 192
HEADER, SECONDARY = 0, 1

FIELD_KEYS = {str(number): number for number in range(2, MAX_FIELD + 1)}

HEX_DIGITS = frozenset("0123456789ABCDEF")

# The classes whose values are for people; None is of a specification that has no classes.
TEXT_CLASSES = (None, "a", "an", "ans", "as", "ns")

# Reads every byte as one character, so that different bytes stay different texts.
ANY_BYTE = "latin-1"


class SpecError(ValueError):
    """A specification that makes no sense: what is wrong with the entry `key`, in its item `name`."""

    def __init__(self, reason: str, key: str, name: str = "") -> None:
        super().__init__(f"{reason} - at `$.{key}{'.' if name else ''}{name}`")
        self.reason = reason
        self.key = key
        self.name = name


@dataclass(frozen=True, slots=True)
class Field:
    """One field's encoding; see the module's text.

    `width` is the length prefix in bytes, 0 for a fixed length. `lenient` text may hold any character.
    """

    key: str
    codec: str
    length_codec: str
    width: int
    max_len: int
    nibbles: bool = False
    left_pad: str = ""
    right_pad: str = ""
    numeric: bool = False
    track: bool = False
    signed: bool = False
    lenient: bool = False

    @property
    def binary(self) -> bool:
        """Is the text of this field the hexadecimal form of its bytes?"""
        return self.codec == "b"

    def size(self, units: int) -> int:
        """The bytes on the wire of a value of `units`."""
        if self.signed:
            return 1 + units // 2
        return (units + 1) // 2 if self.nibbles else units

    def read(self, frame: bytes, position: int) -> tuple[int, int]:
        """The span of the value whose length prefix, if any, starts at `position`; the value is checked.

        Raises `Unreadable`, with the end of the value where its length is known.
        """
        units = self.units(frame, position)
        start = position + self.width
        end = start + self.size(units)
        inside = end <= len(frame)
        if units > self.max_len:
            raise Unreadable(position, f"length {units} is above the maximum {self.max_len}", end if inside else 0)
        if not inside:
            raise Unreadable(start, f"needs {end - start} bytes, {len(frame) - start} are left")
        try:
            self.text(frame, start, end)
        except Unreadable as fault:
            fault.end = end
            raise
        return start, end

    def units(self, frame: bytes, position: int) -> int:
        """The length of the value, from the prefix at `position` or from the specification. Raises `Unreadable`."""
        if not self.width:
            return self.max_len
        prefix = frame[position : position + self.width]
        if len(prefix) != self.width:
            raise Unreadable(position, f"needs a length of {self.width} bytes, {len(prefix)} are left")
        return self._length(prefix, position)

    def _length(self, prefix: bytes, position: int) -> int:
        if self.length_codec == "b":
            return int.from_bytes(prefix, "big")
        try:
            digits = prefix.hex() if self.length_codec == "bcd" else prefix.decode(self.length_codec)
        except UnicodeError:
            digits = ""
        if not (digits.isascii() and digits.isdecimal()):
            raise Unreadable(position, "the length is not decimal")
        return int(digits)

    def text(self, frame: bytes, start: int, end: int) -> str:
        """The canonical text of the value at `start`: characters, or upper-case hexadecimal without the pad."""
        raw = frame[start:end]
        if self.signed:
            return self._signed_text(raw, start)
        if self.binary:
            text = padded = raw.hex().upper()
            if self._is_odd(frame, start):
                text = self._unpadded(text, start)
            if self.numeric and not is_digits(text):
                raise Unreadable(start, f"expected {len(text)} digits{self._pad_hint(padded)}")
            return text
        try:
            text = raw.decode(self.codec)
        except UnicodeError:
            if not self.lenient:
                raise Unreadable(start, f"expected {self.codec} text") from None
            text = raw.decode(ANY_BYTE)
        if self.numeric and not is_digits(text):
            raise Unreadable(start, f"expected {len(text)} digits")
        return text

    def is_canonical(self, frame: bytes, start: int, end: int) -> bool:
        """Is the value that was read at `start` as `write` would write it? Its pad may be another one."""
        if not self._is_odd(frame, start):
            return True
        text = frame[start:end].hex().upper()
        return text == (self.left_pad + text[1:] if self.left_pad else text[:-1] + self.right_pad)

    def _is_odd(self, frame: bytes, start: int) -> bool:
        return self.binary and self.nibbles and bool(self.units(frame, start - self.width) & 1)

    def _signed_text(self, raw: bytes, start: int) -> str:
        text = raw[:1].decode("latin-1") + raw[1:].hex()
        if text[0] not in "CD" or not text[1:].isdecimal():
            raise Unreadable(start, f"expected C or D and {self.max_len - 1} digits")
        return text

    def _unpadded(self, text: str, start: int) -> str:
        if self.left_pad and (text[0] == self.left_pad or not self.right_pad):
            return text[1:]
        if self.right_pad:
            return text[:-1]
        raise Unreadable(start, f"expected {len(text) - 1} digits and a pad, but no pad is declared")

    def _pad_hint(self, padded: str) -> str:
        """What to say of digits that would be some if the pad stood on the other side."""
        if self.right_pad and not self.left_pad and not is_digits(padded[0]) and is_digits(padded[1:]):
            return "; odd count padded on the other side? set left_pad"
        if self.left_pad and not self.right_pad and not is_digits(padded[-1]) and is_digits(padded[:-1]):
            return "; odd count padded on the other side? set right_pad"
        return ""

    def filled(self, text: str) -> str:
        """What a person means by a text that is too short for a fixed length: zeros on the left, spaces on the right.

        Other fields stay as they are, and so does nothing at all.
        """
        if self.width or not text:
            return text
        if self.numeric:
            return text.rjust(self.max_len, "0")
        return text.ljust(self.max_len) if self.lenient else text

    def write(self, text: str) -> bytes:
        """Length prefix and value of `text`, as on the wire. Raises `EncodeError`."""
        if not isinstance(text, str):
            raise self._error(f"expected text, not {type(text).__name__}")
        if self.numeric and not is_digits(text):
            raise self._error("expected digits alone")
        value, units = self._value(text)
        if not self.width:
            if units != self.max_len:
                raise self._error(f"is {units} {self._unit_name} long, expected {self.max_len}")
            return value
        if units > self.max_len:
            raise self._error(f"is {units} {self._unit_name} long, above the maximum {self.max_len}")
        return self._prefix(units) + value

    def _value(self, text: str) -> tuple[bytes, int]:
        if self.signed:
            if text[:1] not in ("C", "D") or not (text.isascii() and text[1:].isdecimal()) or len(text) % 2 == 0:
                raise self._error("expected C or D and an even count of digits")
            return text[:1].encode() + a2b_hex(text[1:]), len(text)
        if self.binary:
            return self._binary(text.replace("=", "D") if self.track else text)
        try:
            value = text.encode(self.codec)
        except UnicodeError:
            if not self.lenient:
                raise self._error(f"expected {self.codec} text") from None
            value = substituted(text, self.codec)
        return value, len(value) * 2 if self.nibbles else len(value)

    def _binary(self, text: str) -> tuple[bytes, int]:
        units = len(text) if self.nibbles else len(text) // 2
        if len(text) % 2:
            if not self.nibbles or not (self.left_pad or self.right_pad):
                raise self._error("expected an even count of hexadecimal digits")
            text = self.left_pad + text if self.left_pad else text + self.right_pad
        try:
            return a2b_hex(text), units
        except ValueError:
            raise self._error("expected hexadecimal digits") from None

    def _prefix(self, units: int) -> bytes:
        if self.length_codec == "b":
            prefix = units.to_bytes((units.bit_length() + 7) // 8, "big").rjust(self.width, b"\0")
        elif self.length_codec == "bcd":
            digits = f"{units:0{2 * self.width}d}"
            prefix = a2b_hex(digits.rjust(len(digits) + len(digits) % 2, "0"))
        else:
            prefix = f"{units:0{self.width}d}".encode(self.length_codec)
        if len(prefix) != self.width:
            raise self._error(f"a length of {units} does not fit its {self.width} bytes")
        return prefix

    @property
    def _unit_name(self) -> str:
        if self.signed:
            return "characters"
        return "digits" if self.nibbles else "bytes"

    def _error(self, reason: str) -> EncodeError:
        return EncodeError(self.key, reason)


def is_digits(text: str) -> bool:
    """Nothing but decimal digits; nothing at all will do.

    >>> is_digits("0042"), is_digits(""), is_digits("4A"), is_digits("²")
    (True, True, False, False)
    """
    return text.isascii() and (text.isdecimal() or not text)


def substituted(text: str, codec: str) -> bytes:
    """The text in `codec`; a character that it does not know without its accent, else as "?". The count stays.

    >>> substituted("CAFÉ Ω", "ascii")
    b'CAFE ?'
    """
    return b"".join(_substitute(character, codec) for character in text)


def _substitute(character: str, codec: str) -> bytes:
    for candidate in (character, unicodedata.normalize("NFD", character)[0], "?"):
        try:
            return candidate.encode(codec)
        except UnicodeError:
            continue
    return b"?"


@dataclass(frozen=True, slots=True)
class Table:
    """A compiled specification: `fields[n]` is field n, at 0 the header and at 1 the secondary bitmap.

    `tertiary` tells that DE 65, as in pyiso8583 4, announces a third bitmap and is no field.
    """

    mti: Field
    bitmap: Field
    fields: tuple[Field | None, ...]
    tertiary: bool


def compile_spec(spec: Spec) -> Table:
    """Check a specification and compile it. Raises `SpecError`, whose text ends in a path like `$.22.max_len`."""
    for key in ("t", "p"):
        if key not in spec:
            raise SpecError("the specification has no entry", key)
    fields: list[Field | None] = [None] * (MAX_FIELD + 1)
    if "h" in spec and _count("h", "max_len", spec["h"], MAX_FRAME_BYTES) > 0:
        fields[HEADER] = _field("h", spec["h"])
    for key, entry in spec.items():
        if key in FIELD_KEYS:
            fields[FIELD_KEYS[key]] = _field(key, entry)
    tertiary = True
    if "1" in spec:
        fields[SECONDARY] = _section("1", spec["1"], text_bytes=16)
        tertiary = bool(spec["1"].get("tertiary", True))
    return Table(
        _section("t", spec["t"], text_bytes=4), _section("p", spec["p"], text_bytes=16), tuple(fields), tertiary
    )


def _section(key: str, entry: Mapping[str, Any], text_bytes: int) -> Field:
    """MTI and bitmaps have the length of their encoding, whatever the specification says; a bitmap has no class."""
    encoding = entry.get("data_enc")
    size = text_bytes // 2 if encoding == "b" else text_bytes
    class_ = entry.get("class") if key == "t" else None
    return _field(key, {"data_enc": encoding, "class": class_, "len_type": 0, "max_len": size})


def _field(key: str, entry: Mapping[str, Any]) -> Field:
    width = _count(key, "len_type", entry, 8)
    field = Field(
        key=key,
        codec=_codec(key, "data_enc", entry.get("data_enc")),
        length_codec=_codec(key, "len_enc", entry.get("len_enc")) if width else "b",
        width=width,
        max_len=_count(key, "max_len", entry, MAX_FRAME_BYTES),
        nibbles=entry.get("len_count", "bytes") == "nibbles",
        left_pad=_pad(key, "left_pad", entry),
        right_pad=_pad(key, "right_pad", entry),
        numeric=entry.get("class") == "n",
        track=bool(entry.get("track", False)),
        signed=bool(entry.get("signed", False)),
        lenient=key in FIELD_KEYS and entry.get("class") in TEXT_CLASSES and not entry.get("track"),
    )
    if field.signed and (field.width or not field.binary or field.max_len % 2 == 0):
        raise SpecError("a signed amount is binary, of fixed, odd length", key, "signed")
    return field


def _codec(key: str, name: str, value: object) -> str:
    """The one spelling of a text codec; "b" and "bcd" are the specification's own."""
    if not isinstance(value, str):
        raise SpecError(f"expected `str`, got `{type(value).__name__}`", key, name)
    if value == "b" or (name == "len_enc" and value == "bcd"):
        return value
    try:
        "".encode(value)
        return codecs.lookup(value).name
    except (LookupError, ValueError):
        raise SpecError(f"unknown encoding {value!r}", key, name) from None


def _count(key: str, name: str, entry: Mapping[str, Any], maximum: int) -> int:
    value = entry.get(name)
    if not isinstance(value, int) or not 0 <= value <= maximum:
        raise SpecError(f"expected `int` from 0 to {maximum}", key, name)
    return value


def _pad(key: str, name: str, entry: Mapping[str, Any]) -> str:
    pad = str(entry.get(name, ""))[:1].upper()
    if pad and pad not in HEX_DIGITS:
        raise SpecError("expected a hexadecimal digit", key, name)
    return pad
