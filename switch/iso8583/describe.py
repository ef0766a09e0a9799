"""A message for people's eyes: masked, by an allow-list that fails closed.

Of a field, its value is shown if the dialect's `shown` names it, the card number as 6 + 4, and of anything else only
the length: private fields may hold codes, and a field nobody thought of may hold anything. Where a frame could not be
read to its end the fields may have slipped against the bytes (a card number's digits would pass for an amount), so
there only message type and DE 2, masked, are shown.
`clear=True` shows everything, and only a person's explicit wish may set it.
"""

from switch.cards.masking import MIN_PAN_DIGITS, mask_pan
from switch.iso8583.codec import FormatError, View
from switch.iso8583.dialect import Dialect

PAN = 2
BYTES_A_LINE = 16


def describe(message: bytes | View, dialect: Dialect, clear: bool = False) -> list[str]:
    """One line a field: number, name, value as far as it may be shown; an error, if there is one, comes last.

    >>> from switch.iso8583.dialect import load
    >>> dialect = load("iso87-ascii")
    >>> frame = dialect.layout.encode({"t": "0100", "2": "4687380000001234", "11": "000001", "14": "2812"})
    >>> for line in describe(frame, dialect):
    ...     print(line)
      t Message type                         0100
      2 Primary Account Number (PAN)         468738******1234
     11 System Trace Audit Number            000001
     14 Date, Expiration                     4 characters
    """
    view, fault = _read(message, dialect)
    lines = [_line("t", "Message type", view.mti or "unreadable")]
    for field in view.fields():
        text = view.text(field) or ""
        value = text if clear else _masked(field, text, view, dialect)
        lines.append(_line(str(field), dialect.names.get(field, ""), value))
    if fault:
        lines.append(str(fault))
    return lines


def hexdump(frame: bytes, dialect: Dialect, clear: bool = False) -> list[str]:
    """The frame as offset, hexadecimal, characters, with `**` and `*` for bytes that may not be shown.

    Shown are message type, bitmaps, length prefixes and the values of `shown` fields; of the card number nothing.

    >>> from switch.iso8583.dialect import load
    >>> dialect = load("iso87-bcd")
    >>> frame = dialect.layout.encode({"t": "0100", "2": "4687380000001234", "11": "000001"})
    >>> print(*hexdump(frame, dialect), sep="\\n")
    0000  01 00 40 20 00 00 00 00 00 00 16 ** ** ** ** **  ..@ .......*****
    0010  ** ** ** 00 00 01                                ***...
    """
    open_bytes = bytes([clear]) * len(frame) if clear else _open_bytes(frame, dialect)
    return [_dump_line(frame, open_bytes, at) for at in range(0, len(frame), BYTES_A_LINE)]


def shown_fields(view: View, dialect: Dialect, *, clear: bool = False) -> dict[str, str | None]:
    """{"t": MTI, number: value} for programs; None where the value may not be shown.

    The rules are those of `describe`. A field that repeats the card number, say as a merchant's reference, is not shown
    either, even where it holds only the number's beginning.

    >>> from switch.iso8583.dialect import load
    >>> dialect = load("iso87-ascii")
    >>> shown_fields(dialect.layout.scan(dialect.layout.encode({"t": "0800", "11": "000001", "48": "CODE"})), dialect)
    {'t': '0800', '11': '000001', '48': None}
    """
    result: dict[str, str | None] = {"t": view.mti}
    pan = view.text(PAN) or ""
    for number in view.fields():
        text = view.text(number) or ""
        if clear:
            result[str(number)] = text
        elif number == PAN:
            result[str(number)] = mask_pan(text) if view.complete else None
        elif view.complete and number in dialect.shown and not (pan and pan[:MIN_PAN_DIGITS] in text):
            result[str(number)] = text
        else:
            result[str(number)] = None
    return result


def _read(message: bytes | View, dialect: Dialect) -> tuple[View, FormatError | None]:
    if isinstance(message, View):
        return message, None
    try:
        return dialect.layout.scan(message), None
    except FormatError as fault:
        return fault.partial, fault


def _masked(field: int, text: str, view: View, dialect: Dialect) -> str:
    if field == PAN:
        return mask_pan(text)
    if view.complete and field in dialect.shown:
        return text
    return f"{len(text)} characters"


def _line(key: str, name: str, value: str) -> str:
    printable = "".join(character if character.isprintable() else "." for character in value)
    return f"{key:>3} {name[:36]:<36} {printable}"


def _open_bytes(frame: bytes, dialect: Dialect) -> bytes:
    """For each byte of the frame 1 if it may be shown, else 0."""
    view, fault = _read(frame, dialect)
    if fault:
        return bytes(len(frame))
    allowed = bytearray(b"\1" * len(frame))
    header = view.span(0)
    hidden = [view.span(field) for field in view.fields() if field == PAN or field not in dialect.shown]
    for span in [header, *hidden]:
        if span:
            allowed[slice(*span)] = bytes(span[1] - span[0])
    return bytes(allowed)


def _dump_line(frame: bytes, allowed: bytes, at: int) -> str:
    row = range(at, min(at + BYTES_A_LINE, len(frame)))
    pairs = " ".join(f"{frame[i]:02X}" if allowed[i] else "**" for i in row)
    characters = "".join(("." if not 32 <= frame[i] < 127 else chr(frame[i])) if allowed[i] else "*" for i in row)
    return f"{at:04X}  {pairs:<{3 * BYTES_A_LINE}} {characters}"
