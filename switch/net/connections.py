"""Connections that carry frames: what arrives is split and handed to the part, what leaves is joined and written.

The same `Connection` serves whether the peer dialled us (`Listener`) or we dialled it (`links.Dialer`). Headers end
here: the part is given messages without, and where they are TPDUs its answers get those of their requests back
(`switch.iso8583.tpdu`), for which a connection knows its link's layout.

Everything a peer can do wrong ends its own connection and nobody else's, with a line that says what was wrong:

    frame longer than 8 KiB, no length     `framing`  bad-length, with a hint (`switch.iso8583.doctor`)
    a length, then silence                 `framing`  no-bytes-after-length, after 2 s
    a peer that does not read              `slow-reader`, beyond 1 MiB unread
    one connection too many                `refused`  too-many-connections
    no handshake where the link has TLS    `tls`      before the part hears of it (`switch.net.tls`)

Where the framing breaks, the frames before that place are served like any others, however the stream was cut into
segments. What comes behind it is read and dropped, and the connection is closed when the peer has its answers.
Keep-alives, frames of no bytes, are passed over; a flood of them makes the peer wait.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import cast

from switch.iso8583.codec import Wire
from switch.iso8583.doctor import TPDU_BYTES
from switch.iso8583.framing import LENGTHS, MAX_FRAME_BYTES, Framing, Joiner, Splitter
from switch.iso8583.tpdu import Tpdus
from switch.net.addresses import Address
from switch.net.effects import CHATTER, Driver, Outlet
from switch.net.tls import Tls, TlsServer, failure

MAX_CONNECTIONS = 10_000  # a listener's: the file descriptors that an ordinary hard limit (20,000) leaves us
SILENCE_S = 2.0  # a started frame is one packet, or a retransmission later; more means a wrong length or a trap
WHOLE_FRAME_S = 15.0  # and however slowly its bytes trickle in, the peer's own 10 s timer has passed by now
UNREAD_BYTES = 1 << 20  # some 4,000 messages that a peer has not read: a burst that it may still catch up with,
UNREAD_S = 5.0  # but not for longer than an issuer's timer: nobody waits for them any more
UNREAD_MOST_BYTES = 32 << 20  # and never more: 100 such peers are 3 GB
CHATTER_PAUSE_S = 0.002  # after `CHATTER` answers that nobody asked for: 32,000 a second, a fifth of our time
CLOSING_S = 1.0  # what a peer has not read that long after we closed, it will not read
LAST_ANSWERS_S = 8.0  # after its end of stream or a broken frame a peer gets those: issuer 5 s, HSM 2 s, and a margin
SWEEP_S = 0.5  # how often started frames are looked at: SILENCE_S + SWEEP_S at the worst
SPREAD = 16  # moments over which neighbours' first looks are spread: a thousand given up at once would take 50 ms


class Connection(Outlet):
    """One peer's byte stream. `link` is an index into the part's links; `closed` is told when it is gone."""

    def __init__(
        self,
        driver: Driver,
        link: int,
        framing: Framing,
        link_name: str,
        closed: Callable[["Connection"], None],
        layout: Wire | None = None,
        *,
        dialled: bool = False,
    ) -> None:
        self.delay_ms = 0.0
        self._dialled = dialled
        self.link_name = link_name
        self._driver = driver
        self._link = link
        self._framing = framing
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._splitter = Splitter(framing, MAX_FRAME_BYTES)
        self._joiner = Joiner(framing)
        self._tpdus = tpdus_of(framing, layout)
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._queue: list[bytes] = []  # without lengths, but for those that have a TPDU of their own
        self._delayed_until = 0.0
        self._late: list[tuple[bytes, int]] = []  # what is written with a delay, and how many frames that is
        self._waiting: list[bytes] = []  # frames for the next wake-up; meanwhile nothing is read
        self._waiting_since = 0.0
        self._owed = 0  # frames in, less frames out: what a half-closed peer still waits for
        self._ending = False  # nothing more is taken from the peer; it gets what it is owed, and then we close
        self._ciphered = False
        self._started_at = 0.0  # when the frame that is not whole yet began
        self._watch: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._patience: asyncio.TimerHandle | None = None  # runs while too much is unread

    # -- what the event loop calls ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=UNREAD_BYTES)
        self._ciphered = transport.get_extra_info("ssl_object") is not None
        self._number = self._driver.join(self, self._link, answering=self._dialled)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        now = self._driver.clock.now()
        frames = self._splitter.feed(data)
        if frames:
            self._owed += len(frames)
            self._started_at = now
            if self._tpdus is not None:
                self._tpdus.arrived(frames, self._splitter.headers)
            if self._driver.tap is not None:
                self._driver.tap.put(now, self._link, self._number, False, frames)
            self._hand_in(frames, now, 0.0)
        if self._splitter.partial:
            self._watch_frame(now)
        elif self._splitter.fault is not None:
            self._break_off("bad-length", f"not framed as {self._framing.kind}: {self._splitter.fault}")
        if self._splitter.keep_alives:
            self._passed_over(data, len(frames))

    def _passed_over(self, data: bytes, count: int) -> None:
        """Keep-alives came, with `count` frames. A flood of them costs the peer time, as other chatter does."""
        keep_alives = self._splitter.keep_alives
        if keep_alives > CHATTER:
            self._pause(CHATTER_PAUSE_S * keep_alives / CHATTER)
        is_first = self._splitter.taken == len(data)
        if is_first and keep_alives == count and self._framing.kind == "len2" and data.startswith(b"\0\0"):
            why = "each message comes behind a length of zero, here a keep-alive: four bytes of length? that is len4"
            self._event("framing", "zero-before-each", why)

    def _hand_in(self, frames: list[bytes], now: float, since: float) -> None:
        """Give the part as many as this wake-up has left for us; the rest waits for the next, and so does the peer.

        `since`: when they came, if they have waited before, else 0.0.
        """
        if self._waiting:  # read before the pause took hold
            self._waiting += frames
            return
        frames = self._driver.refused(self._number, frames, now)
        taken = self._driver.received(self._number, frames, now, since) if frames else 0
        if taken < len(frames) and self._transport is not None:
            self._waiting = frames[taken:]
            self._waiting_since = since or now
            if self._dialled:  # chatter alone stops an issuer: it shall not keep the loop busy either
                self._pause(CHATTER_PAUSE_S)
            else:
                self._transport.pause_reading()
                self._driver.next_turn(self._go_on)

    def _pause(self, seconds: float) -> None:
        """Read nothing for so long."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        waiting, self._waiting = self._waiting, []
        self._hand_in(waiting, self._driver.clock.now(), self._waiting_since)
        if self._waiting:
            return
        self._transport.resume_reading()
        if self._ending and (self._dialled or self._owed <= 0):
            self._driver.hang_up(self._number)

    def eof_received(self) -> bool:
        """The peer will send no more: answer what it asked, then close."""
        if self._ending:
            return not self._ciphered
        if partial := self._splitter.partial:
            hint = self._splitter.hint()
            why = f"the peer ended after {partial} bytes of a frame"
            self._event("framing", "ended-mid-frame", f"{why} ({hint})" if hint else why)
        if self._owed <= 0:
            return False
        if self._ciphered:  # TLS has no half-closed connection
            return False
        self._end()
        return True

    def pause_writing(self) -> None:
        if self._patience is None:
            self._patience = self._loop.call_later(UNREAD_S, self._lose_patience)

    def resume_writing(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        why = f"more than {UNREAD_BYTES} bytes unread for {UNREAD_S:.0f} s; the peer must read what it is sent"
        self._refuse("refused", "slow-reader", why)

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ssl.SSLError):  # by TLS 1.3 a server refuses our certificate after the handshake
            reason, why = failure(exc)
            self._event("tls", reason, why)
        # From here on writes vanish: uvloop would raise in the callback of whoever writes, and end *its* connection.
        self._transport = None
        for timer in (self._watch, self._patience):
            if timer is not None:
                timer.cancel()
        self._driver.leave(self._number)
        self._closed(self)

    # -- what the driver calls -------------------------------------------------------------------------------------

    def put(self, frame: bytes) -> None:
        """Queue a frame for the next `flush`."""
        if self._tpdus is not None:
            frame = self._framing.wrap(frame, self._tpdus.before(frame))
        self._queue.append(frame)

    def put_all(self, frames: Sequence[bytes]) -> None:
        """Queue many frames."""
        for frame in frames:
            self.put(frame)

    def flush(self) -> None:
        """Write the queued frames in one piece, late if the link is slowed."""
        if self._driver.tap is not None:
            self._show_tap()
        count = len(self._queue)
        data = b"".join(self._queue) if self._tpdus is not None else self._joiner.join(self._queue)
        self._queue.clear()
        if self.delay_ms or self._late:
            self._write_late(data, count)
        else:
            self._write(data, count)

    def close(self) -> None:
        """Close after what was written; whoever asks has said why in an event."""
        if self._transport is not None:
            self._transport.close()
            self._loop.call_later(CLOSING_S, self._abort)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _show_tap(self) -> None:
        """Let the tap have what is about to leave, without lengths and headers."""
        tap, frames = self._driver.tap, self._queue
        if self._tpdus is not None:
            before = LENGTHS[self._framing.kind].width + TPDU_BYTES
            frames = [frame[before:] for frame in frames]
        if tap is not None and frames and self._transport is not None:
            tap.put(self._driver.clock.now(), self._link, self._number, True, frames)

    def _write_late(self, data: bytes, count: int) -> None:
        """Write after the link's delay, and not before what waits already."""
        self._delayed_until = max(self._delayed_until, self._loop.time() + self.delay_ms / 1000)
        self._late.append((data, count))
        self._loop.call_at(self._delayed_until, self._write_oldest)

    def _write_oldest(self) -> None:
        """Write what has waited longest: timers of the same moment may go off in any order."""
        self._write(*self._late.pop(0))

    def _write(self, data: bytes, count: int) -> None:
        """Write `count` frames."""
        self._owed -= count
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > UNREAD_MOST_BYTES:
            why = f"more than {UNREAD_MOST_BYTES} bytes unread; the peer must read what it is sent"
            self._refuse("refused", "slow-reader", why)
        elif self._ending and self._owed <= 0 and not self._waiting:
            self.close()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _break_off(self, reason: str, why: str) -> None:
        """The framing is broken, and nothing more can be read: answer what the peer asked before that, then close."""
        self._event("framing", reason, why)
        self._end()

    def _end(self) -> None:
        """Take nothing more; close when the peer has its answers. One that we dialled is waiting for none."""
        self._ending = True
        if self._waiting or (self._owed > 0 and not self._dialled):
            self._loop.call_later(LAST_ANSWERS_S, self.close)
        else:
            self._driver.hang_up(self._number)

    def _refuse(self, event: str, reason: str, why: str) -> None:
        """Close at once: the peer exceeds a limit."""
        if self._transport is not None and not self._transport.is_closing():
            self._event(event, reason, why)
            self._transport.abort()

    def _event(self, event: str, reason: str, why: str) -> None:
        self._driver.event(event, {"reason": reason, "link": self.link_name, "conn": self._number, "why": why})

    def _watch_frame(self, now: float) -> None:
        """Part of a frame is here: look again until it is whole."""
        self._heard_at = now
        if self._watch is None:
            self._started_at = now
            first_s = SWEEP_S * (SPREAD + self._number % SPREAD) / (2 * SPREAD)
            self._watch = self._loop.call_later(first_s, self._check_frame)

    def _check_frame(self) -> None:
        self._watch = None
        partial = self._splitter.partial
        if not partial or self._ending:
            return
        now = self._driver.clock.now()
        if now - self._heard_at >= SILENCE_S or now - self._started_at >= WHOLE_FRAME_S:
            hint = self._splitter.hint()
            why = f"no bytes after the length for {now - self._heard_at:.1f} s; {partial} bytes of a frame came"
            self._break_off("no-bytes-after-length", f"{why} ({hint})" if hint else why)
        else:
            self._watch = self._loop.call_later(SWEEP_S, self._check_frame)


def tpdus_of(framing: Framing, layout: Wire | None) -> Tpdus | None:
    """What remembers a connection's TPDUs, where it has any."""
    if not framing.tpdu:
        return None
    assert layout is not None, "a TPDU finds its way back by STAN and terminal: the link's layout reads them"
    return Tpdus(layout, framing.header)


class Listener:
    """Accepts the connections of one acquirer link, or of an issuer."""

    def __init__(
        self,
        driver: Driver,
        link: int,
        name: str,
        framing: Framing,
        layout: Wire | None = None,
        tls: Tls | None = None,
    ) -> None:
        self._driver = driver
        self._link = link
        self._name = name
        self._framing = framing
        self._layout = layout
        self._server: asyncio.Server | TlsServer[Connection] | None = None
        self._delay_ms = 0.0
        self._connections: set[Connection] = set()
        self._tls = tls.for_server() if tls is not None else None

    async def start(self, address: Address) -> Address:
        """Listen; the address with its real port. Raises OSError."""
        if self._tls is None:
            self._server, real = await address.listen(lambda: self._accept() or _Refused())
        else:
            listening, real = address.bind()
            self._server = TlsServer(listening, self._tls, self._accept, self._tls_failed)
        return real

    def _accept(self) -> Connection | None:
        """A connection for a peer that dialled us; None when there are enough."""
        if len(self._connections) >= MAX_CONNECTIONS:
            why = f"{MAX_CONNECTIONS} connections are open; close some, or add an address"
            self._driver.event("refused", {"reason": "too-many-connections", "link": self._name, "why": why})
            return None
        connection = Connection(
            self._driver, self._link, self._framing, self._name, self._connections.discard, self._layout
        )
        connection.delay_ms = self._delay_ms
        self._connections.add(connection)
        return connection

    def _tls_failed(self, connection: Connection, reason: str, why: str) -> None:
        self._connections.discard(connection)
        self._driver.event("tls", {"reason": reason, "link": self._name, "side": "server", "why": why})

    def slow(self, delay_ms: float) -> None:
        """Delay everything that we send on these connections, the coming ones too; 0 ends it."""
        self._delay_ms = delay_ms
        for connection in self._connections:
            connection.delay_ms = delay_ms

    def close(self) -> None:
        """Accept no more, and close what is open after what was written."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()
