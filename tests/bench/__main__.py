"""`make bench`: every benchmark in one run, as a table and as `build/bench.json`.

Figures of the compiled modules only: on the twins they would be nobody's. CPU time and ratios are to be trusted, from
interleaved rounds; the machine is named, because ratios to interpreted code depend on the interpreter's build.
"""

import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from tests.bench import (
    build,
    codec,
    core,
    crowd,
    flat,
    log,
    memory,
    number_map,
    ocard,
    open_loop,
    overload,
    pin,
    restart,
    shelf,
    shell,
    split,
    switch_cpu,
    table,
)
from tests.bench.programs import BenchError

RESULT = Path("build/bench.json")
LIBRARIES = ("uvloop", "msgspec", "cryptography", "pyiso8583", "psec")
# In this order they stand in the table.
MODULES: dict[str, Callable[[], list[table.Row]]] = {
    "codec": codec.rows,
    "pin": pin.rows,
    "core": core.rows,
    "shell": shell.rows,
    "log": log.rows,
    "shelf": shelf.rows,
    "switch_cpu": switch_cpu.rows,
    "open_loop": open_loop.rows,
    "flat": flat.rows,
    "memory": memory.rows,
    "restart": restart.rows,
    "ocard": ocard.rows,
    "number_map": number_map.rows,
    "overload": overload.rows,
    "crowd": crowd.rows,
    "build": build.rows,
}


def machine() -> list[str]:
    """What the figures were measured on."""
    cpus = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return [
        f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})",
        f"{len(cpus)} × {cpus[0] if cpus else platform.machine()}, Linux {platform.release()}",
        ", ".join(f"{library} {version(library)}" for library in LIBRARIES),
    ]


def main() -> int:
    """Run everything; the exit status."""
    table.demand_native()
    print("\n".join(machine()), flush=True)
    rows: list[table.Row] = []
    failed = False
    for name, measure in MODULES.items():
        began = time.monotonic()
        try:
            rows += measure()
        except BenchError as error:  # the others' rows are none the worse for it
            failed = True
            print(f"bench: {name}: {error}", file=sys.stderr)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    rows += split.split(rows)
    table.write(rows, RESULT)
    print("\n".join(["", *table.lines(rows), "", f"written to {RESULT}"]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
