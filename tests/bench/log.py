"""What the log costs an authorization: its two records, appended and made durable.

    python -m tests.bench.log

A batch holds as many records as there are authorizations in a wake-up, half of them intents and half outcomes, and an
authorization has a part in two: one write and one fdatasync each. CPU time of the process, the kernel's included; the
hand-over to the thread that syncs is in the rows of `tests.bench.shell`.
"""

import contextlib
import tempfile
from pathlib import Path
from time import process_time

from switch.cards.vault import Vault
from switch.store.file import FileLog
from tests.bench.filling import past
from tests.bench.programs import on_one_core
from tests.bench.shell import BATCH, FEW
from tests.bench.table import Row, row, show

ROUNDS = 7
BATCHES = 200
RECORDS_EACH = 2  # of an authorization


def sample(folder: Path, batch: int) -> float:
    """Microseconds an authorization."""
    records = list(past(Vault(bytes(32), bytes(32)), BATCHES * batch // RECORDS_EACH, began=1_790_000_000.0))
    batches = [records[at : at + batch] for at in range(0, len(records), batch)]
    with contextlib.closing(FileLog(folder)) as log:
        started = process_time()
        for payloads in batches:
            log.append(payloads)
            log.sync()
        return (process_time() - started) / (len(records) / RECORDS_EACH) * 1e6


def rows() -> list[Row]:
    """All rows of this module."""
    samples: dict[int, list[float]] = {BATCH: [], FEW: []}
    Path("build").mkdir(exist_ok=True)
    for _ in range(ROUNDS):
        for batch, taken in samples.items():
            folder = tempfile.TemporaryDirectory(prefix="bench-", dir="build")  # a disk, which /tmp may not be
            with folder as path, on_one_core():
                taken.append(sample(Path(path), batch))
    return [row(f"log, {batch} authorizations a wake-up", "us", taken) for batch, taken in samples.items()]


if __name__ == "__main__":
    show(rows)
