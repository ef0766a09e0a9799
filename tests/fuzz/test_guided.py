"""Coverage-guided fuzzing, so many inputs a target: a finding ends the run, and is told with the input that made it.

The seed is fixed, so the inputs are the same every time; `make soak` goes on without end. What was found became a test
beside the code: sizes in a log that did not add up (`tests/unit/store/test_frames.py`), TOML that nests without end or
holds an endless number (`tests/unit/config/test_load.py`).
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What takes some three seconds each.
RUNS = {
    "scan": 4_000, "encode": 20_000, "framing": 15_000, "hsm": 50_000, "log": 6_000,
    "config": 1_500, "tables": 1_000, "dialect": 900,
}  # fmt: skip
OPTIONS = ["-len_control=0"]  # inputs of any length from the start
PATIENCE_S = 300.0  # for a machine with other things to do
FINDING_LINES = 25


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not published for this Python and machine")
@pytest.mark.parametrize("target", RUNS)
def test_nothing_unexpected_is_raised(target: str, tmp_path: Path) -> None:
    arguments = [target, str(tmp_path), f"-runs={RUNS[target]}", "-seed=1", *OPTIONS]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", *arguments],
        cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    finding = "\n".join(line for line in ran.stderr.splitlines() if not line.startswith(("#", "INFO")))
    inputs = [path.read_bytes() for path in tmp_path.glob("crash-*")]
    assert ran.returncode == 0, f"{inputs}\n{finding[-80 * FINDING_LINES :]}"
    assert f"Done {RUNS[target]} runs" in ran.stderr
