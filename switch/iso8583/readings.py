"""Which message is this? The input read in every way that it may be meant, and the best of these readings.

The input may be the bytes of a message or text that stands for them (`switch.iso8583.dumps`), with or without a length
and a TPDU. What is wholly hexadecimal is hexadecimal: such characters count as a message themselves only where they can
be read to their end. A dialect that nobody named is a guess, and `Reading.doubt` says why one should not believe it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from switch.iso8583 import dumps
from switch.iso8583.codec import FormatError, View
from switch.iso8583.describe import read
from switch.iso8583.dialect import Dialect
from switch.iso8583.doctor import TPDU_BYTES, TPDU_ID
from switch.iso8583.framing import LENGTHS
from switch.iso8583.plausible import doubt

GUESSED = "nobody named the dialect, and it could not be read to its end"

Rank: TypeAlias = tuple[bool, bool, bool, int]


class Reading(NamedTuple):
    """The input read one way: in a dialect, and either whole or with what stopped it.

    `doubt` says why it may be a misreading, whose values must not be shown; "" where there is none.
    """

    dialect: Dialect
    frame: bytes
    view: View
    fault: FormatError | None
    doubt: str


def best_reading(data: bytes, candidates: Sequence[Dialect], *, named: bool) -> Reading:
    """The first reading that convinces, else the first whole one, else the one that got furthest into its frame.

    `named`: somebody said that the message is in one of these dialects.

    >>> from switch.iso8583.dialect import load
    >>> ascii, bcd = load("iso87-ascii"), load("iso87-bcd")
    >>> reading = best_reading(b"080080200000000000000400000000000000000001301", [bcd, ascii], named=False)
    >>> reading.dialect.name, reading.view.text(70), reading.doubt
    ('iso87-ascii', '301', '')
    """
    best: tuple[Rank, Reading] | None = None
    for frame, as_given in _frames(data):
        for dialect in candidates:
            reading = _reading(frame, dialect, named)
            if not reading.fault and not reading.doubt:
                return reading
            position = reading.fault.position if reading.fault else len(frame)
            rank = reading.fault is None, bool(reading.view.mti), not as_given, position
            if best is None or rank > best[0]:
                best = rank, reading
    assert best, "there is at least the input itself"
    return best[1]


def _reading(frame: bytes, dialect: Dialect, named: bool) -> Reading:
    view, fault = read(frame, dialect)
    why = "" if named else GUESSED if fault else doubt(view, dialect)
    return Reading(dialect, frame, view, fault, why)


def _frames(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """What the input may be, and whether that is the input as it was given: each text's bytes as they are, then without
    a length that fits, then without a TPDU."""
    given = [(one, False) for one in dumps.parse(data)]
    given += [(data, True), (data.rstrip(b"\r\n"), True)]  # an editor ends a text in a line break
    for whole, as_given in given:
        bodies = [whole] + [whole[length.width :] for length in LENGTHS.values() if length.fits(whole)]
        bodies += [body[TPDU_BYTES:] for body in bodies if body[:1] == bytes([TPDU_ID]) and len(body) > TPDU_BYTES]
        yield from ((body, as_given) for body in bodies)
