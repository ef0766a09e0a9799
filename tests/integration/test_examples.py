"""The programs in `examples/`, run as a user runs them: an acquirer and an issuer of one's own on pyiso8583."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.running import RunningBench, eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
OWN_CARD = "9999123400000018"


class OwnIssuer(NamedTuple):
    """`examples/issuer.py` on a free port, and the configuration that leads there."""

    config: Path
    printed: Callable[[], str]


@pytest.fixture(scope="module")
def own_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnIssuer]:
    folder = tmp_path_factory.mktemp("own-issuer")
    output = folder / "issuer.out"
    command = [sys.executable, str(EXAMPLES / "issuer.py"), "--port", "0"]
    with output.open("w") as stream, subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT) as process:
        found = eventually(lambda: re.match(r"listening on port (\d+)\n", output.read_text()))
        config = folder / "own-issuer.toml"
        shipped = (EXAMPLES / "own-issuer.toml").read_text()
        config.write_text(shipped.replace("port = 8601", f"port = {found[1]}"))
        yield OwnIssuer(config, output.read_text)
        process.terminate()


@pytest.fixture(scope="module")
def bench(own_issuer: OwnIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBench]:
    config = ["--config", str(own_issuer.config)]
    with RunningBench(tmp_path_factory.mktemp("examples") / "data", "--no-traffic", *config) as running:
        yield running


def acquirer(bench: RunningBench, *args: str) -> list[tuple[str, str, str]]:
    """Run `examples/acquirer.py`: request, answer and DE 39 of each line that it printed."""
    command = [sys.executable, str(EXAMPLES / "acquirer.py"), "--port", str(bench.addresses["acquirer"][1]), *args]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    return re.findall(r"^(\d{4}) -> (\d{4})  DE 39 = (..) ", result.stdout, re.MULTILINE)


SIGN_ON = ("0800", "0810", "00")


def test_the_acquirer_buys_with_a_pin_and_reverses(bench: RunningBench) -> None:
    assert acquirer(bench) == [SIGN_ON, ("0100", "0110", "00"), ("0420", "0430", "00")]


@pytest.mark.parametrize(
    ("args", "de39"),
    [
        (["--pin", "1111"], "55"),
        (["--pan", "4687390000000023", "--expiry", "2312", "--pin", "6302"], "54"),
        (["--pan", "9999900000000013", "--pin", "1907"], "92"),
    ],
)
def test_a_decline_is_not_reversed(bench: RunningBench, args: list[str], de39: str) -> None:
    assert acquirer(bench, *args) == [SIGN_ON, ("0100", "0110", de39)]


def test_the_own_issuer_decides_and_releases(bench: RunningBench, own_issuer: OwnIssuer) -> None:
    assert acquirer(bench, "--pan", OWN_CARD, "--pin", "2580")[-1] == ("0420", "0430", "00")
    eventually(lambda: "0420 -> 0430  DE 39 = 00  holds 0 cents" in own_issuer.printed())
    assert "0100 -> 0110  DE 39 = 00  holds 1250 cents" in own_issuer.printed()
    assert "0800 -> 0810" in own_issuer.printed()


@pytest.mark.parametrize(("amount", "de39"), [("499.00", "00"), ("500.01", "51")])
def test_the_own_issuer_has_a_limit(bench: RunningBench, own_issuer: OwnIssuer, amount: str, de39: str) -> None:
    words = ["purchase", "--card", OWN_CARD, "--amount", amount, "--expect", de39]
    result = bench.cli("send", *words, "--config", str(own_issuer.config))
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_share_of_declines_and_a_profile_while_it_runs(bench: RunningBench) -> None:
    assert bench.cli("control", "issuer-1", "decline", "100%", "--de39", "51").returncode == 0
    assert bench.cli("control", "profile", "issuer-1", "steady").returncode == 0
    status = bench.json("control", "status")
    assert (status["issuer-1"]["profile"], status["issuer-1"]["declines"]) == ("steady", "100% with 51")
    assert (status["issuer-2"]["profile"], status["issuer-2"]["declines"]) == ("issuer-europe", "nothing")
    assert acquirer(bench)[-1] == ("0100", "0110", "51")
    assert "declined by control: 100% with 51" in bench.cli("events").stdout
    assert bench.cli("control", "issuer-1", "decline", "0%").returncode == 0
    assert acquirer(bench)[1] == ("0100", "0110", "00")


def test_what_an_issuer_refuses_is_wrong_usage(bench: RunningBench) -> None:
    unknown = bench.cli("control", "profile", "issuer-1", "mars")
    assert (unknown.returncode, "no latency profile is named 'mars'; there is instant" in unknown.stderr) == (2, True)
    code = bench.cli("control", "issuer-1", "decline", "20%", "--de39", "00")
    assert (code.returncode, "DE 39 = 00 declines nothing" in code.stderr) == (2, True)
    own = bench.cli("control", "bank", "decline", "20%")
    assert (own.returncode, "no simulated issuer is named 'bank'" in own.stderr) == (2, True)


def test_the_books_agree(bench: RunningBench) -> None:
    """The example acquirer and the example issuer keep no book: what is left is compared."""
    verdict = eventually(lambda: v if not (v := bench.json("reconcile"))["unanswered"] else None)
    assert (verdict["verdict"], verdict["disagreements"]) == ("clean", [])


def test_the_profile_at_the_start(tmp_path: Path) -> None:
    with RunningBench(tmp_path / "data", "--no-traffic", "--profile", "steady") as bench:
        status = bench.json("control", "status")
        assert {status[name]["profile"] for name in ("issuer-1", "issuer-2")} == {"steady"}
