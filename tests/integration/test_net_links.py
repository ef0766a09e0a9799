"""Links that we dial, the control socket and /metrics, over real sockets."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from switch.core.transaction import Transaction
from switch.iso8583.framing import Framing
from switch.net import links, visitors
from switch.net.addresses import Address
from switch.net.connections import Listener
from switch.net.control import ControlError, ControlServer, request, short_path, socket_path
from switch.net.latencies import Latencies
from switch.net.links import Dialer
from switch.net.metrics import Counts, MetricsProtocol, PartCollector, registry
from switch.net.visitors import Visitors
from tests.unit.net.fakes import NOWHERE, Echo, driver_of, on_loop, until


def test_a_link_is_dialled_until_it_stands_and_again_when_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FIRST_WAIT_S", 0.01)

    async def main() -> None:
        ours, theirs = Echo(), Echo()
        driver, peer = driver_of(ours, NOWHERE), driver_of(theirs, NOWHERE)
        listener = Listener(peer, 0, "issuer", Framing())
        address = await listener.start(Address("127.0.0.1", 0))
        listener.close()
        dialer = Dialer(driver, 0, "issuer-1", Framing(), address)
        dialer.start()
        await until(lambda: driver.counts.events["link", "unreachable"])
        assert ours.up == set()
        again = Listener(peer, 0, "issuer", Framing())
        await again.start(address)
        await until(lambda: ours.up and theirs.up)
        dialer.enable(False)
        await until(lambda: not ours.up and not theirs.up)
        await asyncio.sleep(0.05)
        assert not ours.up  # and stays down
        dialer.enable(True)
        await until(lambda: ours.up)
        dialer.close()
        again.close()
        await driver.close()
        await peer.close()

    on_loop(main)


def control(document: dict[str, Any]) -> dict[str, Any]:
    match document["command"]:
        case "status":
            return {"links": []}
        case other:
            raise ValueError(f"knows status, not {other!r}")


def test_a_control_socket_answers_and_explains(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)  # longer than a socket address holds
    deep.mkdir(parents=True)

    async def main() -> None:
        path = socket_path(deep, "switch")
        server = ControlServer(path, control)
        await server.start()
        assert path.stat().st_mode & 0o777 == 0o600
        assert await asyncio.to_thread(request, path, {"command": "status"}) == {"ok": True, "links": []}
        for document, complaint in [({"command": "dance"}, "knows status, not 'dance'"), ({}, "command is missing")]:
            with pytest.raises(ControlError, match=complaint) as caught:
                await asyncio.to_thread(request, path, document)
            assert caught.value.reachable
        with short_path(path) as name:
            reader, writer = await asyncio.open_unix_connection(name)
        writer.write(b"not json\n")
        assert json.loads(await reader.read())["ok"] is False
        writer.close()
        server.close()
        with pytest.raises(ControlError) as caught:
            await asyncio.to_thread(request, path, {"command": "status"})
        assert not caught.value.reachable

    on_loop(main)


def test_those_who_only_connect_to_a_control_socket_keep_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "MAX_VISITORS", 3)

    async def main() -> None:
        path = socket_path(tmp_path, "switch")
        server = ControlServer(path, control)
        await server.start()
        silent = [await asyncio.open_unix_connection(path) for _ in range(4)]
        assert await silent[0][0].read() == b""  # the oldest gave way
        assert (await asyncio.to_thread(request, path, {"command": "status"}))["ok"]
        monkeypatch.setattr(visitors, "VISIT_S", 0.02)
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.read() == b""  # its time was over
        for _, writing in [*silent, (reader, writer)]:
            writing.close()
        server.close()

    on_loop(main)


def test_metrics_are_what_prometheus_reads() -> None:
    async def main() -> None:
        counts, latencies = Counts(), Latencies()
        counts.add("declined", "no-route")
        tx = Transaction()
        tx.received_at, tx.answered_at = 1.0, 1.002
        latencies.observe([tx])
        collector = PartCollector(
            counts, latencies, lambda: {"de39-00": 7, "repeats": 2}, lambda: [("issuer-1", "issuer", "signed-on", 1)]
        )
        server, address = await Address("127.0.0.1", 0).listen(lambda: MetricsProtocol(registry(collector), Visitors()))

        def get(path: str) -> str:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return answer.read().decode()

        text = await asyncio.to_thread(get, "/metrics")
        for line in (
            'monetique_events_total{event="declined",reason="no-route"} 1.0',
            'monetique_answers_total{de39="00"} 7.0',
            'monetique_part_total{name="repeats"} 2.0',
            'monetique_link_up{link="issuer-1",role="issuer",state="signed-on"} 1.0',
            'monetique_link_connections{link="issuer-1",role="issuer"} 1.0',
            'monetique_hop_seconds_bucket{hop="total",le="0.001"} 0.0',
            'monetique_hop_seconds_bucket{hop="total",le="0.0025"} 1.0',
            'monetique_hop_seconds_count{hop="total"} 1.0',
        ):
            assert line in text.splitlines()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(get, "/")
        server.close()

    on_loop(main)
