"""The last net under the commands: no card number on standard output or error, but where one is asked for."""

import argparse
import subprocess
import sys

import pytest

from switch import cli
from switch.commands.common import CommandError, print_json

PAN = "4916338506082832"
MASKED = "491633******2832"


def saying(show, **defaults) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.set_defaults(run=show, **defaults)
    return parser


@pytest.fixture
def run(monetique, monkeypatch: pytest.MonkeyPatch):
    def run_with(show, **defaults):
        monkeypatch.setattr(cli, "build_parser", lambda: saying(show, **defaults))
        return monetique()

    return run_with


def test_lines_and_errors_are_masked(run) -> None:
    def show(args: argparse.Namespace) -> int:
        print("card", PAN)
        raise CommandError(f"no card {PAN}", 2)

    assert run(show) == (2, f"card {MASKED}\n", f"monetique: no card {MASKED}\n")


def test_documents_stay_documents(run) -> None:
    def show(args: argparse.Namespace) -> int:
        print_json({"why": f"card {PAN}", PAN: [PAN, {"number": int(PAN)}], "ms": 0.4916338506082832})
        return 0

    assert run(show).json == {"why": f"card {MASKED}", MASKED: [MASKED, {"number": int(PAN)}], "ms": 0.4916338506082832}


@pytest.mark.parametrize("shown", ["clear", "shows_card_numbers"])
def test_in_clear_where_asked_for(run, shown: str) -> None:
    def show(args: argparse.Namespace) -> int:
        print(PAN)
        return 0

    assert run(show, **{shown: True}).out == f"{PAN}\n"


def test_the_lines_of_the_hsm_are_masked() -> None:
    program = f"with output.masked(): logs.to_stderr(); logs.log('refused', why='card {PAN}')"
    program = f"from hsm_sim import logs\nfrom switch.commands import output\n{program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert f"card {MASKED}" in done.stderr


def test_wrong_usage_does_not_repeat_a_card_number(monetique) -> None:
    for words in (["cards", PAN], ["send", PAN], ["control", "link", "issuer-1", PAN], ["send", "echo", "--de", PAN]):
        result = monetique(*words)
        assert result.status == 2
        assert PAN not in result.out + result.err


def test_published_cards_are_shown(monetique) -> None:
    assert "4687380000000016" in monetique("cards").out
    assert monetique("cards", "--json").json[0]["pan"].isdecimal()
