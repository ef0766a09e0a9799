"""The log of the HSM's process: JSON lines on standard error. Never bytes of a command, a key or a PIN block."""

import json
import logging
import select
import sys
import time
from typing import TextIO

_log = logging.getLogger("hsm_sim")


def log(event: str, **details: object) -> None:
    """One line: the time, the part, the event, and details that a reader may see."""
    _log.info(json.dumps({"ts": round(time.time(), 6), "part": "hsm", "event": event, **details}))


class _Unblocking(logging.StreamHandler[TextIO]):
    """Drops a line rather than wait for whoever should read standard error: commands matter more."""

    def emit(self, record: logging.LogRecord) -> None:
        _, writable, _ = select.select([], [self.stream], [], 0)
        if writable:
            super().emit(record)


def to_stderr() -> None:
    """Send the lines to standard error; without this, a process that embeds the HSM decides for itself."""
    _log.handlers = [_Unblocking(sys.stderr)]
    _log.setLevel(logging.INFO)
    _log.propagate = False
