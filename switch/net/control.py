"""The control socket of a part: DATA/<part>.control, one JSON object in, one JSON object out.

    {"command": "link", "name": "issuer-1", "action": "slow", "ms": 200, "for_s": 10}   →   {"ok": true}
    {"command": "status"}                                                                →   {"ok": true, "pid": …, …}
    anything wrong                                                                       →   {"ok": false, "error": "…"}

A Unix socket with mode 0600: whoever may read the data directory's keys may steer the bench, and nobody else. Each
connection carries one request. The parts' own commands stand in `switch_part` and `issuer_part`.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from switch.net.visitors import Visitor, Visitors

MAX_REQUEST_BYTES = 65_536  # a command is a hundred bytes
MAX_PATH_BYTES = 100  # sun_path holds 108, its terminating zero included
ANSWER_WITHIN_S = 5.0  # the parts answer between two wake-ups

Document = dict[str, Any]
Handler = Callable[[Document], Document | Awaitable[Document]]


class ControlError(Exception):
    """The part cannot be reached, or refused the command. `reachable` tells which."""

    def __init__(self, message: str, *, reachable: bool) -> None:
        super().__init__(message)
        self.reachable = reachable


def socket_path(data: Path, part: str) -> Path:
    """Where `part` listens."""
    return data / f"{part}.control"


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of `path` that fits a socket address, valid inside the `with`: long ones go through /proc/self/fd."""
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def listen_privately(path: Path) -> socket.socket:
    """A bound Unix socket with mode 0600.

    One left behind by a killed process is replaced: the log's lock keeps two parts apart.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    return listener


def request(path: Path, document: Document, timeout_s: float = ANSWER_WITHIN_S) -> Document:
    """Ask the part that listens at `path`. Raises ControlError when it is not there, or answers an error."""
    try:
        with short_path(path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as conn:
            conn.settimeout(timeout_s)
            conn.connect(name)
            conn.sendall(msgspec.json.encode(document) + b"\n")
            answer = b"".join(iter(lambda: conn.recv(65_536), b""))
        result = msgspec.json.decode(answer, type=Document)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        why = f"no {path.stem} runs on {path.parent}; start `monetique up`, or name the --data of a bench that runs"
        raise ControlError(why, reachable=False) from error
    except (OSError, msgspec.DecodeError) as error:
        raise ControlError(f"{path}: {error}; is the part running?", reachable=False) from error
    if not result.get("ok"):
        raise ControlError(str(result.get("error", "refused")), reachable=True)
    return result


class ControlServer:
    """Serves `handler` at `path`; a KeyError, TypeError or ValueError of the handler becomes the answer's error.

    What takes longer than one turn of the loop is answered when the handler's awaitable is.
    """

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._visitors = Visitors()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        listener = listen_privately(self._path)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Request(self._handler, self._visitors), sock=listener)

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)


class _Request(Visitor):
    def __init__(self, handler: Handler, visitors: Visitors) -> None:
        super().__init__(visitors)
        self._handler = handler
        self._received = b""
        self._task: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        complete = b"\n" in self._received or len(self._received) > MAX_REQUEST_BYTES
        if complete and self._task is None:
            self.settle()  # it has said what it wants: from here on the part's own timers count
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        answer = msgspec.json.encode(await self._answer()) + b"\n"
        if not self.transport.is_closing():  # whoever asked may have tired of waiting
            self.transport.write(answer)
            self.transport.close()

    async def _answer(self) -> Document:
        try:
            result = self._handler(msgspec.json.decode(self._received, type=Document))
            return {"ok": True, **(result if isinstance(result, dict) else await result)}
        except KeyError as error:
            return {"ok": False, "error": f"{error.args[0]} is missing or unknown"}
        except (TypeError, ValueError) as error:  # msgspec.DecodeError is a ValueError
            return {"ok": False, "error": str(error)}
