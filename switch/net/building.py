"""The build of the native modules beside a running bench.

`make up` starts the bench on the Python twins, and behind its ready line `make build` runs at the lowest priority, one
job at a time. It ends with the bench, however that ends: a shell of its own session waits for the end of its standard
input, which is a pipe that this process holds, and then ends the whole session. `setup.py` remembers each module that
is done, so the next start goes on from there. The running bench keeps its twins; the next one is native.
"""

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]  # of the checkout
PROGRESS: Final = ROOT / "build" / "progress"  # written by setup.py: modules done / modules in all
LOG: Final = ROOT / "build" / "beside.log"
STOP_S: Final = 5.0  # for the session to end after the pipe was closed

# `kill 0` is the whole session. Make must not think that it is part of the make that started the bench.
_COMMAND: Final = """
unset MAKEFLAGS MAKELEVEL MFLAGS MONETIQUE_NATIVE
(nice -n 19 make build JOBS=1 < /dev/null || echo failed > build/progress) &
cat > /dev/null
kill 0
"""
_FAILED: Final = "failed\n"


class Building:
    """`start()` once the bench is ready; `progress()` for the live line; `stop()` before the bench ends."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None
        self._told = False

    def start(self) -> None:
        """Begin, in a source checkout; elsewhere there is nothing to build."""
        if not (ROOT / "Makefile").is_file():
            return
        LOG.parent.mkdir(exist_ok=True)
        PROGRESS.unlink(missing_ok=True)
        with LOG.open("wb") as log:
            self._shell = subprocess.Popen(
                ["sh", "-c", _COMMAND], cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    def progress(self) -> str | None:
        """What the build is at, as words for the live line; None when it has ended, or there is none.

        Figures that are measured while something is built say nothing about the switch.
        """
        if self._shell is None or self.failed():
            return None
        try:
            done, total = map(int, PROGRESS.read_text().split("/"))
        except (OSError, ValueError):
            return "installing what the build needs"
        return None if done == total else f"building {done}/{total}"

    def failed(self) -> bool:
        """Whether the build ended in an error, which stands in LOG."""
        return self._shell is not None and PROGRESS.exists() and PROGRESS.read_text() == _FAILED

    def failure(self) -> str | None:
        """What to tell the user about a build that has failed; once, then None."""
        if self._told or not self.failed():
            return None
        self._told = True
        return f"the native modules could not be built, {LOG} says why; the bench goes on on the Python twins"

    def stop(self) -> None:
        """End the build and wait until nothing of it is left."""
        if self._shell is None:
            return
        assert self._shell.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.close()
        try:
            self._shell.wait(STOP_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._shell.pid, 9)
            self._shell.wait()
        self._shell = None
