"""Whether the switch grows while it authorizes: resident memory over a million authorizations.

    python -m tests.bench.memory

What is remembered for duplicates and reversals takes memory by design, up to `max_transactions` of them. Here that is
50,000 rather than the shipped limit, so that it has been full several times within the seconds of a warm-up; from then
on each authorization that is remembered puts another one out, and nothing should grow any more.
"""

from tests.bench.programs import Programs, cores
from tests.bench.switch_cpu import Bench, Shape, check
from tests.bench.table import Row, row, show

SHAPE = Shape(8, 64)
MAX_TRANSACTIONS = 50_000
WARM_UP = 4 * MAX_TRANSACTIONS
AUTHORIZATIONS = 1_000_000
WINDOW_S = 4.0
LIMITS = f"""
[limits]
max_transactions = {MAX_TRANSACTIONS}
"""


def authorize(bench: Bench, name: str, count: int) -> list[float]:
    """Have a subject authorize at least so many; its resident memory after each window, in MB."""
    program, _ = bench.subjects[name]
    done, resident = 0, []
    while done < count:
        report = bench.window(name, SHAPE, WINDOW_S, warm_up_s=0.0)
        check(name, report)
        done += report.answers
        resident.append(program.memory_mb())
    return resident


def rows() -> list[Row]:
    """All rows of this module. Lowest and highest are what it was meanwhile, the value what it was in the end."""
    with Programs() as programs:
        bench = Bench(programs, cores(), ["switch"], LIMITS)
        before_mb = authorize(bench, "switch", WARM_UP)[-1]
        resident = authorize(bench, "switch", AUTHORIZATIONS)
    growth = [(mb / before_mb - 1) * 100 for mb in resident]
    return [
        Row(row("switch resident memory", "MB", resident, "after warm-up", before_mb) | {"value": resident[-1]}),
        Row(row("switch resident memory, growth over 1,000,000", "%", growth) | {"value": growth[-1]}),
    ]


if __name__ == "__main__":
    show(rows)
