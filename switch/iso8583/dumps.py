"""What people paste when they mean bytes: hexadecimal text and lists of numbers, as tools and languages print them.

    30313030                                     wholly hexadecimal, with spaces, colons, dashes, commas, line breaks
    0x30, 0x31  ·  \\x30\\x31                      C, and Wireshark's escaped string
    00000000  30 31 30 30  |0100|                hexdump -C; also xxd, od, jPOS, Wireshark: any offset, any column
    b'01\\x30'  ·  bytes([48, 49])                 Python
    []byte{0x30, 49}  ·  [48 49]                 Go
    new byte[] {48, (byte) 0xF1}  ·  [48, -15]   Java, whose bytes are signed

`parse` gives the bytes that a text may stand for. Whether the text is rather a message itself, others decide.
"""

import ast
import re
from typing import Final

BYTES_A_LINE: Final = 16  # of every dump's default

# Offset, then bytes in twos or in groups of two to eight, then perhaps characters.
_OFFSET_LINE = re.compile(r"\s*(?:0x)?([0-9A-Fa-f]{4,16}):?(?:\s{1,4}|\t)((?:[0-9A-Fa-f]{2}){1,8}(?![0-9A-Za-z]).*)")
_END_LINE = re.compile(r"\s*[0-9A-Fa-f]{4,16}:?\s*")  # hexdump and od end in the offset after the last byte
_REPEATED: Final = "*"  # hexdump and od: lines like the one before
_PAIR = re.compile("[0-9A-Fa-f]{2}")
_GROUP = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_CHARACTERS = re.compile(r"\s{3,}|\||>")  # what a dump's column of characters begins with
_CHARACTERS_OF_WIDE_GROUPS = re.compile(r"\s{2,}")  # xxd; where bytes stand alone, two spaces part the halves of a line

_PYTHON = re.compile(r"(?:\w+\s*=\s*)?(?:(?:bytes|bytearray)\()?\s*(b'.*'|b\".*\")\s*\)?", re.DOTALL)
_CALL = re.compile(r"""(?:fromhex|unhexlify|DecodeString|parseHex|hex2byte|from)\(\s*["']([^"']*)["'][^()]*\)""")
_CAST = re.compile(r"\(\s*byte\s*\)|\b(?:byte|uint8)\(([^()]*)\)")
_LIST = re.compile(r"[\[{(<](?:Buffer )?([^\[\]{}()<>]*)[\]})>]+;?")  # the brackets that end the text
_BARE_LIST = re.compile(r"-?[0-9]{1,3}(?:\s*,\s*-?[0-9]{1,3})+,?")
_NUMBER = re.compile(r"-?[0-9]{1,3}|0[xX][0-9A-Fa-f]{1,2}")
_ESCAPED = re.compile(r"""["']?((?:\\x[0-9A-Fa-f]{2}["'\s]*)+);?""")
_TAGS = re.compile(r"<[^>]*>|<!\[CDATA\[|\]\]>")


def parse(data: bytes) -> list[bytes]:
    """The bytes that the text stands for; several where it can be read in several ways, none where it is no dump.

    >>> parse(b"30 31-30:30\\n"), parse(b"b'0\\\\x3100'"), parse(b"[48, 49, -16]"), parse(b"0100 X")
    ([b'0100'], [b'0100'], [b'01\\xf0'], [])
    >>> parse(b"00000000  30 31 30 30 37 30 32 34  01 30 31 30 30 37 30 32  |01007024.0100702|\\n00000010")
    [b'01007024\\x010100702']
    """
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return []
    for form in (_lines_with_offsets, _hexadecimal, _escaped, _python, _numbers):
        if found := form(text):
            return found
    inner = _TAGS.sub(" ", text).strip()
    return parse(inner.encode()) if inner != text and inner else []


def odd_digits(data: bytes) -> bool:
    """Is it hexadecimal text whose last byte has lost a digit? `parse` leaves that digit out."""
    return data.isascii() and len(_digits(data.decode())) % 2 == 1


def _digits(text: str) -> str:
    """The hexadecimal digits of a text that holds nothing else; else none."""
    bare = re.sub(r"0[xX]", "", text)
    bare = re.sub(r"[\s:,;._-]+", "", bare)
    return bare if re.fullmatch("[0-9A-Fa-f]+", bare) else ""


def _hexadecimal(text: str) -> list[bytes]:
    digits = _digits(text)
    if _BARE_LIST.fullmatch(text):  # hexadecimal only if every word has two digits, and perhaps decimal even so
        pairs = all(len(word.strip()) == 2 for word in text.rstrip(",").split(","))
        return [bytes.fromhex(digits), *_of_words(text)] if pairs and "-" not in text else _of_words(text)
    return [bytes.fromhex(digits[: len(digits) & ~1])] if len(digits) > 1 else []


def _lines_with_offsets(text: str) -> list[bytes]:
    """A dump of lines that each say where they stand."""
    rows: list[tuple[str, str]] = []
    repeated: set[int] = set()
    end = ""
    for line in text.splitlines():
        if found := _OFFSET_LINE.fullmatch(line.rstrip()):
            rows.append((found[1], found[2]))
        elif line.strip() == _REPEATED and rows:
            repeated.add(len(rows))
        elif rows and _END_LINE.fullmatch(line):
            end = line.strip().rstrip(":")
    for base in (16, 8):
        if data := _joined(rows, repeated, end, base):
            return [data, *(_hexadecimal(text) if len(rows) == 1 else [])]  # 0000 may be the first bytes
    return []


def _joined(rows: list[tuple[str, str]], repeated: set[int], end: str, base: int) -> bytes:
    """The bytes of the rows, whose offsets are numbers of that base and must fit; else none."""
    try:
        offsets = [int(offset, base) for offset, _ in rows] + ([int(end, base)] if end else [])
    except ValueError:
        return b""
    data = b""
    for index, (_, rest) in enumerate(rows):
        if index in repeated:
            data += data[-BYTES_A_LINE:] * ((offsets[index] - len(data)) // BYTES_A_LINE)
        if offsets[index] != len(data):
            return b""
        known = index + 1 < len(offsets) and index + 1 not in repeated
        size = offsets[index + 1] - offsets[index] if known else (offsets[1] if index else BYTES_A_LINE)
        data += _row(rest, size)
    if len(rows) in repeated and end:
        data += data[-BYTES_A_LINE:] * ((offsets[-1] - len(data)) // BYTES_A_LINE)
    return data if len(offsets) == len(rows) or len(data) == offsets[-1] else b""


def _row(rest: str, size: int) -> bytes:
    """At most `size` bytes of a row, without its column of characters."""
    wide = re.match("[0-9A-Fa-f]{4}", rest)
    hexadecimal = (_CHARACTERS_OF_WIDE_GROUPS if wide else _CHARACTERS).split(rest)[0]
    data = b""
    for group in hexadecimal.split():
        if len(data) >= size or not _GROUP.fullmatch(group):
            break
        data += bytes.fromhex(group)
    return data[:size]


def _escaped(text: str) -> list[bytes]:
    found = _ESCAPED.fullmatch(text)
    return [bytes.fromhex("".join(re.findall(r"\\x([0-9A-Fa-f]{2})", text)))] if found else []


def _python(text: str) -> list[bytes]:
    found = _PYTHON.fullmatch(text)
    try:
        value = ast.literal_eval(found[1]) if found else None
    except (ValueError, SyntaxError):
        return []
    return [value] if isinstance(value, bytes) and value else []


def _numbers(text: str) -> list[bytes]:
    """A list in brackets, of numbers or of hexadecimal digits; or a call that reads hexadecimal digits."""
    if called := _CALL.search(text):
        return _hexadecimal(called[1])
    found = [*_LIST.finditer(_CAST.sub(lambda cast: cast[1] or "", text))][-1:]
    return [data for one in found if one.end() == len(one.string) for data in (*_of_words(one[1]), *_pairs(one[1]))]


def _of_words(text: str) -> list[bytes]:
    """Numbers from -128 to 255, in decimal or hexadecimal, between spaces or commas."""
    words = [word for word in re.split(r"[\s,]+", text) if word]
    if len(words) < 2 or not all(map(_NUMBER.fullmatch, words)):
        return []
    numbers = [int(word, 16 if word[:2].lower() == "0x" else 10) for word in words]
    return [bytes(number & 0xFF for number in numbers)] if all(-128 <= number <= 255 for number in numbers) else []


def _pairs(text: str) -> list[bytes]:
    """Bytes of two hexadecimal digits each, between spaces or commas."""
    words = [word for word in re.split(r"[\s,]+", text) if word]
    return [bytes.fromhex("".join(words))] if words and all(map(_PAIR.fullmatch, words)) else []
