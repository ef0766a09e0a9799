"""A dialect is data: field layout, response-code table, where each role sits, which fields may be shown.

Those of `SHIPPED` come with the package; anybody's own is a TOML file of the same form, or a specification of
pyiso8583's. A file that `extends` a shipped one says only what differs. A field's row gives its `encoding`: "b"
(binary, counted in bytes), "bcd" (counted in digits), "x+bcd" (a signed amount, counted in characters), or the name of
any text codec of Python.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from switch.documents import DocumentError, one_of
from switch.iso8583.codec import Layout, Wire
from switch.iso8583.dialect_file import CONVERTED_VERSION, SPOKEN_VERSION, DialectFile, FieldRow, read_file
from switch.iso8583.doctor import Language
from switch.iso8583.edition import Conversion, Edition
from switch.iso8583.errors import field_name
from switch.iso8583.fields import Spec
from switch.iso8583.interpreter import Interpreter

SHIPPED = ("iso87-ascii", "iso87-bcd", "cb", "iso87-ebcdic", "iso93-ascii")
NOTHING = "none"  # what a file extends that says everything itself; the same as not saying `extends`

# ISO 8583:1987 fields that never hold a card number, track, PIN, code or private data: the allow-list of `describe`
# where a dialect has none of its own. DE 14, 34–36, 44–48, 52–63 and 101–127 are absent on purpose.
HARMLESS = frozenset(
    {*range(3, 14), *range(15, 34), *range(37, 44), 49, 50, 51, *range(66, 92), 94, 95, 97, 99, 100},
)

# Bytes of a length prefix, by its encoding: text spends a byte a digit, BCD half a one, binary what the range needs.
PREFIX_BYTES = {
    "text": {"fixed": 0, "l": 1, "ll": 2, "lll": 3, "llll": 4},
    "bcd": {"fixed": 0, "l": 1, "ll": 1, "lll": 2, "llll": 2},
    "b": {"fixed": 0, "l": 1, "ll": 1, "lll": 2, "llll": 2},
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the switch knows of one network's messages, as they are on the wire; a link speaks `for_link` of it.

    `spec` is shaped as pyiso8583's; `response_codes` maps our result names to DE 39, and where two share a code the
    last one is what the code means; `roles` names fields by what they are for; `names` are for people; values of the
    fields in `shown` may be shown, DE 2 is shown masked, and of all others only the length.
    """

    name: str
    layout: Wire
    spec: Spec
    response_codes: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    shown: frozenset[int] = HARMLESS
    version: str = SPOKEN_VERSION
    conversion: Conversion | None = None

    @property
    def served(self) -> bool:
        """Can a link speak it? If not, its messages can be described, composed and exported."""
        return self.version == SPOKEN_VERSION or (self.version == CONVERTED_VERSION and self.conversion is not None)

    @property
    def wire(self) -> Wire:
        """The layout of its frames as they are, whatever the rules hear of them: MACs are made over these bytes."""
        return self.layout.wire if isinstance(self.layout, Interpreter) else self.layout

    @property
    def dated(self) -> bool:
        """Must it be told the time, because it says a year where the rules have none?"""
        return isinstance(self.layout, Interpreter)

    @property
    def language(self) -> Language:
        """How message types stand on the wire, and of which edition: what a guess at a foreign frame compares."""
        version = self.layout.version if isinstance(self.layout, Interpreter) else self.version
        return Language.of(self.spec["t"]["data_enc"], version)

    def filled(self, number: int, text: str) -> str:
        """What a person means by a text that is too short for a field of fixed length; see `Field.filled`."""
        fields = self.layout.table.fields
        field = fields[number] if number < len(fields) else None
        return field.filled(text) if field else text

    def at(self, now: float) -> None:
        """Tell it the time, to some days."""
        if isinstance(self.layout, Interpreter):
            self.layout.now = now

    def for_link(self) -> "Dialect":
        """What the parts on a link work with: itself, or one of 1987 behind which an interpreter speaks this one.

        Raises `ValueError` where the conversion cannot be.
        """
        if self.version == SPOKEN_VERSION:
            return self
        if self.conversion is None:
            raise ValueError(f"message types {self.version}xxx, and nothing says what they mean - at `$.conversion`")
        base = _shipped("iso87-ascii")
        edition = Edition(self.conversion, self.response_codes, base.response_codes)
        interpreter = Interpreter(self.spec, self.version, edition, base.spec)
        carried = {number: f"{field_name(key)} as it came" for number, key in interpreter.carriers.items()}
        names = {**base.names, **carried}
        return replace(base, name=self.name, layout=interpreter, spec=self.spec, names=names)


@cache
def _shipped(name: str) -> Dialect:
    return _parse(source(name))


def source(name_or_path: str | Path) -> bytes:
    """The file of a dialect as it is. Raises `ValueError` for a name that there is not, and `OSError`."""
    if name_or_path in SHIPPED:
        return files("switch.iso8583").joinpath("dialects", f"{name_or_path}.toml").read_bytes()
    path = Path(name_or_path)
    if not path.suffix and not path.exists():
        raise ValueError(f"no dialect {str(name_or_path)!r}: expected {', '.join(SHIPPED)} or the path of a file")
    return path.read_bytes()


def load(name_or_path: str | Path) -> Dialect:
    """A shipped dialect by its name, or one from a TOML file.

    Raises `ValueError`, whose text ends in the path of what is wrong (`DocumentError` has all that is wrong), and
    `OSError`.

    >>> load("iso87-bcd").layout.encode({"t": "0800", "11": "000001", "70": "301"}).hex(" ")
    '08 00 80 20 00 00 00 00 00 00 04 00 00 00 00 00 00 00 00 00 01 03 01'
    """
    if name_or_path in SHIPPED:
        return _shipped(str(name_or_path))
    return _parse(source(name_or_path))


def load_text(text: str) -> Dialect:
    """A dialect from the text of a file. Raises `DocumentError`."""
    return _parse(text.encode())


def shipped_words() -> tuple[Mapping[str, str], Mapping[str, int]]:
    """Return the response codes and the roles of ISO 8583:1987, for a dialect that has none of its own."""
    base = _shipped("iso87-ascii")
    return base.response_codes, base.roles


def from_spec(spec: Spec, name: str) -> Dialect:
    """A dialect on a specification of pyiso8583's, with the response codes and roles of ISO 8583:1987.

    >>> from iso8583.specs import default
    >>> from_spec(default, "house").layout.encode({"t": "0800", "70": "301"})
    b'0800\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x00\\x00\\x00\\x00301'
    """
    response_codes, roles = shipped_words()
    names = {int(key): str(entry.get("desc", "")) for key, entry in spec.items() if key.isdecimal()}
    return Dialect(name, Layout(spec), spec, response_codes, roles, names)


@cache
def result_names() -> frozenset[str]:
    """Return the names of the switch's results, all of which the shipped dialects have a code for."""
    return frozenset(tomllib.loads(source("iso87-ascii").decode())["response_codes"])


def _document(content: bytes) -> dict[str, Any]:
    """The file's tables, laid over those of the file that it extends.

    Its own fields come first, so that a path in an error is one in this file; and its own response codes, so that a
    code means what it means in the extended file.
    """
    try:
        own = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise DocumentError([(f"the file is not UTF-8 text: byte {error.start}", "$")]) from None
    except RecursionError:
        raise DocumentError([("the file is nested too deeply", "$")]) from None
    except ValueError as error:  # TOMLDecodeError; an integer of thousands of digits is a plain one
        raise DocumentError([(f"the file is not TOML: {error}", "$")]) from None
    base_name = own.pop("extends", NOTHING)
    if base_name == NOTHING:
        return own
    if base_name not in SHIPPED:
        found = f'"{base_name}"' if isinstance(base_name, str) else f"a {type(base_name).__name__}"
        raise DocumentError([(f"expected {one_of([*SHIPPED, NOTHING])}, found {found}", "$.extends")])
    base = _document(source(base_name))
    merged = base | own
    fields = own.get("fields", [])
    if isinstance(fields, list):
        numbers = [row.get("number") for row in fields if isinstance(row, dict)]
        merged["fields"] = fields + [row for row in base["fields"] if row["number"] not in numbers]
    for table in ("roles", "response_codes"):
        entries = own.get(table, {})
        if isinstance(entries, dict):
            merged[table] = entries | {key: value for key, value in base[table].items() if key not in entries}
    return merged


def _parse(content: bytes) -> Dialect:
    file = read_file(_document(content), result_names())
    spec = _sections(file) | {str(row.number): _entry(file, row) for row in file.fields}
    shown = HARMLESS if file.shown is None else frozenset(file.shown)
    names = {row.number: row.name for row in file.fields}
    return Dialect(
        file.name, Layout(spec), spec, file.response_codes, file.roles, names, shown, file.version, file.conversion
    )


def _sections(file: DialectFile) -> dict[str, dict[str, Any]]:
    mti, bitmap = file.mti_encoding, file.bitmap_encoding
    fixed = {"len_enc": "ascii", "len_type": 0}
    bitmap_size = 8 if bitmap == "b" else 16
    return {
        "h": {"data_enc": "ascii", **fixed, "max_len": 0, "desc": "Message Header"},
        "t": {"data_enc": mti, **fixed, "max_len": 2 if mti == "b" else 4, "desc": "Message Type", "class": "n"},
        "p": {"data_enc": bitmap, **fixed, "max_len": bitmap_size, "desc": "Bitmap, Primary"},
        "1": {
            "data_enc": bitmap,
            **fixed,
            "max_len": bitmap_size,
            "desc": "Bitmap, Secondary",
            "tertiary": file.tertiary_bitmap,
        },
    }


def _entry(file: DialectFile, row: FieldRow) -> dict[str, Any]:
    """The row as an entry of a specification, in the words of `switch.iso8583.fields`."""
    encoding = row.encoding or file.encoding
    length_encoding = row.length_encoding or file.length_encoding
    prefix_kind = length_encoding if length_encoding in PREFIX_BYTES else "text"
    entry: dict[str, Any] = {
        "data_enc": "b" if encoding in ("bcd", "x+bcd") else encoding,
        "len_enc": length_encoding,
        "len_type": PREFIX_BYTES[prefix_kind][row.length],
        "max_len": row.max_len,
        "desc": row.name,
        "class": row.class_,
    }
    if encoding == "bcd":
        entry["len_count"] = "nibbles"
    if encoding == "x+bcd":
        entry["signed"] = True
    if row.track:
        entry["track"] = True
    for pad in ("left_pad", "right_pad"):
        digit = getattr(row, pad)
        if digit is not None:
            entry[pad] = digit
    return entry
