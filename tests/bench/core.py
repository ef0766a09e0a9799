"""Where the switch's microseconds go: the core by itself, and what it calls most, without sockets and disk.

    python -m tests.bench.core

The rules' share of `switch cpu per authorization` is the sum of the two `core` rows; the rest is the shell: sockets,
group commit, timers, histograms. The single steps below them are parts of the core's time, measured apart. CPU time,
median of the rounds.
"""

from collections.abc import Callable
from time import process_time
from timeit import Timer

from switch.cards.vault import Vault
from switch.config import load
from switch.config.build import switch_spec
from switch.core import effects, records
from switch.core.effects import Effect
from switch.core.specs import SwitchSpec
from switch.core.switch import Switch
from switch.iso8583.codec import Layout
from tests.bench.table import Row, lines, row
from tests.support.iso8583_samples import PURCHASE

ROUNDS = 7
REQUESTS = 3_000
STEPS = 20_000

ACQUIRER_CONN, ISSUER_CONN = 1, 2
NOW = 1_790_000_000.0
TRANSLATED = b"CD00040123456789ABCDEF01"


class Bench:
    """A switch between an acquirer and issuer-1, signed on, with its requests and answers made beforehand."""

    def __init__(self, spec: SwitchSpec) -> None:
        names = [link.name for link in spec.links]
        self.layout: Layout = spec.links[names.index("acquirer")].dialect.layout
        self.switch = Switch(spec, Vault(bytes(32), bytes(32)), epoch=1)
        self.switch.connected(ACQUIRER_CONN, names.index("acquirer"), NOW)
        self.switch.connected(ISSUER_CONN, names.index("issuer-1"), NOW)
        sign_on = {"t": "0800", "7": "1121120000", "11": "000001", "70": "001"}
        self.switch.receive(ACQUIRER_CONN, self.layout.encode(sign_on), NOW)
        ours = next(e[2] for e in self.switch.take_effects() if e[0] == effects.SEND and e[1] == ISSUER_CONN)
        answer = self.layout.decode(ours) | {"t": "0810", "39": "00"}
        self.switch.receive(ISSUER_CONN, self.layout.encode(answer), NOW)
        self.switch.take_effects()
        institution = spec.links[names.index("acquirer")].institution_id
        base = {**PURCHASE, "2": "4687380000000016", "32": institution, "35": "4687380000000016=28121010000000000"}
        self.requests = [
            self.layout.encode(base | {"11": f"{number:06d}", "37": f"R{number:011d}"}) for number in range(REQUESTS)
        ]

    def forwarded(self) -> list[bytes]:
        """Hand in every request, the HSM answering at once; what leaves for the issuer."""
        switch, left = self.switch, []
        for frame in self.requests:
            switch.receive(ACQUIRER_CONN, frame, NOW)
            for effect in switch.take_effects():
                if effect[0] == effects.HSM:
                    switch.hsm_reply(effect[1], TRANSLATED, NOW)
            left += [effect[2] for effect in switch.take_effects() if effect[0] == effects.FORWARD]
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

    def answered(self, answers: list[bytes]) -> list[list[Effect]]:
        """Hand in the issuer's answers."""
        taken = []
        for frame in answers:
            self.switch.receive(ISSUER_CONN, frame, NOW)
            taken.append(self.switch.take_effects())
        return taken


def core_rounds(spec: SwitchSpec) -> tuple[list[float], list[float]]:
    """Microseconds a request and an answer, a sample each round; every authorization is checked to be approved."""
    requests, answers = [], []
    for _ in range(ROUNDS):
        bench = Bench(spec)
        started = process_time()
        forwarded = bench.forwarded()
        requests.append((process_time() - started) / REQUESTS * 1e6)
        approvals = bench.approvals(forwarded)
        started = process_time()
        taken = bench.answered(approvals)
        answers.append((process_time() - started) / REQUESTS * 1e6)
        assert all(any(effect[0] == effects.ANSWER for effect in each) for each in taken)
        assert bench.switch.counters["de39-00"] == REQUESTS
    return requests, answers


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
    requests, answers = core_rounds(switch_spec(load()))
    result = [
        row("core, request in to request out", "us", requests),
        row("core, answer in to answer out", "us", answers),
    ]
    for name, step in steps().items():
        timer = Timer(step, timer=process_time)
        result.append(row(name, "us", [seconds / STEPS * 1e6 for seconds in timer.repeat(ROUNDS, STEPS)]))
    return result


if __name__ == "__main__":
    print("\n".join(lines(rows())))
