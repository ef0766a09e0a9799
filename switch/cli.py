"""The command `monetique`: parse, run, and turn what went wrong into a sentence and an exit status.

0 fine · 1 a verdict or an expectation failed · 2 wrong usage or configuration · 3 the other side cannot be reached ·
130 interrupted. Other packages add subcommands through the entry-point group `monetique.commands`, a callable that is
given the subparsers; the switch does not import them.
"""

import argparse
import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

from switch import native, terminal
from switch.commands import (
    bench,
    cards,
    config,
    control,
    describe,
    dialect,
    events,
    keys,
    ocard,
    output,
    reconcile,
    send,
    simulate,
    version,
    watch,
)
from switch.commands.common import FAILED, FINE, INTERRUPTED, USAGE, CommandError, print_json
from switch.commands.parser import Parser

GROUP = "monetique.commands"
FAMILIES = (
    bench, send, watch, events, describe, dialect, cards, keys, ocard, control, config, reconcile, simulate, version,
)  # fmt: skip

EXAMPLES = """\
examples:
  monetique up                                       the whole bench; stop it with Ctrl-C
  monetique send purchase --amount 100.00            in another terminal: one authorization, answered
  monetique COMMAND --help                           options and examples of each
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's) and return its exit status."""
    if native.problem is not None:
        return _complain(native.problem, USAGE)
    terminal.prepare()
    words = control.action_first(sys.argv[1:] if argv is None else argv)
    with output.masked():
        args = build_parser().parse_args(words)
        if not output.may_show_card_numbers(args):
            return _run(args)
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    from switch.config import ConfigError

    run: Callable[[argparse.Namespace], int] = args.run
    try:
        status = run(args)
        sys.stdout.flush()
    except ConfigError as error:
        return _complain(error, USAGE)
    except CommandError as error:
        if getattr(args, "json", False):
            print_json({"error": str(error), "status": error.status})
        return _complain(error, error.status)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `monetique cards | head -1`: the reader has seen enough. The interpreter's last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _no_space(error) if error.errno == errno.ENOSPC else _bug(error)
    except Exception as error:
        return _bug(error)
    return status


def _no_space(error: OSError) -> int:
    """A full disk is no bug. What is still buffered must not be written again by the interpreter's last flush."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    place = error.filename or "standard output, or a file that this command writes"
    return _complain(f"{place}: {os.strerror(errno.ENOSPC)}", FAILED)


def _bug(error: Exception) -> int:
    from switch import bugs

    return _complain(bugs.places(error), FAILED)


def build_parser() -> argparse.ArgumentParser:
    """All subcommands, those of other packages included."""
    parser = Parser(
        prog="monetique",
        description="Card-network authorization switch simulator and load-test bench.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=lambda _: _help(parser))
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for family in FAMILIES:
        family.register(subparsers)
    for entry in entry_points(group=GROUP):
        entry.load()(subparsers)
    return parser


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return FINE


def _complain(error: Exception | str, status: int) -> int:
    print(f"monetique: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
