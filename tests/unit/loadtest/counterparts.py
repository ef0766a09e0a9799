"""Compiled counterparts that serve in a thread, and plain sockets to talk to them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from loadtest._hosts import Hosts
from loadtest._wire import Wire
from loadtest.messages import ascii_layout
from loadtest.stubs import listening
from switch.iso8583.dialect import load

TURN_S = 0.02
PATIENCE_S = 5.0


@contextmanager
def serving(wire: Wire) -> Iterator[None]:
    """Run `wire` in a thread of its own."""
    stopped = Event()

    def serve() -> None:
        while not stopped.is_set():
            wire.run(TURN_S)

    thread = Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def wrapped(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


class Caller:
    """A blocking client of one port."""

    def __init__(self, port: int, receive_bytes: int = 0) -> None:
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self.stream = self.socket.makefile("rb")

    def read(self) -> bytes | None:
        """One payload; None at the end."""
        head = self.stream.read(2)
        return self.stream.read(int.from_bytes(head, "big")) if head else None

    def ask(self, payload: bytes) -> bytes | None:
        self.socket.sendall(wrapped(payload))
        return self.read()

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


class Served:
    """Hosts with a port each, and callers that are closed in the end."""

    def __init__(self) -> None:
        self.hosts = Hosts(ascii_layout(load("iso87-ascii")))
        issuer_fd, self.issuer_port = listening()
        hsm_fd, self.hsm_port = listening()
        self.hosts.listen_issuer(issuer_fd)
        self.hosts.listen_hsm(hsm_fd)
        self.callers: list[Caller] = []

    def call(self, port: int, receive_bytes: int = 0) -> Caller:
        self.callers.append(Caller(port, receive_bytes))
        return self.callers[-1]
