"""The options of the process: configuration, command line, LMK files."""

import pytest

from hsm_sim import lmk_file
from hsm_sim.crypto.lmk import LmkError, dump, published_test_lmk
from hsm_sim.settings import Settings, SettingsError, is_loopback, resolve


def test_the_command_line_beats_the_file_and_the_file_the_defaults(tmp_path):
    config = tmp_path / "bench.toml"
    config.write_text('[hsm]\nport = 1600\npci = true\n[[link]]\nname = "not ours"\n')
    assert resolve(None, {}) == Settings("127.0.0.1", 1500, 4, False, "")
    assert resolve(config, {}) == Settings("127.0.0.1", 1600, 4, True, "")
    assert resolve(config, {"port": 1700}) == Settings("127.0.0.1", 1700, 4, True, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[hsm]\nport = 65536", r"bench.toml: .*\$.hsm.port"),
        ('[hsm]\nport = "1500"', r"\$.hsm.port"),
        ("[hsm]\nports = 1", r"unknown field `ports`.*\$.hsm"),
        ("hsm = 1", r"\$.hsm"),
        ("[hsm", "bench.toml"),
    ],
)
def test_a_bad_file_is_named_with_the_path_in_it(tmp_path, text, message):
    config = tmp_path / "bench.toml"
    config.write_text(text)
    with pytest.raises(SettingsError, match=message):
        resolve(config, {"port": 0})


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.2", True), ("::1", True), ("192.168.1.1", False), ("::", False), ("example.org", False), ("", False)],
)
def test_which_hosts_are_loopback(host, expected):
    assert is_loopback(host) is expected


def test_an_lmk_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(dump(published_test_lmk()))
    path.chmod(0o640)
    with pytest.raises(LmkError, match=r"mine.toml: others can read this LMK: chmod 600"):
        lmk_file.load(str(path), tmp_path)
    path.chmod(0o600)
    assert lmk_file.load(str(path), tmp_path) == published_test_lmk()


def test_an_lmk_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(LmkError, match=r"mine.toml: no LMK"):
        lmk_file.load(str(path), tmp_path)
    path.write_bytes(b"\xff")
    path.chmod(0o600)
    with pytest.raises(LmkError, match=r"mine.toml: no LMK"):
        lmk_file.load(str(path), tmp_path)
