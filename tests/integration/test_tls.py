"""TLS on ISO links over real sockets: who comes in, who is refused and told why, and that nobody else is hurt."""

import json
import socket
import ssl
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.foreign import Foreign
from tests.support.running import RunningBench, Tcp, eventually

CONFIG = """
[[link]]
name = "acquirer"
tls_cert = "switch.cert.pem"
tls_key = "switch.key.pem"
tls_ca = "ours.ca.pem"

[[link]]
name = "acquirer-bcd"
tls_cert = "switch.cert.pem"
tls_key = "switch.key.pem"

[[link]]
name = "issuer-1"
tls_cert = "switch.cert.pem"
tls_key = "switch.key.pem"
tls_ca = "ours.ca.pem"
tls_name = "switch"

[[traffic]]
link = "acquirer"
"""
STANS = count(1)


class World:
    """A bench with mutual TLS on `acquirer` and `issuer-1`, a server certificate alone on `acquirer-bcd`."""

    def __init__(self, folder: Path) -> None:
        self.ours, self.theirs = Authority(folder, "ours"), Authority(folder, "theirs")
        self.ours.sign("switch")
        self.client = self.ours.sign("client")
        self.expired = self.ours.sign("expired", expired=True)
        self.stranger = self.theirs.sign("stranger")
        self.config = folder / "tls.toml"
        self.config.write_text(CONFIG)
        self.bench = RunningBench(folder / "data", "--config", str(self.config))

    def context(self, signed: Any = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ours.ca))
        if signed is not None:
            context.load_cert_chain(signed.cert, signed.key)
        return context

    def foreign(self, link: str) -> Foreign:
        rows = self.bench.json("keys", "--config", str(self.config))
        row = next(row for row in rows if row["link"] == link and row["type"] == "ZPK")
        return Foreign(row, STANS, salt="T")

    def connect(self, link: str, context: ssl.SSLContext) -> Tcp:
        tcp = Tcp(self.bench.addresses[link], self.foreign(link))
        tcp.sock = context.wrap_socket(tcp.sock, server_hostname="127.0.0.1")
        return tcp

    def told(self, reason: str, link: str, side: str = "server") -> dict[str, Any]:
        """The line about a failed handshake."""

        def found() -> dict[str, Any] | None:
            lines = [json.loads(line) for line in self.bench.stderr().splitlines()]
            tls = [line for line in lines if line["event"] == "tls" and line["reason"] == reason]
            return next((line for line in tls if (line["link"], line["side"]) == (link, side)), None)

        line: dict[str, Any] = eventually(found)
        return line


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("tls"))
    with made.bench:
        yield made


def buys(world: World, tcp: Tcp) -> None:
    """Issuer-1, which the purchase goes to, is reached by mutual TLS too."""
    card = next(card for card in world.bench.json("cards") if card["behaviour"] == "approve")
    assert card["issuer"] == "issuer-1"
    with tcp.sign_on():
        assert tcp.ask(tcp.foreign.purchase(card))["39"] == "00"


def test_who_has_a_certificate_of_the_right_authority_buys(world: World) -> None:
    tcp = world.connect("acquirer", world.context(world.client))
    assert tcp.sock.version() == "TLSv1.3"
    buys(world, tcp)
    only_12 = world.context(world.client)
    only_12.maximum_version = ssl.TLSVersion.TLSv1_2
    buys(world, world.connect("acquirer", only_12))


def test_without_tls_ca_the_client_needs_no_certificate(world: World) -> None:
    buys(world, world.connect("acquirer-bcd", world.context()))


def test_the_command_line_speaks_it_too(world: World) -> None:
    done = world.bench.cli("send", "purchase", "--config", str(world.config), "--expect", "00")
    assert done.returncode == 0, done.stderr
    refused = world.bench.cli("send", "echo", "--expect", "00")  # the shipped configuration: no TLS
    assert refused.returncode == 3


def test_a_plain_client_is_refused(world: World) -> None:
    tcp = Tcp(world.bench.addresses["acquirer"], world.foreign("acquirer"))
    tcp.send(tcp.foreign.network("001"))
    assert tcp.is_closed()
    assert "connect by TLS" in world.told("no-tls", "acquirer")["why"]
    tcp.sock.close()


def rejected(world: World, context: ssl.SSLContext) -> None:
    """By TLS 1.3 a client learns with its first read that its certificate was not taken."""
    with pytest.raises((ssl.SSLError, ConnectionError)), world.connect("acquirer", context) as tcp:
        tcp.sign_on()


def test_a_client_without_a_certificate_is_refused(world: World) -> None:
    rejected(world, world.context())
    assert "tls_ca" in world.told("no-certificate", "acquirer")["why"]


@pytest.mark.parametrize("who", ["stranger", "expired"])
def test_a_certificate_that_does_not_hold_is_refused(world: World, who: str) -> None:
    before = world.bench.stderr().count("certificate-refused")
    rejected(world, world.context(getattr(world, who)))
    eventually(lambda: world.bench.stderr().count("certificate-refused") == before + 1)
    assert "tls_ca has signed" in world.told("certificate-refused", "acquirer")["why"]


def test_a_client_that_does_not_trust_us_leaves_a_line(world: World) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        world.connect("acquirer", ssl.create_default_context(cafile=str(world.theirs.ca)))
    assert "trust" in world.told("refused-by-peer", "acquirer")["why"]


def test_tls_1_1_is_refused(world: World) -> None:
    old = world.context(world.client)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        world.connect("acquirer", old)
    assert "1.2" in world.told("old-tls", "acquirer")["why"]


def test_those_who_only_connect_keep_nobody_out(world: World) -> None:
    silent = [socket.create_connection(world.bench.addresses["acquirer"]) for _ in range(600)]  # the limit is 512
    try:
        buys(world, world.connect("acquirer", world.context(world.client)))
        assert "gives way" in world.told("too-many-handshakes", "acquirer")["why"]
        silent[-1].settimeout(10)
        assert silent[-1].recv(1) == b""  # and the deadline ends the rest
        assert world.told("handshake-timeout", "acquirer")
    except ConnectionResetError:
        assert world.told("handshake-timeout", "acquirer")
    finally:
        for one in silent:
            one.close()
