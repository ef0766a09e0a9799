"""`up | head -1`: a reader that has seen enough ends the bench in order, and its status is the verdict's."""

import subprocess
import sys
from pathlib import Path

from tests.support.running import START_LIMIT_S, STOP_LIMIT_S, monetique


def test_a_reader_that_leaves_ends_the_bench_in_order(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    command = [sys.executable, "-m", "switch.cli", "up", "--port-base", "0", "--data", data]
    up = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert up.stdout is not None
    assert up.stdout.readline().startswith("ready ")
    up.stdout.close()
    assert up.wait(START_LIMIT_S + STOP_LIMIT_S) == 0
    assert monetique("reconcile", "--data", data, "--json").returncode == 0  # drained: the books agree
