"""What the native build costs: the CPU of all that `setup.py` starts, from sources alone.

python -m tests.bench.build
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.table import Row, row, show

ROOT = Path(__file__).parents[2]
BEFORE_S = 414.0  # every module at -O3 with its own copy of Cython's utilities (docs/decisions/0011)


def rows() -> list[Row]:
    """One row; one build, because it takes minutes."""
    with tempfile.TemporaryDirectory() as directory:
        ignored = shutil.ignore_patterns("*.so", "built.txt", "__pycache__")
        for folder in ("ext", "switch", "hsm_sim", "loadtest"):
            shutil.copytree(ROOT / folder, Path(directory, folder), ignore=ignored)
        for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, directory)
        environment = {name: value for name, value in os.environ.items() if name != "MONETIQUE_NATIVE"}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        subprocess.run(command, cwd=directory, env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [row("native build", "s of CPU", [cpu_s], "before decision 0011", BEFORE_S)]


if __name__ == "__main__":
    show(rows)
