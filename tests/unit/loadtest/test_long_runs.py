"""What the rows about long logs rest on: a past that a switch restores, sizes that fit, parts that add up."""

from contextlib import closing
from pathlib import Path

import pytest

from switch.cards.vault import Vault
from switch.config import load
from switch.config.build import switch_spec
from switch.core.switch import Switch
from switch.store.file import FileLog
from switch.store.keys import load_or_create
from tests.bench import flat, split
from tests.bench.filling import fill
from tests.bench.flat import Logs
from tests.bench.table import row

NOW = 1_790_000_000.0


def test_a_filled_log_is_one_that_a_switch_has_written(tmp_path: Path) -> None:
    fill(tmp_path, 50)
    keys = load_or_create(tmp_path / "data.key", may_create=False)
    switch = Switch(switch_spec(load()), Vault(keys.data_key, keys.token_key), epoch=2)
    with closing(FileLog(tmp_path / "switch" / "log")) as log:
        assert log.last_sequence == 100
        switch.restore(log.snapshot(), (record for _, record in log.replay()), NOW)
    purchases = {link: figures.named()["debits"] for link, _, _, figures in switch.totals()}
    assert purchases == {"acquirer": 50, "issuer-1": 50}
    assert (switch.in_flight(), switch.reversals_owed()) == (0, 0)


class Pretended(Logs):
    """Starts take a second for each million, and a GB."""

    def __init__(self) -> None:
        self.start_s = self.peak_mb = 0.0
        self.started: list[int] = []

    def start(self, size: int) -> str:
        self.started.append(size)
        self.start_s, self.peak_mb = size / 1e6, size / 1e3
        return ""


@pytest.mark.parametrize(
    ("limit_s", "memory_mb", "fit"),
    [
        (11.0, 1e6, [10**3, 10**6, 10**7]),
        (9.0, 1e6, [10**3, 10**6]),
        (11.0, 1e3, [10**3, 10**6]),
        (11.0, 1e5, [10**3, 10**6, 10**7]),
    ],
)
def test_a_log_whose_start_would_take_too_much_is_left_out(
    limit_s: float, memory_mb: float, fit: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flat, "START_LIMIT_S", limit_s)
    monkeypatch.setattr(flat, "available_mb", lambda: memory_mb)
    logs = Pretended()
    assert logs.start_those_that_fit([10**7, 10**3, 10**6]) == fit
    assert logs.started == [size for size in fit if size >= 10**6]


def test_the_parts_and_the_rest_are_the_whole() -> None:
    names = {name for rows in split.PARTS.values() for name in rows}
    measured = [row(name, "us", [1.5]) for name in names] + [row(split.WHOLE, "us", [20.0])]
    parts = split.split(measured)
    assert sum(part["value"] for part in parts) == 20.0
    assert parts[-1]["name"] == "where it goes: the rest"
    assert parts[-1]["value"] == 20.0 - 1.5 * len(names)
    assert {part["reference_value"] for part in parts} == {20.0}


def test_no_parts_without_the_whole() -> None:
    assert split.split([row("scan", "us", [0.2])]) == []
