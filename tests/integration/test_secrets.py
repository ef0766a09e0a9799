"""Nothing clear of PAN, track or PIN block in any artefact: plant some, run, and search everything that is left."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.foreign import Foreign
from tests.support.running import RunningBench, Tcp, eventually, monetique


def encodings(secret: str) -> set[bytes]:
    """How a secret may appear in a file: text, packed digits at either nibble, hexadecimal text of the text."""
    found = {secret.encode(), secret.encode().hex().encode(), secret.encode("utf-16-le")}
    if all(character in "0123456789ABCDEFabcdef" for character in secret):
        for padded in (secret, "0" + secret + "0"):
            even = padded[: len(padded) & ~1]
            found.add(bytes.fromhex(even))
        found.add(secret.lower().encode())
    return found


def talk(client: Tcp, card: dict[str, Any], track2: str, track1: str) -> list[str]:
    """Good, refused, undecodable and abandoned messages with secrets in them; returns the PIN blocks used."""
    foreign = client.foreign
    blocks = []
    for change in ({}, {"f3": "770000"}, {"f32": "99999999999"}, {"f2": "4687380000099997"}, {"mti": "0600"}):
        doc = foreign.purchase(card, f35=track2, f45=track1, f48="CODE12345678SECRET", **change)
        blocks.append(doc["52"])
        client.ask(doc)
    damaged = bytearray(foreign.encode(foreign.purchase(card, f35=track2)))
    at = damaged.index(b"051")
    damaged[at : at + 3] = b"0X1"
    client.sock.sendall(len(damaged).to_bytes(2, "big") + damaged)
    client.receive()
    cut = foreign.encode(foreign.purchase(card, f35=track2))[:90]
    client.sock.sendall(len(cut).to_bytes(2, "big") + cut)
    client.receive()
    client.sock.sendall(b"\x00\x40" + card["pan"].encode() * 4)
    assert client.is_closed()
    return blocks


def test_no_artefact_holds_a_secret(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with RunningBench(data) as bench:
        cards = bench.json("cards")
        card = next(card for card in cards if card["behaviour"] == "approve")
        silent = next(card for card in cards if card["behaviour"] == "issuer-silent")
        row = next(row for row in bench.json("keys") if row["link"] == "acquirer" and row["type"] == "ZPK")
        track2 = card["track2"]
        track1 = f"B{card['pan']}^PLANTED/CARDHOLDER^{card['expiry']}101000000000"
        with Tcp(bench.addresses["acquirer"], Foreign(row)).sign_on() as client:
            assert client.ask(client.foreign.purchase(silent))["39"] == "91"
            blocks = talk(client, card, track2, track1)
            described = [
                monetique("describe", "--dialect", "iso87-ascii", stdin=client.foreign.encode(doc).hex()).stdout
                for doc in [client.foreign.purchase(card, f35=track2, f45=track1)]
            ]
            sent = bench.cli("send", "purchase", "--card", "approve").stdout
        metrics_port = json.loads((data / "up.json").read_text())["switch"]["ports"]["metrics"]
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as response:
            metrics = response.read()
        pid = bench.pid("switch")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: bench.pid("switch") != pid)
        bench.stop()
    bench.json("reconcile")
    assert "0110" in sent
    assert all("Primary Account Number" in text for text in described)
    artefacts = {str(path): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    artefacts |= {
        "stdout": "".join(bench.stdout).encode(),
        "stderr": bench.stderr().encode(),
        "metrics": metrics,
        "describe": "".join(described).encode(),
        "send": sent.encode(),
    }
    assert any(name.endswith(".seg") for name in artefacts)
    secrets = {card["pan"] for card in cards} | {track2, track1, "CODE12345678SECRET", *blocks}
    for secret in secrets:
        for encoded in encodings(secret):
            holders = [name for name, content in artefacts.items() if encoded in content]
            assert not holders, f"a secret of {len(secret)} characters stands in {holders}"


def test_describe_of_broken_input_shows_no_secret() -> None:
    frame = b"0100" + b"7" * 16 + b"164687380000000016" + b"0" * 30
    result = subprocess.run(
        [sys.executable, "-m", "switch.cli", "describe", "--dialect", "iso87-ascii"],
        input=frame.hex(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "4687380000000016" not in result.stdout + result.stderr
