"""`monetique describe`: what a message says, field by field, masked.

The input may be the bytes themselves or hexadecimal text, with or without a length and a TPDU. All readings are tried,
in each shipped dialect unless one is named, and the first that makes sense is shown: one that can be read to its end,
rather in a dialect that has such message types.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from switch.commands.common import FAILED, FINE, USAGE, CommandError, Subparsers, add_command, add_json, print_json

if TYPE_CHECKING:
    from switch.iso8583.codec import FormatError, View
    from switch.iso8583.dialect import Dialect

EXAMPLES = """\
  monetique describe message.bin                     raw bytes, any shipped dialect
  monetique describe --dialect iso87-bcd < trace.hex
  echo 30383030822000000000000004000000000000003131... | monetique describe --dump
"""

MAX_INPUT_BYTES: Final = 256 * 1024  # the longest frame as spaced hex is 192 KiB


class Reading(NamedTuple):
    """The input read one way: in a dialect, and either whole or with what stopped it."""

    dialect: "Dialect"
    frame: bytes
    view: "View"
    fault: "FormatError | None"


def register(subparsers: Subparsers) -> None:
    """Add `describe`."""
    parser = add_command(subparsers, "describe", "show a message field by field, masked", run, examples=EXAMPLES)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="bytes or hex (default: standard input)")
    parser.add_argument("--dialect", help="a shipped dialect or a dialect file (default: whichever fits)")
    parser.add_argument("--clear", action="store_true", help="show card numbers, tracks and codes too")
    parser.add_argument("--dump", action="store_true", help="add the bytes, in hexadecimal")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the best reading; a message that cannot be read to its end is exit status 1."""
    reading = best_reading(content(args.file), dialects(args.dialect))
    if args.json:
        print_json(as_json(reading, args.clear))
    else:
        print("\n".join(as_lines(reading, clear=args.clear, dump=args.dump)))
    return FAILED if reading.fault else FINE


def content(file: Path | None) -> bytes:
    """The input, whole. Raises CommandError."""
    try:
        with file.open("rb") if file else sys.stdin.buffer as stream:
            data = stream.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", USAGE) from None
    if not data.strip():
        raise CommandError("there is nothing to describe", USAGE)
    if len(data) > MAX_INPUT_BYTES:
        raise CommandError(f"a message is no longer than {MAX_INPUT_BYTES} bytes of input", USAGE)
    return data


def dialects(name: str | None) -> "list[Dialect]":
    """The dialects to try."""
    from switch.iso8583.dialect import SHIPPED, load

    try:
        return [load(one) for one in ([name] if name else SHIPPED)]
    except (ValueError, OSError) as error:
        raise CommandError(str(error), USAGE) from None


def best_reading(data: bytes, candidates: "list[Dialect]") -> Reading:
    """The first way to read the input to its end, else the one that got furthest into its frame."""
    from switch.iso8583.codec import FormatError

    best: Reading | None = None
    whole: Reading | None = None
    for frame in frames(data):
        for dialect in candidates:
            try:
                view = dialect.layout.scan(frame)
            except FormatError as fault:
                if best is None or best.fault is None or fault.position > best.fault.position:
                    best = Reading(dialect, frame, fault.partial, fault)
            else:
                reading = Reading(dialect, frame, view, None)
                if view.mti[:1] == dialect.version:
                    return reading
                whole = whole or reading
    assert whole or best, "frames yields at least the input itself"
    return cast(Reading, whole or best)


def frames(data: bytes) -> Iterator[bytes]:
    """What the input may be: raw, then hexadecimal text; each as it is, then without a length that fits, then without
    a TPDU."""
    from switch.iso8583.doctor import TPDU_BYTES, TPDU_ID
    from switch.iso8583.framing import LENGTHS

    plain = [data]
    try:
        plain.append(bytes.fromhex(data.decode("ascii")))
    except ValueError:
        plain.append(data.rstrip(b"\r\n"))  # text that an editor has ended
    for frame in plain:
        bodies = [frame] + [frame[length.width :] for length in LENGTHS.values() if length.fits(frame)]
        yield from bodies
        yield from (body[TPDU_BYTES:] for body in bodies if body[0] == TPDU_ID and len(body) > TPDU_BYTES)


def as_lines(reading: Reading, *, clear: bool, dump: bool) -> list[str]:
    """The reading for people; after a fault, what the bytes look like."""
    from switch.iso8583.describe import describe, hexdump
    from switch.iso8583.doctor import guess

    lines = [f"{reading.dialect.name}, {len(reading.frame)} bytes"]
    lines += describe(reading.frame, reading.dialect, clear)
    if reading.fault and not reading.view.mti and (hint := guess(reading.frame)):
        lines.append(hint)
    if dump:
        lines += hexdump(reading.frame, reading.dialect, clear)
    return lines


def as_json(reading: Reading, clear: bool) -> dict[str, Any]:
    """The reading for programs."""
    from switch.iso8583.describe import shown_fields

    fault = reading.fault
    return {
        "dialect": reading.dialect.name,
        "bytes": len(reading.frame),
        "fields": shown_fields(reading.view, reading.dialect, clear=clear),
        "error": fault and {"field": fault.field, "position": fault.position, "reason": fault.reason},
    }
