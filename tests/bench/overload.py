"""Three times what the switch can serve: what it still serves, how soon it refuses the rest, and how it comes back.

    python -m tests.bench.overload

Round by round, with the counterparts of `switch_cpu`: the peak (a closed loop that keeps the switch busy), then three
times as many requests a second, whatever is answered, then half of the peak in short windows until answers come as
they do at half of the peak.

Goodput is held against the peak as CPU time an approval: what is refused costs time too, and that is the loss. By CPU
time, because the machine may give one window more of its core than the next.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from loadtest.stubs import Order, Report
from tests.bench.programs import BenchError, Program, Programs, cores
from tests.bench.switch_cpu import ANSWER_S, Bench, Shape
from tests.bench.table import Row, row, show

ROUNDS = 3
SHAPE = Shape(64, 256)
TIMES = 3
WINDOW_S = 3.0
WARM_UP_S = 1.0
CALM_SHARE = 0.5  # of the peak: load at which the switch is at ease
CALM_WINDOW_S = 0.5
NORMAL = 2.0  # times the calm p99 from before: back to normal
GIVE_UP_S = 20.0
# What is remembered for duplicates takes memory by design; kept small, what grows is what piles up.
LIMITS = """
[limits]
max_transactions = 20000
"""


class Round(NamedTuple):
    """One round's figures."""

    peak_us: float
    overload_us: float
    refused_p99_ms: float
    served_p99_ms: float
    growth_mb: float
    back_after_s: float


class Switch:
    """A running switch between its counterparts."""

    def __init__(self, programs: Programs, second: int = 0) -> None:
        """`second`: the port of an issuer that is dialled while its link, issuer-2, is enabled."""
        self.bench = Bench(programs, cores(), ["switch"], LIMITS, second)
        self.program: Program = self.bench.subjects["switch"][0]
        self.port: int = self.bench.subjects["switch"][1]

    def window(self, seconds: float, rate_per_s: float = 0.0, warm_up_s: float = WARM_UP_S) -> Report:
        """One window; every request of it is answered in the end, or BenchError."""
        order = Order(self.port, *SHAPE, warm_up_s, seconds, self.program.process.pid, rate_per_s)
        report = msgspec.json.decode(self.bench.stubs.ask(msgspec.json.encode(order).decode(), ANSWER_S), type=Report)
        if report.unanswered or report.unmatched or set(report.by_de39) - {"00", "91", "96"}:
            raise BenchError(f"overload: not every request was answered, approved or refused: {report}")
        return report


def approved_per_s(report: Report) -> float:
    """Approvals a second."""
    return report.by_de39.get("00", 0) / report.seconds


def us_per_approval(report: Report) -> float:
    """CPU time of the switch for each approval, whatever it spent on others."""
    return report.cpu_seconds / max(1, report.by_de39.get("00", 0)) * 1e6


def measure(switch: Switch) -> Round:
    """Peak, overload, calm again."""
    peak = switch.window(WINDOW_S)
    calm_rate = approved_per_s(peak) * CALM_SHARE
    calm = switch.window(WINDOW_S, calm_rate)
    before_mb = switch.program.memory_mb()
    over = switch.window(WINDOW_S, approved_per_s(peak) * TIMES)
    growth_mb = switch.program.memory_mb() - before_mb
    back_after_s = 0.0  # the window's end waits for its last answers: they belong to the way back, and count below
    while back_after_s < GIVE_UP_S:
        again = switch.window(CALM_WINDOW_S, calm_rate, warm_up_s=0.0)
        if set(again.by_de39) == {"00"} and again.p99_ms <= NORMAL * calm.p99_ms:
            break
        back_after_s += CALM_WINDOW_S
    return Round(
        us_per_approval(peak), us_per_approval(over), over.refused_p99_ms, over.p99_ms, growth_mb, back_after_s
    )


def rows() -> list[Row]:
    """All rows of this module."""
    with Programs() as programs:
        switch = Switch(programs)
        rounds = [measure(switch) for _ in range(ROUNDS)]

    def of(figure: Callable[[Round], float]) -> list[float]:
        return [figure(each) for each in rounds]

    peak_us = sorted(of(lambda each: each.peak_us))[ROUNDS // 2]
    return [
        row("overload, 3 times the peak: cpu per approval", "us", of(lambda r: r.overload_us), "at the peak", peak_us),
        row("  approved within, p99", "ms", of(lambda each: each.served_p99_ms)),
        row("  refused within, p99", "ms", of(lambda each: each.refused_p99_ms)),
        row("  memory on top", "MB", of(lambda each: each.growth_mb)),
        row("  back to normal after", "s", of(lambda each: each.back_after_s)),
    ]


if __name__ == "__main__":
    show(rows)
