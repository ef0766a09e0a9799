"""A real terminal of some size, by tmux: what a person at it would read."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.running import START_LIMIT_S, eventually

ROOT = Path(__file__).parents[2]
SIZE = ("COLUMNS", "LINES")  # pytest-xdist exports the size of its own terminal; it would go before the screen's


class Screen:
    """A tmux server of its own with one window; use it in a `with` statement. Skips where tmux is not installed."""

    def __init__(self, socket: Path, columns: int, rows: int, **environment: str) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("tmux is not installed (package tmux): nothing can be read from a real terminal")
        self._socket = socket
        shell = ["sh", "-c", "PS1='$ ' exec sh"]
        told = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"} | environment
        size = ["-x", str(columns), "-y", str(rows)]
        self._tmux("-f", os.devnull, "new-session", "-d", *size, *shell, environment=told)

    def _tmux(self, *words: str, environment: Mapping[str, str] | None = None) -> str:
        ours = {name: value for name, value in os.environ.items() if name not in SIZE}
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._socket), *words],
            env=ours | (environment or {}), capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        return done.stdout

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._tmux("kill-server")

    def run(self, *words: str) -> None:
        """Type a `monetique` command."""
        command = shlex.join([sys.executable, "-m", "switch.cli", *words])
        self._tmux("send-keys", f"clear; {command}; echo status $?", "Enter")

    def press(self, key: str) -> None:
        """Press a key, such as C-c."""
        self._tmux("send-keys", key)

    def text(self) -> str:
        """What stands on the screen now."""
        return self._tmux("capture-pane", "-p")

    def shows(self, *parts: str) -> str:
        """Wait until all of it is on the screen, and return the whole."""

        def found() -> str:
            text = self.text()
            return text if all(part in text for part in parts) else ""

        try:
            return str(eventually(found, START_LIMIT_S))
        except AssertionError:
            raise AssertionError(f"{parts} never stood on the screen:\n{self.text()}") from None
