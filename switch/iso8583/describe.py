"""A message for people's eyes: masked, by an allow-list that fails closed.

Of a field, its value is shown if the dialect's `shown` names it, the card number as 6 + 4, and of anything else only
the length: private fields may hold codes, and a field nobody thought of may hold anything. What is shown went through
the net of `switch.cards.masking`, value by value, because values side by side make a card number by chance; and none
holds eight digits of a card number that stands elsewhere in the message.

Where a frame could not be read to its end the fields may have slipped against the bytes (a card number's digits would
pass for an amount), so there only message type and DE 2, masked, are shown. A message type that cannot be one is no
reading at all. With `structure=True`, for readings that may be wrong, lengths alone are shown.
`clear=True` shows everything, and only a person's explicit wish may set it.
"""

import re
from collections.abc import Iterator, Mapping

from switch.cards.masking import ORIGINALS, holds_card_number, mask_pan, without_card_numbers
from switch.cards.pan import is_pan
from switch.iso8583 import meanings as words
from switch.iso8583.codec import FormatError, View
from switch.iso8583.dialect import Dialect
from switch.iso8583.plausible import message_type

PAN = 2
BYTES_A_LINE = 16

# As much of a card number as must not be seen; parts of it with fewer other digits than zeros stand in any amount.
PART_DIGITS = 8
PART_NONZERO_DIGITS = 4

# DE 90 of 1987: message type, STAN, date and time; then DE 32 and DE 33, filled with zeros on the left. DE 56 of 1993
# has a year more, and DE 32 alone behind its length.
ORIGINALS_FIELD = {"0": 90, "1": 56}
ORIGINALS_HEAD = {"0": 20, "1": 22}
INSTITUTION_DIGITS = 11

_SEPARATORS = re.compile("[^0-9A-Za-z]+")


def describe(
    message: bytes | View, dialect: Dialect, clear: bool = False, *, structure: bool = False
) -> list[str]:  # fmt: skip
    """One line a field: number, name, value as far as it may be shown, its meaning; an error, if any, comes last.

    >>> from switch.iso8583.dialect import load
    >>> dialect = load("iso87-ascii")
    >>> frame = dialect.layout.encode({"t": "0100", "2": "4687380000001234", "11": "000001", "14": "2812"})
    >>> for line in describe(frame, dialect):
    ...     print(line)
      t Message type                         0100                 authorization request
      2 Primary Account Number (PAN)         468738******1234
     11 System Trace Audit Number            000001
     14 Date, Expiration                     4 characters
    """
    view, fault = read(message, dialect)
    told = values(view, dialect, clear=clear, structure=structure)
    meant = meanings(view, told, dialect)
    lines = [_line("t", "Message type", view.mti or "unreadable", meant)]
    for field, shown in told.items():
        value = f"{len(view.text(field) or '')} characters" if shown is None else shown
        lines.append(_line(str(field), dialect.names.get(field, ""), value, meant))
    if fault:
        lines.append(str(fault))
    return lines


def read(message: bytes | View, dialect: Dialect) -> tuple[View, FormatError | None]:
    """The message's view, and what stopped it. A message type that cannot be one stops it at once."""
    if isinstance(message, View):
        return message, None
    try:
        view, fault = dialect.layout.scan(message), None
    except FormatError as error:
        view, fault = error.partial, error
    if not view.mti or message_type(view.mti, dialect.version):
        return view, fault
    _, at = view.span(0) or (0, 0)
    fault = FormatError("t", at, f"expected a message type {dialect.version}xxx", _nothing(dialect))
    return fault.partial, fault


def values(
    view: View, dialect: Dialect, *, clear: bool = False, structure: bool = False
) -> dict[int, str | None]:  # fmt: skip
    """Each field's value as it may be shown, None where only its length may."""
    if clear:
        return {field: view.text(field) or "" for field in view.fields()}
    if structure:
        return dict.fromkeys(view.fields())
    parts = _parts(view, dialect)
    return {field: _shown(field, view.text(field) or "", view, dialect, parts) for field in view.fields()}


def meanings(view: View, shown: Mapping[int, str | None], dialect: Dialect) -> dict[str, str]:
    """What the message type ("t") and the values mean, in words, where they are shown whole; see `values`."""
    whole = {field: text for field, text in shown.items() if text is not None and text == view.text(field)}
    told = {str(field): meaning for field, meaning in words.of_fields(whole, dialect.version).items()}
    of_type = words.of_message_type(view.mti)
    return ({"t": of_type} if of_type else {}) | told


def hexdump(
    frame: bytes, dialect: Dialect, clear: bool = False, *, structure: bool = False
) -> list[str]:  # fmt: skip
    """The frame as offset, hexadecimal, characters, with `**` and `*` for bytes that may not be shown.

    Shown are message type, bitmaps, length prefixes and the fields whose values are; of the card number nothing.

    >>> from switch.iso8583.dialect import load
    >>> dialect = load("iso87-bcd")
    >>> frame = dialect.layout.encode({"t": "0100", "2": "4687380000001234", "11": "000001"})
    >>> print(*hexdump(frame, dialect), sep="\\n")
    0000  01 00 40 20 00 00 00 00 00 00 16 ** ** ** ** **  ..@ .......*****
    0010  ** ** ** 00 00 01                                ***...
    """
    open_bytes = b"\1" * len(frame) if clear else _open_bytes(frame, dialect, structure)
    return [_dump_line(frame, open_bytes, at) for at in range(0, len(frame), BYTES_A_LINE)]


def shown_fields(
    view: View, dialect: Dialect, *, clear: bool = False, structure: bool = False
) -> dict[str, str | None]:  # fmt: skip
    """{"t": MTI, number: value} for programs; None where the value may not be shown.

    >>> from switch.iso8583.dialect import load
    >>> dialect = load("iso87-ascii")
    >>> shown_fields(dialect.layout.scan(dialect.layout.encode({"t": "0800", "11": "000001", "48": "CODE"})), dialect)
    {'t': '0800', '11': '000001', '48': None}
    """
    told = values(view, dialect, clear=clear, structure=structure)
    return {"t": view.mti} | {str(field): text for field, text in told.items()}


def _nothing(dialect: Dialect) -> View:
    """The view of a frame of which nothing was read."""
    try:
        return dialect.layout.scan(b"")
    except FormatError as error:
        return error.partial


def _shown(field: int, text: str, view: View, dialect: Dialect, parts: frozenset[str]) -> str | None:
    if field == PAN:
        return mask_pan(text)
    if not view.complete or field not in dialect.shown:
        return None
    if field == ORIGINALS_FIELD.get(dialect.version) and ORIGINALS.fullmatch(text):
        return _originals(text, view, dialect)
    if any(text[at : at + PART_DIGITS] in parts for at in range(len(text) - PART_DIGITS + 1)):
        return None
    masked = without_card_numbers(text)
    bare = _SEPARATORS.sub("", text)
    if masked == text != bare and any(map(holds_card_number, re.findall("[0-9]+", bare))):
        return None  # a card number in groups of another kind than the net knows
    return masked if masked != text or not _hides_card_number(view.raw(field) or b"", text) else None


def _hides_card_number(raw: bytes, text: str) -> bool:
    """Do the bytes hold a card number in other characters than the dialect's? A dump would show it."""
    forms = [raw.decode("latin-1"), raw.decode("cp500")]
    if not text.isprintable():
        forms.append(raw.hex())
    return any(without_card_numbers(form) != form for form in forms)


def _originals(text: str, view: View, dialect: Dialect) -> str:
    """Original data elements, without their institutions where those might be a card number.

    Two institutions in a row are one in ten times a card number. They are none if they are the message's own.
    """
    head, tail = text[: ORIGINALS_HEAD[dialect.version]], text[ORIGINALS_HEAD[dialect.version] :]
    if dialect.version == "0":
        ids = tail[:INSTITUTION_DIGITS], tail[INSTITUTION_DIGITS:]
        own = tuple((view.text(field) or "").rjust(INSTITUTION_DIGITS, "0") for field in (32, 33))
        harmless = all(one in (mine, "0" * INSTITUTION_DIGITS) for one, mine in zip(ids, own, strict=True))
    else:
        harmless = tail[:2] == f"{len(tail) - 2:02}"
    return text if harmless or not holds_card_number(tail) else head + "*" * len(tail)


def _parts(view: View, dialect: Dialect) -> frozenset[str]:
    """Every eight digits in a row of the card numbers that stand in fields whose values are not shown."""
    numbers = {view.text(PAN) or ""}
    for field in view.fields():
        if field not in dialect.shown:
            numbers.update(number for number in re.findall("[0-9]{12,19}", view.text(field) or "") if is_pan(number))
    parts = {number[at : at + PART_DIGITS] for number in numbers for at in range(len(number) - PART_DIGITS + 1)}
    return frozenset(part for part in parts if PART_DIGITS - part.count("0") >= PART_NONZERO_DIGITS)


def _line(key: str, name: str, value: str, meant: Mapping[str, str]) -> str:
    printable = "".join(character if character.isprintable() else "." for character in value)
    meaning = f"{printable:<20} {meant[key]}" if key in meant else printable
    return f"{key:>3} {name[:36]:<36} {meaning}"


def _open_bytes(frame: bytes, dialect: Dialect, structure: bool) -> bytes:
    """For each byte of the frame 1 if it may be shown, else 0."""
    view, fault = read(frame, dialect)
    if fault or structure:
        return bytes(len(frame))
    allowed = bytearray(b"\1" * len(frame))
    hidden = [field for field, shown in values(view, dialect).items() if shown != view.text(field)]
    for field in (0, *hidden):
        start, end = view.span(field) or (0, 0)
        allowed[start:end] = bytes(end - start)
    for start, end in _places(frame, _parts(view, dialect)):
        allowed[start:end] = bytes(end - start)
    return bytes(allowed)


def _places(frame: bytes, parts: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where these digits stand in a frame, in ASCII, EBCDIC or BCD: values side by side may make them up."""
    nibbles = frame.hex()
    for part in parts:
        for form in (part.encode(), part.encode("cp500")):
            yield from ((at, at + len(form)) for at in _occurrences(frame, form))
        yield from ((at // 2, (at + PART_DIGITS + 1) // 2) for at in _occurrences(nibbles, part))


def _occurrences(text: bytes | str, form: bytes | str) -> Iterator[int]:
    at = text.find(form)  # type: ignore[arg-type]
    while at >= 0:
        yield at
        at = text.find(form, at + 1)  # type: ignore[arg-type]


def _dump_line(frame: bytes, allowed: bytes, at: int) -> str:
    row = range(at, min(at + BYTES_A_LINE, len(frame)))
    pairs = " ".join(f"{frame[i]:02X}" if allowed[i] else "**" for i in row)
    characters = "".join(("." if not 32 <= frame[i] < 127 else chr(frame[i])) if allowed[i] else "*" for i in row)
    return f"{at:04X}  {pairs:<{3 * BYTES_A_LINE}} {characters}"
