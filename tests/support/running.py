"""A running bench for integration tests: `monetique up` as a user starts it, and a plain TCP client."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.foreign import Doc, Foreign

START_LIMIT_S = 60.0  # a machine with two busy cores; readiness itself takes about two seconds
STOP_LIMIT_S = 40.0  # draining waits for the simulated acquirers' 10 s timer and a repeat


def monetique(*args: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "switch.cli", *args],
        input=stdin, capture_output=True, text=True, timeout=120, env=os.environ | env, check=False,
    )  # fmt: skip


class RunningBench:
    """`monetique up` in a data directory of its own, on free ports."""

    def __init__(self, data: Path, *args: str) -> None:
        self.data = data
        self.stdout: list[str] = []
        self.stderr_path = data.with_suffix(".stderr")
        self._stderr = self.stderr_path.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "switch.cli", "up", "--port-base", "0", "--data", str(data), *args],
            stdout=subprocess.PIPE, stderr=self._stderr, text=True, start_new_session=True,
        )  # fmt: skip
        self._is_ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._is_ready.wait(START_LIMIT_S):
            self.kill()
            raise AssertionError(f"no ready line; stdout: {self.stdout}, stderr: {self.stderr_path.read_text()}")
        line = next(line for line in self.stdout if line.startswith("ready "))
        self.ready_line = line.strip()
        self.addresses = {
            name: (host, int(port))
            for name, _, address in (part.partition("=") for part in line.split()[1:])
            for host, _, port in [address.rpartition(":")]
            if port.isdigit()
        }

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.stdout.append(line)
            if line.startswith("ready "):
                self._is_ready.set()
        self._is_ready.set()

    def __enter__(self) -> "RunningBench":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self) -> int:
        """Ctrl-C, and wait for the end; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; returns the exit status."""
        try:
            status = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._stderr.close()
        return status

    def kill(self) -> None:
        """End it and its children, whatever happens."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def json(self, *args: str) -> Any:
        """What `monetique … --json` prints for this bench."""
        result = self.cli(*args, "--json")
        assert result.returncode in (0, 1), result.stderr
        return json.loads(result.stdout)

    def cli(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Any command on this bench."""
        return monetique(*args, MONETIQUE_DATA=str(self.data))

    def pid(self, part: str) -> int:
        """The process of a part, by `up.json`."""
        return int(json.loads((self.data / "up.json").read_text())[part]["pid"])

    def stderr(self) -> str:
        """What was logged so far."""
        return self.stderr_path.read_text()


def eventually(check: Any, limit_s: float = 15.0) -> Any:
    """Poll until `check()` is true; for states that another process reaches in its own time."""
    end = time.monotonic() + limit_s
    while True:
        value = check()
        if value or time.monotonic() > end:
            assert value, "did not come about in time"
            return value
        time.sleep(0.05)


@dataclass
class Tcp:
    """A foreign client on a socket: two-byte length, then pyiso8583's bytes."""

    address: tuple[str, int]
    foreign: Foreign
    timeout_s: float = 20.0
    _buffer: bytes = b""
    sock: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.sock = socket.create_connection(self.address, timeout=self.timeout_s)

    def __enter__(self) -> "Tcp":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.sock.close()

    def sign_on(self) -> "Tcp":
        assert self.ask(self.foreign.network("001"))["39"] == "00"
        return self

    def frame(self, doc: Doc) -> bytes:
        payload = self.foreign.encode(doc)
        return len(payload).to_bytes(2, "big") + payload

    def send(self, *docs: Doc) -> None:
        self.sock.sendall(b"".join(self.frame(doc) for doc in docs))

    def receive(self) -> Doc:
        """The next answer; ConnectionError when the switch closed."""
        while True:
            if len(self._buffer) >= 2:
                end = 2 + int.from_bytes(self._buffer[:2], "big")
                if len(self._buffer) >= end:
                    payload, self._buffer = self._buffer[2:end], self._buffer[end:]
                    return self.foreign.decode(payload)
            data = self.sock.recv(65_536)
            if not data:
                raise ConnectionError("closed by the switch")
            self._buffer += data

    def ask(self, doc: Doc) -> Doc:
        self.send(doc)
        return self.receive()

    def is_closed(self) -> bool:
        """Has the switch closed this connection? Waits for it, up to the time-out."""
        try:
            while self.sock.recv(65_536):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True
