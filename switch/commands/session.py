"""A blocking acquirer for the command line: one connection, signed on, one message at a time.

Simulated acquirers that run for hours are `switch.acquirers`; this one asks a question and waits for the answer.
"""

import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from switch.acquirers import compose
from switch.acquirers.macs import Macs
from switch.commands.common import FAILED, UNREACHABLE, CommandError
from switch.core.context import response_mti
from switch.iso8583.codec import FormatError, View
from switch.iso8583.dialect import Dialect
from switch.iso8583.framing import Framing, FramingError, Splitter

if TYPE_CHECKING:
    from switch.net.tls import Tls

MATCHED: Final = (11, 41)  # with the MTI, what pairs an answer with its request (R3)
RECEIVE_BYTES: Final = 65_536


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; `elapsed_ms` from write to read."""

    request: View
    answer: View
    elapsed_ms: float

    @property
    def de39(self) -> str:
        return self.answer.text(39) or ""


class Session:
    """A signed-on connection; use it in a `with` statement. Raises CommandError for all that goes wrong."""

    def __init__(
        self,
        host: str,
        port: int,
        dialect: Dialect,
        framing: Framing,
        sender: compose.Sender,
        timeout_s: float,
        tls: "Tls | None" = None,
        macs: Macs | None = None,
        absent: str = "is `monetique up` running?",
    ) -> None:
        """`absent` is what to do where nothing listens."""
        self.dialect = dialect
        self.sender = sender
        self._where = f"{host}:{port}"
        self._timeout_s = timeout_s
        self._framing = framing
        self._macs = macs
        self._splitter = Splitter(framing)
        self._frames: list[bytes] = []
        try:
            self._socket = socket.create_connection((host, port), timeout_s)
            if tls is not None:
                self._socket = tls.for_client().wrap_socket(self._socket, server_hostname=tls.name or host)
        except ssl.SSLError as error:
            from switch.net.tls import failure

            raise CommandError(f"{self._where}: {failure(error)[1]}", UNREACHABLE) from None
        except OSError as error:
            why = f"{self._where}: {error.strerror or error}; {absent}"
            raise CommandError(why, UNREACHABLE) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def sign_on(self) -> None:
        """0800, DE 70 = 001: a connection is answered 91 before it."""
        now = time.time()
        exchange = self.exchange(compose.network("sign-on", self.sender, stan=stan_of(now), now=now))
        if exchange.de39 != "00":
            raise CommandError(f"{self._where}: sign-on refused with DE 39 = {exchange.de39}", FAILED)

    def exchange(self, doc: dict[str, str]) -> Exchange:
        """Send one message and wait for the answer that belongs to it; others are passed over."""
        self.dialect.at(time.time())
        frame = self.dialect.layout.encode(doc) if self._macs is None else self._macs.seal(doc)
        request = self.dialect.layout.scan(frame)
        what = f"{doc['t']} STAN {doc['11']}"
        started = time.monotonic()
        try:
            self._socket.sendall(self._framing.wrap(frame))
            while (left_s := started + self._timeout_s - time.monotonic()) > 0:
                self._socket.settimeout(left_s)
                frame = self._next_frame(what)
                answer = self.dialect.layout.scan(frame)
                if is_answer(request, answer):
                    self._check_mac(frame, what)
                    return Exchange(request, answer, (time.monotonic() - started) * 1000)
        except TimeoutError:
            pass
        except OSError as error:
            raise CommandError(f"{self._where}: {error.strerror or error}, sending {what}", UNREACHABLE) from None
        except (FormatError, FramingError) as error:
            raise CommandError(f"{self._where}: the answer to {what} cannot be read: {error}", FAILED) from None
        why = f"{self._where}: no answer to {what} within {self._timeout_s:g} s: an acquirer would now reverse"
        raise CommandError(why, UNREACHABLE)

    def _check_mac(self, frame: bytes, what: str) -> None:
        if self._macs is not None and not self._macs.verify(frame):
            raise CommandError(f"{self._where}: the MAC of the answer to {what} is missing or wrong", FAILED)

    def _next_frame(self, what: str) -> bytes:
        while not self._frames:
            if self._splitter.fault is not None:
                raise self._splitter.fault
            data = self._socket.recv(RECEIVE_BYTES)
            if not data:
                why = f"{self._where}: the other side closed the connection instead of answering {what}"
                raise CommandError(why, UNREACHABLE)
            self._frames += self._splitter.feed(data)
        return self._frames.pop(0)


def is_answer(request: View, frame: View) -> bool:
    """Whether `frame` answers `request`: the MTI of the response (a repeat has the original's), and MATCHED."""
    return frame.mti == response_mti(request.mti) and all(request.text(field) == frame.text(field) for field in MATCHED)


def stan_of(now: float) -> int:
    """A STAN from the clock: milliseconds, which come round in a quarter of an hour, never 0."""
    return int(now * 1000) % 999_999 + 1
