"""An issuer with its switch and its HSM played by hand, over both dialects."""

from collections.abc import Callable
from typing import Any

import pytest

from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from switch.acquirers.compose import Sender, network, original_data, repeat_of, request, reversal_of
from switch.acquirers.pinpad import pin_block
from switch.core.effects import ANSWER, CLOSE, COMMIT, EVENT, HSM
from switch.iso8583 import dialect
from switch.issuers.issuer import Issuer
from switch.issuers.specs import CardSpec, IssuerSpec
from switch.profiles.latency import Profile, profile

# Keys of the bench's issuer-1, clear and under the published test LMK; test_decisions checks the PVV with psec.
ZPK = bytes.fromhex("150B675776BCE01375850801EC52ECF4")
ZPK_UNDER_LMK = "U272CCA35FD0E69877739500A69387D41"
PVK = bytes.fromhex("01A4C76452D0E358981A1558B5401F9B")
PVK_UNDER_LMK = "U672F576905E80A3EC28D41CFD0BF74C6"
CVK = bytes.fromhex("9BB304EAE683E6137685077964832C15")
CVK_UNDER_LMK = "UD6488CE1B5613EF7E1E93BC3975B0648"
ZMK = bytes.fromhex("0DFE450851BAF80E4F15C4A1FDBA0162")
ZMK_UNDER_LMK = "U5C08A62111248376A3C738091CE74ABF"
TAK = bytes.fromhex("D09B3E8604DCF243CEE9BAF167A220B0")
TAK_UNDER_LMK = "U0ADEF8D42A590338A29BAEFB31F1FB95"
PIN = "7068"
CARD = "4687380000000016"
PVV = "2049"
CVV = "266"
CVV2 = "375"
NOW = 1_800_000_000.0  # 15 January 2027

Doc = dict[str, str]


class Bench:
    """The shell's side: carries out effects, keeps what was committed."""

    def __init__(self, dialect_name: str) -> None:
        self.dialect = dialect.load(dialect_name)
        self.hsm = Device(published_test_lmk(), random=lambda size: bytes(range(1, size + 1)))
        self.hsm_up = True
        self.committed: list[bytes] = []
        self.events: list[dict[str, Any]] = []
        self.closed: list[int] = []
        self.asked: list[tuple[int, bytes]] = []
        self.stan = 0
        self.now = NOW

    def start(self, *cards: CardSpec, latency: Profile | None = None, **values: Any) -> Issuer:
        self.spec = IssuerSpec(
            name="issuer-1",
            dialect=self.dialect,
            zpk=ZPK_UNDER_LMK,
            pvk=PVK_UNDER_LMK,
            cards=cards or (card(),),
            profile=latency or profile("instant"),
            **({"cvk": CVK_UNDER_LMK, "zmk": ZMK_UNDER_LMK} | values),
        )
        self.issuer = Issuer(self.spec, seed=1)
        if self.spec.tak:
            self.issuer.connected(1, 0, self.now)  # to sign on takes a MAC
        else:
            self.sign_on(1)
        return self.issuer

    def restart(self, snapshot: bytes | None = None) -> Issuer:
        """As after kill -9: a new issuer that knows what was committed."""
        self.issuer = Issuer(self.spec, seed=1)
        self.issuer.restore(self.committed, self.now, snapshot)
        self.sign_on(1)
        return self.issuer

    def reload(self, *, through_snapshot: bool) -> None:
        """Restart from the log alone, or from a snapshot alone; either way the state is what it was."""
        snapshot = self.issuer.snapshot()
        if through_snapshot:
            self.committed.clear()
        self.restart(snapshot if through_snapshot else None)
        assert self.issuer.snapshot() == snapshot

    def sign_on(self, conn: int) -> None:
        self.issuer.connected(conn, 0, self.now)
        [answer] = self.send(network("sign-on", Sender("20000000001"), stan=1, now=self.now), conn)
        assert (answer["t"], answer["39"]) == ("0810", "00")

    def doc(self, kind: str = "purchase", euros: float = 100, pin: str = "", pan: str = CARD, **fields: str) -> Doc:
        """A complete request under a STAN of its own; `fields` by number, as f37="…"."""
        self.stan += 1
        composed = request(
            kind,
            Sender("10000000001"),
            pan=pan,
            expiry="3012",
            amount_cents=round(euros * 100),
            currency="978",
            stan=self.stan,
            now=self.now,
            pin_block=pin_block(pin, pan, ZPK) if pin else None,
        )
        return composed | {number[1:]: text for number, text in fields.items()}

    def send(self, doc: Doc, conn: int = 1) -> list[Doc]:
        self.issuer.receive(conn, self.dialect.layout.encode(doc), self.now)
        return self.settle()

    def advice(self, original: Doc | None = None, euros: float = 100, mti: str = "0220", **fields: str) -> Doc:
        """An advice; with an `original`, of the same transaction, which DE 90 names."""
        doc = self.doc(euros=euros, ft=mti, **fields)
        return doc if original is None else self.follow(doc, original)

    def follow(self, doc: Doc, original: Doc) -> Doc:
        """`doc` as one that comes after `original`."""
        return doc | {number: original[number] for number in ("32", "37", "41")} | {"90": original_data(original)}

    def ask(self, *args: Any, **kwargs: Any) -> Doc:
        """Send `doc(…)`; exactly one answer comes at once."""
        [answer] = self.send(self.doc(*args, **kwargs))
        return answer

    def de39(self, *args: Any, **kwargs: Any) -> str:
        return self.ask(*args, **kwargs)["39"]

    def settle(self) -> list[Doc]:
        """Carry out effects until there are none; HSM commands are answered, or kept in `asked` while it is down."""
        answers = []
        while effects := self.issuer.take_effects():
            for kind, *rest in effects:
                if kind == COMMIT:
                    self.committed.append(rest[0])
                elif kind == ANSWER:
                    answers.append(self.dialect.layout.decode(rest[1]) | {"conn": str(rest[0])})
                elif kind == HSM and self.hsm_up:
                    self.issuer.hsm_reply(rest[0], self.hsm.respond(b"0001" + rest[1])[4:], self.now)
                elif kind == HSM:
                    self.asked.append((rest[0], rest[1]))
                elif kind == EVENT:
                    self.events.append({"event": rest[0], **rest[1]})
                elif kind == CLOSE:
                    self.closed.append(rest[0])
        return answers

    def wait(self, seconds: float) -> list[Doc]:
        self.now += seconds
        self.issuer.tick(self.now)
        return self.settle()

    def available(self, pan: str = CARD) -> int:
        account = self.issuer.ledger.account(pan)
        assert account is not None
        return account.available_cents


def card(behaviour: str = "plain", pan: str = CARD, **values: Any) -> CardSpec:
    return CardSpec(**({"pan": pan, "expiry": "3012", "pvki": "1", "pvv": PVV, "behaviour": behaviour} | values))


@pytest.fixture(params=["iso87-ascii", "iso87-bcd"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


@pytest.fixture
def make_card() -> Callable[..., CardSpec]:
    return card


@pytest.fixture
def secrets() -> dict[str, Any]:
    """What the cards of these tests were made of."""
    return {
        "pan": CARD, "pin": PIN, "pvv": PVV, "cvv": CVV, "cvv2": CVV2,
        "zpk": ZPK, "pvk": PVK, "cvk": CVK, "zmk": ZMK, "tak": TAK, "tak_under_lmk": TAK_UNDER_LMK,
    }  # fmt: skip


@pytest.fixture
def repeat() -> Callable[[Doc], Doc]:
    return repeat_of


@pytest.fixture
def reverse() -> Callable[..., Doc]:
    return reversal_of
