"""`monetique describe`: what a message says, field by field, masked.

The input may be the bytes themselves, or text that stands for them in any usual form, with or without a length and a
TPDU. All readings are tried, in each shipped dialect unless one is named (`switch.iso8583.readings`), and the best one
is shown. Values are shown only where the dialect was named or the reading convinces.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from switch.commands.common import FAILED, FINE, USAGE, CommandError, Subparsers, add_command, add_json, print_json

if TYPE_CHECKING:
    from switch.iso8583.codec import View
    from switch.iso8583.dialect import Dialect
    from switch.iso8583.readings import Reading

EXAMPLES = """\
  monetique describe message.bin                     raw bytes, any shipped dialect
  monetique describe --dialect iso87-bcd < trace.hex
  echo 30383030822000000000000004000000000000003131... | monetique describe --dump
  xclip -o | monetique describe -                    hex, hexdump -C, xxd, Wireshark, Python, Go, Java, C
"""

STANDARD_INPUT: Final = Path("-")
MAX_INPUT_BYTES: Final = 512 * 1024  # the longest frame as `0x30, 0x31` is 384 KiB


def register(subparsers: Subparsers) -> None:
    """Add `describe`."""
    parser = add_command(subparsers, "describe", "show a message field by field, masked", run, examples=EXAMPLES)
    parser.add_argument(
        "file", nargs="?", type=Path, default=STANDARD_INPUT, metavar="FILE",
        help="bytes, hexadecimal text, or a dump as tools and languages print it (-, the default: standard input)",
    )  # fmt: skip
    parser.add_argument("--dialect", help="a shipped dialect or a dialect file (default: whichever fits)")
    parser.add_argument("--clear", action="store_true", help="show card numbers, tracks and codes too")
    parser.add_argument("--dump", action="store_true", help="add the bytes, in hexadecimal")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the best reading; a message that cannot be read to its end is exit status 1."""
    from switch.iso8583.dumps import odd_digits
    from switch.iso8583.readings import best_reading

    data = content(args.file)
    reading = best_reading(data, dialects(args.dialect), named=args.dialect is not None)
    if args.json:
        print_json(as_json(reading, args.clear))
    else:
        note = ["an odd number of hexadecimal digits: the last one was left out"] if odd_digits(data) else []
        print("\n".join(as_lines(reading, clear=args.clear, dump=args.dump) + note))
    return FAILED if reading.fault else FINE


def content(file: Path) -> bytes:
    """The input, whole. Raises CommandError."""
    try:
        with sys.stdin.buffer if file == STANDARD_INPUT else file.open("rb") as stream:
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


def as_lines(reading: "Reading", *, clear: bool, dump: bool) -> list[str]:
    """The reading for people; after a fault, what the bytes look like."""
    from switch.iso8583.describe import describe, hexdump
    from switch.iso8583.doctor import guess

    structure = bool(reading.doubt)
    lines = [f"{reading.dialect.name}, {len(reading.frame)} bytes"]
    lines += describe(reading.frame, reading.dialect, clear, structure=structure)
    if reading.fault and not reading.view.mti and (hint := guess(reading.frame)):
        lines.append(hint)
    if dump:
        lines += hexdump(reading.frame, reading.dialect, clear, structure=structure)
    if structure and not reading.fault and not clear:
        lines.append(f"values are hidden, for {reading.doubt}; with --dialect {reading.dialect.name} they are shown")
    return lines


def as_json(reading: "Reading", clear: bool) -> dict[str, Any]:
    """The reading for programs."""
    from switch.iso8583.describe import meanings, values

    fault, structure = reading.fault, bool(reading.doubt)
    told = values(reading.view, reading.dialect, clear=clear, structure=structure)
    return {
        "dialect": reading.dialect.name,
        "bytes": len(reading.frame),
        "fields": as_document(reading.view, told),
        "meanings": meanings(reading.view, told, reading.dialect),
        "doubt": reading.doubt or None,
        "error": fault and {"field": fault.field, "position": fault.position, "reason": fault.reason},
    }


def as_document(view: "View", told: dict[int, str | None]) -> dict[str, str | None]:
    """{"t": MTI, number: value}; None where the value may not be shown."""
    return {"t": view.mti} | {str(number): text for number, text in told.items()}
