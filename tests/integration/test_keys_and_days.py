"""`keys exchange`, `control cutover`, `control totals` on a bench that runs, and two lines to an issuer (R14–R17)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from psec import des

from tests.support.foreign import Doc, Foreign
from tests.support.running import RunningBench, Tcp, eventually

LINES = """\
[[link]]
name = "issuer-1-b"
joins = "issuer-1"

[limits]
reversal_repeat_s = 0.5
reversal_repeat_max_s = 0.5
saf_attempts = 2
"""


@pytest.fixture(scope="module")
def lined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBench]:
    """Without traffic: the only acquirers are the tests."""
    folder = tmp_path_factory.mktemp("lined")
    config = folder / "lines.toml"
    config.write_text(LINES)
    with RunningBench(folder / "data", "--no-traffic", "--config", str(config)) as bench:
        yield bench


@pytest.fixture
def keys(lined: RunningBench) -> dict[str, dict[str, Any]]:
    """`monetique keys --json` of the acquirer's link, by type."""
    return {row["type"]: row for row in lined.json("keys") if row["link"] == "acquirer"}


@pytest.fixture
def client(lined: RunningBench, keys: dict[str, dict[str, Any]], stans: Any) -> Iterator[Tcp]:
    with Tcp(lined.addresses["acquirer"], Foreign(keys["ZPK"], stans)) as tcp:
        yield tcp.sign_on()


@pytest.fixture(scope="module")
def stans() -> Any:
    return count(1)


@pytest.fixture(scope="module")
def card(lined: RunningBench) -> dict[str, Any]:
    return next(card for card in lined.json("cards") if card["behaviour"] == "approve")


def opened(zmk: str, field: str) -> str:
    """The clear key of `U` and 32 digits under the ZMK."""
    clear, halves = bytes.fromhex(zmk), (bytes.fromhex(field[1:17]), bytes.fromhex(field[17:33]))
    parts = [clear[:8] + bytes([clear[8] ^ variant]) + clear[9:] for variant in (0xA6, 0x5A)]
    return b"".join(des.decrypt_tdes_ecb(key, half) for key, half in zip(parts, halves, strict=True)).hex().upper()


def exchanged(bench: RunningBench, client: Tcp, answer: Callable[[Doc], str]) -> tuple[CompletedProcess[str], Doc]:
    """Run `keys exchange acquirer`; the acquirer answers the 0800 with that DE 39."""
    with ThreadPoolExecutor() as pool:
        command = pool.submit(bench.cli, "keys", "exchange", "acquirer", "--json")
        asked = client.receive()
        assert (asked["t"], asked["70"]) == ("0800", "101")
        client.send({"t": "0810", "7": asked["7"], "11": asked["11"], "39": answer(asked), "70": "101"})
        return command.result(), asked


def test_keys_exchange(
    lined: RunningBench, keys: dict[str, dict[str, Any]], client: Tcp, card: dict[str, Any]
) -> None:  # fmt: skip
    """Exit 0 and the check value when the partner takes the key, which then serves; 1 when it does not."""
    result, asked = exchanged(lined, client, lambda _: "00")
    field = asked["48"]
    assert (result.returncode, field[33:] in result.stdout) == (0, True)
    client.foreign.link = keys["ZPK"] | {"key": opened(keys["ZMK"]["key"], field)}
    assert client.ask(client.foreign.purchase(card))["39"] == "00"
    refused, _ = exchanged(lined, client, lambda _: "63")
    assert (refused.returncode, "answered DE 39 = 63 to the new key: the old key stays" in refused.stdout) == (1, True)
    assert client.ask(client.foreign.purchase(card))["39"] == "00"
    told = result.stdout + refused.stdout + lined.stderr()
    assert field[1:33] not in told
    assert client.foreign.link["key"] not in told
    back, asked = exchanged(lined, client, lambda _: "00")
    assert back.returncode == 0
    client.foreign.link = keys["ZPK"] | {"key": opened(keys["ZMK"]["key"], asked["48"])}
    assert client.ask(client.foreign.purchase(card))["39"] == "00"
    assert lined.json("keys", "exchange", "issuer-1")["done"]  # with the simulated issuer, by its HSM
    assert client.ask(client.foreign.purchase(card))["39"] == "00"


def test_send_and_the_sample_traffic_use_an_exchanged_key(tmp_path: Path) -> None:
    """R15: at once, with a second line to the issuer, and after a restart, when the configured key is long replaced."""
    config = tmp_path / "lines.toml"
    config.write_text(LINES + '[[link]]\nname = "acquirer"\nkey_grace_s = 0.1\n')

    def bought(bench: RunningBench, link: str) -> None:
        sent = bench.cli("send", "purchase", "--link", link, "--config", str(config), "--expect", "00")
        assert sent.returncode == 0, sent.stdout + sent.stderr

    with RunningBench(tmp_path / "data", "--config", str(config)) as bench:
        for name in ("acquirer", "issuer-1", "acquirer"):
            assert bench.json("keys", "exchange", name, "--config", str(config))["done"]
            bought(bench, "acquirer")
            bought(bench, "acquirer-bcd")
        assert bench.stop() == 130
    with RunningBench(tmp_path / "data", "--config", str(config)) as bench:
        bought(bench, "acquirer")
        eventually(lambda: "first approved transaction with a PIN, from acquirer (" in "".join(bench.stdout))
        counters = bench.json("control", "status")["switch"]["counters"]
        assert counters.get("de39-88", 0) == 0
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_keys_exchange_that_cannot_begin(lined: RunningBench) -> None:
    assert lined.cli("keys", "exchange", "acquirer-bcd").returncode == 1
    assert lined.cli("keys", "exchange", "nobody").returncode == 2


def test_control_cutover(lined: RunningBench, client: Tcp, card: dict[str, Any]) -> None:
    """The answers' DE 15, and the totals by day, follow at once; closed totals stay to be seen."""

    def figures() -> dict[tuple[str, str], tuple[int, int]]:
        rows = lined.json("control", "totals")["totals"]
        return {
            (row["business_date"], row["link"]): (row["debits"], row["debits_amount"])
            for row in rows
            if row["currency"] == "978"
        }

    before = lined.json("control", "totals")["business_dates"]["acquirer"]
    assert client.ask(client.foreign.purchase(card, 1_00, pin=None))["15"] == before[2:]
    closed = figures()
    opened_dates = lined.json("control", "cutover")["switch"]["business_dates"]
    after = opened_dates["acquirer"]
    assert set(opened_dates.values()) == {after}
    assert after > before
    assert client.ask(client.foreign.purchase(card, 2_00, pin=None))["15"] == after[2:]
    assert figures() == closed | {(after, "acquirer"): (1, 2_00), (after, "issuer-1"): (1, 2_00)}
    assert "debits" in lined.cli("control", "totals").stdout


def test_a_line_taken_down_leaves_the_other(lined: RunningBench, client: Tcp, card: dict[str, Any]) -> None:
    """`control link` knows lines by their own names; either one serves."""

    def states() -> dict[str, str]:
        return {link["name"]: link["state"] for link in lined.json("control", "status")["switch"]["links"]}

    for name in ("issuer-1", "issuer-1-b"):
        assert states()["issuer-1"] == states()["issuer-1-b"] == "signed-on"
        assert lined.cli("control", "link", name, "down").returncode == 0
        eventually(lambda name=name: states()[name] == "disabled")
        assert client.ask(client.foreign.purchase(card, pin=None))["39"] == "00"
        assert lined.cli("control", "link", name, "up").returncode == 0
        eventually(lambda name=name: states()[name] == "signed-on")


def test_status_shows_what_an_issuer_never_took(lined: RunningBench, client: Tcp) -> None:
    """R11: given up and left to people, so it has to be seen."""
    unknown = next(card for card in lined.json("cards") if card["behaviour"] == "unknown")
    request = client.foreign.purchase(unknown, pin=None) | {"t": "0220"}
    assert client.ask(request)["39"] == "00"
    (given_up,) = eventually(lambda: lined.json("control", "status")["switch"]["exhausted"])
    assert (given_up["issuer"], given_up["mti"], given_up["rrn"]) == ("issuer-1", "0220", request["37"])
    assert given_up["attempts"] == 2
    assert lined.json("control", "status")["switch"]["advices_owed"] == 0
