"""An issuer that says what a test wants it to say, and remembers what it was told; it speaks through pyiso8583."""

from collections.abc import Callable
from typing import Any

import iso8583

from switch.core.effects import SEND, Effect
from switch.simulation.bench import Bench
from tests.support.foreign import SPECS, Doc

DIALECTS = {"issuer-1": "iso87-ascii", "issuer-2": "iso87-bcd"}
ECHOED = ("2", "3", "4", "7", "11", "12", "13", "15", "32", "37", "41", "42", "49", "70")


def approve(doc: Doc) -> Doc:
    """Say yes to everything."""
    return {"39": "00"} | ({"38": "123456"} if doc["t"][1:3] in ("10", "20") else {})


class Scripted:
    """Takes the place of a simulated issuer behind its link.

    `decide(doc)` returns what to answer beside the echoed fields, or None to say nothing.
    """

    def __init__(self, bench: Bench, name: str, decide: Callable[[Doc], Doc | None] = approve) -> None:
        self.spec = SPECS[DIALECTS[name]]
        self.decide = decide
        self.got: list[Doc] = []
        self.hsm_reply = self.connected = self.disconnected = lambda *_: None
        self.tick = lambda _: None
        self.next_deadline = lambda: None
        self._effects: list[Effect] = []
        bench.issuers[name].part = self  # type: ignore[assignment]

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """Read, decide, answer."""
        doc = iso8583.decode(frame, self.spec)[0]
        if doc["t"][1] != "8":
            self.got.append(doc)
        decided: Doc | None = {"39": "00"} if doc["t"][1] == "8" else self.decide(doc)
        if decided is not None:
            self.say(conn, answer_to(doc) | decided)

    def say(self, conn: int, doc: Doc) -> None:
        """Send a message of one's own."""
        self._effects.append((SEND, conn, bytes(iso8583.encode(dict(doc), self.spec)[0])))

    def take_effects(self) -> list[Effect]:
        """What to send."""
        effects, self._effects = self._effects, []
        return effects

    def mtis(self) -> list[str]:
        """The types of what it was told, in order."""
        return [doc["t"] for doc in self.got]


def answer_to(doc: Doc) -> dict[str, Any]:
    """The answer's MTI and the fields that it echoes."""
    mti = f"{doc['t'][:2]}{int(doc['t'][2]) + 1}0"
    return {"t": mti} | {number: doc[number] for number in ECHOED if number in doc}
