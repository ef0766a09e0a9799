"""Ten thousand authorizations a second, whatever is answered: what each costs, and how long it takes.

    python -m tests.bench.open_loop

The counterparts are those of `switch_cpu`, and so is how CPU time is measured; but here every request has its moment
beforehand (`Generator.pour`), and the issuer answers at once. A subject is far from busy at this rate: it wakes up for
every one or two messages, so this is the cost of a wake-up more than of a message, and a relay has it too.

Latency counts from the moment at which a request was due. It belongs to the machine as much as to the subject, the
generator sharing its core with whatever else runs: a figure to look at, which no test rests on.
"""

from collections.abc import Callable
from statistics import median

from loadtest.stubs import Report
from tests.bench.programs import BenchError, Programs, cores
from tests.bench.switch_cpu import Bench, Shape, check
from tests.bench.table import Row, row, show

ROUNDS = 5
RATE_PER_S = 10_000
SHAPE = Shape(8, 0)  # in flight is what it comes to
SUBJECTS = ("relay", "switch")
TITLE = f"open loop {RATE_PER_S:,}/s"


def measure(bench: Bench, name: str) -> Report:
    """One window. BenchError unless all that was due was sent and approved."""
    report = bench.window(name, SHAPE, rate_per_s=RATE_PER_S)
    check(name, report)
    if report.held_back:
        raise BenchError(f"{name}: fell so far behind that requests were held back: {report}")
    return report


def rows() -> list[Row]:
    """All rows of this module."""
    reports: dict[str, list[Report]] = {name: [] for name in SUBJECTS}
    with Programs() as programs:
        bench = Bench(programs, cores(), SUBJECTS)
        for _ in range(ROUNDS):
            for name in SUBJECTS:
                reports[name].append(measure(bench, name))

    def both(what: str, unit: str, figure: Callable[[Report], float]) -> list[Row]:
        relay, switch = ([figure(report) for report in reports[name]] for name in SUBJECTS)
        return [
            row(f"relay {what}, {TITLE}", unit, relay),
            row(f"switch {what}, {TITLE}", unit, switch, f"relay {what}", median(relay)),
        ]

    return [
        *both("cpu per authorization", "us", lambda report: report.cpu_seconds / report.answers * 1e6),
        *both("latency p50", "ms", lambda report: report.p50_ms),
        *both("latency p99", "ms", lambda report: report.p99_ms),
    ]


if __name__ == "__main__":
    show(rows)
