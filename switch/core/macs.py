"""Message authentication: the gate that every frame passes, both ways, on a link that has a TAK.

Theory of operation. The rules know nothing of MACs. What arrives waits here until the HSM (host command M8) has said
that its MAC is right, and only then comes before the rules; what the rules let leave waits until the HSM (M6) has made
its MAC. An HSM may answer in any order, so each direction of a connection is a queue of turns: a frame whose answer is
there still waits for those before it.

    a frame ─▶ arriving ─M8─▶ right: the rules │ wrong or missing: 63 to a request, else dropped │ no HSM: 96, dropped
    effects ─▶ leaving ──M6─▶ frame with its MAC, to the shell │ no MAC: not sent

An effect that waited is handed out later than the COMMITs before it, so it waits for more to be durable, never for
less. What is not sent is lost as on a wire: the issuer's timer and store-and-forward settle it (R7, R11). And what an
issuer sends without a right MAC was never said: the timer again.

The MAC is the last field of the message: DE 128 if there is any field above 64, else DE 64. It covers every byte before
it, bitmaps with its own bit included. Whether that of a repeat covers the repeat's MTI or its original's is agreed per
link (R1).
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from switch.core import hsm_errors, results
from switch.core.checks import Failure
from switch.core.context import Context, is_asking
from switch.core.effects import ANSWER, CLOSE, FORWARD, SEND, Effect
from switch.core.links import configured_key_name
from switch.core.specs import LinkSpec
from switch.iso8583.codec import FormatError, View, Wire

MAC_FIELDS: Final = (64, 128)
BLANK: Final = "0" * 16
MAC_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{16}")

# Frames of one connection that the HSM is still to verify: a real one does 250 to 2,500 commands a second, so what
# came behind a thousand would be answered too late anyway.
MAX_WAITING: Final = 1_000

# Of a message in one host command: a payShield takes 2,048 bytes, of which flags, a key of 49, IV, length and MAC take
# 98; whole cipher blocks, and room for the header that stands before a command.
PIECE_BYTES: Final = 1_920

# Host-command mode, by whether a piece is the message's first and whether it is its last.
MODES: Final = {(True, True): "0", (True, False): "1", (False, False): "2", (False, True): "3"}

# What the HSM says when all is well, by command and by whether that was the last piece: an IV or a MAC, or nothing.
WELL: Final = {
    ("M6", False): re.compile(rb"M700([0-9A-F]{16})"),
    ("M6", True): re.compile(rb"M700([0-9A-F]{16})"),
    ("M8", False): re.compile(rb"M900([0-9A-F]{16})"),
    ("M8", True): re.compile(rb"M900()"),
}
ERROR: Final = re.compile(rb"M[79](?!00)([0-9A-Z]{2})")
VERIFICATION_FAILED: Final = "01"

Act: TypeAlias = Callable[[float], None]  # done at the time it is given


class Turns:
    """Acts that become known in any order, and are done in the order in which their places were taken."""

    def __init__(self) -> None:
        self._places: deque[list[Act]] = deque()

    def __len__(self) -> int:
        return len(self._places)

    def take(self) -> list[Act]:
        """A place at the end; `fill` says what is to be done there."""
        self._places.append([])
        return self._places[-1]

    def fill(self, place: list[Act], act: Act, now: float) -> None:
        """`act` it is. Whatever waits for nothing before it any more is done."""
        place.append(act)
        while self._places and self._places[0]:
            self._places.popleft()[0](now)


@dataclass(slots=True)
class _Line:
    """A guarded connection."""

    conn: int
    link: LinkSpec
    layout: Wire
    arriving: Turns = field(default_factory=Turns)
    leaving: Turns = field(default_factory=Turns)


@dataclass(slots=True)
class _Question:
    """One message before the HSM, in as many commands as it needs; `then` gets the MAC, or why there is none."""

    command: str  # "M6" makes a MAC, "M8" verifies one
    link: LinkSpec
    message: bytes  # what the MAC covers
    mac: str  # which M8 compares
    then: Callable[[str, Failure | None, float], None]
    asked: int = 0  # bytes of the message that the HSM was given

    @property
    def complete(self) -> bool:
        """Has the HSM been given all of it?"""
        return self.asked == len(self.message)


class Macs:
    """The gate. `hand_in(conn, frame, now)` is how a frame with a right MAC comes before the rules."""

    def __init__(self, context: Context, hand_in: Callable[[int, bytes, float], None]) -> None:
        self._context = context
        self._hand_in = hand_in
        self.lines: dict[int, _Line] = {}  # by connection; the others pass by with one look into it
        self._released: list[Effect] = []

    def connected(self, conn: int, link: LinkSpec) -> None:
        """Guard the connection if its link has a TAK."""
        if link.tak:
            self.lines[conn] = _Line(conn, link, link.dialect.wire)

    def disconnected(self, conn: int) -> None:
        """It is gone: what still waits for the HSM finds no connection any more."""
        self.lines.pop(conn, None)

    # -- in ---------------------------------------------------------------------------------------------------------

    def arrive(self, conn: int, frame: bytes, now: float) -> None:
        """A frame came on a guarded connection."""
        line = self.lines[conn]
        try:
            view = line.layout.scan(frame)
        except FormatError:  # nowhere to look for a MAC: the rules refuse it for what it is
            if len(line.arriving) < MAX_WAITING:
                line.arriving.fill(line.arriving.take(), partial(self._hand_in, conn, frame), now)
            else:
                self._hand_in(conn, frame, now)
            return
        if len(line.arriving) >= MAX_WAITING:
            why = f"{MAX_WAITING} frames of this connection wait for the HSM, the limit"
            self._reject(line, view, Failure(results.MALFUNCTION, "overload", why), now)
            return
        place = line.arriving.take()
        number = max(view.fields(), default=0)
        mac = view.text(number) or "" if number in MAC_FIELDS else ""
        verified = partial(self._verified, line, place, view)
        if MAC_DIGITS.fullmatch(mac):
            message = covered(view, number, line.link)
            self._ask(_Question("M8", line.link, message, mac.upper(), verified))
        else:
            why = "a message of this link ends in a MAC of 8 bytes: DE 64, or DE 128 behind fields above 64"
            verified("", Failure(results.SECURITY, "bad-mac", why), now)

    def _verified(
        self, line: _Line, place: list[Act], view: View, _mac: str, failure: Failure | None, now: float
    ) -> None:  # fmt: skip
        act = partial(self._hand_in, line.conn, view.frame)
        if failure is not None:
            act = partial(self._reject, line, view, failure)
        line.arriving.fill(place, act, now)

    def _reject(self, line: _Line, view: View, failure: Failure, now: float) -> None:
        """Nothing of it is remembered: whoever has no key could otherwise put words into an institution's mouth."""
        acquirer = self._context.acquirer_of_conn.get(line.conn)
        if acquirer is not None and is_asking(view.mti):
            self._context.refuse(line.conn, acquirer, as_the_rules_read_it(view, acquirer.layout), *failure)
        else:
            self._lost("dropped", failure.reason, f"{failure.why}; dropped, as if it had never come", line, view, now)

    # -- out --------------------------------------------------------------------------------------------------------

    def seal(self, effects: list[Effect]) -> list[Effect]:
        """What of `effects` may be carried out now, and what of earlier ones has got its MAC since."""
        if not self.lines and not self._released:
            return effects
        for effect in effects:
            line = self.lines.get(effect[1]) if effect[0] in (SEND, FORWARD, ANSWER, CLOSE) else None
            if line is None:
                self._released.append(effect)
            else:
                self._leave(line, effect)
        asked, self._context.effects = self._context.effects, []
        released, self._released = self._released, []
        return released + asked

    def _leave(self, line: _Line, effect: Effect) -> None:
        place = line.leaving.take()
        if effect[0] == CLOSE:
            line.leaving.fill(place, partial(self._release, effect), 0.0)
            return
        view = line.layout.scan(effect[2])
        number = 128 if max(view.fields()) > 64 else 64
        view = line.layout.scan(view.patch({number: BLANK}))
        sealed = partial(self._sealed, line, place, effect, view, number)
        self._ask(_Question("M6", line.link, covered(view, number, line.link), "", sealed))

    def _sealed(
        self, line: _Line, place: list[Act], effect: Effect, view: View, number: int,
        mac: str, failure: Failure | None, now: float,
    ) -> None:  # fmt: skip
        if failure is None:
            kind, conn, _, *rest = effect
            act = partial(self._release, (kind, conn, view.patch({number: mac}), *rest))
        else:
            act = partial(self._lost, "unsent", "no-mac", f"{failure.why}: no MAC, not sent", line, view)
        line.leaving.fill(place, act, now)

    def _release(self, effect: Effect, _now: float) -> None:
        self._released.append(effect)

    def _lost(self, name: str, reason: str, why: str, line: _Line, view: View, _now: float) -> None:
        self._context.event(name, reason, why, link=line.link.name, mti=view.mti, stan=view.text(11) or "")

    # -- the HSM ----------------------------------------------------------------------------------------------------

    def _ask(self, question: _Question, iv: str = "") -> None:
        """M6 or M8: mode, binary input, a MAC of 16 digits, algorithm, padding 1 (zeros), a TAK [IV], length, piece."""
        link, start = question.link, question.asked
        piece = question.message[start : start + PIECE_BYTES]
        question.asked += len(piece)
        mode = MODES[start == 0, question.complete]
        head = f"{question.command}{mode}01{link.mac_algorithm}1003{link.tak}{iv}{len(piece):04X}"
        mac = question.mac if question.complete else ""
        self._context.ask_hsm(head.encode("ascii") + piece + mac.encode("ascii"), self._replied, question)

    def _replied(self, question: _Question, reply: bytes | None, now: float) -> None:
        found = WELL[question.command, question.complete].fullmatch(reply or b"")
        if found is None:
            question.then("", fault(reply, question.link), now)
        elif question.complete:
            question.then(found[1].decode("ascii"), None, now)
        else:
            self._ask(question, found[1].decode("ascii"))


def as_the_rules_read_it(view: View, layout: Wire) -> View:
    """A frame that was read as it is on the wire, in the layout of its link, or what of it makes sense there."""
    if view.layout is layout:
        return view
    try:
        return layout.scan(view.frame)
    except FormatError as error:
        return error.partial


def covered(view: View, number: int, link: LinkSpec) -> bytes:
    """The bytes that the MAC in field `number` is over: all before it; of a repeat perhaps with the original's MTI."""
    span = view.span(number)
    assert span is not None, "the MAC stands in the message"
    message = view.frame[: span[0]]
    if link.mac_repeat == "as-sent" or int(view.mti[3]) % 2 == 0:
        return message
    original = view.layout.table.mti.write(f"{view.mti[:3]}{int(view.mti[3]) - 1}")
    return original + message[len(original) :]


def fault(reply: bytes | None, link: LinkSpec) -> Failure:
    """Why the HSM's answer is no good."""
    if reply is None:
        return Failure(results.MALFUNCTION, "hsm-silent", hsm_errors.SILENT)
    found = ERROR.match(reply)
    if found is None:
        return Failure(results.MALFUNCTION, "hsm-malformed", hsm_errors.MALFORMED.format(command=hsm_errors.MAC))
    code = found[1].decode("ascii")
    tak = configured_key_name("TAK", link)
    if code == VERIFICATION_FAILED:
        return Failure(results.SECURITY, "bad-mac", hsm_errors.wrong_mac(tak, link.mac_algorithm, link.mac_repeat))
    return Failure(results.of_hsm_error(code), f"hsm-{code}", hsm_errors.sentence(hsm_errors.MAC, code, tak))
