"""An acquirer with the switch played by hand, over both dialects."""

from typing import Any

import pytest

from switch.acquirers.acquirer import Acquirer
from switch.acquirers.records import AcquirerRecord, decode
from switch.acquirers.specs import AcquirerSpec, TerminalCard
from switch.core.effects import CLOSE, COMMIT, EVENT, SEND
from switch.iso8583 import dialect
from switch.profiles.mix import EVERYDAY

ZPK = bytes.fromhex("F80E49F13D29DC866D91B62C98A1EA46")
NOW = 1_800_000_000.0
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

    def start(self, **values: Any) -> Acquirer:
        cards = tuple(TerminalCard(f"46873890000000{n}", "3012", "4711") for n in (17, 25, 33))
        spec = {"cards": cards, "mix": EVERYDAY, "rate_per_s": 10.0, "institution_id": "10000000001", "zpk": ZPK}
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
        reply |= {number[1:]: text for number, text in changes.items()}
        self.acquirer.receive(self.conn, self.dialect.layout.encode(reply), self.now)
        return self.settle()

    def settle(self) -> list[Doc]:
        sent = []
        for kind, *rest in self.acquirer.take_effects():
            if kind == SEND:
                assert rest[0] == self.conn
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


@pytest.fixture(params=["iso87-ascii", "iso87-bcd"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


@pytest.fixture
def zpk() -> bytes:
    return ZPK
