"""Looking for secrets: every form in which a card number, a track, a PIN block or a key may stand in what is left."""

import re
from collections.abc import Iterable, Mapping

HEXADECIMAL = frozenset("0123456789ABCDEFabcdef")

# A line of `describe --dump`: offset, bytes, characters.
DUMP_LINE = re.compile(rb"^[0-9A-F]{4}  ((?:(?:[0-9A-F]{2}|\*\*) )+)", re.MULTILINE)


def encodings(secret: str) -> set[bytes]:
    """Characters in ASCII, EBCDIC and UTF-16, packed digits from either nibble, and each of these in hexadecimal."""
    forms = {secret.encode(), secret.encode("cp500"), secret.encode("utf-16-le")}
    digits = secret.replace("=", "D")
    if HEXADECIMAL.issuperset(digits):
        forms |= {bytes.fromhex(part[: len(part) & ~1]) for part in (digits, digits[1:])}
        forms |= {digits.upper().encode(), digits.lower().encode()}
    return forms | {text.encode() for form in forms for text in (form.hex(), form.hex().upper())}


def parts(number: str, size: int = 8) -> set[str]:
    """Every `size` digits in a row of a card number; what stands in any amount, with more zeros than not, left out."""
    found = {number[at : at + size] for at in range(len(number) - size + 1)}
    return {part for part in found if part.count("0") <= size // 2}


def holders(secrets: Iterable[str], artefacts: Mapping[str, bytes]) -> list[str]:
    """Where a secret stands, told without it."""
    written = {name: content.rstrip(b"\0") for name, content in artefacts.items()}  # logs are made ahead of their use
    readable = {name: content + _undumped(content) for name, content in written.items()}
    return [
        f"{name}: a secret of {len(secret)} characters, as {len(form)} bytes"
        for secret in secrets
        for form in encodings(secret)
        for name, content in readable.items()
        if form in content
    ]


def _undumped(content: bytes) -> bytes:
    """The bytes of hex dumps in one row: a line ends in the middle of a card number."""
    return b"".join(DUMP_LINE.findall(content)).replace(b" ", b"")
