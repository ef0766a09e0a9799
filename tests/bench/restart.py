"""How soon the switch is back after `kill -9`, with a million records in its log.

    python -m tests.bench.restart

A switch with the shipped limits authorizes until its log has a million records, and is killed under load. Then it is
started again and again, each time on a copy of what the first one left. The clock runs from before the program is
executed to its ready line, which says that the next purchase will be approved; a window of them proves it, and it is
killed too. At last the same past is put into a snapshot, as a switch writes it when the log has become twice as long as
what it would remember, and it is started on that.

The only rows in seconds of the clock on the wall; beside them the CPU time that it took, which another load on the
machine changes less.
"""

import os
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from loadtest.cpu import cpu_seconds
from switch.cards.vault import Vault
from switch.config import load
from switch.config.build import switch_spec
from switch.core.effects import COMMIT
from switch.core.switch import Switch
from switch.store.file import FileLog
from switch.store.keys import load_or_create
from tests.bench.filling import PART
from tests.bench.memory import authorize
from tests.bench.programs import Programs, cores
from tests.bench.switch_cpu import Bench, Shape, check
from tests.bench.table import Row, row, show

RECORDS = 1_000_000
RECORDS_EACH = 2  # of an authorization
ROUNDS = 3
SHAPE = Shape(8, 64)
LOADED_S = 0.5  # before it is killed
PROOF_S = 0.2
READY_S = 120.0
TITLE = f"back after kill -9, {RECORDS:,} records"


class Back(NamedTuple):
    """One start."""

    wall_s: float
    cpu_s: float


def leave_behind(programs: Programs, data: Path) -> None:
    """A data directory as a killed switch leaves it."""
    bench = Bench(programs, cores(), [])
    killed = bench.start("switch", *bench.switch_command(data))
    authorize(bench, "switch", RECORDS // RECORDS_EACH)
    bench.stubs.tell(bench.order("switch", SHAPE, seconds=60.0, warm_up_s=0.0))
    time.sleep(LOADED_S)
    killed.kill()
    bench.stubs.kill()  # it has lost the switch in the middle of a window


def into_a_snapshot(data: Path) -> None:
    """Write one of all that is in the log."""
    keys = load_or_create(data / "data.key")
    core = Switch(switch_spec(load()), Vault(keys.data_key, keys.token_key), 1)
    with closing(FileLog(data / PART / "log")) as log:
        core.restore(log.snapshot(), log.records(), time.time())
        log.append([effect[1] for effect in core.take_effects() if effect[0] == COMMIT])
        log.write_snapshot(log.last_sequence, core.snapshot())


def back(bench: Bench, data: Path) -> Back:
    """Start a switch, see that it approves, and kill it."""
    began = time.monotonic()
    program = bench.start("switch", *bench.switch_command(data), ready_s=READY_S)
    started = Back(time.monotonic() - began, cpu_seconds(program.process.pid))
    check("switch", bench.window("switch", SHAPE, PROOF_S, warm_up_s=0.0))
    program.kill()
    return started


def rows() -> list[Row]:
    """All rows of this module."""
    from_log, from_snapshot = [], []
    with Programs() as programs:
        left = programs.folder / "left"
        leave_behind(programs, left)
        bench = Bench(programs, cores(), [])
        for number in range(ROUNDS):
            data = programs.folder / f"copy-{number}"
            shutil.copytree(left, data, ignore=shutil.ignore_patterns("*.control"))
            os.sync()  # as the killed one had left it: else opening would wait until the disk has the copy
            from_log.append(back(bench, data))
            into_a_snapshot(data)
            from_snapshot.append(back(bench, data))
            shutil.rmtree(data)
    return [
        row(TITLE, "s", [each.wall_s for each in from_log]),
        row("  CPU time of it", "s", [each.cpu_s for each in from_log]),
        row(f"{TITLE}, in a snapshot", "s", [each.wall_s for each in from_snapshot]),
        row("  CPU time of it, in a snapshot", "s", [each.cpu_s for each in from_snapshot]),
    ]


if __name__ == "__main__":
    show(rows)
