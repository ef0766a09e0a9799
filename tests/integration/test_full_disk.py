"""A disk that takes nothing more, and then does again: nothing unrecorded is approved, and nobody has to restart.

The disk is made full for one process by its limit on file size, from outside and while it runs: every write to the
preallocated log fails then, as on a file system that has run out of blocks.
"""

import resource
import time
from pathlib import Path

from switch.net.control import request, socket_path
from tests.integration.test_kills import card_and_client
from tests.support.running import RunningBench, eventually

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
FULL = (1, resource.RLIM_INFINITY)  # bytes of any file: less than the log has
FULL_S = 7.0  # past the issuer timer: what was in flight is given up meanwhile


def test_the_switch_on_a_full_disk_approves_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with RunningBench(tmp_path / "data") as bench:
        card, client = card_and_client(bench)
        with client:
            before = client.foreign.purchase(card)
            assert client.ask(before)["39"] == "00"
            pid = bench.pid("switch")
            in_flight = client.foreign.purchase(card)
            client.send(in_flight)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, FULL)
            try:
                codes = refused_meanwhile(bench, client, card)
            finally:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)
            assert codes.count("96") > 20
            assert set(codes) <= {"96"}

            def approved() -> bool:
                while (answer := client.ask(client.foreign.purchase(card)))["39"] != "00":
                    if answer["39"] == "96":
                        return False
                return True

            eventually(approved)
            assert client.ask(client.foreign.repeat(before))["39"] == "00"
            assert bench.pid("switch") == pid
            events = request(socket_path(bench.data, "switch"), {"command": "status"})["events"]
            assert events["log/log-failed"] == events["log/log-resumed"] == 1
        assert bench.stop() in (0, 130)
    result = bench.json("reconcile")
    assert result["verdict"] == "clean", result


def refused_meanwhile(bench: RunningBench, client, card) -> list[str]:  # type: ignore[no-untyped-def]
    """Buy until the time is over; every answer. What was decided before the disk was full may still be answered."""
    eventually(
        lambda: request(socket_path(bench.data, "switch"), {"command": "status"})["events"].get("log/log-failed")
    )
    client.sock.settimeout(0.05)
    end, codes = time.monotonic() + FULL_S, []
    asked = set()
    while time.monotonic() < end:
        doc = client.foreign.purchase(card)
        asked.add(doc["11"])
        client.send(doc, client.foreign.reversal(doc))  # a reversal that cannot be recorded is left to its repeat
        try:
            while True:
                answer = client.receive()
                if answer["11"] in asked:
                    assert answer["t"] == "0110", answer
                    codes.append(answer["39"])
        except TimeoutError:
            pass
    client.sock.settimeout(20)
    return codes
