"""The build beside a bench: it says how far it is, and nothing of it outlives the bench."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.net import building

MAKEFILE = """\
.PHONY: build
build:
\t@echo 17/51 > build/progress
\t@sleep 600 & echo $$! > build/child; wait
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout whose build takes ten minutes."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    monkeypatch.setattr(building, "ROOT", tmp_path)
    monkeypatch.setattr(building, "PROGRESS", tmp_path / "build" / "progress")
    monkeypatch.setattr(building, "LOG", tmp_path / "build" / "beside.log")
    return tmp_path


def until(condition, what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def child_of(checkout: Path) -> int:
    path = checkout / "build" / "child"
    until(lambda: path.exists() and path.read_text().strip(), "the build did not begin")
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_it_says_how_far_it_is_and_ends_with_the_bench(checkout: Path) -> None:
    build = building.Building()
    assert build.progress() is None
    build.start()
    try:
        child = child_of(checkout)
        assert build.progress() == "building 17/51"
    finally:
        build.stop()
    until(lambda: is_gone(child), "the compiler is left")
    assert build.progress() is None


def test_it_has_the_lowest_priority(checkout: Path) -> None:
    build = building.Building()
    build.start()
    try:
        assert os.getpriority(os.PRIO_PROCESS, child_of(checkout)) == 19
    finally:
        build.stop()


def test_it_ends_when_the_bench_is_killed(checkout: Path) -> None:
    code = f"""
import pathlib, sys, time
from switch.net import building
root = pathlib.Path({str(checkout)!r})
building.ROOT, building.PROGRESS, building.LOG = root, root / "build" / "progress", root / "build" / "beside.log"
building.Building().start()
time.sleep(600)
"""
    bench = subprocess.Popen([sys.executable, "-c", code])
    child = child_of(checkout)
    bench.send_signal(signal.SIGKILL)
    bench.wait()
    until(lambda: is_gone(child), "the compiler is left")


def test_a_build_that_fails_is_told(checkout: Path) -> None:
    (checkout / "Makefile").write_text(".PHONY: build\nbuild:\n\t@echo no compiler; false\n")
    build = building.Building()
    build.start()
    try:
        until(build.failed, "the failure is not told")
        assert build.progress() is None
        assert "no compiler" in building.LOG.read_text()
        assert str(building.LOG) in (build.failure() or "")
        assert build.failure() is None, "once is enough"
    finally:
        build.stop()


def test_where_there_is_no_checkout_there_is_nothing_to_build(checkout: Path) -> None:
    (checkout / "Makefile").unlink()
    build = building.Building()
    build.start()
    assert build.progress() is None
    build.stop()
