"""From a fresh clone to the ready line and on to a native bench: what a newcomer waits for, in CPU seconds.

CPU is counted rather than time, because machines are shared; it is that of make and of all that it started.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
UV_LIMIT_S, PIP_LIMIT_S, BUILD_LIMIT_S = 15.0, 40.0, 190.0


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone of what is committed."""
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    return target


def without(program: str) -> dict[str, str]:
    """The environment with every directory that has `program` taken from PATH, and without our own variables."""
    kept = [place for place in os.environ["PATH"].split(os.pathsep) if not Path(place, program).exists()]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MONETIQUE", "MAKE"))}
    return clean | {"PATH": os.pathsep.join(kept)}


def make(clone: Path, environment: dict[str, str], *words: str) -> tuple[float, str]:
    """The CPU seconds of a make, and its output; it must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["make", f"PYTHON={sys.executable}", *words],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def up(clone: Path, environment: dict[str, str]) -> float:
    """The CPU seconds of `make up` that stops at once: the build behind the ready line has no time for anything."""
    cpu_s, output = make(clone, environment, "up", "FOR=0", "ARGS=--port-base 0")
    assert "\nready acquirer=" in f"\n{output}"
    assert output.rstrip().endswith("verdict: clean")
    return cpu_s


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed: pip's figure is measured alone")
def test_to_the_ready_line_with_uv(clone: Path) -> None:
    cpu_s = up(clone, without("nothing"))
    print(f"make up with uv: {cpu_s:.1f} s of CPU")
    assert cpu_s <= UV_LIMIT_S


def test_to_the_ready_line_with_pip(clone: Path) -> None:
    cpu_s = up(clone, without("uv"))
    print(f"make up with pip: {cpu_s:.1f} s of CPU")
    assert cpu_s <= PIP_LIMIT_S


def test_the_native_build(clone: Path) -> None:
    """Packages included, which is some seconds against us."""
    cpu_s, _ = make(clone, without("nothing"), "build")
    print(f"make build: {cpu_s:.1f} s of CPU")
    assert cpu_s <= BUILD_LIMIT_S
    version = subprocess.run(
        [str(clone / ".venv/bin/monetique"), "version", "--json"],
        cwd=clone, env=without("nothing"), capture_output=True, check=True,
    )  # fmt: skip
    assert set(json.loads(version.stdout)["native"].values()) == {"native"}
