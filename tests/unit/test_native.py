"""What is compiled is what the tables say, and nothing runs as something else than was asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from switch import native
from switch.core import effects, fields

ROOT = Path(__file__).parents[2]
EXT = ROOT / "ext"


def augmented() -> set[str]:
    """Modules whose Python source has a `.pxd`."""
    definitions = {path.relative_to(EXT).with_suffix(".py") for path in EXT.rglob("*.pxd")}
    return {".".join(path.with_suffix("").parts) for path in definitions if (ROOT / path).exists()}


def test_each_source_with_types_is_compiled() -> None:
    repeating = {"switch.core.effects", "switch.core.fields"}
    assert augmented() - repeating - set(native.CHOOSERS) == set(native.COMPILED)


@pytest.mark.parametrize("module", [effects, fields])
def test_compiled_code_reads_the_same_numbers(module: ModuleType) -> None:
    """`fields.pxd` repeats the data elements of `fields.py`, for the compiler; `effects.pxd` the kinds of effects."""
    name = module.__name__.rpartition(".")[2]
    lines = (EXT / "switch" / "core" / f"{name}.pxd").read_text().splitlines()
    repeated = dict(line.strip().split(" = ") for line in lines if " = " in line)
    numbers = {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, int)}
    assert {name: int(value) for name, value in repeated.items()} == numbers


def loaded(choice: str) -> dict[str, str]:
    command = [sys.executable, "-m", "switch.cli", "version", "--json"]
    environment = os.environ | {"MONETIQUE_NATIVE": choice}
    document = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    modules: dict[str, str] = document["native"]
    return modules


@pytest.mark.parametrize(
    ("choice", "rules", "others"), [("1", "native", "native"), ("debug", "twin", "native"), ("0", "twin", "twin")]
)
def test_the_choice_is_kept_and_told(choice: str, rules: str, others: str) -> None:
    modules = loaded(choice)
    assert {modules[name] for name in native.COMPILED} == {rules}
    assert {how for name, how in modules.items() if name not in native.COMPILED} == {others}


def test_a_missing_extension_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "COMPILED", ("switch.core.specs",))
    with pytest.raises(ImportError, match=r"switch\.core\.specs is not compiled: run make"):
        native.CompiledFinder.find_spec("switch.core.specs", [str(ROOT / "switch" / "core")])
