"""State is the fold of the log, whatever happened: random flows, and after each what a restart would find.

The switch that runs, the fold of its whole log and the fold of its snapshot must agree: on the snapshot that they would
write, the totals, what standing in has risked, and what is owed about each card, in order.
"""

from collections import defaultdict
from functools import cache
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from switch.cards.vault import Vault
from switch.config import load
from switch.config.tables import Config
from switch.core import recovery
from switch.core.context import Context
from switch.core.saf import Entry
from switch.simulation.bench import DATA_KEY, TOKEN_KEY, Bench, payloads
from tests.simulation.conftest import Terminal, terminal_of
from tests.simulation.scripted import Scripted, approve
from tests.simulation.test_flows import advice, naming, preauthorization, standing
from tests.support.foreign import Doc

Step: TypeAlias = tuple[str, int, float]


def partly(doc: Doc) -> Doc:
    return {"39": "10", "38": "123456", "4": "000000000700"} if doc["t"][:3] == "010" else approve(doc)


MOODS = {
    "approve": approve,
    "silent": lambda _: None,
    "partly": partly,
    "decline": lambda doc: {"39": "51"} if doc["t"][2] == "0" else approve(doc),
    "refuse": lambda doc: {"39": "91"},
}

# By how often they are drawn: most of what goes wrong goes wrong between a hold, its completion and a reversal.
STEPS = (
    *("hold", "complete", "reverse") * 4, *("buy", "add", "advise", "reduce", "down", "up") * 2, "repeat", "wait",
    "restart", "snapshot", "freeze", "write frozen", "cut over", *MOODS,
)  # fmt: skip


INTENT = 1  # its tag in the log


class Flow:
    """One card's transactions, one after the other, against an issuer of many moods."""

    def __init__(self, config: Config) -> None:
        cards = tuple(
            msgspec.structs.replace(card, stand_in=card.behaviour == "approve") for card in config.card
        )  # fmt: skip
        self.bench = Bench(msgspec.structs.replace(config, card=cards), seed=1)
        self.bench.world.run(1.0)
        card = next(card for card in cards if card.behaviour == "approve")
        self.card: dict[str, Any] = msgspec.structs.asdict(card)
        self.issuer = Scripted(self.bench, card.issuer)
        self.docs: list[Doc] = []
        self.holds: list[Doc] = []
        self.frozen: tuple[int, bytes] | None = None  # a snapshot that is not written yet
        self.terminal: Terminal = terminal_of(self.bench, "acquirer")

    def take(self, step: Step) -> None:
        name, choice, seconds = step
        act = getattr(self, name.replace(" ", "_"), None)
        if act is not None:
            act(choice)
        else:
            self.issuer.decide = MOODS[name]
        self.bench.world.run(seconds)

    def _send(self, doc: Doc) -> None:
        self.docs.append(doc)
        self.terminal.send(doc)

    def _any(self, docs: list[Doc], choice: int) -> Doc | None:
        return docs[-1 - choice % len(docs)] if docs else None

    def buy(self, choice: int) -> None:
        self._send(self.terminal.foreign.purchase(self.card, 20_00, pin=None if choice % 2 else ""))

    def hold(self, _: int) -> None:
        self.holds.append(preauthorization(self.terminal, self.card, 50_00))
        self._send(self.holds[-1])

    def add(self, choice: int) -> None:
        if held := self._any(self.holds, choice):
            self.holds.append(naming(held, preauthorization(self.terminal, self.card, 5_00)))
            self._send(self.holds[-1])

    def complete(self, choice: int) -> None:
        if held := self._any(self.holds, choice):
            self._send(naming(held, advice(self.terminal, self.card, 30_00)))

    def advise(self, choice: int) -> None:
        self._send(advice(self.terminal, self.card, 10_00, **({"f39": "05"} if choice % 2 else {})))

    def reverse(self, choice: int) -> None:
        if doc := self._any(self.docs, choice):
            self.terminal.send(self.terminal.foreign.reversal(doc))

    def reduce(self, choice: int) -> None:
        if doc := self._any(self.docs, choice // 2):
            self.terminal.send(self.terminal.foreign.reversal(doc, f95=standing(4_00 if choice % 2 else 3_00)))

    def repeat(self, choice: int) -> None:
        if doc := self._any(self.docs, choice):
            self.terminal.send(self.terminal.foreign.repeat(doc))

    def down(self, _: int) -> None:
        self._in_service(False)

    def up(self, _: int) -> None:
        self._in_service(True)

    def _in_service(self, up: bool) -> None:
        self.bench.core.set_link(self.card["issuer"], up=up, now=self.bench.world.now)
        self.bench.switch.settle()

    def wait(self, _: int) -> None:
        self.bench.world.run(30.0)

    def freeze(self, _: int) -> None:
        self.frozen = self.bench.switch.disk.last_sequence, self.bench.core.snapshot()

    def write_frozen(self, choice: int) -> None:
        """As the shell does: whatever has become of the state meanwhile."""
        if self.frozen is not None:
            self.bench.switch.disk.write_snapshot(*self.frozen)
            self.frozen = None
        if choice % 2:
            self.restart(choice)

    def restart(self, _: int) -> None:
        self.frozen = None  # gone with the process
        self.bench.crash_switch()
        self.bench.world.run(1.0)
        self.terminal = Terminal(self.bench, self.terminal.foreign, "acquirer").connect().sign_on()

    def snapshot(self, choice: int) -> None:
        disk = self.bench.switch.disk
        disk.write_snapshot(disk.last_sequence, self.bench.core.snapshot())
        self.frozen = None  # one at a time
        if choice % 2:
            self.restart(choice)

    def cut_over(self, _: int) -> None:
        self.bench.core.cut_over(self.bench.world.now)
        self.bench.switch.settle()


@cache
def shipped() -> Config:
    return load()


def folded(bench: Bench, snapshot: bytes | None, log: list[bytes]) -> tuple[Context, list[Entry]]:
    context = Context(bench.spec, Vault(DATA_KEY, TOKEN_KEY), 1000)
    fold = recovery.Fold(context)
    fold.apply(snapshot, log)
    for entry in fold.owed():  # as `Switch.restore` does
        context.issuers[entry.tx.issuer_link].saf.owe(entry)
    return context, fold.owed()


def facts(context: Context, owed: list[Entry]) -> dict[str, Any]:
    """What must be the same for a switch and its folds."""
    cards: dict[bytes, list[tuple[Any, ...]]] = defaultdict(list)
    for entry in owed:
        cards[entry.tx.token].append((entry.tx.number, entry.kind.name, entry.mti, entry.stan, entry.amount))
    risks = {token: (risk.total, risk.count) for token, risk in context.exposures._by_token.items()}
    return {
        "owed": dict(cards),
        "risks": {token: risk for token, risk in risks.items() if any(risk)},
        "totals": [(*key, figures.named()) for *key, figures in context.totals.everything()],
        "snapshot": [timeless(record) for record in msgspec.msgpack.decode(recovery.snapshot(context))],
    }


def timeless(record: list[Any]) -> list[Any]:
    """An intent is dated by when its request came, or by when it left where only that is known."""
    return [*record[:2], *record[3:]] if record[0] == INTENT else record


def check(flow: Flow) -> None:
    bench, live = flow.bench, flow.bench.core._context
    owed = [entry for issuer in live.issuers.values() for queue in issuer.saf.cards.values() for entry in queue]
    now = facts(live, owed)
    assert facts(*folded(bench, bench.core.snapshot(), [])) == now
    disk = bench.switch.disk
    assert facts(*folded(bench, disk.snapshot(), list(payloads(disk)))) == now


@pytest.mark.rule("I5")
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.sampled_from((0.05, 1.0, 7.0))),
        min_size=20,
        max_size=30,
    )
)
@example(steps=[("hold", 0, 1.0), ("complete", 0, 1.0), ("reverse", 1, 1.0)])
@example(steps=[("hold", 0, 1.0), ("add", 0, 1.0), ("down", 0, 1.0), ("complete", 1, 1.0), ("reverse", 0, 1.0)])
@example(steps=[("down", 0, 1.0), ("buy", 0, 1.0), ("reduce", 0, 1.0), ("restart", 0, 1.0), ("reverse", 0, 1.0)])
@example(steps=[("hold", 0, 1.0), ("freeze", 0, 0.05), ("complete", 0, 1.0), ("buy", 0, 1.0), ("write frozen", 1, 1.0)])
@example(
    steps=[("buy", 0, 0.05), ("freeze", 0, 0.05), ("reverse", 0, 1.0), ("write frozen", 0, 0.05), ("wait", 0, 1.0)]
)
@example(steps=[("buy", 0, 1.0), ("silent", 0, 0.05), ("reduce", 0, 1.0), ("reverse", 0, 1.0), ("snapshot", 1, 1.0)])
def test_every_state_is_the_fold_of_its_log_and_of_its_snapshot(steps: list[Step]) -> None:
    flow = Flow(shipped())
    for step in steps:
        flow.take(step)
    check(flow)
