"""The command as a whole: help, version, exit status, start of the parts."""

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from switch import cli
from switch.commands import bench
from switch.config import load

FULL = "standard output, or a file that this command writes"
COMMANDS = (
    *("up", "switch", "issuer", "hsm"),
    *("send", "describe", "dialect", "cards", "keys"),
    *("control", "config", "reconcile", "version"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(monetique, command: str) -> None:
    result = monetique(command, "--help")
    assert result.status == 0
    assert f"monetique {command}" in result.out.partition("examples:")[2]


def test_help_lists_the_commands(monetique) -> None:
    words = monetique("--help").out.partition("COMMAND\n")[2].split()
    assert set(COMMANDS) <= set(words)


@pytest.mark.parametrize("words", [["dance"], ["cards", "--dance"], ["control"], ["--data", "D", "up"]])
def test_wrong_usage(monetique, words: list[str]) -> None:
    """Two lines: what is wrong, and where the help is."""
    result = monetique(*words)
    assert (result.status, result.out) == (2, "")
    wrong, pointer = result.err.splitlines()
    assert wrong.startswith("monetique")
    assert pointer.startswith("see monetique")
    assert pointer.endswith("--help")


def test_the_command_alone_prints_its_help(monetique) -> None:
    assert monetique() == monetique("--help")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["sned", "purchase"], "send"),
        (["control", "lnk", "issuer-1", "down"], "link"),
        (["send", "--carrd", "funds", "purchase"], "--card"),
        (["send", "purchase", "--ammount=3"], "--amount"),
        (["send", "purchse"], "purchase"),
        (["send", "purchase", "--link", "acquirer-bdc"], "acquirer-bcd"),
        (["keys", "exchange", "issuer1"], "issuer-1"),
        (["issuer", "issuer1"], "issuer-1"),
        (["switch", "--at", "metric=1"], "metrics"),
    ],
)
def test_a_misspelled_word_is_recognised(monetique, words: list[str], meant: str) -> None:
    """Commands, actions, options, kinds and links."""
    result = monetique(*words)
    assert result.status == 2
    assert f"(did you mean {meant}?)" in result.err


def test_options_stand_in_the_help_only_where_they_mean_something(monetique) -> None:
    """`--insecure` is about addresses that a command opens or dials; where it means nothing it is still accepted."""
    shown = {words: monetique(*words.split(), "--help").out for words in ("up", "cards", "control link", "keys")}
    assert [words for words, text in shown.items() if "--insecure" in text] == ["up"]
    assert [words for words, text in shown.items() if "--config" in text] == ["up", "cards", "keys"]
    assert monetique("cards", "--insecure").status == 0


def test_version(monetique) -> None:
    document = monetique("version", "--json").json
    assert document["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"switch.iso8583.codec", "hsm_sim.crypto.pinblock"} <= document["native"].keys()
    assert set(document["native"].values()) <= {"native", "twin"}
    assert document["version"] in monetique("version").out


@pytest.mark.parametrize(("value", "expected"), [("0", "native: 0 modules"), ("1", "twins: 0")])
def test_version_says_what_is_loaded(value: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "switch.cli", "version"],
        env=os.environ | {"MONETIQUE_NATIVE": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert expected in done.stdout


def test_ctrl_c_is_130(monetique, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "build_parser", lambda: _parser_running(interrupted))
    assert monetique().status == 130


def _parser_running(run) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.set_defaults(run=run)
    return parser


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "switch.cli", "config", "show"], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_is_told_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "switch.cli", "cards"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, f"monetique: {FULL}: No space left on device\n")


def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "switch.cli", "issuer", "issuer-1", "--port", str(port), "--data", str(tmp_path)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"127.0.0.1:{port}: the port is in use" in done.stderr
    assert "Errno" not in done.stderr


def test_up_on_a_file_says_so_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "switch.cli", "up", "--data", str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"monetique up: {tmp_path}/file: File exists; choose a --data that is a directory of yours, or none yet\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    "words", [["control", "link", "--help"], ["config", "show"], ["send", "--help"], ["simulate", "--help"]]
)
def test_any_encoding_of_the_terminal_is_served(encoding: str, words: list[str]) -> None:
    command = [sys.executable, "-m", "switch.cli", *words]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding)


def test_the_event_loop_is_not_loaded_for_a_list_of_cards() -> None:
    """`cards` starts fast: what only the parts need stays out."""
    program = "import sys; from switch.commands import cards; assert 'uvloop' not in sys.modules, 'uvloop'"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_up_starts_the_parts_with_each_others_ports(monetique) -> None:
    args = cli.build_parser().parse_args(["up", "--data", "D", "--config", "C"])
    children = bench.children(args, load())
    assert [child.name for child in children] == ["hsm", "issuer-1", "issuer-2", "switch"]
    ports = {"hsm": 11, "issuer-1": 12, "acquirer": 0}
    hsm, issuer, _, switch = [list(child.argv(ports))[3:] for child in children]
    assert hsm[:7] == ["hsm", "--host", "127.0.0.1", "--port", "11", "--lmk", "test"]
    at = ["--at", "hsm=11", "--at", "issuer-1=12", "--at", "acquirer=0"]
    common = ["--data", "D", "--config", "C"]
    assert issuer == ["issuer", "issuer-1", *at, *common]
    assert switch == ["switch", *at, *common]


def test_up_tells_its_issuers_the_profile(monetique) -> None:
    args = cli.build_parser().parse_args(["up", "--data", "D", "--profile", "steady"])
    issuers = [child for child in bench.children(args, load()) if child.name.startswith("issuer")]
    for issuer in issuers:
        assert list(issuer.argv({}))[3:] == ["issuer", issuer.name, "--profile", "steady", "--data", "D"]


@pytest.mark.parametrize("command", ["up", "issuer"])
def test_an_unknown_profile_is_wrong_usage_and_names_those_there_are(monetique, command: str) -> None:
    result = monetique(command, "--profile", "mars")
    assert (result.status, result.out) == (2, "")
    assert "--profile: no latency profile is named 'mars'; there is instant, steady, issuer-europe" in result.err


def test_sample_traffic_is_what_the_configuration_says() -> None:
    assert [source.link for source in bench.sample_traffic(load())] == ["acquirer", "acquirer-bcd"]


@pytest.mark.parametrize("words", [["switch", "--at", "nobody=1"], ["issuer", "nobody"], ["switch", "--port", "65536"]])
def test_parts_with_wrong_names(monetique, words: list[str], tmp_path: Path) -> None:
    assert monetique(*words, "--data", str(tmp_path)).status == 2
