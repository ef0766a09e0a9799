"""docs/tutorial.md is followed to the letter: its commands, in their order, and the DE 39 and verdicts it promises.

Only ports are others than those on the page, which may be in use: `make up` becomes `monetique up --port-base 0`, and
the examples are told theirs.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.running import START_LIMIT_S, STOP_LIMIT_S, eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
COMMAND_LIMIT_S = 60.0  # a machine with two busy cores; a command takes half a second
# What every run prints alike: the codes answered, and how the books compare.
PROMISED = re.compile(r"DE 39 = \w\w|^verdict: \w+", re.MULTILINE)


class Step(NamedTuple):
    """A command (`^C`: stop the bench), and what the page shows of its output."""

    command: str
    shown: str


def steps(page: str) -> Iterator[Step]:
    """Every command of the page's console blocks, in order."""
    for block in re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        for found in re.finditer(r"^(?:\$ (.+)|(\^C))\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            yield Step(found[1] or found[2], found[3])


class Shells:
    """The shells of the page's reader, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench: subprocess.Popen[bytes] | None = None
        self.background: list[subprocess.Popen[bytes]] = []
        self._screen, self._terminal = os.openpty()
        threading.Thread(target=self._watch, daemon=True).start()
        self._ports: dict[str, str] = {}
        (folder / "examples").mkdir()
        for file in (ROOT / "examples").iterdir():
            if file.is_file():
                (folder / "examples" / file.name).write_text(file.read_text())
        command = folder / "bin" / "monetique"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m switch.cli "$@"\n')
        command.chmod(0o755)
        path = f"{command.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._env = {
            name: value for name, value in os.environ.items() if name not in ("MONETIQUE_CONFIG", "MONETIQUE_DATA")
        }
        self._env |= {"PATH": path, "PYTHONPATH": str(ROOT)}

    def run(self, step: Step) -> str:
        """Carry out a step; what it printed."""
        if step.command == "^C":
            return self._stop()
        if found := re.fullmatch(r'make up(?: ARGS="(.*)")?', step.command):
            return self._up(found[1] or "")
        if step.command == "python examples/issuer.py":
            return self._issuer(step.command)
        if step.command.startswith("monetique events"):  # lines leave the parts in their own time
            return str(eventually(lambda: self._finish(step.command), COMMAND_LIMIT_S))
        if step.command.startswith("python examples/acquirer.py"):
            return self._finish(f"{step.command} --port {self._ports['acquirer']}")
        return self._finish(step.command)

    def _finish(self, command: str) -> str:
        result = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self._env, timeout=COMMAND_LIMIT_S, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert (result.returncode, result.stderr) == (0, ""), command
        return result.stdout

    def _start(self, command: str, output: Path) -> subprocess.Popen[bytes]:
        """In the background; as for a person, standard error is a terminal."""
        with output.open("wb") as stream:
            return subprocess.Popen(
                command.split(), cwd=self.folder, env=self._env, stdout=stream, stderr=self._terminal,
                start_new_session=True,
            )  # fmt: skip

    def _up(self, options: str) -> str:
        output = self.folder / "up.out"
        self.bench = self._start(f"{self.folder}/bin/monetique up --port-base 0 {options}", output)
        ready = eventually(lambda: re.search(r"^ready .*\n", output.read_text(), re.MULTILINE), START_LIMIT_S)
        self._ports = dict(re.findall(r"([a-z-]+)=127\.0\.0\.1:(\d+)", ready[0]))
        eventually(lambda: "the issuer answered" in output.read_text(), START_LIMIT_S)
        return output.read_text()

    def _issuer(self, command: str) -> str:
        output = self.folder / "issuer.out"
        self.background.append(self._start(f"{command} --port 0", output))
        port = eventually(lambda: re.search(r"listening on port (\d+)", output.read_text()))[1]
        config = self.folder / "examples" / "own-issuer.toml"
        config.write_text(config.read_text().replace("port = 8601", f"port = {port}"))
        return output.read_text()

    def _stop(self) -> str:
        assert self.bench is not None
        self.bench.send_signal(signal.SIGINT)
        assert self.bench.wait(STOP_LIMIT_S) == 130
        self.bench = None
        return (self.folder / "up.out").read_text()

    def close(self) -> None:
        for process in (*self.background, *([self.bench] if self.bench else [])):
            process.kill()
            process.wait()
        os.close(self._terminal)

    def _watch(self) -> None:
        """Read the terminal until nobody has it open: one that is full makes its writers wait."""
        with contextlib.suppress(OSError):
            while os.read(self._screen, 65_536):
                pass
        os.close(self._screen)


@pytest.fixture
def shells(tmp_path: Path) -> Iterator[Shells]:
    shells = Shells(tmp_path)
    yield shells
    shells.close()


def test_every_command_does_what_the_page_says(shells: Shells) -> None:
    for step in steps(PAGE):
        printed = shells.run(step)
        promised = PROMISED.findall(step.shown)
        if step.command == "make up":
            continue  # the first transaction of the sample traffic
        assert PROMISED.findall(printed) == promised, step.command


def test_the_page_has_the_steps_of_a_first_hour() -> None:
    commands = [step.command for step in steps(PAGE)]
    assert len(commands) > 15
    assert commands[0] == "make up"
    assert commands.count("^C") == 2
    assert "monetique control issuer-1 decline 20% --de39 51" in commands
