"""Fuzzing without end, for `make soak`: each target in turn with new inputs, until something is found or Ctrl-C.

Corpora, and what was found, stay in `build/fuzz/TARGET`; the next run goes on from there.
"""

import subprocess
import sys
from importlib.util import find_spec
from itertools import count

from tests.fuzz.test_guided import OPTIONS, RUNS
from tests.fuzz.test_sanitized import ROUNDS
from tests.support import sanitized

SLICE_S = 60
MORE_ROUNDS = 20  # than `make test` has: about a minute
FOUND, INTERRUPTED = 1, 130


def turn(lap: int, *arguments: str, env: dict[str, str] | None = None) -> None:
    """One target's turn: `python -m` these arguments. Leaves with what it said when it ended badly."""
    ran = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=sanitized.ROOT, env=env, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if ran.returncode:
        print(ran.stdout[-1_000:], ran.stderr[-10_000:], f"found by {' '.join(arguments)}", sep="\n")
        sys.exit(FOUND)
    print(f"lap {lap}: {' '.join(arguments[:2])} clean", flush=True)


def main() -> None:
    """Take turns for ever."""
    guided = RUNS if find_spec("atheris") else ()
    native = ROUNDS if sanitized.libasan() else ()
    if native:
        sanitized.build()
    for lap in count(1):
        for target in guided:
            directory = str(sanitized.ROOT / "build" / "fuzz" / target)
            turn(lap, "tests.fuzz.guided", target, directory, f"-max_total_time={SLICE_S}", *OPTIONS)
        for target in native:
            rounds = ROUNDS[target] * MORE_ROUNDS
            turn(lap, "tests.fuzz.native", target, str(rounds), str(lap * rounds), env=sanitized.environment())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
