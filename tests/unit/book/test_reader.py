"""Reading a log beside its writer."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from switch.store import frames
from switch.store.file import FileLog
from switch.store.log import LogError
from switch.store.reader import LogReader


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A log of 50 records in several segments, still open."""
    with closing(FileLog(tmp_path / "log", segment_bytes=1024, keep_segments=0)) as log:
        for number in range(1, 51):
            log.append([b"%03d" % number * 20])
        yield tmp_path / "log"


@pytest.mark.parametrize("after", [0, 1, 7, 49, 50, 99])
def test_it_reads_from_anywhere(directory: Path, after: int) -> None:
    reader = LogReader(directory)
    expected = [(number, b"%03d" % number * 20) for number in range(after + 1, 51)]
    assert list(reader.read(after)) == expected
    assert (reader.first_sequence, reader.last_sequence()) == (1, 50)


def test_a_torn_end_is_the_end(directory: Path) -> None:
    last = sorted(directory.glob("*.seg"))[-1]
    content = last.read_bytes().rstrip(b"\0")
    last.write_bytes(content[:-1] + b"?" + bytes(100))
    assert [sequence for sequence, _ in LogReader(directory).read()] == list(range(1, 50))


def test_a_missing_segment_is_named(directory: Path) -> None:
    first, second, *_ = sorted(directory.glob("*.seg"))
    second.unlink()
    with pytest.raises(LogError, match=rf"{first.name}.*record .* damaged or missing"):
        list(LogReader(directory).read())


def test_a_segment_dropped_while_it_is_read(directory: Path) -> None:
    records = LogReader(directory).read()
    next(records)
    for segment in sorted(directory.glob("*.seg"))[1:]:
        segment.unlink()
    with pytest.raises(LogError, match="was dropped while it was read"):
        list(records)


def test_a_frame_filled_in_while_we_passed_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that saw the second frame and not yet the first, as two page reads around two writes do."""
    with closing(FileLog(tmp_path, segment_bytes=1024)) as log:
        for payload in (b"one", b"two", b"three"):
            log.append([payload])
            log.sync()
    content = next(tmp_path.glob("*.seg")).read_bytes()
    first, second = list(frames.read_all(content, 1))[:2]
    gap = content[: first.end] + bytes(second.end - second.start) + content[second.end :]
    readings = [gap, content]
    monkeypatch.setattr(Path, "read_bytes", lambda path: readings.pop(0))
    assert [payload for _, payload in LogReader(tmp_path).read()] == [b"one", b"two", b"three"]
    readings = [gap, gap]
    with pytest.raises(LogError, match="record 2 was durable and is damaged"):
        list(LogReader(tmp_path).read())


def test_it_never_sees_a_gap_however_fast_the_writer(tmp_path: Path) -> None:
    """Every reading is a prefix, and later readings see more; sync after each batch, so each bears witness."""
    log = FileLog(tmp_path, segment_bytes=1 << 16)

    def write() -> None:
        with closing(log):
            for number in range(1, 1001):
                log.append([b"%06d" % number * 10])
                if number % 5 == 0:
                    log.sync()

    writer, seen = Thread(target=write), 0
    writer.start()
    while seen < 1000:
        read = [sequence for sequence, _ in LogReader(tmp_path).read()]
        assert read == list(range(1, len(read) + 1))
        assert len(read) >= seen
        seen = len(read)
    writer.join()
