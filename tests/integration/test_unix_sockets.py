"""Issuer and HSM over Unix sockets, as an option for local ones; also after `kill -9` left the sockets behind."""

import os
import signal
import tempfile
from pathlib import Path

from tests.support.foreign import Foreign
from tests.support.running import RunningBench, Tcp, eventually

CONFIG = """
[hsm]
host = "unix:{sockets}/hsm"

[[link]]
name = "issuer-1"
host = "unix:{sockets}/issuer-1"
"""


def test_issuer_and_hsm_over_unix_sockets(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as sockets:  # a short path: a socket's address holds 108 bytes
        config = tmp_path / "unix.toml"
        config.write_text(CONFIG.format(sockets=sockets))
        with RunningBench(tmp_path / "data", "--config", str(config), "--no-traffic") as bench:
            card = next(card for card in bench.json("cards") if card["behaviour"] == "approve")
            row = next(row for row in bench.json("keys") if row["link"] == "acquirer" and row["type"] == "ZPK")
            assert bench.ready_line.endswith(f"hsm=unix:{sockets}/hsm")
            with Tcp(bench.addresses["acquirer"], Foreign(row)).sign_on() as client:

                def approved() -> bool:
                    return client.ask(client.foreign.purchase(card))["39"] == "00"

                assert approved()
                for part in ("hsm", "issuer-1"):
                    pid = bench.pid(part)
                    os.kill(pid, signal.SIGKILL)
                    eventually(lambda part=part, pid=pid: bench.pid(part) != pid)
                    eventually(approved)
            assert bench.stop() in (0, 130)
