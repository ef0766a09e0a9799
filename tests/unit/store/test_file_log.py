"""The log in files: layout, faults of the disk, damage, limits."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from switch.store import frames
from switch.store.file import BLANK_BYTES, SEGMENT_BYTES, FileLog
from switch.store.log import LogError

RECORD = b"x" * 100  # in a frame of its own 136 bytes, so seven to a segment of 1024


@contextmanager
def opened(directory: Path, segment_bytes: int = 1024, keep_segments: int = 0) -> Iterator[FileLog]:
    with closing(FileLog(directory, segment_bytes=segment_bytes, keep_segments=keep_segments)) as log:
        yield log


def abandon(log: FileLog) -> None:
    """Leave the files as a killed process does: no sync, no last frame, the lock freed by closing its file."""
    log._release()


def fill(directory: Path, records: int) -> None:
    """Append and sync `records` records one by one, then die."""
    log = FileLog(directory, segment_bytes=1024)
    for _ in range(records):
        log.append([RECORD])
        log.sync()
    abandon(log)


def segments(directory: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("log-")) for path in directory.glob("log-*.seg"))


def failing(code: int):  # type: ignore[no-untyped-def]
    def call(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    return call


def test_segments_are_preallocated_and_private(tmp_path: Path) -> None:
    with closing(FileLog(tmp_path / "log")) as log:
        log.append([RECORD])
        files = {path.name: path.stat() for path in (tmp_path / "log").iterdir()}
    assert files.keys() == {"lock", "log-00000000000000000001.seg"}
    segment = files["log-00000000000000000001.seg"]
    assert segment.st_size == SEGMENT_BYTES == 64 * 1024 * 1024
    assert segment.st_blocks * 512 >= SEGMENT_BYTES
    assert all(stat.S_IMODE(status.st_mode) == 0o600 for status in files.values())
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700


def test_zeros_go_before_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few syncs have to wait for the file system's own records."""
    lengths: list[int] = []
    pwrite = os.pwrite
    with opened(tmp_path, segment_bytes=5 * BLANK_BYTES // 2) as log:
        monkeypatch.setattr(os, "pwrite", lambda fd, data, at: lengths.append(len(data)) or pwrite(fd, data, at))
        for _ in range(24):
            log.append([bytes(100_000)])
            log.sync()
    zeros = [length for length in lengths if length > 200_000]
    assert len(zeros) == 3
    assert max(zeros) <= BLANK_BYTES
    with opened(tmp_path) as log:
        assert log.last_sequence == 24


def test_one_write_and_one_fdatasync_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    pwrite, fdatasync = os.pwrite, os.fdatasync
    with opened(tmp_path, segment_bytes=1 << 20) as log:
        log.append([RECORD])  # with the zeros that go before the log
        log.sync()
        monkeypatch.setattr(os, "pwrite", lambda *args: calls.append("write") or pwrite(*args))
        monkeypatch.setattr(os, "fdatasync", lambda fd: calls.append("sync") or fdatasync(fd))
        log.append([RECORD] * 256)
        log.sync()
        assert calls == ["write", "sync"]


def test_two_logs_cannot_share_a_directory(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(LogError, match=r"lock: another process has this log open; stop it, or"):
        FileLog(tmp_path)
    with opened(tmp_path) as log:
        assert log.last_sequence == 0


def test_a_full_segment_is_synced_before_its_successor_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    existing_at_sync: list[list[int]] = []
    fdatasync = os.fdatasync
    with opened(tmp_path) as log:
        log.append([RECORD] * 6)
        monkeypatch.setattr(os, "fdatasync", lambda fd: existing_at_sync.append(segments(tmp_path)) or fdatasync(fd))
        log.append([RECORD] * 6)
        assert existing_at_sync == [[1]]
        assert segments(tmp_path) == [1, 7]
    with opened(tmp_path) as log:
        assert [sequence for sequence, _ in log.replay()] == list(range(1, 13))


def test_a_batch_larger_than_a_segment_is_refused_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        assert log.append([bytes(1024 - frames.HEADER_BYTES - 4)]) == 1
        with pytest.raises(ValueError, match=r"1025 bytes is larger than a segment .*: split it"):
            log.append([bytes(1025 - frames.HEADER_BYTES - 4)])
        assert log.append([b"fits"]) == 2


def test_no_space_for_a_segment_loses_nothing_and_the_batch_can_be_appended_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as log:
        log.append([RECORD] * 6)
        with monkeypatch.context() as full:
            full.setattr(os, "posix_fallocate", failing(errno.ENOSPC))
            for batch in ([RECORD] * 6, [b"would fit into the old segment"]):
                with pytest.raises(LogError, match=r"07\.seg: cannot preallocate 1024 bytes: No space left.*nothing"):
                    log.append(batch)
        assert log.last_sequence == 6
        assert log.append([b"seven"]) == 7
    with opened(tmp_path) as log:
        assert [sequence for sequence, _ in log.replay()] == list(range(1, 8))


def test_death_for_want_of_space_leaves_a_log_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileLog(tmp_path, segment_bytes=1024)
    log.append([RECORD] * 6)
    with monkeypatch.context() as full:
        full.setattr(os, "posix_fallocate", failing(errno.ENOSPC))
        with pytest.raises(LogError):
            log.append([RECORD] * 6)
    abandon(log)
    with opened(tmp_path) as log:
        assert log.last_sequence == 6
        assert log.append([RECORD] * 6) == 12
    with opened(tmp_path) as log:
        assert len(list(log.replay())) == 12


def test_after_a_failed_fdatasync_everything_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileLog(tmp_path, segment_bytes=1024)
    log.append([b"durable"])
    log.sync()
    log.append([b"doubtful"])
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing(errno.EIO))
        with pytest.raises(LogError, match="fdatasync failed: Input/output error; look at the disk"):
            log.sync()
    # The disk seems well again, but the kernel may have dropped the page and forgotten the error.
    for use in (log.sync, lambda: log.append([b"more"]), lambda: log.write_snapshot(1, b"state")):
        with pytest.raises(LogError, match="fdatasync failed"):
            use()
    log.close()
    with opened(tmp_path) as log:
        assert next(log.replay()) == (1, b"durable")


def short_write(fd: int, data: bytes, offset: int, pwrite=os.pwrite) -> int:  # type: ignore[no-untyped-def]
    return pwrite(fd, data[:-1], offset)


@pytest.mark.parametrize(
    ("pwrite", "reason", "torn_bytes"),
    [
        (failing(errno.EIO), "write failed: Input/output error", 0),
        (short_write, "only 43 of 44 bytes were written", 43),
    ],
)
def test_after_a_failed_write_everything_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pwrite: object, reason: str, torn_bytes: int
) -> None:
    log = FileLog(tmp_path, segment_bytes=1024)
    log.append([b"durable"])
    log.sync()
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", pwrite)
        with pytest.raises(LogError, match=reason):
            log.append([b"doubtful"])
    for use in (log.sync, lambda: log.append([b"more"])):
        with pytest.raises(LogError, match=reason):
            use()
    log.close()
    with opened(tmp_path) as log:
        assert list(log.replay()) == [(1, b"durable")]
        assert log.recovery.torn_bytes == torn_bytes


@pytest.mark.parametrize("what", ["fdatasync", "pwrite", "short"])
def test_a_log_whose_disk_works_again_resumes_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    log = FileLog(tmp_path, segment_bytes=1024)
    log.append([b"durable"])
    log.sync()
    log.append([b"written, not synced"])
    with monkeypatch.context() as broken:
        name = "pwrite" if what == "short" else what
        broken.setattr(os, name, short_write if what == "short" else failing(errno.EIO))
        with pytest.raises(LogError):
            log.sync() if what == "fdatasync" else log.append([b"doubtful"])
        with pytest.raises(LogError):  # not yet
            log.resume()
    os.pwrite(log._fd, bytes(64), frames.HEADER_BYTES + 4 + len(b"durable"))  # the kernel dropped what was not synced
    log.resume()
    assert log.append([b"after"]) == 3
    log.sync()
    log.close()
    with opened(tmp_path) as log:
        assert [record for _, record in log.replay()] == [b"durable", b"written, not synced", b"after"]


def test_a_sync_on_another_thread_covers_what_was_appended_before_it_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, finish = Event(), Event()
    fdatasync = os.fdatasync

    def slow(fd: int) -> None:
        begun.set()
        assert finish.wait(10)
        fdatasync(fd)

    with opened(tmp_path, segment_bytes=1 << 20) as log:
        log.append([b"covered"])
        monkeypatch.setattr(os, "fdatasync", slow)
        thread = Thread(target=log.sync)
        thread.start()
        assert begun.wait(10)
        log.append([b"appended meanwhile"])  # the disk does not hold up the loop
        finish.set()
        thread.join()
        log.append([b"witness"])
    data = (tmp_path / "log-00000000000000000001.seg").read_bytes()
    assert [frame.durable for frame in frames.read_all(data, 1)] == [0, 0, 1, 3]


def test_a_sync_begun_covers_what_was_appended_before_it_and_no_more(tmp_path: Path) -> None:
    with opened(tmp_path, segment_bytes=1 << 20) as log:
        log.append([b"covered"])
        log.begin_sync()
        log.append([b"appended meanwhile"])
        log.end_sync()
        log.append([b"witness"])
    data = (tmp_path / "log-00000000000000000001.seg").read_bytes()
    assert [frame.durable for frame in frames.read_all(data, 1)] == [0, 0, 1, 3]


def test_a_segment_left_during_a_sync_stays_open_until_it_has_ended(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.append([RECORD] * 8)
        left = log._fd
        log.begin_sync()
        log.append([RECORD] * 8)  # in the next segment: what was begun is overtaken
        os.fstat(left)
        log.end_sync()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(left)
        log.sync()
    with opened(tmp_path) as log:
        assert log.recovery.last_sequence == 16


def test_a_sync_begun_that_fails_is_made_good_by_resuming(tmp_path: Path) -> None:
    log = FileLog(tmp_path, segment_bytes=1024)
    log.append([b"not synced"])
    descriptor, log._fd = log._fd, os.open(os.devnull, os.O_WRONLY)  # which cannot be synced
    log.begin_sync()
    os.close(log._fd)
    log._fd = descriptor
    with pytest.raises(LogError, match=r"fdatasync failed: (Invalid argument|Bad file descriptor); look at the disk"):
        log.end_sync()
    with pytest.raises(LogError, match="fdatasync failed"):
        log.begin_sync()
    log.resume()
    log.append([b"after"])
    log.begin_sync()
    log.end_sync()
    abandon(log)
    with opened(tmp_path) as log:
        assert [record for _, record in log.replay()] == [b"not synced", b"after"]


def test_a_torn_end_is_cut_and_reported(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    path = tmp_path / "log-00000000000000000001.seg"
    os.truncate(path, 2 * 136 + 50)
    with opened(tmp_path) as log:
        assert log.recovery.last_sequence == 2
        assert log.recovery.torn_bytes == 50
        assert log.recovery.torn_place == "log-00000000000000000001.seg at offset 272"
        assert path.stat().st_size == 1024
        assert log.append([b"three, again"]) == 3
    with opened(tmp_path) as log:
        assert list(log.replay())[-1] == (3, b"three, again")
        assert log.recovery.torn_bytes == 0


def test_damage_behind_a_later_witness_is_named_and_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    path = tmp_path / "log-00000000000000000001.seg"
    data = bytearray(path.read_bytes())
    data[2 * 136 + 60] ^= 1
    path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(LogError, match=r"01\.seg at offset 272: record 3 was durable and is damaged") as caught:
            FileLog(tmp_path)
        assert (caught.value.path, caught.value.offset) == (str(path), 272)
    assert path.read_bytes() == data
    data[2 * 136 + 60] ^= 1
    path.write_bytes(data)
    with opened(tmp_path) as log:
        assert log.last_sequence == 5


def test_closing_bears_witness_for_the_last_record(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.append([RECORD])
    path = tmp_path / "log-00000000000000000001.seg"
    path.write_bytes(path.read_bytes().replace(b"xx", b"xy", 1))
    with pytest.raises(LogError, match="at offset 0: record 1 was durable"):
        FileLog(tmp_path)


def test_a_full_segment_that_lost_its_end_is_damage(tmp_path: Path) -> None:
    fill(tmp_path, 8)
    os.truncate(tmp_path / "log-00000000000000000001.seg", 6 * 136 + 1)
    with pytest.raises(LogError, match=r"01\.seg at offset 816: record 7 was durable"):
        FileLog(tmp_path)


def test_a_frame_in_a_wrong_place_is_no_record(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    path = tmp_path / "log-00000000000000000001.seg"
    data = path.read_bytes()
    path.write_bytes(data[:136] + data[:136] + data[272:])
    with pytest.raises(LogError, match="at offset 136: record 2 was durable"):
        FileLog(tmp_path)


def test_a_missing_segment_is_damage(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    assert segments(tmp_path) == [1, 8, 15]
    (tmp_path / "log-00000000000000000008.seg").unlink()
    with pytest.raises(LogError, match=r"01\.seg at offset 952: record 8 was durable and is damaged or missing"):
        FileLog(tmp_path)
    (tmp_path / "log-00000000000000000001.seg").unlink()
    with pytest.raises(LogError, match=r"records 1 and following are missing; restore"):
        FileLog(tmp_path)


def test_a_log_that_ends_before_its_snapshot_is_damaged(tmp_path: Path) -> None:
    log = FileLog(tmp_path, segment_bytes=1024)
    log.append([RECORD])
    log.append([RECORD])
    log.write_snapshot(2, b"state")
    abandon(log)
    os.truncate(tmp_path / "log-00000000000000000001.seg", 136)
    with pytest.raises(LogError, match="at offset 136: record 2 was durable"):
        FileLog(tmp_path)


def test_segments_that_both_snapshots_cover_are_dropped_beyond_those_to_keep(tmp_path: Path) -> None:
    fill(tmp_path, 29)
    with opened(tmp_path, keep_segments=1) as log:
        assert segments(tmp_path) == [1, 8, 15, 22, 29]
        log.write_snapshot(27, b"at 27")
        assert segments(tmp_path) == [1, 8, 15, 22, 29]  # the only snapshot might turn out damaged
        log.write_snapshot(28, b"at 28")
        assert segments(tmp_path) == [15, 22, 29]
        log.write_snapshot(29, b"at 29")
        assert segments(tmp_path) == [22, 29]
        assert len(list(tmp_path.glob("snapshot-*"))) == 2
    with opened(tmp_path) as log:
        assert log.snapshot() == b"at 29"
        assert list(log.replay()) == []


def test_a_damaged_snapshot_gives_way_to_the_one_before(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    with opened(tmp_path) as log:
        log.write_snapshot(3, b"at 3")
        log.write_snapshot(9, b"at 9")
    newest = tmp_path / "snapshot-00000000000000000009.snap"
    newest.write_bytes(newest.read_bytes()[:-1])
    with opened(tmp_path) as log:
        assert log.recovery.damaged_snapshots == (newest.name,)
        assert log.snapshot() == b"at 3"
        assert [sequence for sequence, _ in log.replay()] == list(range(4, 11))
        log.write_snapshot(10, b"at 10")
    with opened(tmp_path) as log:
        assert log.recovery.damaged_snapshots == ()
        assert log.snapshot() == b"at 10"


def test_a_snapshot_under_another_name_is_damaged(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    with opened(tmp_path) as log:
        log.write_snapshot(3, b"at 3")
    (tmp_path / "snapshot-00000000000000000003.snap").rename(tmp_path / "snapshot-00000000000000000004.snap")
    with opened(tmp_path) as log:
        assert log.snapshot() is None
        assert len(list(log.replay())) == 5


def test_a_snapshot_takes_its_name_when_it_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, list[str]]] = []
    fsync = os.fsync

    def spying(fd: int) -> None:
        file = Path(os.readlink(f"/proc/self/fd/{fd}"))
        steps.append((file.name, sorted(path.name for path in tmp_path.glob("snapshot*"))))
        fsync(fd)

    with opened(tmp_path) as log:
        log.append([RECORD])
        monkeypatch.setattr(os, "fsync", spying)
        log.write_snapshot(1, b"at 1")
    assert steps == [
        ("snapshot.partial", ["snapshot.partial"]),
        (tmp_path.name, ["snapshot-00000000000000000001.snap"]),
    ]


def test_a_snapshot_never_runs_ahead_of_the_durable_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as log:
        log.append([RECORD] * 2)
        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", failing(errno.EIO))
            with pytest.raises(LogError, match="fdatasync failed"):
                log.write_snapshot(1, b"at 1")
    assert list(tmp_path.glob("snapshot*")) == []


def test_no_space_for_a_snapshot_leaves_the_log_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as log:
        log.append([RECORD] * 2)
        log.write_snapshot(1, b"at 1")
        with monkeypatch.context() as full:
            full.setattr(os, "fsync", failing(errno.ENOSPC))
            with pytest.raises(LogError, match=r"02\.snap: cannot write the snapshot: No space.*older ones still"):
                log.write_snapshot(2, b"at 2")
        assert log.append([RECORD]) == 3
        log.write_snapshot(3, b"at 3")
    with opened(tmp_path) as log:
        assert log.snapshot() == b"at 3"


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match=r"file/log: cannot open the log: Not a directory; check the directory"):
        FileLog(tmp_path / "file" / "log")


def test_opening_makes_durable_what_a_killed_process_had_only_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = FileLog(tmp_path, segment_bytes=1024)
    log.append([RECORD])
    abandon(log)
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")) or fsync(fd))
    with opened(tmp_path) as log:
        assert list(log.replay()) == [(1, RECORD)]
        assert str(tmp_path / "log-00000000000000000001.seg") in synced


def test_records_are_those_of_the_replay(tmp_path: Path) -> None:
    """Over several segments, from the middle of a batch on, and with what was appended since it was opened."""
    with opened(tmp_path) as log:
        for number in range(12):
            log.append([b"%d.%d" % (number, place) * 20 for place in range(3)])
        log.write_snapshot(8, b"state")
    with opened(tmp_path) as log:
        log.append([b"more"])
        numbers, payloads = zip(*log.replay(), strict=True)
        assert numbers == tuple(range(9, 38))
        assert list(log.records()) == list(payloads)
        assert payloads[0] == b"2.2" * 20
        assert [left for left, _ in zip(log.records(), log.records(), strict=True)] == list(payloads)
    assert len(segments(tmp_path)) > 2


def test_what_is_gone_since_the_log_was_opened_is_noticed(tmp_path: Path) -> None:
    """Checksums are compared once, when it is opened."""
    fill(tmp_path, 20)
    first, second, third = segments(tmp_path)
    for segment in (third, second, first):
        path = tmp_path / f"log-{segment:020d}.seg"
        whole = path.read_bytes()
        with opened(tmp_path) as log:
            path.write_bytes(whole[:136] + bytes(4) + whole[140:])
            with pytest.raises(LogError, match=rf"{path.name}: record {segment + 1} was there when the log was opened"):
                list(log.records())
            path.write_bytes(whole)


def test_a_snapshot_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What opening has checked is handed out, and not kept."""
    with opened(tmp_path) as log:
        log.append([RECORD] * 3)
        log.write_snapshot(2, b"state")
    with opened(tmp_path) as log:
        monkeypatch.setattr(Path, "open", failing(errno.EIO))
        assert log.snapshot() == b"state"
        with pytest.raises(OSError, match="Input/output"):
            log.snapshot()
        monkeypatch.undo()
        log.write_snapshot(3, b"newer")
        assert log.snapshot() == b"newer"
