"""The HSM's control socket, DATA/hsm.control: one JSON object in, one out, as the other parts of the bench have it.

    {"command": "stall", "seconds": 5}   →   {"ok": true}
    anything wrong                        →   {"ok": false, "error": "…"}

A Unix socket with mode 0600, beside the LMK file that the same user may read.
"""

import asyncio
import json
import os
import socket
from pathlib import Path

from hsm_sim.server import Server

MAX_REQUEST_BYTES = 4_096  # a command is fifty bytes
MAX_STALL_S = 3_600.0  # a stall ends by itself; an hour is longer than any timer under test


class Control:
    """Steers `server` by requests at `DATA/hsm.control`."""

    def __init__(self, server: Server, data: Path) -> None:
        self._server = server
        self._path = data / "hsm.control"
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a socket that a killed process left behind is replaced."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:  # by way of /proc: a socket's address holds 108 bytes, a data directory's path may be longer
            listener.bind(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)
        self._path.chmod(0o600)
        self._listener = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_REQUEST_BYTES)

    def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._listener is not None:
            self._listener.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            answer = self._answer(line)
        except ValueError as error:  # the line is too long
            answer = {"ok": False, "error": str(error)}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            request = json.loads(line)
            if request["command"] != "stall":
                raise ValueError("the HSM knows stall")
            seconds = float(request["seconds"])
            if not 0.0 <= seconds <= MAX_STALL_S:
                raise ValueError(f"a stall lasts 0 to {MAX_STALL_S:.0f} seconds")
        except (KeyError, TypeError, ValueError) as error:
            return {"ok": False, "error": str(error)}
        self._server.stall(seconds)
        return {"ok": True}
