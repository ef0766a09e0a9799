"""A data directory that others can write to is refused, by every command and part that trusts what is in it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from switch.store.directory import SharedDirectoryError, prepare_directory, refuse_shared

COMMANDS = (["up"], ["switch"], ["issuer"], ["hsm"], ["send", "echo"], ["control", "status"], ["ocard", "list"])


@pytest.fixture
def umask_of_a_shared_group():
    before = os.umask(0o002)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask_of_a_shared_group")
def test_it_is_made_for_its_owner_alone_and_so_is_what_was_missing_above(tmp_path: Path) -> None:
    data = prepare_directory(tmp_path / "above" / "data")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (data, data.parent)] == [0o700, 0o700]
    assert prepare_directory(data) == data


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o1777])
def test_others_can_write(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(SharedDirectoryError, match=f"mode is {mode:04o}.*; chmod go-w {tmp_path}"):
        prepare_directory(tmp_path)
    tmp_path.chmod(mode & ~0o022)
    prepare_directory(tmp_path)


def test_it_belongs_to_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        refuse_shared(tmp_path)  # root can do anything already
        os.chown(tmp_path, 4711, -1)
        owner = 4711
    with pytest.raises(SharedDirectoryError, match=f"belongs to the user {owner}"):
        refuse_shared(tmp_path)


def test_a_file_or_nothing_is_for_others_to_complain_of(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refuse_shared(tmp_path / "none")
    with pytest.raises(FileExistsError):
        prepare_directory(tmp_path / "file")


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_every_command_says_what_to_do(tmp_path: Path, words: list[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o775)
    command = [sys.executable, "-m", "switch.cli", *words, "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"chmod go-w {data}" in done.stderr
    assert list(data.iterdir()) == []
