"""What a dialect file may say. Whatever it says is honoured at run time, and anything else is refused here.

The structs are the file's tables. `CHECKS` lists what must hold inside a row and between tables, so that no value is
accepted and then ignored: a pad that nothing reads, a length that its prefix cannot count, a code that no result uses.
"""

import codecs
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from switch.documents import DocumentError, Problem, one_of, problems_of
from switch.iso8583.edition import Conversion
from switch.iso8583.fields import MAX_FIELD, MAX_FRAME_BYTES

# The first digit of the message types of ISO 8583:1987, which the rules of the switch speak, and of 1993, which can be
# converted to it.
SPOKEN_VERSION: Literal["0"] = "0"
CONVERTED_VERSION = "1"

# Where the rules look for what each role says. Only `ksn` is free: no rule reads it yet, and a link refuses it.
ROLES_1987: Final = {"originals": 90, "network_code": 70}
ROLES_1993: Final = {
    "originals": 56,
    "network_code": 24,
    "function_code": 24,
    "reason_code": 25,
    "original_amounts": 30,
}
KSN: Final = "ksn"

APPROVALS: Final = ("approved", "partially_approved")

# Card numbers, tracks, PIN blocks and chip data (which repeat track 2) are never shown, whatever a file says.
NEVER_SHOWN: Final = frozenset({2, 34, 35, 36, 45, 52, 55})

SECOND_BITMAP_ENDS: Final = 128

# The longest value that a length prefix counts: digits in text and BCD, bytes in binary.
HIGHEST_IN_DIGITS: Final = {"l": 9, "ll": 99, "lll": 999, "llll": 9_999}
HIGHEST_IN_BINARY: Final = {"l": 255, "ll": 255, "lll": MAX_FRAME_BYTES, "llll": MAX_FRAME_BYTES}

DIGITS: Final = "0123456789"

Number = Annotated[int, msgspec.Meta(ge=2, le=MAX_FIELD)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Pad = Annotated[str, msgspec.Meta(pattern="^[0-9A-F]$", description="one of 0 to 9 and A to F")]
ResponseCode = Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]{2,3}$", description="2 or 3 digits or capital letters")]


class FieldRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One field in a dialect file."""

    number: Number
    name: Name
    max_len: Annotated[int, msgspec.Meta(ge=1, le=MAX_FRAME_BYTES)]
    class_: Literal["n", "ns", "a", "an", "ans", "as", "b", "x+n", "z"] = msgspec.field(name="class", default="ans")
    length: Literal["fixed", "l", "ll", "lll", "llll"] = "fixed"
    encoding: str | None = None
    length_encoding: str | None = None
    left_pad: Pad | None = None
    right_pad: Pad | None = None
    track: bool = False


class DialectFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A dialect file: defaults for every field, then the fields. `version` is the first digit of its message types."""

    name: Name
    fields: Annotated[list[FieldRow], msgspec.Meta(min_length=1, max_length=191)]
    response_codes: dict[str, ResponseCode]
    roles: dict[str, Number]
    encoding: str = "ascii"
    length_encoding: str = "ascii"
    mti_encoding: str = "ascii"
    bitmap_encoding: str = "ascii"
    tertiary_bitmap: bool = False
    version: Literal["0", "1", "2"] = SPOKEN_VERSION
    shown: list[Number] | None = None
    conversion: Conversion | None = None


def read_file(document: dict[str, Any], results: frozenset[str]) -> DialectFile:
    """Return the file of a TOML document; `results` are the names that `[response_codes]` may have.

    Raises `DocumentError` with all problems.
    """
    problems = list(problems_of(document, DialectFile))
    if not problems:
        file = msgspec.convert(document, DialectFile)
        unknown = [name for name in file.response_codes if name not in results]
        problems = [
            (f"no result is named {name}: expected {one_of(sorted(results))}", f"$.response_codes.{name}")
            for name in unknown
        ]
        problems += [problem for check in CHECKS for problem in check(file)]
    if problems:
        raise DocumentError(problems)
    return file


def _encodings(file: DialectFile) -> Iterator[Problem]:
    """Every encoding is known; what is written in digits has a byte for each."""
    of_values = ("b", "bcd", "x+bcd")
    defaults: dict[str, tuple[str, ...]] = {
        "encoding": of_values,
        "length_encoding": ("b", "bcd"),
        "mti_encoding": ("b",),
        "bitmap_encoding": ("b",),
    }
    for name, own in defaults.items():
        yield from _encoding(getattr(file, name), own, f"$.{name}", digits=name != "encoding")
    for path, row in _rows(file):
        if row.encoding is not None:
            yield from _encoding(row.encoding, of_values, f"{path}.encoding", digits=False)
        if row.length_encoding is not None:
            yield from _encoding(row.length_encoding, ("b", "bcd"), f"{path}.length_encoding", digits=True)


def _encoding(value: str, own: tuple[str, ...], path: str, *, digits: bool) -> Iterator[Problem]:
    if value in own:
        return
    try:
        codecs.lookup(value)
        written = DIGITS.encode(value)
    except (LookupError, ValueError):
        yield f"expected {', '.join(own)} or a text encoding of Python (ascii, cp500, latin-1 …), found {value!r}", path
        return
    if digits and len(written) != len(DIGITS):
        yield f"expected an encoding with one byte a digit, found {value!r}", path


def _numbers(file: DialectFile) -> Iterator[Problem]:
    """A field stands once, and its number can be announced."""
    seen: set[int] = set()
    for path, row in _rows(file):
        if row.number in seen:
            yield f"DE {row.number} stands twice", f"{path}.number"
        if row.number > SECOND_BITMAP_ENDS and not file.tertiary_bitmap:
            yield f"DE {row.number} is announced by a third bitmap: expected tertiary_bitmap = true", f"{path}.number"
        seen.add(row.number)


def _lengths(file: DialectFile) -> Iterator[Problem]:
    """A length prefix counts as far as the longest value."""
    for path, row in _rows(file):
        if row.length == "fixed":
            if row.length_encoding is not None:
                yield (
                    f"DE {row.number} is of fixed length and has no length prefix to encode",
                    f"{path}.length_encoding",
                )
            continue
        binary = (row.length_encoding or file.length_encoding) == "b"
        highest = (HIGHEST_IN_BINARY if binary else HIGHEST_IN_DIGITS)[row.length]
        if row.max_len > highest:
            what = (
                f"DE {row.number}: the prefix {row.length} counts to {highest}: expected up to that, or a longer prefix"
            )
            yield f"{what}, found {row.max_len}", f"{path}.max_len"


def _digits(file: DialectFile) -> Iterator[Problem]:
    """Half bytes: pads, tracks and signed amounts."""
    for path, row in _rows(file):
        encoding = row.encoding or file.encoding
        pads = [name for name in ("left_pad", "right_pad") if getattr(row, name) is not None]
        if pads and encoding != "bcd":
            yield (
                f"DE {row.number}: only an odd count of BCD digits is padded, and this is {encoding}",
                f"{path}.{pads[0]}",
            )
        elif len(pads) > 1:
            yield f"DE {row.number}: expected one pad, left_pad or right_pad, found both", f"{path}.right_pad"
        elif encoding == "bcd" and row.length == "fixed" and row.max_len % 2 and not pads:
            yield f"DE {row.number}: an odd count of BCD digits needs a pad: expected left_pad or right_pad", path
        if encoding == "x+bcd":
            yield from _signed(row, path)
        elif row.track and row.class_ == "n":
            yield f"DE {row.number}: a track has a separator, which class n refuses: expected class z", f"{path}.class"


def _signed(row: FieldRow, path: str) -> Iterator[Problem]:
    if row.length != "fixed" or row.max_len % 2 == 0:
        what = f"DE {row.number}: x+bcd is a sign and an even count of digits: expected a fixed, odd max_len"
        yield what, f"{path}.encoding"
    if row.class_ == "n":
        yield f"DE {row.number}: x+bcd has a sign, which class n refuses: expected class x+n", f"{path}.class"
    if row.track:
        yield f"DE {row.number}: x+bcd is an amount and no track", f"{path}.track"


def _shown(file: DialectFile) -> Iterator[Problem]:
    """What is shown is there, and may be."""
    known = {row.number for row in file.fields}
    for index, number in enumerate(file.shown or ()):
        if number in NEVER_SHOWN:
            yield f"DE {number} holds card data and is never shown in clear", f"$.shown[{index}]"
        elif number not in known:
            yield f"there is no DE {number}", f"$.shown[{index}]"


def _roles(file: DialectFile) -> Iterator[Problem]:
    """A role is where the rules look for it. A file that no link may speak is only described, and may say more."""
    places: Mapping[str, int] = ROLES_1987 if file.conversion is None else ROLES_1993
    spoken = file.version == SPOKEN_VERSION or file.conversion is not None
    known = {row.number for row in file.fields}
    for role, number in file.roles.items():
        path = f"$.roles.{role}"
        if role not in {*ROLES_1987, *ROLES_1993, KSN} or (spoken and role not in {*places, KSN}):
            yield f"no role is named {role}: expected {one_of([*places, KSN])}", path
        elif spoken and number != places.get(role, number):
            yield f"the rules look for it in DE {places[role]} alone: expected {places[role]}, found {number}", path
        elif number not in known:
            yield f"there is no DE {number}", path


def _response_codes(file: DialectFile) -> Iterator[Problem]:
    """A code fits DE 39, and none that declines approves."""
    row = next((row for row in file.fields if row.number == 39), None)
    approving = {file.response_codes[name]: name for name in APPROVALS if name in file.response_codes}
    for name, code in file.response_codes.items():
        path = f"$.response_codes.{name}"
        if row is not None:
            size = row.max_len * 2 if (row.encoding or file.encoding) == "b" else row.max_len
            if len(code) > size or (row.length == "fixed" and len(code) < size):
                yield f"DE 39 has {size} characters: expected as many, found {code!r}", path
            if row.class_ == "n" and not code.isdecimal():
                yield f"DE 39 is of class n: expected digits, found {code!r}", path
        if approving.get(code, name) != name:
            yield f"{code} is {approving[code]}: expected another code for {name}", path


def _conversion(file: DialectFile) -> Iterator[Problem]:
    """A conversion is from 1993, and of fields that are there."""
    if file.conversion is None:
        return
    if file.version != CONVERTED_VERSION:
        what = f'a conversion is of message types {CONVERTED_VERSION}xxx: expected version = "{CONVERTED_VERSION}"'
        yield f'{what}, found "{file.version}"', "$.version"
    known = {row.number for row in file.fields}
    for index, number in enumerate(file.conversion.same):
        if number not in known:
            yield f"there is no DE {number}", f"$.conversion.same[{index}]"


def _rows(file: DialectFile) -> Iterator[tuple[str, FieldRow]]:
    """Each row and its path."""
    for index, row in enumerate(file.fields):
        yield f"$.fields[{index}]", row


CHECKS: Final[tuple[Callable[[DialectFile], Iterator[Problem]], ...]] = (
    _encodings,
    _numbers,
    _lengths,
    _digits,
    _shown,
    _roles,
    _response_codes,
    _conversion,
)
