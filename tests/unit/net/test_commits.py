"""Group commit: what may leave when, with a journal whose sync a test holds in its hand."""

import asyncio
import threading

from switch.net.commits import GroupCommit
from switch.store.log import LogError
from tests.unit.net.fakes import Memory, on_loop, until


def test_an_answer_waits_for_the_records_before_it_and_for_none_after() -> None:
    async def main() -> None:
        journal, gate, released = Memory(), threading.Event(), []
        journal.before_sync = gate.wait
        commits = GroupCommit(journal, released.extend, lambda error: None)
        assert not commits.hold(("nothing recorded yet",))
        commits.append(b"1")
        assert commits.hold(("after 1",))
        commits.flush()
        assert commits.hold(("still after 1",))
        commits.append(b"2")
        assert commits.hold(("after 2",))
        commits.flush()
        await asyncio.sleep(0.02)
        assert released == []
        assert journal.appended == [[b"1"]]
        gate.set()
        await until(lambda: journal.synced == 2)
        await commits.close()
        assert released == [("after 1",), ("still after 1",), ("after 2",)]
        assert not commits.hold(("all is durable",))

    on_loop(main)


def test_records_that_come_during_a_sync_share_the_next_one() -> None:
    async def main() -> None:
        journal, gate = Memory(), threading.Event()
        journal.before_sync = gate.wait
        commits = GroupCommit(journal, lambda effects: None, lambda error: None)
        for number in range(100):
            commits.append(b"%d" % number)
            commits.flush()
        gate.set()
        await commits.close()
        assert [len(batch) for batch in journal.appended] == [1, 99]
        assert journal.syncs == 2

    on_loop(main)


def test_nothing_held_is_released_when_the_sync_fails() -> None:
    async def main() -> None:
        journal, released, errors = Memory(), [], []
        journal.sync_error = OSError(5, "Input/output error")
        commits = GroupCommit(journal, released.extend, errors.append)
        commits.append(b"1")
        commits.hold(("approved",))
        commits.flush()
        commits.append(b"2")
        commits.hold(("approved too",))
        await until(lambda: errors)
        assert commits.hold(("resting on what was lost",))
        commits.append(b"3")
        commits.hold(("and later",))
        commits.flush()
        await commits.close()
        assert released == []
        assert len(errors) == 1
        assert journal.appended == [[b"1"]]

    on_loop(main)


def test_a_full_disk_fails_before_the_sync() -> None:
    async def main() -> None:
        journal, released, errors = Memory(), [], []
        journal.append_error = LogError("log", "no space left", "make room")
        commits = GroupCommit(journal, released.extend, errors.append)
        commits.append(b"1")
        commits.hold(("approved",))
        commits.flush()
        await commits.close()
        assert released == []
        assert errors == [journal.append_error]

    on_loop(main)


def test_a_sync_that_fails_in_an_unexpected_way_is_a_failure_too() -> None:
    async def main() -> None:
        journal, errors = Memory(), []
        journal.sync_error = RuntimeError("a bug")
        commits = GroupCommit(journal, lambda effects: None, errors.append)
        commits.append(b"1")
        commits.flush()
        await until(lambda: errors)
        await commits.close()

    on_loop(main)
