"""A log file cut at every byte or with any bit flipped: no wrong record, no silent loss of a witnessed one."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.store import frames
from switch.store.file import FileLog
from switch.store.log import LogError

SEGMENT_BYTES = 4096
NAME = "log-00000000000000000001.seg"

# A batch and whether a sync follows it. Records that look like frames, or like the end, must not confuse anyone.
records = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([frames.MARKER, bytes(8), frames.encode(1, 0, [b"forged"]), frames.encode(1, 2**63, [b"forged"])]),
)
histories = st.lists(st.tuples(st.lists(records, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=8)


def write(directory: Path, history: Sequence[tuple[list[bytes], bool]]) -> bytes:
    """What the segment holds when the process dies after `history`, without the preallocated rest."""
    log = FileLog(directory, segment_bytes=SEGMENT_BYTES)
    for batch, sync in history:
        log.append(batch)
        if sync:
            log.sync()
    log._release()
    data = (directory / NAME).read_bytes()
    return data[: list(frames.read_all(data, 1))[-1].end]


def recovered(directory: Path, data: bytes) -> list[bytes]:
    """The records of a log whose segment holds `data`."""
    (directory / NAME).write_bytes(data)
    log = FileLog(directory, segment_bytes=SEGMENT_BYTES)
    found = list(log.replay())
    assert [sequence for sequence, _ in found] == list(range(1, log.last_sequence + 1))
    # The cut is final: what is appended next is found next time, and nothing of what was cut.
    log.append([b"appended"])
    log.close()
    with_next = FileLog(directory, segment_bytes=SEGMENT_BYTES)
    assert list(with_next.replay()) == [*found, (len(found) + 1, b"appended")]
    with_next.close()
    return [payload for _, payload in found]


def test_cut_at_every_byte_the_whole_batches_before_it_remain(tmp_path: Path) -> None:
    history = [([b"intent", b"intent 2"], True), ([b""], False), ([b"outcome \0\0"], True), ([frames.MARKER], False)]
    data = write(tmp_path, history)
    whole = list(frames.read_all(data, 1))
    for length in range(len(data) + 1):
        remaining = [payload for frame in whole if frame.end <= length for payload in frame.payloads]
        assert recovered(tmp_path, data[:length]) == remaining
        # The same with the preallocated zeros behind it, as a crash leaves it; zeros at the cut may have been written.
        padded = recovered(tmp_path, data[:length] + bytes(256))
        assert padded[: len(remaining)] == remaining


@settings(max_examples=60, deadline=None)
@given(histories, st.data())
def test_with_a_bit_flipped_it_is_cut_there_or_refused_with_the_place(
    history: list[tuple[list[bytes], bool]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        intact = write(directory, history)
        whole = list(frames.read_all(intact, 1))
        position = data.draw(st.integers(0, len(intact) - 1), label="position")
        flipped = bytearray(intact)
        flipped[position] ^= 1 << data.draw(st.integers(0, 7), label="bit")
        hit = next(frame for frame in whole if position < frame.end)
        if any(frame.durable >= hit.first for frame in whole if frame.start > hit.start):
            with pytest.raises(LogError) as caught:
                recovered(directory, bytes(flipped))
            assert caught.value.offset == hit.start
            assert (directory / NAME).read_bytes() == flipped
        else:
            kept = [payload for frame in whole if frame.end <= hit.start for payload in frame.payloads]
            assert recovered(directory, bytes(flipped)) == kept


@settings(max_examples=60, deadline=None)
@given(histories, st.data())
def test_after_a_power_cut_any_sectors_of_the_unsynced_end_may_be_missing(
    history: list[tuple[list[bytes], bool]], data: st.DataObject
) -> None:
    """Out-of-order writes of the disk are no damage: the log opens, with all that was synced."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        intact = write(directory, history)
        whole = list(frames.read_all(intact, 1))
        last_synced = max((number for number, (_, sync) in enumerate(history, 1) if sync), default=0)
        synced = whole[last_synced - 1].end if last_synced else 0
        torn = bytearray(intact)
        for start in range(synced, len(torn), 32):
            if data.draw(st.booleans(), label=f"sector at {start} lost"):
                torn[start : start + 32] = bytes(len(torn[start : start + 32]))
        found = recovered(directory, bytes(torn) + bytes(64))
        written = [payload for frame in whole for payload in frame.payloads]
        assert found == written[: len(found)]
        assert len(found) >= sum(len(frame.payloads) for frame in whole[:last_synced])


@given(st.binary(max_size=400), st.integers(1, 2**40))
def test_any_bytes_have_an_end(data: bytes, expected: int) -> None:
    end = frames.find_end(data, expected)
    assert 0 <= end.offset <= end.offset + end.torn_bytes <= len(data)
    assert end.next_sequence >= expected


@given(st.integers(1, 2**63), st.integers(0, 2**63), st.lists(st.binary(max_size=300), max_size=20))
def test_a_frame_reads_back(first: int, durable: int, payloads: list[bytes]) -> None:
    data = b"??" + frames.encode(first, durable, payloads)
    assert frames.read(data, 2) == frames.Frame(2, len(data), first, durable, tuple(payloads))
    for length in range(len(data)):
        assert frames.read(data[:length], 2) is None


def test_a_lock_survives_damage(tmp_path: Path) -> None:
    """A log that was refused is free to be opened again once it is repaired."""
    data = write(tmp_path, [([b"one"], True), ([b"two"], True)])
    (tmp_path / NAME).write_bytes(b"\xff" + data[1:])
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(LogError):
            FileLog(tmp_path, segment_bytes=SEGMENT_BYTES)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert recovered(tmp_path, data) == [b"one", b"two"]
