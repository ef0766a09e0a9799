"""`monetique watch`: the messages of a bench that runs, live and masked."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from switch.commands.common import (
    FINE,
    INTERRUPTED,
    UNREACHABLE,
    USAGE,
    CommandError,
    Subparsers,
    add_command,
    add_data,
)
from switch.commands.recording import add_record, record

if TYPE_CHECKING:
    from switch.traces.format import Line, Message

EXAMPLES = """\
  monetique watch                                    a line an exchange; Enter opens one, q leaves
  monetique watch --terminal SEND0001                what `monetique send` sends, on both legs
  monetique watch --link issuer-1 --mti 04           reversals to and from one issuer
  monetique watch --card 0017 --json                 lines of monetique-trace/1
  monetique watch --record run.jsonl                 the same into a file, until Ctrl-C
"""


def register(subparsers: Subparsers) -> None:
    """Add `watch`."""
    parser = add_command(subparsers, "watch", "watch the messages of a bench that runs", run, examples=EXAMPLES)
    parser.add_argument("--terminal", default="", metavar="T", help="only messages with this DE 41, and their answers")
    parser.add_argument("--link", default="", metavar="NAME", help="only this link's messages")
    parser.add_argument("--mti", default="", metavar="MTI", help="only message types that begin so, and their answers")
    parser.add_argument("--card", default="", metavar="LAST4", help="only cards whose numbers end so")
    parser.add_argument("--wait", action="store_true", help="wait for a bench that does not run yet")
    parser.add_argument("--json", action="store_true", help="lines of monetique-trace/1")
    add_record(parser)
    add_data(parser)


def run(args: argparse.Namespace) -> int:
    """Until the bench ends, Ctrl-C, or `q` on a terminal."""
    from switch.net.tap import tap_path
    from switch.net.tap_reader import TapRefusedError, trace
    from switch.traces.selection import Selection

    tap = tap_path(args.data)
    if not (args.wait or tap.exists()):
        raise CommandError(f"no switch runs on {args.data}; start `monetique up`, or name its --data", UNREACHABLE)
    selection = Selection(terminal=args.terminal, link=args.link, mti=args.mti, card=args.card)
    stop = _Stop()
    lines = trace(tap, lambda: stop.asked, waits=args.wait)
    try:
        if args.record is not None:
            return record(args.record, lines, selection.takes)
        if not args.json and sys.stdout.isatty() and sys.stdin.isatty():
            from switch.commands.watch_screen import show

            show(lines, selection.takes)
        else:
            _print(lines, selection.takes, as_json=args.json)
    except TapRefusedError as error:
        raise CommandError(str(error), UNREACHABLE) from None
    except ValueError as error:  # a dialect file that was changed since the switch read it
        raise CommandError(f"a link's dialect cannot be read: {error}", USAGE) from None
    return INTERRUPTED if stop.interrupted else FINE


def _print(lines: "Iterable[list[Line]]", takes: "Callable[[Message], bool]", *, as_json: bool) -> None:
    """Lines of the trace as they are, or for people."""
    from switch.commands.watch_lines import Liner
    from switch.traces.format import Message, encode

    liner = Liner()
    for batch in lines:
        for line in batch:
            if isinstance(line, Message) and not takes(line):
                continue
            text = encode(line).decode() if as_json else liner.line(line) + "\n"
            sys.stdout.write(text.lstrip("\n"))
        if batch:
            sys.stdout.flush()


class _Stop:
    """Whether SIGTERM or Ctrl-C has asked to stop."""

    def __init__(self) -> None:
        self.asked = self.interrupted = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, _: object) -> None:
        self.asked = True
        self.interrupted = number == signal.SIGINT
