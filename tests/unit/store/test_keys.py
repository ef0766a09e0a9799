"""The key file."""

import os
import stat
from pathlib import Path

import pytest

from switch.store.keys import DataKeys, KeyFileError, load_or_create


def test_keys_are_made_once_private_and_random(tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    keys = load_or_create(path)
    assert (len(keys.data_key), len(keys.token_key)) == (32, 32)
    assert keys.data_key != keys.token_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create(path) == keys
    assert list(tmp_path.iterdir()) == [path]
    assert load_or_create(tmp_path / "other.key") != keys


def test_the_file_is_the_data_key_then_the_token_key(tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    path.touch(0o600)
    path.write_bytes(b"d" * 32 + b"t" * 32)
    assert load_or_create(path) == DataKeys(b"d" * 32, b"t" * 32)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "data.key"
    load_or_create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"data\.key: its mode is {mode:04o}.*chmod 600"):
        load_or_create(path)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_file_of_another_length_is_refused_and_kept(tmp_path: Path, length: int) -> None:
    path = tmp_path / "data.key"
    path.touch(0o600)
    path.write_bytes(b"\x5a" * length)
    with pytest.raises(KeyFileError, match=r"data\.key: must hold exactly 64 bytes; restore it") as caught:
        load_or_create(path)
    assert "Z" not in str(caught.value)
    assert path.read_bytes() == b"\x5a" * length


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"none/data\.key: No such file or directory; check that the directory"):
        load_or_create(tmp_path / "none" / "data.key")


def test_of_two_first_runs_one_makes_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.key"
    link = os.link

    def overtaken(source: Path, target: Path) -> None:
        Path(target).touch(0o600)
        Path(target).write_bytes(b"w" * 64)
        link(source, target)

    monkeypatch.setattr(os, "link", overtaken)
    assert load_or_create(path) == DataKeys(b"w" * 32, b"w" * 32)
    assert list(tmp_path.iterdir()) == [path]


def test_keys_do_not_show() -> None:
    assert repr(DataKeys(b"d" * 32, b"t" * 32)) == "DataKeys(data_key=<hidden>, token_key=<hidden>)"


def test_keys_that_a_log_needs_are_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"data\.key: missing, and the log beside it needs it"):
        load_or_create(tmp_path / "data.key", may_create=False)
    assert not list(tmp_path.iterdir())
