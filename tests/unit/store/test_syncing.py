"""The thread that syncs beside the loop, compiled and twin."""

import errno
import os
import select
from pathlib import Path

import pytest

from switch.store import _syncing_c, _syncing_py  # type: ignore[attr-defined]  # compiled


@pytest.fixture(params=[_syncing_c, _syncing_py], ids=["native", "twin"])
def thread(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    thread = request.param.SyncThread()
    yield thread
    thread.close()


def test_its_outcome_is_readable_until_it_is_taken(thread, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with (tmp_path / "file").open("wb") as file:
        for _ in range(3):
            file.write(b"x")
            thread.begin(file.fileno())
            assert select.select([thread], [], [], 10)[0] == [thread]
            assert thread.end() == 0
            assert select.select([thread], [], [], 0)[0] == []


def test_a_failure_is_told_and_does_not_outlive_its_order(thread, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with (tmp_path / "file").open("wb") as file:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        thread.begin(descriptor)
        assert thread.end() in (errno.EINVAL, errno.EROFS)
        os.close(descriptor)
        thread.begin(descriptor)
        assert thread.end() == errno.EBADF
        thread.begin(file.fileno())
        assert thread.end() == 0


def test_closing_waits_for_what_was_begun_and_may_be_repeated(thread, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with (tmp_path / "file").open("wb") as file:
        thread.begin(file.fileno())
        thread.close()
    thread.close()
