"""What may be said of a bug of ours: the exception's type and the places in the code.

Never its text, nor the values of variables: they may quote the message that brought it about, card number and all. What
Python and the event loop would print by themselves holds that text.
"""

import sys
import traceback
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import asyncio

PLEASE: Final = "a bug of ours, please report"


def place(error: BaseException) -> str:
    """The type, and where it was raised.

    >>> try:
    ...     int("4687380000000016 is secret")
    ... except ValueError as error:
    ...     place(error)
    'ValueError at <doctest switch.bugs.place[0]>:2'
    """
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    return " at ".join([type(error).__name__, *(f"{at.filename.rpartition('/')[2]}:{at.lineno}" for at in frames)])


def places(error: BaseException) -> str:
    """The type, and every call on the way to it, as Python prints them."""
    calls = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    return f"{type(error).__name__}: {PLEASE}, with these lines\n{calls}"


def in_event_loop(_: "asyncio.AbstractEventLoop", context: dict[str, Any]) -> None:
    """An event loop's exception handler: a line on standard error."""
    error = context.get("exception")
    what = place(error) if error else str(context["message"])
    line = {"event": "bug", "reason": "event-loop", "why": f"{what}: {PLEASE}"}
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()
