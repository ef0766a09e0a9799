"""docs/latency.md names every shipped profile with the figures that it draws, and its example is a configuration."""

import re
from pathlib import Path

import numpy as np
import pytest

from switch.config import issuer_spec, load
from switch.profiles.latency import profile, shipped

PAGE = (Path(__file__).parents[3] / "docs" / "latency.md").read_text()
ROWS = {
    name: [float(cell.strip(" %")) for cell in cells.split("|")]
    for name, cells in re.findall(r"^\| `([a-z0-9-]+)` \| ((?:[0-9]+ \| ){3}[0-9.]+ %) \| ", PAGE, re.MULTILINE)
}


def test_every_shipped_profile_has_its_row():
    assert ROWS.keys() == shipped().keys()


@pytest.mark.parametrize("name", sorted(shipped()))
def test_the_figures_are_those_of_its_draws(name):
    drawn = np.array([profile(name).draw_ms(1, "issuer", str(number)) for number in range(10_000)])
    p50, p90, p99, beyond = ROWS[name]
    assert np.percentile(drawn, [50, 90, 99]) == pytest.approx([p50, p90, p99], rel=0.1)
    assert 100 * (drawn > 5000).mean() == pytest.approx(beyond, rel=0.15, abs=0.08)


def test_the_examples_are_configurations(tmp_path: Path):
    for number, example in enumerate(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)):
        file = tmp_path / f"{number}.toml"
        file.write_text(example)
        assert load(file)
    assert issuer_spec(load(tmp_path / "1.toml"), "issuer-1").profile.name == "my-issuer"
