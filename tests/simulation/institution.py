"""A scripted issuer that also takes part in network management: it remembers each 0800 and 0520, and may ask too."""

from collections.abc import Callable

import iso8583

from switch.simulation.bench import Bench
from tests.simulation.scripted import Scripted, answer_to, approve
from tests.support.foreign import Doc


class Institution(Scripted):
    """`script[code]` is asked for the answer to an 0800 with DE 70 = code, `script["05"]` for that to a 0520: a
    document, or None for silence. What it lacks is approved."""

    def __init__(self, bench: Bench, name: str, decide: Callable[[Doc], Doc | None] = approve) -> None:
        super().__init__(bench, name, decide)
        if self.spec["88"]["data_enc"] == "b":  # DE 97 is a sign and BCD digits, which pyiso8583 takes as bytes
            self.spec = self.spec | {"97": self.spec["97"] | {"data_enc": "b", "max_len": 9}}
        self.script: dict[str, Callable[[Doc], Doc | None]] = {}
        self.asked: list[Doc] = []  # 0800 and 05xx, in order
        self.heard: list[Doc] = []  # answers to what it asked itself
        self.conn_of: dict[str, int] = {}  # by DE 37: on which connection a request came
        self.conns: list[int] = []

    def receive(self, conn: int, frame: bytes, now: float) -> None:
        """As `Scripted`, and what that approves blindly is decided here."""
        doc = iso8583.decode(frame, self.spec)[0]
        if conn not in self.conns:
            self.conns.append(conn)
        if doc["t"][1] == "8" and doc["t"][2] == "1":
            self.heard.append(doc)
        elif doc["t"][1] in "85":
            if self.spec["97"]["data_enc"] == "b" and "97" in doc:
                doc["97"] = bytes.fromhex(doc["97"][:2]).decode() + doc["97"][2:]
            self.asked.append(doc)
            decided = self.script.get(doc.get("70", "05"), lambda _: {"39": "00"})(doc)
            if decided is not None:
                self.say(conn, answer_to(doc) | decided)
        else:
            self.conn_of[doc["37"]] = conn
            super().receive(conn, frame, now)

    def codes(self) -> list[str]:
        """MTI and DE 70 or 50 of what it was asked, echoes and sign-ons left out."""
        return [
            f"{doc['t']}/{doc.get('70') or doc.get('50')}" for doc in self.asked if doc.get("70") not in ("001", "301")
        ]
