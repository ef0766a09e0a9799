"""An acquirer with the switch played by hand, over both dialects."""

from typing import Any

import pytest

from switch.acquirers.acquirer import Acquirer
from switch.acquirers.macs import Macs
from switch.acquirers.records import AcquirerRecord, decode
from switch.acquirers.specs import AcquirerSpec, TerminalCard
from switch.core.effects import CLOSE, COMMIT, EVENT, SEND
from switch.iso8583 import dialect
from switch.profiles.mix import PLAIN, Mix, Share, Step

ZPK = bytes.fromhex("F80E49F13D29DC866D91B62C98A1EA46")
NOW = 1_800_000_000.0
ZMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
TAK = bytes.fromhex("5BB3DF0B07A7F4E5206E1C3BB04C7A2F")
ECHOED = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49", "70")  # R2, and DE 70

Doc = dict[str, str]


class Bench:
    """The shell and the switch: takes what is sent, answers when told to."""

    def __init__(self, dialect_name: str) -> None:
        self.dialect = dialect.load(dialect_name)
        self.now = NOW
        self.conn = 0
        self.records: list[AcquirerRecord] = []
        self.lines: list[bytes] = []
        self.events: list[dict[str, Any]] = []
        self.closed: list[int] = []
        self.frames: list[bytes] = []
        self.macs: Macs | None = None

    def start(self, **values: Any) -> Acquirer:
        cards = tuple(terminal_card(f"46873890000000{n}") for n in (17, 25, 33))
        spec = {"cards": cards, "mix": PLAIN, "rate_per_s": 10.0, "institution_id": "10000000001", "zpk": ZPK}
        self.acquirer = Acquirer(AcquirerSpec(name="acquirer", dialect=self.dialect, **spec | values), seed=7)
        self.connect()
        return self.acquirer

    def connect(self, de39: str = "00") -> list[Doc]:
        """Dial, and answer the sign-on; what the acquirer sends then."""
        self.conn += 1
        self.acquirer.connected(self.conn, 0, self.now)
        [sign_on] = self.settle()
        assert (sign_on["t"], sign_on["70"], sign_on["32"]) == ("0800", "001", "10000000001")
        return self.answer(sign_on, de39)

    def lose(self) -> None:
        self.acquirer.disconnected(self.conn, self.now)

    def answer(self, doc: Doc, de39: str = "00", **changes: str) -> list[Doc]:
        mti = f"{doc['t'][:2]}{int(doc['t'][2]) + 1}0"
        reply = {"t": mti, "39": de39} | {field: doc[field] for field in ECHOED if field in doc}
        return self.say(reply | {number[1:]: text for number, text in changes.items()})

    def say(self, doc: Doc) -> list[Doc]:
        """The switch sends something; what the acquirer sends then."""
        frame = self.macs.seal(doc) if self.macs else self.dialect.layout.encode(doc)
        self.acquirer.receive(self.conn, frame, self.now)
        return self.settle()

    def settle(self) -> list[Doc]:
        sent = []
        for kind, *rest in self.acquirer.take_effects():
            if kind == SEND:
                assert rest[0] == self.conn
                self.frames.append(rest[1])
                sent.append(self.dialect.layout.decode(rest[1]))
            elif kind == COMMIT:
                self.lines.append(rest[0])
                self.records.append(decode(rest[0]))
            elif kind == EVENT:
                self.events.append({"event": rest[0], **rest[1]})
            elif kind == CLOSE:
                self.closed.append(rest[0])
        return sent

    def wait(self, seconds: float) -> list[Doc]:
        """Let time pass, deadline by deadline as a shell does."""
        end, sent = self.now + seconds, []
        while (due := self.acquirer.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.acquirer.tick(self.now)
            sent += self.settle()
        self.now = end
        return sent

    def one(self, **values: Any) -> Doc:
        """Start, and let exactly one request be sent."""
        self.start(**values)
        while not (sent := self.wait(0.01)):
            pass
        self.acquirer.stop_traffic()
        [doc] = sent
        return doc

    def sale(self, kind: str, *then: Step, **values: Any) -> Doc:
        """Start, and let exactly one cardholder come, after whom the shop does `then`; the first message."""
        mix = Mix(name="one", shares=(Share(weight=1, kind=kind, then=then),))
        self.start(mix=mix, **values)
        while not (sent := self.wait(0.01)):
            pass
        self.acquirer._next_arrival = None
        [doc] = sent
        return doc

    def next(self, seconds: float = 120) -> Doc:
        """What is sent next, within so many seconds."""
        end = self.now + seconds
        while self.now < end:
            if sent := self.wait(0.01):
                [doc] = sent
                return doc
        raise AssertionError(f"nothing was sent in {seconds} s")

    def last(self, stan: str) -> AcquirerRecord:
        """The newest record of a transaction."""
        return next(record for record in reversed(self.records) if record.stan == stan)


def terminal_card(pan: str) -> TerminalCard:
    return TerminalCard(pan, "3012", "4711", track2=f"{pan}=30122011" + "1234567", cvv2="407")


@pytest.fixture(params=["iso87-ascii", "iso87-bcd"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


@pytest.fixture
def zpk() -> bytes:
    return ZPK
