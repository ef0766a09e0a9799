"""Any sequence of calls on the file log, checked against a list in memory."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from switch.store.file import FileLog


class FileLogMachine(RuleBasedStateMachine):
    """Tiny segments, so that a few calls run through creating and dropping them."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.records: list[bytes] = []
        self.snapshot_sequence = 0
        self.open()

    def open(self) -> None:
        self.log = FileLog(Path(self.directory.name), segment_bytes=256, keep_segments=1)

    @rule(batch=st.lists(st.binary(max_size=30), max_size=3))
    def append(self, batch: list[bytes]) -> None:
        self.records += batch
        assert self.log.append(batch) == len(self.records)

    @rule()
    def sync(self) -> None:
        self.log.sync()

    @rule(data=st.data())
    def write_snapshot(self, data: st.DataObject) -> None:
        self.snapshot_sequence = data.draw(st.integers(self.snapshot_sequence, len(self.records)))
        self.log.write_snapshot(self.snapshot_sequence, self.state())

    @rule()
    def close_and_open(self) -> None:
        self.log.close()
        self.open()

    @rule()
    def die_and_open(self) -> None:
        self.log._release()
        self.open()
        assert self.log.recovery.torn_bytes == 0

    @rule()
    def lose_the_newest_snapshot(self) -> None:
        """Damage it, and give the state back to the model from the older one and the replay."""
        files = sorted(Path(self.directory.name).glob("snapshot-*.snap"))
        if len(files) < 2:
            return
        self.log.close()
        files[-1].write_bytes(b"")
        self.open()
        self.snapshot_sequence = int(files[-2].stem.removeprefix("snapshot-"))

    @invariant()
    def snapshot_and_replay_give_the_records(self) -> None:
        state = self.log.snapshot()
        assert state is None or state == self.state()
        assert list(self.log.replay()) == list(enumerate(self.records, 1))[self.snapshot_sequence :]

    def state(self) -> bytes:
        return repr(self.records[: self.snapshot_sequence]).encode()

    def teardown(self) -> None:
        self.log.close()
        self.directory.cleanup()


FileLogMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestFileLog = FileLogMachine.TestCase
