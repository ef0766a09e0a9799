"""What the commands share: common options, errors with an exit status, output for programs and for people."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from switch import native
from switch.commands import output
from switch.terminal import print_table as print_table

if TYPE_CHECKING:
    from switch.config import Config, Link
    from switch.net.tls import Tls

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

FINE: Final = 0
FAILED: Final = 1  # the verdict, an expectation or a threshold
USAGE: Final = 2  # wrong usage or configuration; argparse's own choice too
UNREACHABLE: Final = 3  # the other side
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it


class CommandError(Exception):
    """A command that cannot go on: a sentence for standard error and the exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def add_command(
    subparsers: Subparsers, name: str, summary: str, run: Callable[[argparse.Namespace], int], *, examples: str
) -> argparse.ArgumentParser:
    """A subcommand whose help ends in examples; `run` is called with the parsed options."""
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_config(parser: argparse.ArgumentParser, *, addresses: bool = False, used: bool = True) -> None:
    """`--config FILE`, and `--insecure` for a command that opens or dials the `addresses` in it; see `load_config`.

    Where an option means nothing (`used` and `addresses` false) it is accepted, as it always was, and not in the help.
    """
    parser.add_argument(
        "--config",
        type=Path,
        default=os.environ.get("MONETIQUE_CONFIG") or None,
        metavar="FILE",
        help="configuration laid over the shipped one (default: $MONETIQUE_CONFIG)" if used else argparse.SUPPRESS,
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        default=not addresses,
        help="accept addresses other than this machine's, unencrypted" if addresses else argparse.SUPPRESS,
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """`--data DIR`."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("MONETIQUE_DATA") or ".monetique"),
        metavar="DIR",
        help="data directory: log, book, keys, up.json (default: $MONETIQUE_DATA or .monetique)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def port(text: str) -> int:
    """The type of a `--port` option."""
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def number_from_0(text: str) -> float:
    """The type of a time that may be 0, in seconds or milliseconds."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        raise argparse.ArgumentTypeError(f"a number from 0, such as 5 or 0.5, not {text!r}")
    return float(text)


def seconds_above_0(text: str) -> float:
    """The type of a time that must pass."""
    number = number_from_0(text)
    if number == 0:
        raise argparse.ArgumentTypeError("a number of seconds above 0")
    return number


def load_config(args: argparse.Namespace) -> "Config":
    """The configuration that `--config` and `--insecure` ask for. Raises ConfigError."""
    from switch.config import load

    return load(args.config, insecure=args.insecure)


def tls_of(link: "Link") -> "Tls | None":
    """What a link says about TLS, as the shell takes it."""
    from switch.net.tls import Tls

    return Tls(link.tls_cert, link.tls_key, link.tls_ca, link.tls_name) if link.has_tls else None


def running_ports(data: Path) -> dict[str, int]:
    """The ports that the parts running on this data directory listen on, by name; empty when none runs."""
    from switch.net import upfile

    refuse_shared(data)
    parts = upfile.read(data).values()
    return {name: number for part in parts if _is_alive(part["pid"]) for name, number in part["ports"].items()}


def refuse_shared(data: Path) -> None:
    """Raise CommandError if others can write to the data directory: its ports and sockets may be anybody's."""
    from switch.store import directory

    try:
        directory.refuse_shared(data)
    except directory.SharedDirectoryError as error:
        raise CommandError(str(error), USAGE) from None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process: alive
    return True


def say_twins(remedy: str) -> None:
    """Say in one line on standard error that the Python twins run, if they do because no whole build fits."""
    if native.twins_because is not None:
        why = f"{native.twins_because}, so the Python twins run (about 300 authorizations a second)"
        print(f"monetique: {why}; {remedy}", file=sys.stderr, flush=True)


def print_json(document: Any) -> None:
    """One document, indented, on standard output; other characters than ASCII are escaped where it is not UTF-8."""
    output.write_json(document)


def outline(value: dict[str, Any], indent: str = "  ") -> Iterator[str]:
    """Nested data as indented lines.

    >>> print("\\n".join(outline({"pid": 7, "links": [{"name": "issuer-1", "state": "down"}], "counters": {}})))
      pid: 7
      links:
        issuer-1 down
      counters: -
    """
    for key, inner in value.items():
        if isinstance(inner, dict) and any(isinstance(leaf, dict) for leaf in inner.values()):
            yield f"{indent}{key}:"
            yield from outline(inner, indent + "  ")
        elif isinstance(inner, dict):
            yield f"{indent}{key}: " + (", ".join(f"{name} {leaf}" for name, leaf in inner.items()) or "-")
        elif isinstance(inner, list):
            yield f"{indent}{key}:"
            leaves = (leaf.values() if isinstance(leaf, dict) else [leaf] for leaf in inner)
            yield from (f"{indent}  " + " ".join(map(str, leaf)) for leaf in leaves)
        else:
            yield f"{indent}{key}: {inner}"


def clock(t: float) -> str:
    """The time of day, here, to a millisecond."""
    return f"{time.strftime('%H:%M:%S', time.localtime(t))}.{int(t % 1 * 1000):03}"


def printable(text: str) -> str:
    r"""Nothing in it moves a cursor or rings a bell.

    >>> printable("TERM\x1b[2J")
    'TERM.[2J'
    """
    return "".join(character if character.isprintable() else "." for character in text)
