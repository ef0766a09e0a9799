"""`--record FILE`: a process of ours that writes what the switch's tap hands over, masked, as `monetique-trace/1`.

It is `monetique watch --record FILE`, started beside the switch. It decodes and masks in its own time, outlives a
switch that is started again, and ends with the command that has started it, however that ends. When it is killed or its
disk is full, the switch does not notice.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from switch.commands.common import FAILED, FINE, USAGE, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from switch.traces.format import Line, Message

ENDS_WITHIN_S: Final = 10.0  # what the socket still holds, some 30,000 messages, is written in a second


def add_record(parser: argparse.ArgumentParser) -> None:
    """`--record FILE`."""
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write every message of both legs to FILE, masked, as monetique-trace/1; a trace there is replaced",
    )


@contextlib.contextmanager
def recording(args: argparse.Namespace) -> Iterator[None]:
    """Have the switch that runs herein recorded, if `--record` asks for it. Raises CommandError."""
    from switch.net.children import die_with

    if args.record is None:
        yield
        return
    os.close(claim(args.record))
    words = ["watch", "--wait", "--record", str(args.record), "--data", str(args.data)]
    child = subprocess.Popen(
        [sys.executable, "-m", "switch.cli", *words],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with(os.getpid(), signal.SIGTERM),
    )
    try:
        yield
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(ENDS_WITHIN_S)
        if child.poll() is None:
            child.kill()
            child.wait()
        if child.returncode not in (FINE, FAILED):  # by 1 it has said itself what went wrong
            print(f"monetique: the recorder was ended; {args.record} has what passed until then", file=sys.stderr)


def claim(path: Path) -> int:
    """Open the file of a recording, for its owner only. Raises CommandError where it holds anything but a trace."""
    from switch.traces.format import FORMAT

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        held = os.pread(descriptor, 100, 0)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", USAGE) from None
    if held and FORMAT.encode() not in held:
        os.close(descriptor)
        raise CommandError(f"{path} is there and is no trace: --record would overwrite it; choose another name", USAGE)
    return descriptor


def record(file: Path, lines: "Iterable[list[Line]]", takes: "Callable[[Message], bool]") -> int:
    """Write a trace's messages, those that `takes` agrees to; the exit status. Each write ends with a whole line."""
    from switch.traces.format import Gap, Message, encode

    descriptor = claim(file)
    os.truncate(descriptor, 0)
    messages = dropped = 0
    try:
        for batch in lines:
            wanted = [line for line in batch if not isinstance(line, Message) or takes(line)]
            _write(descriptor, b"".join(map(encode, wanted)))
            messages += sum(isinstance(line, Message) for line in wanted)
            dropped += sum(line.gap for line in wanted if isinstance(line, Gap))
    except OSError as error:
        print(f"monetique: {file}: {error.strerror}: the recording ends here, the bench goes on", file=sys.stderr)
        return FAILED
    finally:
        os.close(descriptor)
        print(f"recorded {messages:,} messages to {file}, {dropped:,} dropped", flush=True)
    return FINE


def _write(descriptor: int, data: bytes) -> None:
    """All of it: a write to a file may be cut short by a full disk."""
    while data:
        data = data[os.write(descriptor, data) :]
