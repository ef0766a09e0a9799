"""What an authorization costs with more and more of them in the log.

    python -m tests.bench.flat [AUTHORIZATIONS …]

The logs are filled beforehand (`tests.bench.filling`), each has a switch with the shipped limits that was started on
it, and these take turns. A window adds tens of thousands to the log it loads, so the smaller logs are made anew for
every round. A size whose start would take too long, judged by the size before it, is left out and named on standard
error; so is one for whose switch there is no memory left, beside those that run already. All of the large ones remember
as much as they ever will (`max_transactions`), so they take the same.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.bench.filling import fill
from tests.bench.programs import Programs, cores
from tests.bench.switch_cpu import Bench, Shape, check
from tests.bench.table import Row, row, show

SIZES = (10**3, 10**5, 10**6, 10**7)
STAYS = 10**6  # from this size on a round's windows are nothing beside what is there
ROUNDS = 5
SHAPE = Shape(8, 64)
WINDOW_S = 1.0
WARM_UP_S = 0.3
START_LIMIT_S = 60.0
MEMORY_SHARE = 0.8  # of what is free


class Logs:
    """Switches on logs of several sizes, running as needed."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.start_s = 0.0  # of the last switch
        self.peak_mb = 0.0  # while it started

    def start(self, size: int) -> str:
        """Fill a log and start a switch on it; the subject's name."""
        name = f"{size:,} in the log"
        data = self.folder / str(size)
        fill(data, size)
        began = time.monotonic()
        program = self.bench.start(name, *self.bench.switch_command(data), ready_s=2 * START_LIMIT_S)
        self.start_s, self.peak_mb = time.monotonic() - began, program.memory_mb("VmHWM")
        return name

    def cpu_us(self, size: int) -> float:
        """One window; a small log's switch is started for it."""
        name = f"{size:,} in the log"
        if size < STAYS:
            self.start(size)
        report = self.bench.window(name, SHAPE, WINDOW_S, WARM_UP_S)
        check(name, report)
        if size < STAYS:
            self.bench.subjects[name][0].kill()
            shutil.rmtree(self.folder / str(size))
        return report.cpu_seconds / report.answers * 1e6

    def start_those_that_fit(self, sizes: Sequence[int]) -> list[int]:
        """Start the large ones, smallest first; the sizes that can be measured."""
        fit, before = [], 0
        for size in sorted(sizes):
            start_s = self.start_s * size / before if before else 0.0
            if start_s > START_LIMIT_S or self.peak_mb > MEMORY_SHARE * available_mb():
                why = f"its start would take {start_s:.0f} s and {self.peak_mb:.0f} MB: left out"
                print(f"bench: {size:,} in the log: {why}", file=sys.stderr)
                break
            if size >= STAYS:
                self.start(size)
                before = size
            fit.append(size)
        return fit


def available_mb() -> float:
    """Memory that a program could still take."""
    found = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return int(found.split()[1]) / 1024


def rows(sizes: Sequence[int] = SIZES) -> list[Row]:
    """One row a size, held against the smallest."""
    with Programs() as programs:
        logs = Logs(Bench(programs, cores(), []), programs.folder)
        fit = logs.start_those_that_fit(sizes)
        samples: dict[int, list[float]] = {size: [] for size in fit}
        for _ in range(ROUNDS):
            for size in fit:
                samples[size].append(logs.cpu_us(size))
    least = fit[0]
    reference = f"{least:,} in the log", median(samples[least])
    return [
        row(f"switch cpu per authorization, {size:,} in the log", "us", samples[size], *(reference * (size > least)))
        for size in fit
    ]


if __name__ == "__main__":
    show(lambda: rows([int(size) for size in sys.argv[1:]] or SIZES))
