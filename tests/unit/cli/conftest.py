"""Running commands in this process, and a small switch for them to talk to."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from switch.cli import main
from switch.iso8583.codec import View
from switch.iso8583.dialect import load
from switch.iso8583.framing import Framing, Splitter

Answer = Callable[[View], dict[str, str] | None]
ECHOED = (2, 3, 4, 7, 11, 32, 37, 41, 42, 49, 70)


class Result(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return msgspec.json.decode(self.out)


@pytest.fixture
def monetique(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command line in a directory of its own, with no configuration but the shipped one."""
    monkeypatch.chdir(tmp_path)
    for name in ("MONETIQUE_CONFIG", "MONETIQUE_DATA"):
        monkeypatch.delenv(name, raising=False)

    def run(*argv: str) -> Result:
        try:
            status = main(argv)
        except SystemExit as usage:  # argparse's way out
            status = int(usage.code or 0)
        return Result(status, *capsys.readouterr())

    return run


def echo(request: View, de39: str = "00", **more: str) -> dict[str, str]:
    """The answer to a request: its fields, a response MTI, DE 39."""
    answer = {"t": f"{request.mti[:2]}{int(request.mti[2]) + 1}0", "39": de39, **more}
    return answer | {str(field): text for field in ECHOED if (text := request.text(field)) is not None}


class FakeSwitch:
    """Listens on a free port, keeps what it was sent, answers by `answer` (None: says nothing)."""

    def __init__(self, dialect: str = "iso87-ascii") -> None:
        self.received: list[View] = []
        self.answer: Answer = echo
        self.seal: Callable[[dict[str, str]], bytes] | None = None  # with a MAC
        self.before = self.behind = b""  # an answer to a 0100, in the same segment
        self._layout = load(dialect).layout
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                splitter, framing = Splitter(Framing()), Framing()
                while data := connection.recv(65_536):
                    for frame in splitter.feed(data):
                        self.received.append(self._layout.scan(frame))
                        if (answer := self.answer(self.received[-1])) is not None:
                            frame = framing.wrap((self.seal or self._layout.encode)(answer))
                            if self.received[-1].mti == "0100":
                                frame = self.before + frame + self.behind
                            connection.sendall(frame)
            if not self.received:  # the connection that `close` makes
                return

    def close(self) -> None:
        self.received.clear()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def fake_switch() -> Iterator[FakeSwitch]:
    switch = FakeSwitch()
    yield switch
    switch.close()
