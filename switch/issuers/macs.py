"""The gate of a link whose messages carry MACs: what comes in is verified, what goes out is sealed, both by the HSM.

The MAC is the last field of a message, DE 64, or DE 128 where there is a secondary bitmap. It covers every byte before
it (ISO 9797-1, algorithm 1 or 3, padded with zeros). The HSM may answer out of order, so each direction of a connection
is a queue: a frame whose verdict is there waits for those before it. The rules know nothing of all this, and the gate
knows nothing of what a message means: it reads frames as they are on the wire. A link without MACs has no gate.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from switch.core import hsm_errors, results
from switch.iso8583.codec import View
from switch.issuers.messages import RefusedError
from switch.issuers.specs import IssuerSpec

PRIMARY, SECONDARY = 64, 128  # the last field of either bitmap

# M6 and M8: whole message, binary, sixteen digits; algorithm; padding with zeros, key type TAK.
_FLAGS: Final = "001{algorithm}1003"
_MADE: Final = re.compile(rb"M700([0-9A-F]{16})")
_NO_MAC: Final = "0" * 16

# An HSM command has 2,048 bytes at most, of which flags, key, length and MAC take less than a hundred.
MAX_MESSAGE_BYTES: Final = 1_900
MAX_WAITING: Final = 1_000  # frames of one connection at the HSM: a second's worth of a fast one; more would come late

Release: TypeAlias = Callable[[float], None]
HsmHandler: TypeAlias = Callable[[bytes | None, float], None]


class _Slot:
    """A frame's place in its queue; `release` once its verdict is there."""

    __slots__ = ("release",)

    def __init__(self) -> None:
        self.release: Release | None = None


class _Lines(NamedTuple):
    """The two directions of a connection."""

    incoming: deque[_Slot]
    outgoing: deque[_Slot]


class MacGate:
    """Verifies and seals. `ask(command, handler)` asks the HSM, `event(name, reason, why)` tells what was dropped."""

    def __init__(
        self, spec: IssuerSpec, ask: Callable[[bytes, HsmHandler], None], event: Callable[[str, str, str], None]
    ) -> None:
        self._spec = spec
        self._layout = spec.dialect.wire
        self._ask = ask
        self._event = event
        self._lines: dict[int, _Lines] = {}

    def forget(self, conn: int) -> None:
        """The connection is gone. What it brought is still verified; what was for it has nowhere to go."""
        self._lines.pop(conn, None)

    # -- in ---------------------------------------------------------------------------------------------------------

    def verify(
        self, conn: int, frame: bytes, now: float, deliver: Callable[[RefusedError | None, float], None]
    ) -> None:  # fmt: skip
        """Call `deliver` with what is wrong with the MAC of a readable frame, or None, in the order of frames."""
        view = self._layout.scan(frame)
        queue = self._of(conn).incoming
        if len(queue) >= MAX_WAITING:
            self._event("dropped", "mac-overload", f"{len(queue)} frames of connection {conn} wait for the HSM")
            return
        slot = _Slot()
        queue.append(slot)

        def verified(objection: RefusedError | None, at: float) -> None:
            slot.release = lambda when: deliver(objection, when)
            _drain(queue, at)

        field = mac_field(view)
        if view.fields()[-1:] != (field,):
            verified(RefusedError(results.SECURITY, f"no MAC: a message of this link ends in DE {field}"), now)
            return
        content = self._covered(view, field)
        if len(content) > MAX_MESSAGE_BYTES:
            verified(
                RefusedError(results.FORMAT_ERROR, f"a message with a MAC has {MAX_MESSAGE_BYTES} bytes at most"), now
            )
            return
        mac = (view.text(field) or "").encode("ascii")
        self._ask(self._command("M8", content) + mac, lambda reply, at: verified(_objection(reply, self._spec), at))

    def _covered(self, view: View, field: int) -> bytes:
        """What the MAC is over. Of a repeat, as the link has it: the message as it is, or as it first was (R1)."""
        if self._spec.mac_repeat == "as-original" and view.mti[3] == "1":
            view = self._layout.scan(view.patch({}, f"{view.mti[:3]}0"))
        return bytes_before(view, field)

    # -- out --------------------------------------------------------------------------------------------------------

    def seal(self, conn: int, frame: bytes, deliver: Callable[[bytes], None]) -> None:
        """Call `deliver` with the frame and its MAC, behind those before it. Without a MAC it is not sent at all."""
        bare = self._layout.scan(frame)
        field = mac_field(bare)
        view = self._layout.scan(bare.patch({field: _NO_MAC}))
        queue, slot = self._of(conn).outgoing, _Slot()
        queue.append(slot)

        def sealed(reply: bytes | None, now: float) -> None:
            made = _MADE.fullmatch(reply or b"")
            if made is None:
                objection = _objection(reply, self._spec)
                why = objection or hsm_errors.MALFORMED.format(command=hsm_errors.MAC)
                self._event("dropped", "no-mac", f"{why}: no MAC, so a {view.mti} was not sent")
                slot.release = lambda _: None
            else:
                slot.release = lambda _: deliver(view.patch({field: made[1].decode()}))
            _drain(queue, now)

        self._ask(self._command("M6", bytes_before(view, field)), sealed)

    def _command(self, name: str, content: bytes) -> bytes:
        head = f"{name}{_FLAGS.format(algorithm=self._spec.mac_algorithm)}{self._spec.tak}{len(content):04X}"
        return head.encode("ascii") + content

    def _of(self, conn: int) -> _Lines:
        if conn not in self._lines:
            self._lines[conn] = _Lines(deque(), deque())
        return self._lines[conn]


def mac_field(view: View) -> int:
    """DE 64, or DE 128 where there is a secondary bitmap."""
    return SECONDARY if view.fields()[-1:] > (PRIMARY,) else PRIMARY


def bytes_before(view: View, field: int) -> bytes:
    """Everything before the value of `field`."""
    span = view.span(field)
    assert span is not None  # the caller has put it there, or seen it
    return view.frame[: span[0]]


def _drain(queue: deque[_Slot], now: float) -> None:
    while queue and (release := queue[0].release) is not None:
        queue.popleft()
        release(now)


def _objection(reply: bytes | None, spec: IssuerSpec) -> RefusedError | None:
    if reply is None:
        return RefusedError(results.MALFUNCTION, f"the MAC was not verified: {hsm_errors.SILENT}")
    code = reply[2:4].decode("ascii", "replace")
    if code == "00":
        return None
    tak = hsm_errors.key_name("TAK", spec.name, spec.check_values.get("TAK", ""))
    if code == "01":
        return RefusedError(results.SECURITY, hsm_errors.wrong_mac(tak, spec.mac_algorithm, spec.mac_repeat))
    return RefusedError(results.of_hsm_error(code), hsm_errors.sentence(hsm_errors.MAC, code, tak))
