"""TLS on a link: 1.2 or later, and on both sides a certificate where the link names whom it trusts.

    listener    presents `cert`; with `ca`, refuses every peer that has no certificate signed by it (mutual TLS)
    dialer      trusts servers signed by `ca` and named `name` (else the host dialled); presents `cert` where given

The part hears of a connection once its handshake stands (`TlsServer`). A handshake has a deadline, and their number a
limit; beyond it the oldest gives way, because an honest one takes milliseconds, and peers that only connect must not
keep the others out. What fails ends in one line that says at which side, why, and what to do.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar, cast

HANDSHAKE_S = 3.0  # two round trips and a millisecond of arithmetic; a retransmission on a bad line takes one second
MAX_HANDSHAKES = 512  # a fleet that comes back at once, at a millisecond of our time each: half a second's worth
RETRY_ACCEPT_S = 0.1  # out of descriptors: until some connection has ended
SHUTDOWN_S = 1.0  # for the peer's goodbye, as long as a plain connection's is waited for

Inner = TypeVar("Inner")  # what the loop calls by asyncio.Protocol's names
Failed: TypeAlias = Callable[[Inner, str, str], None]  # the protocol that is not to be, reason, why

GIVES_WAY = (
    f"{MAX_HANDSHAKES} handshakes are under way, and the oldest gives way to a new one: "
    "who connects must go on to speak TLS"
)

# OpenSSL's word for what went wrong → our reason and what to do about it.
FAILURES: Final = {
    "WRONG_VERSION_NUMBER": ("no-tls", "the peer speaks without TLS; have it connect by TLS 1.2 or later"),
    "HTTP_REQUEST": ("no-tls", "the peer speaks HTTP without TLS; have it connect by TLS 1.2 or later"),
    "UNSUPPORTED_PROTOCOL": ("old-tls", "the peer offers TLS 1.1 or older; have it offer 1.2 or later"),
    "NO_SHARED_CIPHER": ("no-cipher", "the peer offers no cipher of ours; have it offer those of TLS 1.2 or later"),
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (
        "no-certificate",
        "the peer presented no certificate; give it one that tls_ca has signed",
    ),
    "TLSV1_ALERT_UNKNOWN_CA": ("refused-by-peer", "the peer does not trust our tls_cert; have it trust its issuer"),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("refused-by-peer", "the peer speaks TLS 1.1 or older only; have it offer 1.2"),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (
        "refused-by-peer",
        "the peer demands a certificate; give this link tls_cert and tls_key",
    ),
}


class TlsError(ValueError):
    """A certificate or key of the configuration cannot be used. Names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class Tls:
    """What a link says about TLS: paths of PEM files, empty where not given."""

    cert: str = ""
    key: str = ""
    ca: str = ""
    name: str = ""

    def for_server(self) -> ssl.SSLContext:
        """The context of a listener. Raises TlsError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.ca:
            context.verify_mode = ssl.CERT_REQUIRED
        return self._completed(context)

    def for_client(self) -> ssl.SSLContext:
        """The context of a dialer: it checks the server's certificate and name. Raises TlsError.

        Without `ca` it is a simulated acquirer's, and trusts the one certificate that its link presents.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not self.ca:
            context.load_verify_locations(self.cert)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return self._completed(context)

    def _completed(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION  # a peer could keep us busy with nothing else
        try:
            if self.cert:
                context.load_cert_chain(self.cert, self.key, password=_no_password)
        except OSError as error:  # ssl.SSLError is one
            why = f"tls_cert {self.cert} with tls_key {self.key}: {_words(error)}"
            raise TlsError(f"{why}; give a certificate and its key, PEM, readable, the key not encrypted") from None
        try:
            if self.ca:
                context.load_verify_locations(self.ca)
        except OSError as error:
            raise TlsError(f"tls_ca {self.ca}: {_words(error)}; give PEM certificates, readable") from None
        return context


def _no_password() -> str:
    """An encrypted key would ask for its password on a terminal that a server does not have."""
    raise OSError("the key is encrypted")


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return error.strerror or str(error)


def failure(error: BaseException) -> tuple[str, str]:
    """Why a handshake failed, as a reason and a sentence with what to do. Quotes nothing that the peer sent.

    >>> failure(ConnectionResetError())
    ('handshake-cut', 'the peer hung up during the handshake; its own log says why')
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"the peer's certificate does not hold: {error.verify_message}"
        return "certificate-refused", f"{why}; give it one that tls_ca has signed, valid now, for this name"
    if isinstance(error, ssl.SSLError):
        word = error.reason or "unknown"
        return FAILURES.get(word, ("handshake-failed", f"{word.replace('_', ' ').lower()}; compare both sides' TLS"))
    if isinstance(error, ConnectionAbortedError | TimeoutError):
        why = f"no handshake within {HANDSHAKE_S:g} s; does the peer speak TLS?"
        return "handshake-timeout", why
    return "handshake-cut", "the peer hung up during the handshake; its own log says why"


class TlsServer(Generic[Inner]):
    """Accepts on a listening socket. What stands after its handshake is one of `make()`'s protocols, connected.

    `make` may refuse by None; `failed` is told why one that it made will never be connected.
    """

    def __init__(
        self, listening: socket.socket, context: ssl.SSLContext, make: Callable[[], Inner | None], failed: Failed[Inner]
    ) -> None:
        self._listening = listening
        self._context = context
        self._make = make
        self._failed = failed
        self._closed = False
        self._handshakes: dict[asyncio.Task[None], None] = {}  # oldest first
        self._acceptor = asyncio.get_running_loop().create_task(self._accept())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._listening)
            except OSError:  # no descriptor left, or a peer that went away at once
                await asyncio.sleep(RETRY_ACCEPT_S)
                continue
            if len(self._handshakes) >= MAX_HANDSHAKES:
                oldest = next(iter(self._handshakes))
                self._ended(oldest)
                oldest.cancel()
            if (inner := self._make()) is None:
                accepted.close()
            else:
                task = loop.create_task(self._shake_hands(accepted, inner))
                self._handshakes[task] = None
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._handshakes.pop(task, None)

    async def _shake_hands(self, accepted: socket.socket, inner: Inner) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: cast(asyncio.Protocol, inner),
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except OSError as error:
            accepted.close()
            self._failed(inner, *failure(error))
        except asyncio.CancelledError:
            accepted.close()
            if not self._closed:
                self._failed(inner, "too-many-handshakes", GIVES_WAY)

    def close(self) -> None:
        """Accept no more, and give up the handshakes under way."""
        self._closed = True
        self._acceptor.cancel()
        self._listening.close()
        for task in list(self._handshakes):
            task.cancel()
