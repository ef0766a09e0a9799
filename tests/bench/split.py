"""Where the microseconds of an authorization go: the parts, measured apart, beside the whole.

    python -m tests.bench.split

    core       the rules, by themselves                                    tests.bench.core
    shell      what carries them, without kernel and rules                 tests.bench.shell
    log        append and fdatasync                                        tests.bench.log
    sockets    the same hops in a Python relay that parses nothing         tests.bench.switch_cpu
    the rest   what no part shows; batches, for one, are not those of the parts

The parts are those of wake-ups that bring `BATCH` authorizations. Each is a share of the whole, so the ratio of a row
says how often it would fit in.
"""

from collections.abc import Sequence

from tests.bench import core, log, shell, switch_cpu
from tests.bench.shell import BATCH
from tests.bench.switch_cpu import SHAPES
from tests.bench.table import Row, row, show

WHOLE = f"switch cpu per authorization, {SHAPES[0]}"
BATCHED = f"{BATCH} authorizations a wake-up"
PARTS = {
    "core, request in to HSM asked": ("  request in to HSM asked",),
    "core, HSM answered to request out": ("  HSM answered to request out",),
    "core, answer in to answer out": ("core, answer in to answer out",),
    "shell": (f"shell, {BATCHED}",),
    "log": (f"log, {BATCHED}",),
    "sockets, as in the relay": (f"relay cpu, {SHAPES[0]}",),
}


def split(measured: Sequence[Row]) -> list[Row]:
    """The parts of the whole, from rows that hold all of them; none where the whole was not measured."""
    values = {row["name"]: row["value"] for row in measured}
    if WHOLE not in values:
        return []
    parts = {name: sum(values[row] for row in rows) for name, rows in PARTS.items()}
    parts["the rest"] = values[WHOLE] - sum(parts.values())
    return [row(f"where it goes: {name}", "us", [us], "the whole", values[WHOLE]) for name, us in parts.items()]


def rows() -> list[Row]:
    """The parts, the whole, and the one beside the other."""
    measured = [*core.rows(), *shell.rows(), *log.rows(), *switch_cpu.rows(("relay", "switch"))]
    return [*measured, *split(measured)]


if __name__ == "__main__":
    show(rows)
