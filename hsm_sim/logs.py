"""The log of the HSM's process: JSON lines on standard error. Never bytes of a command, a key or a PIN block."""

import asyncio
import json
import logging
import select
import sys
import time
import traceback
from typing import Any, TextIO

_log = logging.getLogger("hsm_sim")


def log(event: str, **details: object) -> None:
    """One line: the time, the part, the event, and details that a reader may see."""
    _log.info(json.dumps({"ts": round(time.time(), 6), "part": "hsm", "event": event, **details}))


def bug(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler: type and place, for an exception's text may quote a command."""
    error = context.get("exception")
    frames = traceback.extract_tb(error.__traceback__)[-1:] if error else []
    what = type(error).__name__ if error else context["message"]
    log("bug", reason=what, at=[f"{at.filename.rpartition('/')[2]}:{at.lineno}" for at in frames], note="please report")


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
