"""Lines of the parts: all kept, only trouble shown, and a full disk hurts nobody."""

import os
from pathlib import Path

import pytest

from switch.net import part_lines
from switch.net.part_lines import PartLines, is_trouble

DECLINED = b'{"part":"issuer-1","event":"declined","reason":"funds","why":"51"}'
TIMED_OUT = b'{"part":"switch","event":"timed-out","reason":"issuer-timeout","why":"no answer"}'


def test_lines_are_put_together_kept_and_shown(tmp_path: Path) -> None:
    shown: list[bytes] = []
    lines = PartLines(tmp_path, "switch", shown.append)
    for piece in (DECLINED[:10], DECLINED[10:] + b"\n" + TIMED_OUT, b"\nlast words"):
        lines.feed(piece)
    assert shown == [DECLINED, TIMED_OUT]
    lines.close()
    assert shown == [DECLINED, TIMED_OUT, b"last words"]
    assert (tmp_path / "switch.events.jsonl").read_bytes() == b"\n".join([*shown, b""])


def test_a_simulated_issuers_decisions_are_no_trouble() -> None:
    issuers = frozenset({"issuer-1"})
    assert not is_trouble(DECLINED, issuers)
    assert is_trouble(TIMED_OUT, issuers)
    assert is_trouble(DECLINED.replace(b"issuer-1", b"switch"), issuers)
    assert is_trouble(b"Traceback (most recent call last):", issuers)


def test_files_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_lines, "MAX_FILE_BYTES", 2 * len(TIMED_OUT))
    lines = PartLines(tmp_path, "switch", lambda _: None)
    lines.feed((TIMED_OUT + b"\n") * 5)
    lines.close()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 2 * len(TIMED_OUT)


def test_a_full_disk_loses_the_line_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    shown: list[bytes] = []
    lines = PartLines(tmp_path, "switch", shown.append)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        lines.feed(TIMED_OUT + b"\n")
    lines.feed(DECLINED + b"\n")
    lines.close()
    assert shown == [TIMED_OUT, DECLINED]
    assert (tmp_path / "switch.events.jsonl").read_bytes() == DECLINED + b"\n"
