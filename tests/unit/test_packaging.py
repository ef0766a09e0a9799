"""What is installed is what is declared: nested locks, and a wheel that works where there is nothing else."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements"


def pins(lock: str) -> set[str]:
    return {line.rstrip(" \\") for line in (LOCKS / lock).read_text().splitlines() if "==" in line}


def test_each_lock_contains_the_one_before() -> None:
    assert pins("run.lock") < pins("full.lock") < pins("dev.lock")


def test_locks_name_no_registry() -> None:
    assert not [lock for lock in LOCKS.iterdir() if re.search(r"https?:|--index", lock.read_text())]


def test_a_module_is_made_from_what_it_cimports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", lambda **_: None)
    read_by = runpy.run_path("setup.py")["read_by"]
    read = {str(path) for path in read_by("switch.core.endings", Path("switch/core/endings.py"))}
    assert {"switch/core/endings.py", "ext/switch/core/endings.pxd", "ext/switch/core/context.pxd"} <= read
    assert "ext/switch/iso8583/_codec_c.pxd" in read  # by way of another
    assert "ext/hsm_sim/crypto/_pinblock_c.pyx" not in read


def python(*arguments: str, **options: object) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.mark.xdist_group("packaging")
def test_from_sdist_to_wheel_to_an_empty_environment(tmp_path: Path) -> None:
    """The wheel is made from the sdist alone. What `make build` has compiled from the same sources is not compiled
    again: `setup.py` knows it by its digest."""
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns(".*", "build", "*.so", "built.txt", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, tree, ignore=ignored)
    python("setup.py", "-q", "sdist", "--dist-dir", str(tmp_path), cwd=tree)
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "sdist", filter="data")
    [sources] = (tmp_path / "sdist").iterdir()
    for part in (ROOT / "build").iterdir():
        if part.name == "cython" or part.name.startswith(("lib.", "temp.")):
            shutil.copytree(part, sources / "build" / part.name, copy_function=os.link)
    python("setup.py", "-q", "bdist_wheel", "--dist-dir", str(tmp_path), cwd=sources)
    [wheel] = tmp_path.glob("*.whl")

    venv.create(tmp_path / "empty", with_pip=False)
    own = tmp_path / "empty" / "bin" / "python"
    where = python_of(own, "import sysconfig; print(sysconfig.get_path('purelib'))", tmp_path)
    python("-m", "zipfile", "-e", str(wheel), where)
    # The dependencies are those of this environment: what is tried is whether the wheel itself is whole.
    here = python("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(where) / "dependencies.pth").write_text(here + "\n")
    code = "import sys; from switch.cli import main; sys.exit(main(['version', '--json']))"
    document = json.loads(python_of(own, code, tmp_path))
    assert set(document["native"].values()) == {"native"}
    assert python_of(own, "import switch; print(switch.__file__)", tmp_path).startswith(where)


def python_of(interpreter: Path, code: str, directory: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MONETIQUE"))}
    command = [str(interpreter), "-c", code]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
