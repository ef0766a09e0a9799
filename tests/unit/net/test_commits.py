"""Group commit: what may leave when, with a journal whose sync a test holds in its hand."""

import asyncio
import threading
from typing import Any

import pytest

from switch.core.effects import ANSWER, CLOSE, FORWARD
from switch.net import commits as commits_module
from switch.net.commits import GroupCommit
from switch.store.log import LogError
from tests.unit.net.fakes import Memory, on_loop, until


def test_an_answer_waits_for_the_records_before_it_and_for_none_after() -> None:
    async def main() -> None:
        journal, gate, released = Memory(), threading.Event(), []
        journal.before_sync = gate.wait
        commits = group_commit(journal, released)
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
        commits = group_commit(journal, [])
        for number in range(100):
            commits.append(b"%d" % number)
            commits.flush()
        gate.set()
        await commits.close()
        assert [len(batch) for batch in journal.appended] == [1, 99]
        assert journal.syncs == 2

    on_loop(main)


class Paced:
    """A clock for the pace of syncs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(commits_module, "monotonic", lambda: self.now)


@pytest.mark.parametrize(
    ("before", "records", "later_s", "goes"),
    [
        (1, 1, 0.0, True),  # alone: nobody else is likely to come
        (commits_module.COMPANY, 1, 0.0, False),
        (commits_module.COMPANY, commits_module.LARGE - 1, commits_module.PACE_S / 2, False),
        (commits_module.COMPANY, commits_module.LARGE, 0.0, True),
        (commits_module.COMPANY, 1, commits_module.PACE_S * 1.01, True),
    ],
)
def test_a_batch_that_is_not_large_keeps_the_pace(
    monkeypatch: pytest.MonkeyPatch, before: int, records: int, later_s: float, goes: bool
) -> None:
    async def main() -> None:
        clock, journal = Paced(monkeypatch), Memory()
        monkeypatch.setattr(commits_module, "BACKSTOP_S", 9.0)
        commits = group_commit(journal, [])
        for _ in range(before):
            commits.append(b"before")
        commits.flush()
        await until(lambda: commits.hold(("anything",)) is False)
        clock.now += later_s
        for _ in range(records):
            commits.append(b"now")
        commits.flush()
        assert [len(batch) for batch in journal.appended] == ([before, records] if goes else [before])
        await commits.close()
        assert journal.synced == before + records

    on_loop(main)


def test_what_waits_for_the_pace_goes_though_nothing_wakes_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        Paced(monkeypatch)
        journal = Memory()
        commits = group_commit(journal, [])
        for _ in range(commits_module.COMPANY):
            commits.append(b"before")
        commits.flush()
        await until(lambda: commits.hold(("anything",)) is False)
        commits.append(b"alone now")
        commits.flush()
        assert len(journal.appended) == 1
        await until(lambda: journal.synced == commits_module.COMPANY + 1)
        await commits.close()

    on_loop(main)


class Reports(list[Exception | None]):
    """What a GroupCommit says of its log."""

    def __init__(self) -> None:
        super().__init__()
        self.overfull = 0

    def too_much(self) -> None:
        self.overfull += 1


def group_commit(journal: Memory, released: list[Any], reports: Reports | None = None) -> GroupCommit:
    reports = Reports() if reports is None else reports
    return GroupCommit(journal, released.extend, reports.append, reports.too_much)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken logs are tried again without delay."""
    monkeypatch.setattr(commits_module, "RETRY_S", 0.002)


def test_nothing_held_is_released_when_the_sync_fails() -> None:
    async def main() -> None:
        journal, released, reports = Memory(), [], Reports()
        journal.sync_error = OSError(5, "Input/output error")
        commits = group_commit(journal, released, reports)
        commits.append(b"1")
        commits.hold((ANSWER, "approved"))
        commits.flush()
        commits.append(b"2")
        commits.hold((ANSWER, "approved too"))
        await until(lambda: reports)
        assert commits.hold((ANSWER, "resting on what was lost"))
        commits.append(b"3")
        commits.hold((FORWARD, "and later"))
        commits.flush()
        await commits.close()
        assert released == []
        assert reports == [journal.sync_error]
        assert journal.appended == [[b"1"]]

    on_loop(main)


@pytest.mark.usefixtures("at_once")
def test_a_log_that_works_again_gets_every_record_once_and_in_order() -> None:
    async def main() -> None:
        journal, released, reports = Memory(), [], Reports()
        journal.sync_error = journal.resume_error = OSError(28, "No space left on device")
        commits = group_commit(journal, released, reports)
        commits.append(b"1")
        commits.hold((ANSWER, "dropped"))
        commits.flush()
        await until(lambda: reports)
        commits.append(b"2")
        commits.hold((ANSWER, "dropped too"))
        await until(lambda: journal.resumes > 3)
        journal.resume_error = journal.sync_error = None
        await until(lambda: reports[-1] is None)
        assert len(reports) == 2
        assert [record for batch in journal.appended for record in batch] == [b"1", b"2"]
        assert journal.synced == 2
        commits.append(b"3")
        commits.hold((ANSWER, "all is well"))
        commits.flush()
        await commits.close()
        assert released == [(ANSWER, "all is well")]

    on_loop(main)


@pytest.mark.usefixtures("at_once")
def test_a_batch_that_could_not_be_appended_is_appended_again() -> None:
    async def main() -> None:
        journal, released, reports = Memory(), [], Reports()
        journal.append_error = LogError("log", "no space left", "make room")
        commits = group_commit(journal, released, reports)
        commits.append(b"1")
        commits.hold((ANSWER, "dropped"))
        commits.flush()
        assert reports == [journal.append_error]
        commits.append(b"2")
        await until(lambda: journal.resumes > 3)  # resuming succeeds, appending still does not
        assert len(reports) == 1
        journal.append_error = None
        await until(lambda: not commits.broken)
        await commits.close()
        assert (journal.appended, released) == ([[b"1", b"2"]], [])

    on_loop(main)


def test_a_close_does_not_wait_for_a_broken_log() -> None:
    async def main() -> None:
        journal, released, reports = Memory(), [], Reports()
        journal.sync_error = OSError(5, "Input/output error")
        commits = group_commit(journal, released, reports)
        commits.append(b"1")
        commits.hold((ANSWER, "approved"))
        commits.hold((CLOSE, 7, "done"))
        commits.flush()
        await until(lambda: reports)
        assert released == [(CLOSE, 7, "done")]
        assert not commits.hold((CLOSE, 8, "at once"))
        await commits.close()

    on_loop(main)


def test_what_is_kept_for_a_broken_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits_module, "MAX_KEPT_BYTES", 10)

    async def main() -> None:
        journal, reports = Memory(), Reports()
        journal.append_error = LogError("log", "no space left", "make room")
        commits = group_commit(journal, [], reports)
        commits.append(b"12345678")
        commits.flush()
        assert reports.overfull == 0
        for _ in range(3):
            commits.append(b"9")
        assert reports.overfull == 1
        await commits.close()

    on_loop(main)


def test_a_sync_that_fails_in_an_unexpected_way_is_a_failure_too() -> None:
    async def main() -> None:
        journal, reports = Memory(), Reports()
        journal.sync_error = RuntimeError("a bug")
        commits = group_commit(journal, [], reports)
        commits.append(b"1")
        commits.flush()
        await until(lambda: reports)
        await commits.close()

    on_loop(main)
