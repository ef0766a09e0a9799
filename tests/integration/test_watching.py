"""Recording and watching a bench over real sockets: both legs are there, masked, and the switch never notices."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from switch.config import load
from switch.net.tap import tap_path
from switch.traces.format import Gap, Message
from switch.traces.reader import TraceReader
from tests.support.iso8583_samples import PURCHASE
from tests.support.running import RunningBench, eventually, monetique
from tests.support.secrets import holders

CONFIG = load()
CARDS = {card.pan for card in CONFIG.card}
TRACKS = {card.track2() for card in CONFIG.card}
KEYS = {key.clear for key in CONFIG.key}


def messages(file: Path) -> list[Message]:
    """A whole trace without gaps."""
    with file.open("rb") as stream:
        trace = TraceReader(stream)
        items = list(trace)
    assert trace.header.masked
    assert not trace.cut
    assert not any(isinstance(item, Gap) for item in items)
    return [item for item in items if isinstance(item, Message)]


def recorder_of(bench: RunningBench) -> int:
    """The process that records for a bench."""
    words = b"watch\0--wait\0--record"
    return next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and words in (line := _cmdline(entry)) and str(bench.data).encode() in line
    )


def _cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def is_running(pid: int) -> bool:
    return bool(_cmdline(Path(f"/proc/{pid}")))


@contextmanager
def watching(bench: RunningBench, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`monetique watch` off a terminal, once the switch has let it in."""
    before = readers(bench)
    process = subprocess.Popen(
        [sys.executable, "-m", "switch.cli", "watch", "--data", str(bench.data), *words],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        eventually(lambda: readers(bench) > before)
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def readers(bench: RunningBench) -> int:
    return int(bench.json("control", "status")["switch"]["counters"]["tap-readers"])


def lines_until(process: subprocess.Popen[str], last: Any) -> list[str]:
    """Lines of its output, up to the first for which `last` is true."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if last(line):
            return lines
    raise AssertionError(f"ended after {lines}")


def test_a_recorded_bench_reads_back_whole(tmp_path: Path) -> None:
    """From the first sign-on to the last answer; the switch is killed in between."""
    file = tmp_path / "run.jsonl"
    with RunningBench(tmp_path / "data", "--record", str(file)) as bench:
        assert bench.cli("send", "purchase", "--card", "approve").returncode == 0
        recorder, pid = recorder_of(bench), bench.pid("switch")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: bench.pid("switch") != pid and tap_path(bench.data).exists())
        eventually(lambda: bench.cli("send", "purchase", "--card", "approve", "--terminal", "AFTER001").returncode == 0)
        assert bench.stop() in (0, 130)
    recorded = messages(file)
    assert f"recorded {len(recorded):,} messages to {file}, 0 dropped\n" in bench.stdout
    assert not is_running(recorder)
    assert {message.leg for message in recorded} == {"acquirer", "issuer"}
    assert recorded[0].mti == "0800", "the switch waits for the recorder before its first sign-on"
    by_id = {message.n: message for message in recorded}
    answered = {message.answers for message in recorded}
    restarts = [message.n for message in recorded if message.mti == "0800" and message.leg == "issuer"]
    for message in recorded:
        if message.answers is not None:
            request = by_id[message.answers]
            assert (request.stream, request.link) == (message.stream, message.link)
            assert request.from_ != message.from_
            assert request.n < message.n
        elif message.mti[2] in "02" and message.n > max(restarts):
            assert message.n in answered, f"{message.link} {message.mti} at {message.n} has no answer"
    assert any(message.fields.get("41") == "AFTER001" for message in recorded)
    assert all(message.problem is None for message in recorded)
    both = {message.card for message in recorded if message.leg == "issuer" and message.card}
    assert both <= {message.card for message in recorded if message.leg == "acquirer"}
    assert (file.stat().st_mode & 0o777) == 0o600
    assert holders(CARDS | TRACKS | KEYS, {"trace": file.read_bytes(), "stdout": "".join(bench.stdout).encode()}) == []


def test_a_recorder_that_is_killed_disturbs_nobody(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    with RunningBench(tmp_path / "data", "--no-traffic", "--record", str(file)) as bench:
        pid = bench.pid("switch")
        assert bench.cli("send", "purchase", "--card", "approve").returncode == 0
        os.kill(recorder_of(bench), signal.SIGKILL)
        eventually(lambda: readers(bench) == 0)
        assert bench.cli("send", "purchase", "--card", "approve").returncode == 0
        assert bench.pid("switch") == pid
        assert bench.stop() in (0, 130)
    assert f"the recorder was ended; {file} has what passed until then" in bench.stderr()
    with file.open("rb") as stream:
        assert any(isinstance(item, Message) and item.mti == "0110" for item in TraceReader(stream))


def test_a_recorder_ends_when_its_bench_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    with RunningBench(tmp_path / "data", "--no-traffic", "--record", str(file)) as bench:
        recorder = recorder_of(bench)
        eventually(lambda: readers(bench) == 1)
        bench.process.kill()
        eventually(lambda: not is_running(recorder))
        bench.wait()
    assert messages(file)


def test_watching_what_one_sends(tmp_path: Path) -> None:
    with RunningBench(tmp_path / "data") as bench:
        with watching(bench, "--json", "--terminal", "MINE0001") as process:
            sent = bench.cli("send", "purchase", "--card", "approve", "--terminal", "MINE0001")
            assert sent.returncode == 0, sent.stderr
            lines = lines_until(process, lambda line: '"0110"' in line and '"acquirer"' in line)
        header, *rows = map(json.loads, lines)
        assert header["format"] == "monetique-trace/1"
        assert [(row["leg"], row["from"], row["mti"]) for row in rows] == [
            ("acquirer", "client", "0100"),
            ("issuer", "client", "0100"),
            ("issuer", "server", "0110"),
            ("acquirer", "server", "0110"),
        ]
        assert [row.get("answers") for row in rows] == [None, None, rows[1]["n"], rows[0]["n"]]
        with watching(bench, "--terminal", "MINE0002") as process:
            bench.cli("send", "purchase", "--card", "approve", "--terminal", "MINE0002", "--amount", "12.50")
            last = lines_until(process, lambda line: "<- 0110" in line and "acquirer" in line)[-1]
        for words in ("authorization response", "468738******", "12.50 EUR", "MINE0002", "00 approved", " ms"):
            assert words in last
        assert holders(CARDS | TRACKS | KEYS, {"watched": "".join([*lines, last]).encode()}) == []


def test_without_a_bench(tmp_path: Path) -> None:
    result = monetique("watch", "--data", str(tmp_path / "none"))
    assert result.returncode == 3
    assert "start `monetique up`" in result.stderr


def test_a_file_that_is_no_trace_is_not_overwritten(tmp_path: Path) -> None:
    """Neither by `up`, before anything is started, nor by `watch`."""
    file = tmp_path / "thesis.txt"
    file.write_text(PURCHASE["3"])
    result = monetique("up", "--port-base", "0", "--data", str(tmp_path / "data"), "--record", str(file))
    assert result.returncode == 2
    assert "is no trace: --record would overwrite it" in result.stderr
    assert not (tmp_path / "data").exists()
    assert file.read_text() == PURCHASE["3"]


def test_events_of_all_parts_are_followed(tmp_path: Path) -> None:
    """Off a terminal, where the lines go to standard error too; through the end and the next life of the switch."""
    with RunningBench(tmp_path / "data", "--no-traffic") as bench:
        command = ["events", "--follow", "--data", str(bench.data), "--terminal", "WHY00001"]
        process = subprocess.Popen([sys.executable, "-m", "switch.cli", *command], stdout=subprocess.PIPE, text=True)
        try:
            bench.cli("send", "purchase", "--card", "no-route", "--terminal", "OTHER001")
            bench.cli("send", "purchase", "--card", "no-route", "--terminal", "WHY00001")
            first = lines_until(process, lambda line: True)[0]
            assert "declined: no route for" in first
            assert "WHY00001" in first
            pid = bench.pid("switch")
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: bench.pid("switch") != pid)
            eventually(
                lambda: "92" in bench.cli("send", "purchase", "--card", "no-route", "--terminal", "WHY00001").stdout
            )
            assert "WHY00001" in lines_until(process, lambda line: True)[0]
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        seen = bench.cli("events", "--json").stdout
        events = [json.loads(line) for line in seen.splitlines()]
        assert {"switch", "up"} <= {event["part"] for event in events}
        assert events == sorted(events, key=lambda event: event["ts"])
        assert '"terminal":"WHY00001"' in bench.stderr(), "as before"
        assert holders(CARDS | TRACKS | KEYS, {"events": seen.encode(), "followed": first.encode()}) == []
