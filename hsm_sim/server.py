"""The TCP shell of the device: frames in, frames out, and a limit on everything.

A frame is a two-byte big-endian length, which does not count itself, and that many bytes for `Device.respond`. All
whole commands that one wake-up brings are answered in order and written at once: many small writes cost five times
as much as one. Commands on one connection are therefore answered in order; clients still should match by header, as
a real device does not promise that.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from hsm_sim.device import Device
from hsm_sim.logs import log

LENGTH_BYTES = 2
# The limits of the real device: its sockets, and its longest command.
MAX_CONNECTIONS = 64
MAX_COMMAND_BYTES = 2048
# A command comes in one segment; what is still incomplete after this long has lost its sender.
INCOMPLETE_TIMEOUT_S = 10.0


class Server:
    """Listens, and answers from one device. Start it, and stop it, from inside the event loop."""

    def __init__(self, device: Device, incomplete_timeout_s: float = INCOMPLETE_TIMEOUT_S) -> None:
        self.device = device
        self.incomplete_timeout_s = incomplete_timeout_s
        self.connections: set[Connection] = set()
        self.is_stalled = False
        self._listener: asyncio.Server | None = None
        self._end_of_stall: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port really taken, which for port 0 is a free one. OSError where there is none."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), host, port)
        taken: int = self._listener.sockets[0].getsockname()[1]
        log("listening", host=host, port=taken)
        return taken

    async def start_unix(self, path: str) -> None:
        """Listen on a Unix socket, which costs a local client a third of what TCP does. OSError where that fails."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_unix_server(lambda: Connection(self), path)
        log("listening", path=path)

    async def stop(self) -> None:
        """Stop listening and drop every connection; a client that does not read cannot hold the process up."""
        if self._end_of_stall is not None:
            self._end_of_stall.cancel()
        if self._listener is not None:
            self._listener.close()
            for connection in list(self.connections):
                connection.abort()
            await self._listener.wait_closed()

    def stall(self, seconds: float) -> None:
        """Read nothing for so long, as a device that hangs; what arrives meanwhile is answered afterwards."""
        if self._end_of_stall is not None:
            self._end_of_stall.cancel()
        self._set_stalled(True)
        self._end_of_stall = asyncio.get_running_loop().call_later(seconds, self._set_stalled, False)

    def _set_stalled(self, stalled: bool) -> None:
        self.is_stalled = stalled
        for connection in list(self.connections):
            connection.update_reading()
            if not stalled:
                connection.data_received(b"")


class Connection(asyncio.Protocol):
    """One client. Refuses to be one too many; holds the bytes of an incomplete command, under a deadline."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._respond: Callable[[bytes], bytes] = server.device.respond
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._deadline: asyncio.TimerHandle | None = None
        self._client_reads = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tcp = cast(asyncio.Transport, transport)  # uvloop's has the methods and not the class
        if len(self._server.connections) >= MAX_CONNECTIONS:
            log("connection refused", reason=f"{MAX_CONNECTIONS} connections are open")
            tcp.abort()
            return
        self._transport = tcp
        self._server.connections.add(self)
        self.update_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._transport = None
        self._watch_incomplete()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._held:
            data = self._held + data
        if self._server.is_stalled:
            self._held = data
            self.update_reading()  # uvloop does not heed a pause before its first read
            return
        responses, consumed, is_oversize = self._answer_all(data)
        if responses:
            self._transport.write(b"".join(responses))
        if is_oversize:
            log("connection closed", reason=f"a command of more than {MAX_COMMAND_BYTES} bytes")
            self._transport.close()
            return
        had_incomplete = bool(self._held)
        self._held = data[consumed:]
        if self._held or had_incomplete:
            self._watch_incomplete(restart=consumed > 0)

    def pause_writing(self) -> None:
        """The client does not read its answers: no more of its commands until it does."""
        self._client_reads = False
        self.update_reading()

    def resume_writing(self) -> None:
        self._client_reads = True
        self.update_reading()

    def update_reading(self) -> None:
        """Read, or not, as the client's appetite and a stall of the device say."""
        if self._transport is None:
            return
        if self._is_reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
        self._watch_incomplete(restart=True)

    @property
    def held_answer_bytes(self) -> int:
        """Answers that the client has not taken yet: one reading's worth above the transport's limit at most."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    @property
    def _is_reading(self) -> bool:
        return self._client_reads and not self._server.is_stalled

    def abort(self) -> None:
        """Close at once; answers that the operating system has not taken yet are dropped."""
        if self._transport is not None:
            self._transport.abort()

    def _answer_all(self, data: bytes) -> tuple[list[bytes], int, bool]:
        """Framed responses to the whole commands in `data`, the bytes they took, and whether one is too long."""
        responses: list[bytes] = []
        position, end = 0, len(data)
        while position + LENGTH_BYTES <= end:
            length = data[position] << 8 | data[position + 1]
            if length > MAX_COMMAND_BYTES:
                return responses, position, True
            body_at = position + LENGTH_BYTES
            if body_at + length > end:
                break
            response = self._respond(data[body_at : body_at + length])
            responses += len(response).to_bytes(LENGTH_BYTES), response
            position = body_at + length
        return responses, position, False

    def _watch_incomplete(self, restart: bool = True) -> None:
        """Arm the deadline while part of a command is here and more could come; a new command restarts it."""
        is_due = self._transport is not None and bool(self._held) and self._is_reading
        if self._deadline is not None and (restart or not is_due):
            self._deadline.cancel()
            self._deadline = None
        if is_due and self._deadline is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._server.incomplete_timeout_s, self._give_up)

    def _give_up(self) -> None:
        log("connection closed", reason="a command stayed incomplete", bytes_received=len(self._held))
        self.abort()
