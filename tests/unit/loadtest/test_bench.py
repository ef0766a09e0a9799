"""The benchmark's own care: windows that do not count, processes that must not stay, the result file."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from loadtest.cpu import cpu_seconds
from loadtest.stubs import Report
from tests.bench import table
from tests.bench.programs import BenchError, Programs, cores
from tests.bench.switch_cpu import Bench, Sample, Shape, check
from tests.bench.switch_cpu import report as report_of

CLEAN = Report(
    answers=100,
    by_de39={"00": 100},
    unmatched=0,
    unanswered=0,
    translations=120,
    seconds=2.0,
    cpu_seconds=1.9,
    p50_ms=0.2,
    p99_ms=0.4,
)
ENDED_S = 5.0

ORPHAN = """
import os, signal
from tests.bench.programs import Programs, cores
with Programs() as programs:
    stubs = programs.start("loadtest.stubs", on=cores().others)
    stubs.wait_ready()
    print(stubs.process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_clean_window_counts() -> None:
    check("switch", CLEAN)


@pytest.mark.parametrize(
    "changes",
    [
        {"answers": 0, "by_de39": {}},
        {"by_de39": {"00": 99, "91": 1}},
        {"unmatched": 1},
        {"unanswered": 1},
        {"translations": 99},
    ],
)
def test_any_other_does_not(changes: dict[str, object]) -> None:
    with pytest.raises(BenchError, match="switch: "):
        check("switch", msgspec.structs.replace(CLEAN, **changes))


def test_a_row_says_whether_the_process_was_the_busy_one() -> None:
    shape = Shape(8, 64)
    samples = {
        ("relay", shape): [Sample(2.0, 0.80), Sample(4.0, 0.80), Sample(3.0, 0.99)],
        ("switch", shape): [Sample(30.0, 0.95)],
    }
    (row,) = report_of("switch", shape, samples, busy_share=0.95)
    assert row["name"] == "switch cpu per authorization, 8 connections 64 in flight"
    assert (row["value"], row["reference"], row["reference_value"], row["ratio"]) == (30.0, "relay cpu", 3.0, 0.1)
    assert row["saturated"]
    (row,) = report_of("relay", shape, samples, busy_share=0.95)
    assert (row["name"], row["low"], row["value"], row["high"]) == (
        "relay cpu, 8 connections 64 in flight",
        2.0,
        3.0,
        4.0,
    )
    assert row["reference"] is None
    assert "not saturated" in table.lines([row])[1]


def test_a_row_has_one_reference_so_a_second_one_takes_a_second_row() -> None:
    shape = Shape(8, 64)
    taken = {"relay": 5.0, "pyiso8583": 140.0, "switch": 20.0}
    samples = {(name, shape): [Sample(cpu_us, 0.9)] for name, cpu_us in taken.items()}
    rows = report_of("switch", shape, samples, busy_share=0.95)
    title = "switch cpu per authorization, 8 connections 64 in flight"
    assert [(row["name"], row["reference"], row["ratio"]) for row in rows] == [
        (title, "relay cpu", 0.25),
        (f"{title}, beside pyiso8583", "pyiso8583 switch cpu per authorization", 7.0),
    ]


def test_the_switch_on_pyiso8583_does_its_work() -> None:
    with Programs() as programs:
        bench = Bench(programs, cores(), ["pyiso8583"])
        report = bench.window("pyiso8583", Shape(3, 12), seconds=0.3, warm_up_s=0.0)
        check("pyiso8583", report)
        journal = (programs.folder / "journal").read_bytes().rstrip(b"\0")
    assert journal.count(b"A1B2C3") >= report.answers  # the approval code of each outcome
    assert re.search(rb"468738\d{10}", journal) is None


def test_rows_are_written_as_a_list(tmp_path: Path) -> None:
    rows = [table.row("scan", "us", [0.2, 0.1, 0.3], "pyiso8583", 27.8)]
    table.write(rows, tmp_path / "build" / "bench.json")
    assert json.loads((tmp_path / "build" / "bench.json").read_text()) == rows
    assert rows[0].keys() == {"name", "unit", "value", "low", "high", "reference", "reference_value", "ratio"}


def test_programs_end_with_the_benchmark() -> None:
    with Programs() as programs:
        stubs = programs.start("loadtest.stubs", on=cores().others)
        assert stubs.wait_ready().keys() == {"issuer", "hsm"}
        assert is_running(stubs.process.pid)
    assert not is_running(stubs.process.pid)
    assert not programs.folder.exists()


def test_programs_end_with_a_benchmark_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN]
    elsewhere = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": os.getcwd()}}  # its folder stays behind
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, **elsewhere)
    assert ended.returncode == -signal.SIGKILL
    until = time.monotonic() + ENDED_S
    while is_running(int(ended.stdout)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_running(int(ended.stdout))


def test_a_program_that_fails_is_quoted() -> None:
    with Programs() as programs:
        stubs = programs.start("loadtest.stubs", on=cores().others)
        stubs.wait_ready()
        with pytest.raises(BenchError, match=r"loadtest\.stubs has ended\n(.|\n)*JSON is malformed"):
            stubs.ask("nonsense", within_s=10.0)


def test_cpu_time_grows_with_work() -> None:
    before = cpu_seconds(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    assert 0.08 <= cpu_seconds(os.getpid()) - before < 5
