"""Reading a tap (`switch.net.tap`) in a process of its own: blocking, and again after the switch was restarted."""

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from switch.net.control import short_path
from switch.net.tap import LENGTH_BYTES, Document, Dropped, Frames, Hello
from switch.traces.format import Header, Line
from switch.traces.recording import KEY_BYTES, Recording

TICK_S: Final = 0.05  # how often whoever follows gets the word while nothing passes: for keys, for a wish to stop
RETRY_S: Final = 0.02  # until a switch that does not run is looked for again: it waits for recorders only so long
GONE_S: Final = 5.0  # a switch that was killed is back within two seconds
READ_BYTES: Final = 1 << 18

_decoder = msgspec.msgpack.Decoder(Hello | Frames | Dropped)


class TapRefusedError(Exception):
    """The switch has no place for one more reader. Says why."""


def trace(path: Path, stopped: Callable[[], bool], *, waits: bool = False) -> Iterator[list[Line]]:
    """What `follow` yields, as lines of a masked trace: those that came together, and none now and then.

    A header comes first, and again where the switch was started anew with other links.
    """
    recording = Recording(os.urandom(KEY_BYTES))
    header: Header | None = None
    for document in follow(path, stopped, waits=waits):
        match document:
            case None:
                yield []
            case Hello(links=links):
                recording.begin(links)
                if header != (header := recording.header()):
                    yield [header]
            case Frames(t=t, link=link, connection=connection, sent=sent, frames=frames):
                yield [recording.message(t, link, connection, frame, sent=sent) for frame in frames]
            case Dropped(t=t, count=count):
                yield [recording.gap(t, count)]


def follow(path: Path, stopped: Callable[[], bool], *, waits: bool = False) -> Iterator[Document | None]:
    """What the tap at `path` hands over, from one switch to the next; None now and then while there is nothing.

    It ends when `stopped` turns true and what was handed over has come, and, unless it `waits`, when no switch has run
    for `GONE_S`. Raises TapRefusedError.
    """
    ran_at = time.monotonic()
    while True:
        with contextlib.suppress(OSError), _connect(path) as conn:
            for document in _documents(conn, stopped):
                if isinstance(document, Hello) and document.refused:
                    raise TapRefusedError(document.refused)
                yield document
            ran_at = time.monotonic()
        if stopped() or (not waits and time.monotonic() - ran_at > GONE_S):
            return
        yield None
        time.sleep(RETRY_S)


def _connect(path: Path) -> socket.socket:
    conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(path) as name:
            conn.connect(name)
    except OSError:
        conn.close()
        raise
    return conn


def _documents(conn: socket.socket, stopped: Callable[[], bool]) -> Iterator[Document | None]:
    """Until the switch ends the stream, or nothing more is there and `stopped`."""
    held = bytearray()
    while True:
        readable, _, _ = select.select([conn], [], [], TICK_S)
        if not readable:
            if stopped():
                return
            yield None
            continue
        data = conn.recv(READ_BYTES)
        if not data:
            return
        held += data
        at = 0
        while len(held) - at >= LENGTH_BYTES:
            start = at + LENGTH_BYTES
            end = start + int.from_bytes(held[at:start], "big")
            if end > len(held):
                break
            yield _decoder.decode(memoryview(held)[start:end])
            at = end
        del held[:at]
