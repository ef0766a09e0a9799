"""CPU time of the switch per authorization, beside relays that parse nothing and the same switch on pyiso8583.

    python -m tests.bench.switch_cpu [relay] [compiled-relay] [pyiso8583] [switch]

Around each subject stand the same compiled counterparts, in one process: a closed-loop generator on the acquirer port,
an issuer that approves, an HSM that translates (`loadtest.stubs`). The subject has a core to itself, they another. The
generator reads the subject's CPU time (all threads, user and kernel) at both ends of the window in which it counts the
answers. Subjects take turns, round by round, so that a slow minute of the machine hits them all.

CPU time means what it costs only while the subject never waits for others: batches shrink otherwise. So each round also
measures what share of the core a busy loop is given, while another keeps the other cores busy, and a row whose subject
used less than 90 % of that is marked.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

from loadtest.stubs import Order, Report
from tests.bench.programs import READY_S, BenchError, Cores, Program, Programs, cores
from tests.bench.table import Row, row, show

ROUNDS = 5
WINDOW_S = 2.0  # CPU time is read in ticks of 10 ms: half a per cent
WARM_UP_S = 0.5
SPIN_S = 0.5
ANSWER_S = 30.0  # sign-on, warm-up, window and the patience for answers
SATURATED = 0.9  # of what a busy loop is given


class Shape(NamedTuple):
    """How a generator loads its subject."""

    connections: int
    in_flight: int

    def __str__(self) -> str:
        return f"{self.connections} connections {self.in_flight} in flight"


class Subject(NamedTuple):
    """A measured program, and the subjects that its rows are held against, in the same shape.

    A row has one reference: against the second and further ones the same figures stand in rows of their own.
    """

    row_name: str
    references: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One window."""

    cpu_us: float  # per authorization
    share: float  # of a core


SHAPES = (Shape(8, 64), Shape(64, 256))
SUBJECTS = {
    "compiled-relay": Subject("compiled relay cpu"),
    "relay": Subject("relay cpu", ("compiled-relay",)),
    "pyiso8583": Subject("pyiso8583 switch cpu per authorization"),
    "switch": Subject("switch cpu per authorization", ("relay", "pyiso8583")),
}

# Laid over the shipped configuration: every port free, one issuer, and both hosts the compiled ones.
CONFIG = """
[[link]]
name = "acquirer"
port = 0
[[link]]
name = "acquirer-bcd"
port = 0
[[link]]
name = "issuer-1"
port = {issuer}
[[link]]
name = "issuer-2"
port = {second}
enabled = false
[hsm]
port = {hsm}
[metrics]
port = 0
"""


class Bench:
    """The counterparts and the subjects, all running; `measure` loads one."""

    def __init__(self, programs: Programs, on: Cores, names: Sequence[str], limits: str = "", second: int = 0) -> None:
        """`limits`: further lines of the switch's configuration; `second`: the port of its other issuer, disabled."""
        self.programs = programs
        self.on = on
        self.stubs = programs.start("loadtest.stubs", on=on.others)
        self.hosts = self.stubs.wait_ready()
        self.config = programs.folder / "switch.toml"
        self.config.write_text(CONFIG.format(second=second, **self.hosts) + limits)
        self.subjects: dict[str, tuple[Program, int]] = {}
        for name in names:
            self.start(name, *self.command(name))

    def start(self, name: str, *command: str, ready_s: float = READY_S) -> Program:
        """Start a program as the subject `name`, in place of one that may have had this name before."""
        program = self.programs.start(*command, on=self.on.subject)
        self.subjects[name] = program, program.wait_ready(ready_s)["acquirer"]
        return program

    def command(self, name: str) -> list[str]:
        """How to start a subject that dials these hosts."""
        if name == "switch":
            return self.switch_command(self.programs.folder / "data")
        dialled = ["--issuer", str(self.hosts["issuer"]), "--hsm", str(self.hosts["hsm"])]
        if name == "pyiso8583":
            return ["tests.bench.pyiso8583_switch", *dialled, "--journal", str(self.programs.folder / "journal")]
        return ["loadtest.relay", *dialled, *(["--native"] if name == "compiled-relay" else [])]

    def switch_command(self, data: Path) -> list[str]:
        """How to start a switch on this data directory."""
        return ["switch.cli", "switch", "--config", str(self.config), "--data", str(data)]

    def measure(self, name: str, shape: Shape) -> Sample:
        """Load one subject for one window. BenchError unless every request was approved."""
        report = self.window(name, shape)
        check(name, report)
        return Sample(report.cpu_seconds / report.answers * 1e6, report.cpu_seconds / report.seconds)

    def window(
        self, name: str, shape: Shape, seconds: float = WINDOW_S, warm_up_s: float = WARM_UP_S, **further: Any
    ) -> Report:
        """Load one subject for so long; `further` fields of the order."""
        order = self.order(name, shape, seconds, warm_up_s, **further)
        return msgspec.json.decode(self.stubs.ask(order, ANSWER_S), type=Report)

    def order(self, name: str, shape: Shape, seconds: float, warm_up_s: float, **further: Any) -> str:
        """What the stubs are told."""
        program, port = self.subjects[name]
        return msgspec.json.encode(Order(port, *shape, warm_up_s, seconds, program.process.pid, **further)).decode()

    def busy_share(self) -> float:
        """The share of the subject's core that a busy loop is given, beside one that keeps the others busy."""
        command = ("loadtest.cpu", str(SPIN_S))
        beside = self.programs.start(*command, on=self.on.others)
        busy = self.programs.start(*command, on=self.on.subject)
        beside.line(ANSWER_S)
        return float(busy.line(ANSWER_S))


def check(name: str, report: Report, *, with_pin: bool = True) -> None:
    """A window counts only if everything in it was approved, once, with its PIN, and answered in the end."""
    if not report.answers or report.unmatched or report.unanswered or set(report.by_de39) != {"00"}:
        raise BenchError(f"{name}: not every request was approved: {report}")
    if with_pin and report.translations < report.answers:
        raise BenchError(f"{name}: fewer PIN blocks than requests went through the HSM: {report}")


def rows(names: Sequence[str] = tuple(SUBJECTS)) -> list[Row]:
    """Measure the subjects named, in both shapes. BenchError when one of them does not run or declines."""
    samples: dict[tuple[str, Shape], list[Sample]] = defaultdict(list)
    busy_shares = []
    with Programs() as programs:
        bench = Bench(programs, cores(), names)
        for _ in range(ROUNDS):
            for shape in SHAPES:
                busy_shares.append(bench.busy_share())
                for name in names:
                    samples[name, shape].append(bench.measure(name, shape))
    busy_share = median(busy_shares)
    return [row for name in names for shape in SHAPES for row in report(name, shape, samples, busy_share)]


def report(name: str, shape: Shape, samples: dict[tuple[str, Shape], list[Sample]], busy_share: float) -> list[Row]:
    """The rows of one subject in one shape: one, and one more for each further reference that was measured."""
    subject = SUBJECTS[name]
    share = median(sample.share for sample in samples[name, shape])
    busy = {"share": share, "busy_share": busy_share, "saturated": share >= SATURATED * busy_share}
    values = [sample.cpu_us for sample in samples[name, shape]]
    title = f"{subject.row_name}, {shape}"
    measured = [other for other in subject.references if (other, shape) in samples]
    if not measured:
        return [row(title, "us", values) | busy]
    result = []
    for other in measured:
        beside = "" if other == measured[0] else f", beside {other}"
        reference_us = median(sample.cpu_us for sample in samples[other, shape])
        result.append(row(f"{title}{beside}", "us", values, SUBJECTS[other].row_name, reference_us) | busy)
    return result


if __name__ == "__main__":
    show(lambda: rows(sys.argv[1:] or tuple(SUBJECTS)))
