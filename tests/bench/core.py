"""Where the switch's microseconds go: the core by itself, and what it calls most, without sockets and disk.

    python -m tests.bench.core

The rules' share of `switch cpu per authorization` is the sum of the two `core` rows; `tests.bench.split` has the rest.
The single steps below them are parts of the core's time, measured apart. CPU time, median of the rounds.
"""

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator
from time import process_time
from timeit import Timer
from typing import Any, NamedTuple

from switch.cards.vault import Vault
from switch.config import load
from switch.config.build import switch_spec
from switch.core import effects, records
from switch.core.effects import Effect
from switch.core.specs import SwitchSpec
from switch.core.switch import Switch
from switch.iso8583.codec import Layout
from switch.net.process import settle_memory
from switch.schemes.ocard import Ocard, OcardSpec
from tests.bench.table import Row, row, show
from tests.support.iso8583_samples import PURCHASE

ROUNDS = 7
REQUESTS = 3_000
STEPS = 20_000

ACQUIRER_CONN, ISSUER_CONN = 1, 2
NOW = 1_790_000_000.0
PAN = "4687380000000016"
TRANSLATED = b"CD00040123456789ABCDEF01"


class Bench:
    """A switch between an acquirer and issuer-1, signed on; with `ocard` its disposable numbers too."""

    def __init__(self, spec: SwitchSpec, ocard: OcardSpec | None = None) -> None:
        names = [link.name for link in spec.links]
        link = spec.links[names.index("acquirer")]
        self.layout: Layout = link.dialect.layout
        self.institution_id = link.institution_id
        vault = Vault(bytes(32), bytes(32))
        self.switch = Switch(spec, vault, epoch=1, scheme=None if ocard is None else Ocard(ocard, vault))
        self.switch.connected(ACQUIRER_CONN, names.index("acquirer"), NOW)
        self.switch.connected(ISSUER_CONN, names.index("issuer-1"), NOW)
        sign_on = {"t": "0800", "7": "1121120000", "11": "000001", "70": "001"}
        self.switch.receive(ACQUIRER_CONN, self.layout.encode(sign_on), NOW)
        ours = next(e[2] for e in self.switch.take_effects() if e[0] == effects.SEND and e[1] == ISSUER_CONN)
        answer = self.layout.decode(ours) | {"t": "0810", "39": "00"}
        self.switch.receive(ISSUER_CONN, self.layout.encode(answer), NOW)
        self.switch.take_effects()
        self.serial = 0

    def numbered(self, docs: Iterable[dict[str, str]]) -> list[bytes]:
        """The messages as frames, each under a DE 11 and DE 37 of its own."""
        frames = []
        for doc in docs:
            self.serial += 1
            frames.append(self.layout.encode(doc | {"11": f"{self.serial:06d}", "37": f"R{self.serial:011d}"}))
        return frames

    def purchases(self, count: int) -> list[bytes]:
        """Plain ones, with a PIN."""
        base = {**PURCHASE, "2": PAN, "32": self.institution_id, "35": f"{PAN}=28121010000000000"}
        return self.numbered([base] * count)

    def received(self, requests: list[bytes], conn: int = ACQUIRER_CONN) -> list[Effect]:
        """Hand in frames one by one; all effects."""
        switch, left = self.switch, []
        for frame in requests:
            switch.receive(conn, frame, NOW)
            left += switch.take_effects()
        return left

    def translated(self, tags: list[int]) -> list[Effect]:
        """Have the HSM answer what it was asked."""
        switch, left = self.switch, []
        for tag in tags:
            switch.hsm_reply(tag, TRANSLATED, NOW)
            left += switch.take_effects()
        return left

    def approvals(self, forwarded: list[bytes]) -> list[bytes]:
        """The issuer's answers."""
        kept = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")
        answers = []
        for frame in forwarded:
            doc = self.layout.decode(frame)
            answers.append(
                self.layout.encode({key: doc[key] for key in kept} | {"t": "0110", "38": "123456", "39": "00"})
            )
        return answers

    def authorized(self, requests: list[bytes]) -> "Sample":
        """Take requests from beginning to end, step by step, and see that each is approved."""
        approved_before = self.switch.counters["de39-00"]
        started = process_time()
        left = self.received(requests)
        request = process_time() - started
        tags = of(left, effects.HSM)
        started = process_time()
        left += self.translated(tags)
        translation = process_time() - started
        approvals = self.approvals(of(left, effects.FORWARD, 2))
        started = process_time()
        left = self.received(approvals, ISSUER_CONN)
        answer = process_time() - started
        assert len(of(left, effects.ANSWER)) == len(requests)
        assert self.switch.counters["de39-00"] - approved_before == len(requests)
        return Sample(*(seconds / len(requests) * 1e6 for seconds in (request, translation, answer)))


class Sample(NamedTuple):
    """Microseconds an authorization, step by step."""

    request: float
    translation: float
    answer: float


@contextlib.contextmanager
def collecting_as_the_switch() -> Iterator[None]:
    """The collector of garbage set as in a running switch, and as it was again."""
    thresholds = gc.get_threshold()
    settle_memory()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def of(taken: list[Effect], kind: int, place: int = 1) -> list[Any]:
    """What the effects of one kind hold at `place`."""
    return [effect[place] for effect in taken if effect[0] == kind]


def core_rounds(spec: SwitchSpec) -> list[Sample]:
    """A sample each round."""
    samples = []
    for _ in range(ROUNDS):
        bench = Bench(spec)
        with collecting_as_the_switch():
            samples.append(bench.authorized(bench.purchases(REQUESTS)))
    return samples


def steps() -> dict[str, Callable[[], object]]:
    """Single steps that each authorization takes once or twice."""
    vault = Vault(bytes(32), bytes(32))
    numbers = iter(range(10**9))
    outcome = records.Outcome(1, NOW, "00", "123456", b"", True, False)
    pan = "4687380000000016"
    return {
        "  card number sealed": lambda: vault.seal(pan, 1, next(numbers)),
        "  card number to token, cached": lambda: vault.token(pan),
        "  outcome record encoded": lambda: records.encode(outcome),
    }


def rows() -> list[Row]:
    """All rows of this module."""
    samples = core_rounds(switch_spec(load()))
    result = [
        row("core, request in to request out", "us", [sample.request + sample.translation for sample in samples]),
        row("  request in to HSM asked", "us", [sample.request for sample in samples]),
        row("  HSM answered to request out", "us", [sample.translation for sample in samples]),
        row("core, answer in to answer out", "us", [sample.answer for sample in samples]),
    ]
    for name, step in steps().items():
        timer = Timer(step, timer=process_time)
        result.append(row(name, "us", [seconds / STEPS * 1e6 for seconds in timer.repeat(ROUNDS, STEPS)]))
    return result


if __name__ == "__main__":
    show(rows)
