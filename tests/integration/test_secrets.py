"""Nothing clear of PAN, track, PIN, code or key in any artefact: plant some, run, and search all that is left."""

import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from psec import pinblock

from switch import cli
from switch.config import load
from switch.iso8583 import codec, dialect
from switch.iso8583.codec import EncodeError, FormatError
from tests.simulation.planted import PLANTED, found
from tests.support.foreign import Foreign
from tests.support.iso8583_samples import PURCHASE, SHORT_PURCHASE
from tests.support.mutation import hostile
from tests.support.running import RunningBench, Tcp, eventually
from tests.support.secrets import holders, parts

LONG_PIN = "739184620517"  # four digits would be found anywhere
CODE = "CODE12345678SECRET"
CRYPTOGRAM = "F1E2D3C4B5A69788"
ROOT = Path(__file__).parents[2]
BENCH_RESULTS = ROOT / "build" / "bench.json"
CONFIG = load()
CARDS = {card.pan for card in CONFIG.card}
KEYS = {key.clear for key in CONFIG.key}


class Planted:
    """One card's secrets, and messages that hold them wherever a message can."""

    def __init__(self, foreign: Foreign, card: dict[str, Any]) -> None:
        self.foreign = foreign
        self.card = card
        self.track2 = card["track2"]
        self.track1 = f"B{card['pan']}^PLANTED/CARDHOLDER^{card['expiry']}101000000000"
        self.chip = f"5A08{card['pan']}9F2608{CRYPTOGRAM}5713{self.track2.replace('=', 'D')}".ljust(80, "0")
        self.blocks = {foreign.pin_block(card["pan"], pin) for pin in (card["pin"], LONG_PIN)}
        self.blocks |= {pinblock.encode_pinblock_iso_0(pin, card["pan"]).hex() for pin in (card["pin"], LONG_PIN)}

    def purchase(self, **changes: str) -> dict[str, str]:
        fields = {"f35": self.track2, "f45": self.track1, "f48": CODE, "f55": self.chip}
        return self.foreign.purchase(self.card, **(fields | changes))

    @property
    def secrets(self) -> set[str]:
        return {self.card["pan"], self.track2, self.track1, self.chip, CODE, CRYPTOGRAM, LONG_PIN} | self.blocks


def talk(client: Tcp, planted: Planted) -> None:
    """Good, refused, undecodable and abandoned messages with secrets in them."""
    wrong_pin = planted.foreign.pin_block(planted.card["pan"], LONG_PIN)
    changes = ({}, {"f52": wrong_pin}, {"f3": "770000"}, {"f32": "9" * 11}, {"f2": "4687380000099997"}, {"mti": "0600"})
    for change in changes:
        client.ask(planted.purchase(**change))
    damaged = bytearray(planted.foreign.encode(planted.purchase()))
    at = damaged.index(b"051")
    damaged[at : at + 3] = b"0X1"
    for frame in (bytes(damaged), planted.foreign.encode(planted.purchase())[:90]):
        client.sock.sendall(len(frame).to_bytes(2, "big") + frame)
        client.receive()
    client.sock.sendall(b"\x00\x40" + planted.card["pan"].encode() * 4)
    assert client.is_closed()


def left_behind(bench: RunningBench) -> dict[str, bytes]:
    """What a run leaves: its files, and what it printed."""
    files = {str(path): path.read_bytes() for path in bench.data.rglob("*") if path.is_file()}
    return files | {"stdout": "".join(bench.stdout).encode(), "stderr": bench.stderr().encode()}


def acquirer_of(bench: RunningBench) -> Foreign:
    rows = bench.json("keys")
    return Foreign(next(row for row in rows if row["link"] == "acquirer" and row["type"] == "ZPK"))


def test_no_artefact_holds_a_secret(tmp_path: Path) -> None:
    trace = tmp_path / "run.jsonl"
    with RunningBench(tmp_path / "data", "--record", str(trace)) as bench:
        cards = {card["behaviour"]: card for card in bench.json("cards")}
        planted = Planted(acquirer_of(bench), cards["approve"])
        with Tcp(bench.addresses["acquirer"], planted.foreign).sign_on() as client:
            assert client.ask(planted.foreign.purchase(cards["issuer-silent"]))["39"] == "91"
            assert client.ask(planted.foreign.purchase(cards["no-route"]))["39"] == "92"
            talk(client, planted)
        sent = bench.cli("send", "purchase", "--card", "approve").stdout
        metrics_port = json.loads((bench.data / "up.json").read_text())["switch"]["ports"]["metrics"]
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as response:
            metrics = response.read()
        pid = bench.pid("switch")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: bench.pid("switch") != pid)
        bench.stop()
    verdict = bench.cli("reconcile", "--json").stdout
    assert "0110" in sent
    artefacts = left_behind(bench) | {"metrics": metrics, "send": sent.encode(), "reconcile": verdict.encode()}
    artefacts |= {"trace": trace.read_bytes(), "events": bench.cli("events").stdout.encode()}
    assert '"problem":' in trace.read_text()
    assert any(name.endswith(".seg") for name in artefacts)
    if BENCH_RESULTS.exists():
        artefacts["bench.json"] = BENCH_RESULTS.read_bytes()
    assert holders(planted.secrets | CARDS | KEYS, artefacts) == []


# -- bugs of ours ------------------------------------------------------------------------------------------------------

# Loaded by every process of the run: a part that meets the message raises an exception that quotes it.
BUGS = """
def raising(owner, name, has_it):
    method = getattr(owner, name)
    def bugged(self, *arguments):
        if has_it(self, arguments):
            quoted = repr(arguments) + repr([bytes(a).hex() for a in arguments if isinstance(a, bytes)])
            raise RuntimeError(quoted + getattr(self, "remembered", ""))
        return method(self, *arguments)
    setattr(owner, name, bugged)

def remember(self, arguments):
    if b"BUGLATER" in arguments[1]:
        self.remembered = repr(arguments)
    return b"BUGNOW00" in arguments[1]

def forget(self, arguments):
    if getattr(self, "has_failed", False) or not getattr(self, "remembered", ""):
        return False
    self.has_failed = True
    return True

from hsm_sim.device import Device
from switch.core.switch import Switch
from switch.issuers.issuer import Issuer
raising(Switch, "receive", remember)
raising(Switch, "take_effects", forget)
raising(Device, "respond", lambda self, arguments: ACCOUNT in arguments[0])
"""


def test_a_bug_of_ours_prints_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception's text may quote the message; a traceback of the event loop would print it."""
    silent = next(card for card in CONFIG.card if card.behaviour == "issuer-silent")
    (tmp_path / "bugs").mkdir()
    (tmp_path / "bugs" / "sitecustomize.py").write_text(f"ACCOUNT = b'{silent.pan[3:15]}'\n{BUGS}")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'bugs'}:{ROOT}")
    monkeypatch.setenv("MONETIQUE_NATIVE", "debug")  # bugs cannot be planted into compiled rules
    with RunningBench(tmp_path / "data") as bench:
        cards = {card["behaviour"]: card for card in bench.json("cards")}
        planted = Planted(acquirer_of(bench), cards["approve"])
        with Tcp(bench.addresses["acquirer"], planted.foreign).sign_on() as client:
            client.send(planted.purchase(f41="BUGNOW00"))
            assert client.ask(planted.purchase())["39"] == "00"
            client.send(planted.purchase(f41="BUGLATER"))
            eventually(lambda: bench.stderr().count("RuntimeError") == 2)
        with Tcp(bench.addresses["acquirer"], planted.foreign).sign_on() as client:
            assert client.ask(planted.foreign.purchase(cards["issuer-silent"]))["39"] == "96"
            eventually(lambda: client.ask(planted.purchase())["39"] == "00")
        bench.stop()
    told = bench.stderr()
    assert told.count("RuntimeError") == 3
    assert holders(planted.secrets | CARDS | KEYS, left_behind(bench)) == []


def test_a_command_that_fails_prints_no_message(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The places in the code, without the exception's text."""

    def fail(*_: object) -> None:
        raise RuntimeError(PURCHASE["35"])

    monkeypatch.setattr("switch.cli.build_parser", lambda: Failing(fail))
    assert cli.main([]) == 1
    told = capsys.readouterr().err
    assert "RuntimeError" in told
    assert "test_secrets.py" in told
    assert holders({PURCHASE["35"], PURCHASE["2"]}, {"stderr": told.encode()}) == []


class Failing:
    """A parser whose every command is the one that fails."""

    def __init__(self, run: Callable[..., None]) -> None:
        self.run = run

    def parse_args(self, _: object) -> "Failing":
        return self


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_story_of_a_failed_simulation_holds_no_secret(plant: Any) -> None:
    """Whatever the bug, violations and trace name cards and messages masked."""
    told = found(plant.__name__).told
    assert told.count("\n") > 2
    assert holders(CARDS | KEYS, {"story": told.encode()}) == []


# -- messages shown ----------------------------------------------------------------------------------------------------

FIELD_SECRETS = {PURCHASE["2"], PURCHASE["35"], SHORT_PURCHASE["35"], PURCHASE["52"], CODE, PURCHASE["55"][:40]}


@pytest.mark.parametrize("name", dialect.SHIPPED)
def test_errors_of_the_codec_hold_no_value(name: str) -> None:
    """FormatError and EncodeError name field and position, whatever is damaged and however they are shown."""
    spoken = dialect.load(name)
    rng, told = Random(7), []
    doc = SHORT_PURCHASE | {"48": CODE, "t": f"{spoken.version}100"}
    if name == "iso93-ascii":
        doc |= {"12": "261121235959", "22": "051000000000"}
        del doc["13"], doc["25"], doc["43"]
    frame = spoken.layout.encode(doc)
    for _ in range(500):
        try:
            spoken.layout.scan(hostile(rng, frame))
        except FormatError as error:
            told += [str(error), repr(error), repr(error.partial), repr(error.args), repr(vars(error))]
    for key, text in doc.items():
        for wrong in (text + "é", text * 100, int(text) if text.isdecimal() else None):
            try:
                spoken.layout.encode(doc | {key: wrong})  # type: ignore[dict-item]
            except EncodeError as error:
                told += [str(error), repr(error), repr(vars(error))]
    assert len(told) > 500
    assert holders(FIELD_SECRETS, {"errors": "\n".join(told).encode()}) == []


@pytest.mark.parametrize("options", [[], ["--dump"], ["--json"]])
@pytest.mark.parametrize("name", ["iso87-ascii", "iso87-bcd", "iso87-ebcdic"])
def test_describe_shows_no_secret(name: str, options: list[str], tmp_path: Path, capsys: Any) -> None:
    """Right, cut short, and in the wrong dialect; as bytes and with a length before them."""
    file = tmp_path / "message"
    frame = dialect.load(name).layout.encode(SHORT_PURCHASE | {"48": CODE})
    for given in (frame, len(frame).to_bytes(2, "big") + frame, frame[:-7], frame[:60], frame[4:], b"x" + frame):
        for spoken in (["--dialect", name], []):
            file.write_bytes(given)
            assert cli.main(["describe", str(file), *spoken, *options]) in (0, 1)
            shown = "".join(capsys.readouterr())
            assert "DE" in shown or "Message type" in shown or '"t"' in shown
            assert holders(FIELD_SECRETS, {"shown": shown.encode()}) == []


@pytest.mark.parametrize("options", [[], ["--dump"], ["--json"]])
@pytest.mark.parametrize("form", [bytes.hex, repr, list, lambda frame: frame.hex(" ")])
@pytest.mark.parametrize("encodings", [*itertools.product(("ascii", "b", "cp500"), ("ascii", "b"), ("ascii", "cp500"))])
def test_describe_of_anybodys_layout_shows_no_part_of_a_card_number(
    encodings: tuple[str, str, str], form: Callable[[bytes], object], options: list[str], tmp_path: Path, capsys: Any
) -> None:
    """Message type, bitmap and fields in encodings of which most mixtures are no dialect's; as people paste them."""
    mti, bitmap, text = encodings
    spec = {key: dict(entry) | {"data_enc": text} for key, entry in dialect.load("iso87-ascii").spec.items()}
    spec["t"]["data_enc"], spec["p"]["data_enc"], spec["1"]["data_enc"] = mti, bitmap, bitmap
    pan = PURCHASE["2"]
    for doc in ({"t": "0100", "2": pan, "22": "051"}, SHORT_PURCHASE | {"48": CODE + pan, "43": f"{pan:40}"}):
        file = tmp_path / "message"
        file.write_text(str(form(codec.Layout(spec).encode(doc | ({"52": "0" * 16} if "52" in doc else {})))))
        cli.main(["describe", str(file), *options])
        assert holders(parts(pan) | {CODE}, {"shown": "".join(capsys.readouterr()).encode()}) == []


def test_describe_of_broken_input_shows_no_secret() -> None:
    frame = b"0100" + b"7" * 16 + b"164687380000000016" + b"0" * 30
    result = subprocess.run(
        [sys.executable, "-m", "switch.cli", "describe", "--dialect", "iso87-ascii"],
        input=frame.hex(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert holders({"4687380000000016"}, {"shown": (result.stdout + result.stderr).encode()}) == []
