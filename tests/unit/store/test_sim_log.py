"""The simulated disk: what a crash may take and what it may not."""

from random import Random

import pytest

from switch.simulation.disk import SimLog


def written() -> SimLog:
    log = SimLog()
    log.append([b"a" * 700])
    log.append([b"b" * 700])
    log.sync()
    for _ in range(4):
        log.append([b"c" * 700])
    return log


def crashed(seed: int) -> SimLog:
    log = written()
    log.crash(Random(seed))
    return log


def test_a_crash_keeps_what_was_synced_and_a_prefix_of_the_rest() -> None:
    survivors = set()
    for seed in range(200):
        log = crashed(seed)
        records = list(log.replay())
        assert records == list(written().replay())[: len(records)]
        assert log.last_sequence == len(records) == log.recovery.last_sequence
        survivors.add(len(records))
    assert survivors == {2, 3, 4, 5, 6}, "every outcome should come up in 200 crashes"


def test_a_crash_may_lose_a_frame_and_leave_a_later_one() -> None:
    assert any(crashed(seed).recovery.torn_bytes > 1500 for seed in range(50))


def test_the_same_seed_crashes_alike() -> None:
    assert [crashed(seed).recovery for seed in range(20)] == [crashed(seed).recovery for seed in range(20)]


def test_a_sync_covers_what_stood_before_it_began() -> None:
    survivors = set()
    for seed in range(50):
        log = SimLog()
        begun_at = log.append([b"before"])
        log.append([b"after"])
        log.sync(begun_at)
        log.crash(Random(seed))
        survivors.add(log.last_sequence)
        assert log.append([b"again"]) == log.recovery.last_sequence + 1
    assert survivors == {1, 2}


@pytest.mark.parametrize("synced_after", [True, False])
def test_what_a_snapshot_drops_makes_nothing_durable_that_was_not(synced_after: bool) -> None:
    survivors = set()
    for seed in range(50):
        log = SimLog()
        log.append([b"one" * 100])
        log.sync()
        log.append([b"two"])
        log.write_snapshot(1, b"state")
        if synced_after:
            log.sync()
        log.append([b"three"])
        log.crash(Random(seed))
        survivors.add(log.last_sequence)
    # The two records may lie in one sector, and are then kept or lost together.
    assert survivors == ({2, 3} if synced_after else {1, 3})


def test_crashes_between_appends_syncs_and_snapshots_never_lose_a_synced_record() -> None:
    rng = Random(20)
    log, truth, durable = SimLog(), {}, 0
    for step in range(2000):
        match rng.choice(["append", "append", "append", "sync", "snapshot", "crash"]):
            case "append":
                batch = [f"{step}/{n}".encode() * rng.randrange(60) for n in range(rng.randrange(1, 4))]
                truth |= dict(enumerate(batch, log.last_sequence + 1))
                log.append(batch)
            case "sync":
                log.sync()
                durable = log.last_sequence
            case "snapshot":
                sequence = rng.randint(log.recovery.snapshot_sequence, log.last_sequence)
                if sequence >= int(log.snapshot() or 0):
                    log.write_snapshot(sequence, str(sequence).encode())
                    durable = max(durable, sequence)
            case "crash":
                log.crash(rng)
                assert log.last_sequence >= durable
                durable = log.last_sequence
                truth = {sequence: truth[sequence] for sequence in range(1, durable + 1)}
        after = int(log.snapshot() or 0)
        assert list(log.replay()) == [(n, truth[n]) for n in range(after + 1, log.last_sequence + 1)]
