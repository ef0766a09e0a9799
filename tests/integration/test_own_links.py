"""A bench whose links are each framed in another way, in EBCDIC or with CB's codes: sample traffic, a stranger behind
a concentrator, `send`."""

import socket
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.support.foreign import Doc, Foreign
from tests.support.running import RunningBench, eventually

CONFIG = """
[[link]]
name = "acquirer"
dialect = "cb"
framing = "len2"
header = "tpdu"

[[link]]
name = "acquirer-bcd"
dialect = "iso87-ebcdic"
framing = "ascii4"
header = "49534F303235303030303730"

[[link]]
name = "issuer-1"
dialect = "iso87-ebcdic"
framing = "len4"
header = "tpdu:6000010002"

[[link]]
name = "issuer-2"
framing = "len2-inclusive"
"""
LINES = 24  # terminals behind the concentrator


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBench]:
    folder = tmp_path_factory.mktemp("own")
    config = folder / "own.toml"
    config.write_text(CONFIG)
    with RunningBench(folder / "data", "--config", str(config)) as bench:
        yield bench


@pytest.fixture
def rows(own: RunningBench, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """`monetique keys --json`: each link's ZPK."""
    monkeypatch.setenv("MONETIQUE_CONFIG", str(own.data.with_name("own.toml")))
    return {row["link"]: row for row in own.json("keys") if row["type"] == "ZPK"}


class Stream:
    """A socket, the frames on it cut by hand: the length is `width` bytes, big-endian or digits."""

    def __init__(self, address: tuple[str, int], width: int, *, digits: bool = False) -> None:
        self.sock = socket.create_connection(address, timeout=20)
        self.file = self.sock.makefile("rb")
        self.width, self.digits = width, digits

    def send(self, *frames: bytes) -> None:
        self.sock.sendall(b"".join(self.length(len(frame)) + frame for frame in frames))

    def length(self, size: int) -> bytes:
        return str(size).zfill(self.width).encode() if self.digits else size.to_bytes(self.width, "big")

    def receive(self) -> bytes:
        raw = self.file.read(self.width)
        return self.file.read(int(raw) if self.digits else int.from_bytes(raw, "big"))

    def close(self) -> None:
        self.file.close()
        self.sock.close()


def test_every_terminal_behind_a_concentrator_gets_its_own_answer(
    own: RunningBench, rows: dict[str, dict[str, Any]]
) -> None:
    foreign = Foreign(rows["acquirer"], count(1), salt="T")
    cards = [card for card in own.json("cards") if card["behaviour"] in ("approve", "plain", "funds", "lost")]
    assert {card["issuer"] for card in cards} == {"issuer-1", "issuer-2"}
    stream = Stream(own.addresses["acquirer"], 2)
    try:
        stream.send(bytes.fromhex("6000031234") + foreign.encode(foreign.network("001")))
        answer = stream.receive()
        assert answer[:5].hex() == "6012340003"
        assert foreign.decode(answer[5:])["39"] == "00"
        asked: dict[str, tuple[int, Doc]] = {}
        frames = []
        for line in range(LINES):
            doc = foreign.purchase(cards[line % len(cards)], 100 + line, f41=f"LINE{line:04}")
            asked[doc["11"]] = line, doc
            frames.append(bytes.fromhex(f"600003{line:04X}") + foreign.encode(doc))
        stream.send(*frames)
        for _ in range(LINES):
            answer = stream.receive()
            doc = foreign.decode(answer[5:])
            line, request = asked.pop(doc["11"])
            assert answer[:5].hex().upper() == f"60{line:04X}0003"
            assert (doc["t"], doc["4"], doc["41"]) == ("0110", request["4"], request["41"])
        assert not asked
    finally:
        stream.close()


def test_each_network_hears_the_codes_of_its_own(own: RunningBench, rows: dict[str, dict[str, Any]]) -> None:
    """62 is 57 in CB's words; a repeat of a STAN for another amount, 94, is 12."""
    cards = {card["behaviour"]: card for card in own.json("cards")}
    for link, restricted, duplicate in (("acquirer", "57", "12"), ("acquirer-bcd", "62", "94")):
        foreign = Foreign(rows[link], count(1), salt="C")
        digits = link == "acquirer-bcd"
        stream = Stream(own.addresses[link], 4 if digits else 2, digits=digits)
        header = b"ISO025000000" if digits else bytes.fromhex("6000031234")
        first = foreign.purchase(cards["approve"])
        docs = [foreign.network("001"), foreign.purchase(cards["restricted"]), first, first | {"4": "000000000001"}]
        codes = []
        for doc in docs:
            stream.send(header + foreign.encode(doc))
            codes.append(foreign.decode(stream.receive()[len(header) :])["39"])
        stream.close()
        assert codes == ["00", restricted, "00", duplicate]


def test_a_fixed_header_and_digits(own: RunningBench, rows: dict[str, dict[str, Any]]) -> None:
    foreign = Foreign(rows["acquirer-bcd"], count(1), salt="H")
    stream = Stream(own.addresses["acquirer-bcd"], 4, digits=True)
    try:
        stream.send(b"ISO025000000" + foreign.encode(foreign.network("001")))
        answer = stream.receive()
        assert answer[:12] == b"ISO025000070"
        assert foreign.decode(answer[12:])["39"] == "00"
    finally:
        stream.close()


@pytest.mark.parametrize("link", ["acquirer", "acquirer-bcd"])
def test_send_speaks_the_link_s_framing(own: RunningBench, rows: dict[str, dict[str, Any]], link: str) -> None:
    done = own.cli("send", "reversal", "--link", link, "--expect", "00")
    assert done.returncode == 0, done.stderr


def test_the_wrong_framing_is_named(own: RunningBench, rows: dict[str, dict[str, Any]]) -> None:
    foreign = Foreign(rows["acquirer"], count(1))
    stream = Stream(own.addresses["acquirer"], 2)
    try:
        stream.send(foreign.encode(foreign.network("001")))
        assert stream.file.read() == b""  # closed
        eventually(lambda: "no TPDU (60…) before the MTI 0800" in own.stderr())
    finally:
        stream.close()


def test_the_sample_traffic_runs_over_them_and_the_books_agree(own: RunningBench, rows: dict[str, Any]) -> None:
    eventually(lambda: own.json("reconcile")["acquirer"]["approved"] > 10)
    assert own.stop() in (0, 130)
    result = own.json("reconcile")
    assert result["verdict"] == "clean", result
