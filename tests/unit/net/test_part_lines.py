"""Lines of the parts: put together, shown, and only trouble in a log."""

from pathlib import Path

from switch.net.event_file import EventFile
from switch.net.part_lines import PartLines, is_trouble

DECLINED = b'{"part":"issuer-1","event":"declined","reason":"funds","why":"51"}'
TIMED_OUT = b'{"part":"switch","event":"timed-out","reason":"issuer-timeout","why":"no answer"}'


def test_lines_are_put_together_kept_and_shown(tmp_path: Path) -> None:
    shown: list[bytes] = []
    lines = PartLines(shown.append, EventFile(tmp_path / "hsm.events.jsonl"))
    for piece in (DECLINED[:10], DECLINED[10:] + b"\n" + TIMED_OUT, b"\nlast words"):
        lines.feed(piece)
    assert shown == [DECLINED, TIMED_OUT]
    lines.close()
    assert shown == [DECLINED, TIMED_OUT, b"last words"]
    assert (tmp_path / "hsm.events.jsonl").read_bytes() == b"\n".join([*shown, b""])


def test_a_simulated_issuers_decisions_are_no_trouble() -> None:
    issuers = frozenset({"issuer-1"})
    assert not is_trouble(DECLINED, issuers)
    assert is_trouble(TIMED_OUT, issuers)
    assert is_trouble(DECLINED.replace(b"issuer-1", b"switch"), issuers)
    assert is_trouble(b"Traceback (most recent call last):", issuers)
