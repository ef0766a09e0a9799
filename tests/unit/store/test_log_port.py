"""What every log promises, on each implementation of the port."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from switch.simulation.disk import SimLog
from switch.store.file import FileLog
from switch.store.log import Log, LogError

Reopen = Callable[[], Log]


@pytest.fixture(params=["file", "simulated"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reopen]:
    """Opens the log; closes and opens it again at every later call."""
    logs: list[Log] = []

    def file() -> Log:
        for log in logs:
            log.close()
        logs.append(FileLog(tmp_path / "log", segment_bytes=4096))
        return logs[-1]

    simulated = SimLog()

    def memory() -> Log:
        simulated.close()
        simulated.crash(Random(0))
        return simulated

    yield file if request.param == "file" else memory
    for log in logs:
        log.close()


def test_an_empty_log_holds_nothing(reopen: Reopen) -> None:
    log = reopen()
    assert list(log.replay()) == []
    assert log.snapshot() is None
    assert log.last_sequence == 0
    assert log.recovery.torn_bytes == 0


def test_records_come_back_in_order_under_their_numbers(reopen: Reopen) -> None:
    log = reopen()
    assert log.append([b"one", b"", b"three"]) == 3
    assert log.append([]) == 3
    assert log.append([b"four"]) == 4
    log = reopen()
    assert list(log.replay()) == [(1, b"one"), (2, b""), (3, b"three"), (4, b"four")]
    assert log.append([b"five"]) == 5
    assert list(reopen().replay())[-1] == (5, b"five")


def test_replay_starts_after_the_newest_snapshot_even_within_a_batch(reopen: Reopen) -> None:
    log = reopen()
    log.append([b"one", b"two", b"three"])
    log.write_snapshot(1, b"state at one")
    log.write_snapshot(2, b"state at two")
    log.append([b"four"])
    log = reopen()
    assert log.snapshot() == b"state at two"
    assert list(log.replay()) == [(3, b"three"), (4, b"four")]
    assert log.recovery.snapshot_sequence == 2


def test_a_log_whose_records_are_all_in_the_snapshot_goes_on_counting(reopen: Reopen) -> None:
    log = reopen()
    log.append([b"one", b"two"])
    log.write_snapshot(2, b"")
    log = reopen()
    assert log.snapshot() == b""
    assert list(log.replay()) == []
    assert log.append([b"three"]) == 3
    assert list(reopen().replay()) == [(3, b"three")]


@pytest.mark.parametrize("sequence", [1, 4])
def test_a_snapshot_before_the_newest_or_after_the_last_record_is_refused(reopen: Reopen, sequence: int) -> None:
    log = reopen()
    log.append([b"one", b"two", b"three"])
    log.write_snapshot(2, b"state")
    with pytest.raises(ValueError, match=f"snapshot at {sequence}"):
        log.write_snapshot(sequence, b"state")
    assert log.snapshot() == b"state"


def test_a_closed_log_refuses_use(reopen: Reopen) -> None:
    log = reopen()
    log.append([b"one"])
    log.close()
    log.close()
    with pytest.raises(LogError, match="closed"):
        log.append([b"two"])
    with pytest.raises(LogError, match="closed"):
        log.sync()
    with pytest.raises(LogError, match="closed"):
        log.write_snapshot(1, b"state")
    assert list(reopen().replay()) == [(1, b"one")]
