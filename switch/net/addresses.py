"""Addresses as the configuration writes them: `127.0.0.1:8583`, `[::1]:8583`, `unix:/run/hsm.sock`.

A Unix socket costs a third of loopback TCP, worth it for an HSM or an issuer on the same machine.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switch.net.tls import HANDSHAKE_S, SHUTDOWN_S

BACKLOG = 4096  # connections the kernel keeps until we accept: 10,000 that arrive at once find room within two wake-ups

Factory = Callable[[], Any]  # of what the loop calls by asyncio.Protocol's names: compiled classes cannot inherit it


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or to dial: a TCP host and port, or a Unix socket's path.

    >>> Address.parse("127.0.0.1:8583"), str(Address.parse("[::1]:8583"))
    (Address(host='127.0.0.1', port=8583, path=''), '[::1]:8583')
    >>> Address.parse("unix:/run/hsm.sock").path
    '/run/hsm.sock'
    """

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address. Raises ValueError saying what was expected."""
        if text.startswith("unix:"):
            return cls(path=text.removeprefix("unix:"))
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdecimal() or int(port) > 65535:
            raise ValueError(f"address {text!r}: expected HOST:PORT or unix:/PATH")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def dial(self, factory: Factory, tls: ssl.SSLContext | None = None, name: str = "") -> None:
        """Connect `factory()`'s protocol, by TLS to a server called `name` (else the host) where a context is given.

        Raises OSError where nobody listens, or the handshake fails.
        """
        loop = asyncio.get_running_loop()
        if self.path:
            await loop.create_unix_connection(factory, self.path)
        elif tls is None:
            await loop.create_connection(factory, self.host, self.port)
        else:
            await loop.create_connection(
                factory,
                self.host,
                self.port,
                ssl=tls,
                server_hostname=name or self.host,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )

    async def listen(self, factory: Factory) -> tuple[asyncio.Server, "Address"]:
        """Listen, and say where: a port of 0 becomes the free one that the kernel chose."""
        loop = asyncio.get_running_loop()
        if self.path:
            _remove_stale_socket(self.path)
            return await loop.create_unix_server(factory, self.path, backlog=BACKLOG), self
        try:
            server = await loop.create_server(factory, self.host, self.port, backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            why = f"{self}: the port is in use, perhaps by another bench; choose another one (0 takes a free one)"
            raise OSError(why) from error
        return server, Address(self.host, server.sockets[0].getsockname()[1])

    def bind(self) -> tuple[socket.socket, "Address"]:
        """A listening TCP socket for somebody who accepts by himself, and where it is."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        listening.setblocking(False)
        return listening, Address(self.host, listening.getsockname()[1])


def _remove_stale_socket(path: str) -> None:
    """A killed process leaves its socket's name behind, and binding would fail; nothing but a dead socket goes."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise FileExistsError(f"{path}: exists and is no socket; choose another path")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(path) == 0:
                raise FileExistsError(f"{path}: somebody listens there already")
        Path(path).unlink()
