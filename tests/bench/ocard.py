"""What a disposable number costs: an Ocard authorization beside a plain one, and giving a number out.

    python -m tests.bench.ocard

A number pays at a distance, so the plain authorization beside it has no PIN either: the same fields, an expiry and a
CVV2, but the card's own. First in the core by itself, where the difference is seen sharply; then in the whole switch.
Issuing is measured on the wire: 0302s, many in flight, each answered by its 0312 once the number is durable.
"""

import time
from itertools import cycle, islice
from statistics import median
from time import process_time
from typing import NamedTuple

from loadtest.stubs import INSTITUTION_ID, LOOPBACK
from switch.acquirers import compose
from switch.commands.ocard import read
from switch.commands.session import Session
from switch.config import load
from switch.config.build import ocard_spec, switch_spec
from switch.core import effects
from switch.iso8583 import dialect
from switch.iso8583.framing import Framing
from switch.schemes.ocard import MANY, SITE, USES, VALIDITY_S, joined
from tests.bench import core
from tests.bench.programs import Programs, cores
from tests.bench.switch_cpu import Bench, Shape, check
from tests.bench.table import Row, row, show

ROUNDS = 7
NUMBERS = 500  # that pay in turn
BIN = "468738"  # goes to issuer-1
REQUESTS = 3_000
SHAPE = Shape(8, 64)
CAP = {"4": "9" * 12, "49": "978"}  # never reached
TERMS = CAP | {"48": joined({SITE: "demo-shop", USES: MANY, VALIDITY_S: "2592000"})}
SENDER = compose.Sender(INSTITUTION_ID)
CONFIG = load()
PATIENCE_S = 10.0

Document = dict[str, str]


class Number(NamedTuple):
    """What a merchant is told of a card, or of what stands for one."""

    pan: str
    expiry: str
    cvv2: str


# The configured cards: any other might itself be given out as a number, among as many as are given out here.
CARD = [
    Number(card.pan, card.expiry, "123") for card in CONFIG.card if card.pan.startswith(BIN) and len(card.pan) == 16
]


def purchase(number: Number, now: float) -> Document:
    """A purchase at a distance, as a shop sends it."""
    return compose.request(
        "purchase", SENDER, pan=number.pan, expiry=number.expiry, cvv2=number.cvv2, amount_cents=10_000,
        currency="978", stan=1, now=now,
    )  # fmt: skip


def giving_out(card: int, stan: int, now: float) -> Document:
    """The 0302 that has a number given out for one of the cards."""
    pan = CARD[card % len(CARD)].pan
    return compose.file_action("add", SENDER, file_name="OCARD", number=pan, stan=stan, now=now, fields=TERMS)


def given_out(answer: Document) -> Number:
    """What its 0312 says."""
    told = read(answer["4"], answer["48"], answer["49"])
    return Number(told["vpan"], told["expiry"], told["cvv2"])


def core_samples() -> dict[str, list[float]]:
    """Microseconds of a plain authorization, of an Ocard one and of giving out a number, a sample each round."""
    samples: dict[str, list[float]] = {"plain": [], "ocard": [], "issue": []}
    for _ in range(ROUNDS):
        bench = core.Bench(switch_spec(CONFIG), ocard_spec(CONFIG))
        actions = bench.numbered(giving_out(card, 1, core.NOW) for card in range(NUMBERS))
        with core.collecting_as_the_switch():
            started = process_time()
            issued = bench.received(actions)
            samples["issue"].append((process_time() - started) / NUMBERS * 1e6)
        numbers = [given_out(bench.layout.decode(frame)) for frame in core.of(issued, effects.ANSWER, 2)]
        for kind, payers in (("plain", CARD), ("ocard", numbers)):
            docs = [purchase(payer, core.NOW) for payer in payers]
            requests = bench.numbered(islice(cycle(docs), REQUESTS))
            with core.collecting_as_the_switch():
                samples[kind].append(sum(bench.authorized(requests)))
    return samples


def numbers_of(port: int) -> list[Number]:
    """Numbers given out by a running switch."""
    acquirer = dialect.load("iso87-ascii")
    with Session(LOOPBACK, port, acquirer, Framing(), SENDER, PATIENCE_S) as session:
        session.sign_on()
        return [
            given_out(acquirer.layout.decode(session.exchange(giving_out(card, card + 1, time.time())).answer.frame))
            for card in range(NUMBERS)
        ]


class Wire:
    """A running switch, and the frames that it is loaded with."""

    def __init__(self, programs: Programs) -> None:
        self.bench = Bench(programs, cores(), ["switch"])
        encode, now = dialect.load("iso87-ascii").layout.encode, time.time()
        numbers = numbers_of(self.bench.subjects["switch"][1])
        self.frames = {
            "plain": tuple(encode(purchase(card, now)) for card in CARD),
            "ocard": tuple(encode(purchase(number, now)) for number in numbers),
            "issue": tuple(encode(giving_out(card, 1, now)) for card in range(NUMBERS)),
        }

    def cpu_us(self, kind: str) -> float:
        """One window."""
        report = self.bench.window("switch", SHAPE, frames=self.frames[kind])
        check(f"switch, {kind}", report, with_pin=False)
        return report.cpu_seconds / report.answers * 1e6


def difference(samples: dict[str, list[float]]) -> list[float]:
    """By how much an Ocard authorization was dearer, round by round."""
    return [ocard - plain for ocard, plain in zip(samples["ocard"], samples["plain"], strict=True)]


def rows() -> list[Row]:
    """All rows of this module."""
    inside = core_samples()
    with Programs() as programs:
        wire = Wire(programs)
        outside: dict[str, list[float]] = {kind: [] for kind in wire.frames}
        for _ in range(ROUNDS):
            for kind, taken in outside.items():
                taken.append(wire.cpu_us(kind))
    result = []
    for where, samples in (("core", inside), (f"switch, {SHAPE}", outside)):
        reference = "plain, without PIN", median(samples["plain"])
        result += [
            row(f"Ocard authorization, {where}", "us", samples["ocard"], *reference),
            row(f"Ocard authorization above a plain one, {where}", "us", difference(samples)),
        ]
    return [
        *result,
        row("Ocard number issued, durable", "us", outside["issue"]),
        row("  of that in the core", "us", inside["issue"]),
    ]


if __name__ == "__main__":
    show(rows)
