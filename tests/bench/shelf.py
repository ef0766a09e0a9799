"""Finished transactions as their records: what each costs in memory, on its way to the shelf, and in a restart.

    python -m tests.bench.shelf

The table is filled beyond its limit first, so that each transaction that comes makes the oldest go. Records are those
of a purchase with a PIN. CPU time, median of the rounds; memory as the kernel counts it, before and after a million.
"""

import gc
import resource
from collections.abc import Iterator
from pathlib import Path
from time import process_time

from switch.cards.vault import Vault
from switch.config import load
from switch.config.build import switch_spec
from switch.core.records import Intent, Outcome, encode
from switch.core.states import Hold, State
from switch.core.switch import Switch
from switch.core.transaction import Transaction
from switch.core.transactions import Transactions
from tests.bench.table import Row, row, show

LIMIT = 500_000
ROUNDS = 7
STEP = 20_000
FOLDED = 100_000  # authorizations, of two records each

NOW = 1_790_000_000.0


def pair(number: int) -> tuple[bytes, bytes]:
    """The records of a purchase, 245 bytes."""
    intent = Intent(
        number, NOW, "acquirer", "0100", "10000000001", f"{number % 1_000_000:06d}", f"R{number:011d}", "TERM0001",
        "1121", "000000", "000000002000", "978", "1121120000", "MERCHANT0000001", bytes(16), bytes(44), "issuer-1",
        number % 999_999 + 1, "261121",
    )  # fmt: skip
    return encode(intent), encode(Outcome(number, NOW, "00", "123456", b"", True, False))


def ended(first: int) -> list[Transaction]:
    """`STEP` approved purchases whose records are written and that were not put away yet."""
    made = []
    for number in range(first, first + STEP):
        tx = Transaction()
        tx.number, tx.mti, tx.leg_mti, tx.acquirer_id = number, "0100", "0100", "10000000001"
        tx.stan, tx.rrn, tx.terminal = f"{number % 1_000_000:06d}", f"R{number:011d}", "TERM0001"
        tx.issuer_stan, tx.state, tx.hold, tx.approved = number % 999_999 + 1, State.FINISHED, Hold.HELD, True
        tx.intent_record, tx.outcome_record = pair(number)
        made.append(tx)
    return made


def resident() -> int:
    """Bytes in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def table_rows() -> list[Row]:
    """One transaction after the other into a table that is full."""
    costs: dict[str, list[float]] = {"looked for": [], "added": [], "put away": []}
    table, before, number = Transactions(LIMIT, 1e12), resident(), 1
    while number < 2 * LIMIT + ROUNDS * STEP:
        made = ended(number)
        number += STEP
        moments = [process_time()]
        for tx in made:
            table.find(tx.reference, "1121")
        moments.append(process_time())
        for tx in made:
            table.add(tx)
        moments.append(process_time())
        for tx in made:
            table.finished(tx, NOW)
        moments.append(process_time())
        for place, samples in enumerate(costs.values()):
            samples.append((moments[place + 1] - moments[place]) / STEP * 1e6)
    del made
    each = (resident() - before) / len(table)
    return [
        *(row(f"transaction {name}, table full", "us", samples[-ROUNDS:]) for name, samples in costs.items()),
        row(f"transaction remembered, of {LIMIT:,}", "bytes", [each]),
    ]


def records(count: int) -> Iterator[bytes]:
    """A log."""
    for number in range(1, count + 1):
        yield from pair(number)


def restart_rows() -> list[Row]:
    """The fold of a log, and of the snapshot after it."""
    spec, vault, log = switch_spec(load()), Vault(bytes(32), bytes(32)), list(records(FOLDED))
    folds, snapshots = [], []
    for _ in range(ROUNDS):
        switch = Switch(spec, vault, 1)
        started = process_time()
        switch.restore(None, log, NOW)
        folds.append((process_time() - started) / len(log) * 1e6)
        started = process_time()
        state = switch.snapshot()
        snapshots.append((process_time() - started) / FOLDED * 1e6)
        assert len(state) > FOLDED
    return [
        row("restart, a record of the log", "us", folds),
        row("snapshot, a transaction of it", "us", snapshots),
    ]


def rows() -> list[Row]:
    """All rows of this module."""
    gc.disable()  # as a part that restores; what it costs otherwise is in the rows of the whole switch
    try:
        return [*table_rows(), *restart_rows()]
    finally:
        gc.enable()


if __name__ == "__main__":
    show(rows)
