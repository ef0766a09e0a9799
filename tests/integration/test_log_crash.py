"""`kill -9` at any moment: every record that a child process reported as durable is found, and nothing is invented.

A kill spares the page cache, so this proves the order of write, sync and report, of segments and of snapshots; the
power cut, which does not spare it, is played by the simulated disk.
"""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

from switch.store.file import FileLog

SEGMENT_BYTES = 4096

# Appends on this thread while a worker syncs, as the switch does; reports each sequence once its sync is through.
CHILD = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from switch.store.file import FileLog

log = FileLog(Path(sys.argv[1]), segment_bytes={SEGMENT_BYTES}, keep_segments=2)
executor = ThreadPoolExecutor(1)
while True:
    last = log.append([b"record %d" % (log.last_sequence + n) for n in (1, 2, 3)])
    syncing = executor.submit(log.sync)
    log.append([b"record %d" % (log.last_sequence + 1)])
    syncing.result()
    print(last, flush=True)
    if last % 7 == 0:
        log.write_snapshot(last, b"state at %d" % last)
"""


def run_and_kill(directory: Path, reports: int) -> int:
    """Let a child append until it has reported so often, kill it, and return the last sequence it reported."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(directory)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child:
        for _ in range(reports):
            child.stdout.readline()
        child.kill()
        # What was reported between the last line read and the kill counts as well; a line cut short does not.
        rest = child.stdout.read()
    assert child.returncode == -9
    complete = rest[: rest.rfind(b"\n") + 1].split()
    return int(complete[-1]) if complete else 0


def test_every_acknowledged_record_survives_kill_9(tmp_path: Path) -> None:
    rng = Random(1993)
    total = 0
    for _ in range(8):
        acknowledged = run_and_kill(tmp_path, rng.randrange(1, 120))
        with closing(FileLog(tmp_path, segment_bytes=SEGMENT_BYTES, keep_segments=2)) as log:
            start = log.recovery.snapshot_sequence
            assert log.snapshot() == (b"state at %d" % start if start else None)
            assert list(log.replay()) == [(n, b"record %d" % n) for n in range(start + 1, log.last_sequence + 1)]
            assert log.last_sequence >= acknowledged
            assert log.last_sequence >= total
            total = log.last_sequence
    assert total > 500
    assert len(list(tmp_path.glob("log-*.seg"))) > 1
