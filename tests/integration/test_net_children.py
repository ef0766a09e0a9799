"""Children of the supervisor as real processes: restarted when killed, stopped when asked, gone when it is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from switch.net import children, upfile
from switch.net.children import Child, ChildError, ChildProcess
from switch.net.supervisor import BenchError, _data_directory
from tests.unit.net.fakes import on_loop, until

PART = """
import sys, time
port = int(sys.argv[1]) or 40123
print("not a ready line")
print(f"ready part=127.0.0.1:{port}", flush=True)
time.sleep(60)
"""

SUPERVISOR = f"""
import asyncio, sys
from pathlib import Path
from switch.net.children import Child, ChildProcess

async def main():
    child = Child("part", lambda ports: [sys.executable, "-c", {PART!r}, "0"])
    kept = ChildProcess(child, Path(sys.argv[1]), {{"part": 0}}, print, None)
    kept.start()
    await kept.ready()
    print("up", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def part(ports: Mapping[str, int]) -> Sequence[str]:
    return [sys.executable, "-c", PART, str(ports["part"])]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_child_is_back_on_its_port_under_a_new_pid(tmp_path: Path) -> None:
    async def main() -> None:
        reports: list[tuple[str, str, str]] = []
        ports = {"part": 0}
        kept = ChildProcess(Child("part", part), tmp_path, ports, lambda *report: reports.append(report), None)
        kept.start()
        await kept.ready()
        first = upfile.read(tmp_path)["part"]
        assert first["ports"] == ports == {"part": 40123}
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: upfile.read(tmp_path)["part"]["pid"] != first["pid"])
        second = upfile.read(tmp_path)["part"]
        assert second["ports"] == {"part": 40123}
        assert [reason for _, reason, _ in reports] == ["restarted"]
        await kept.stop()
        assert not is_alive(second["pid"])
        assert upfile.read(tmp_path) == {}

    on_loop(main)


def test_a_child_that_ends_before_it_is_ready_is_not_restarted(tmp_path: Path) -> None:
    async def main() -> None:
        child = Child("part", lambda ports: [sys.executable, "-c", "raise SystemExit(2)"])
        kept = ChildProcess(child, tmp_path, {}, lambda *report: None, None)
        kept.start()
        with pytest.raises(ChildError, match="part ended with status 2") as caught:
            await kept.ready()
        assert caught.value.status == 2
        await kept.stop()

    on_loop(main)


def test_a_start_that_the_system_refuses_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: up.json cannot be written. The half-started child is not left behind, and the next try succeeds."""
    monkeypatch.setattr(children, "RETRY_S", 0.05)
    merge, refused, reports = upfile.merge, [], []

    def full_once(data: Path, name: str, pid: int, ports: Mapping[str, int]) -> None:
        if not refused:
            refused.append(pid)
            raise OSError(28, "No space left on device")
        merge(data, name, pid, ports)

    monkeypatch.setattr(upfile, "merge", full_once)

    async def main() -> None:
        kept = ChildProcess(Child("part", part), tmp_path, {"part": 0}, lambda *report: reports.append(report), None)
        kept.start()
        await kept.ready()
        assert not is_alive(refused[0])
        await kept.stop()

    on_loop(main)
    assert [reason for _, reason, _ in reports] == ["not-started"]


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_S", 0.1)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + PART

    async def main() -> None:
        child = Child("part", lambda ports: [sys.executable, "-c", deaf, "0"])
        kept = ChildProcess(child, tmp_path, {"part": 0}, lambda *report: None, None)
        kept.start()
        await kept.ready()
        pid = upfile.read(tmp_path)["part"]["pid"]
        await kept.stop()
        assert not is_alive(pid)

    on_loop(main)


def test_no_child_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "up\n"
        pid = upfile.read(tmp_path)["part"]["pid"]
        assert is_alive(pid)
        supervisor.kill()
    for _ in range(500):
        if not is_alive(pid):
            return
        time.sleep(0.01)
    raise AssertionError("the child outlived its supervisor")


def test_fresh_empties_ours_and_touches_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "switch" / "log").mkdir(parents=True)
    (tmp_path / "data.key").write_bytes(b"key")
    with _data_directory(tmp_path, fresh=True):
        assert [entry.name for entry in tmp_path.iterdir()] == ["bench.lock"]
        with pytest.raises(BenchError, match="another bench"), _data_directory(tmp_path, fresh=False):
            raise AssertionError("two benches on one directory")
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BenchError, match=r"thesis\.tex"), _data_directory(tmp_path, fresh=True):
        raise AssertionError("emptied")
    assert (tmp_path / "thesis.tex").exists()
