"""`config check` and `config show`."""

from pathlib import Path

import pytest

from switch.config import load


def test_check_says_what_is_there(monetique) -> None:
    result = monetique("config", "check")
    assert result.status == 0
    assert "[[link]] 5" in result.out


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    file = tmp_path / "wrong.toml"
    file.write_text('[[link]]\nname = "acquirer"\nport = 70000\n')
    return str(file)


def test_check_ends_in_a_path(monetique, wrong: str) -> None:
    result = monetique("config", "check", wrong)
    assert (result.status, result.out) == (2, "")
    assert result.err.endswith("at `$.link[0].port`\n")


def test_check_json(monetique, wrong: str) -> None:
    result = monetique("config", "check", wrong, "--json")
    assert result.status == 2
    assert (result.json["ok"], result.json["path"]) == (False, "$.link[0].port")
    assert monetique("config", "check", "--json").json["tables"]["card"] == len(load().card)


def test_every_command_refuses_a_wrong_file(monetique, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONETIQUE_CONFIG", wrong)
    for command in (["up"], ["switch"], ["issuer"], ["cards"], ["keys"], ["send", "echo"], ["control", "reset"]):
        assert monetique(*command).status == 2, command


def test_show_prints_a_file_that_check_accepts(monetique, tmp_path: Path) -> None:
    shown = monetique("config", "show")
    file = tmp_path / "copy.toml"
    file.write_text(shown.out)
    assert monetique("config", "check", str(file)).status == 0
    assert load(file) == load()


def test_show_prints_nothing_secret(monetique) -> None:
    text = monetique("config", "show").out + monetique("config", "show", "--json").out
    config = load()
    for secret in [*(key.clear for key in config.key), *(card.pan for card in config.card)]:
        assert secret not in text
    for row in monetique("config", "show", "--json").json["card"]:
        assert not row.keys() & {"pin", "pvv", "cvv", "cvv2"}
        assert "******" in row["pan"]


def test_show_json_is_what_is_in_force(monetique, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[link]]\nname = "acquirer"\nport = 9000\n')
    shown = monetique("config", "show", "--json", "--config", str(file)).json
    assert shown["link"][0]["port"] == 9000
