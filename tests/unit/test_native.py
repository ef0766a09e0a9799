"""What is compiled is what the tables say, and nothing runs as something else than was asked for."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from types import ModuleType

import pytest

import hsm_sim.native
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
    monkeypatch.setattr(native, "_LOADER", (ExtensionFileLoader, EXTENSION_SUFFIXES))
    with pytest.raises(ImportError, match=r"switch\.core\.specs is not compiled: run make build"):
        native.CompiledFinder.find_spec("switch.core.specs", [str(ROOT / "switch" / "core")])


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with one native module, built whole: its source, the module and the stamp."""
    package = tmp_path / "switch"
    source, module = tmp_path / "ext" / "switch" / "_c.pyx", package / f"_c{EXTENSION_SUFFIXES[0]}"
    for path, content in ((source, b"cdef int one"), (module, b"ELF")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines = [
        EXTENSION_SUFFIXES[0],
        f"3 {module.relative_to(tmp_path)}",
        f"{sha256(b'cdef int one').hexdigest()} ext/switch/_c.pyx",
    ]
    (package / native.STAMP).write_text("\n".join(lines) + "\n")
    return package


def spoil_stamp(package: Path) -> None:
    (package / native.STAMP).unlink()


def spoil_python(package: Path) -> None:
    stamp = package / native.STAMP
    stamp.write_text(stamp.read_text().replace(EXTENSION_SUFFIXES[0], ".cpython-27.so", 1))


def spoil_source(package: Path) -> None:
    (package.parent / "ext" / "switch" / "_c.pyx").write_text("cdef int two")


def spoil_module(package: Path) -> None:
    next(package.glob("_c*")).unlink()


def cut_module(package: Path) -> None:
    next(package.glob("_c*")).write_bytes(b"E")


def test_a_whole_build_is_used(package: Path) -> None:
    assert native.why_not_native(package) is None
    assert hsm_sim.native.is_built(package)


def test_a_wheel_has_no_sources_of_cython(package: Path) -> None:
    (package.parent / "ext" / "switch" / "_c.pyx").unlink()
    (package.parent / "ext" / "switch").rmdir()
    (package.parent / "ext").rmdir()
    assert native.why_not_native(package) is None
    assert hsm_sim.native.is_built(package)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (spoil_stamp, "the native modules are not built"),
        (spoil_python, "the native modules were built for another Python"),
        (spoil_source, "ext/switch/_c.pyx has changed since the native modules were built"),
        (spoil_module, f"switch/_c{EXTENSION_SUFFIXES[0]} is missing"),
        (cut_module, f"switch/_c{EXTENSION_SUFFIXES[0]} has changed since the native modules were built"),
    ],
)
def test_anything_less_than_a_whole_build_is_not_used(package: Path, spoil: Callable[[Path], None], why: str) -> None:
    spoil(package)
    assert native.why_not_native(package) == why
    assert not hsm_sim.native.is_built(package)


def copied_packages(tmp_path: Path) -> dict[str, str]:
    """An environment in which an unbuilt copy of the packages is imported."""
    for name in ("switch", "hsm_sim"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so", native.STAMP))
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def test_an_unbuilt_tree_runs_on_its_twins_and_says_so(tmp_path: Path) -> None:
    environment = copied_packages(tmp_path)
    command = [sys.executable, "-m", "switch.cli", "version", "--json"]
    asked = environment | {"MONETIQUE_NATIVE": ""}
    done = subprocess.run(command, cwd=tmp_path, env=asked, capture_output=True, check=True)
    assert set(json.loads(done.stdout)["native"].values()) == {"twin"}


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ("1", "MONETIQUE_NATIVE=1 asks for native modules, but the native modules are not built: run make build"),
        ("debug", "MONETIQUE_NATIVE=debug asks for native modules"),
        ("yes", "MONETIQUE_NATIVE is 1 (compiled), 0 (Python twins) or debug, not 'yes'"),
    ],
)
def test_what_cannot_be_had_is_a_sentence(tmp_path: Path, choice: str, sentence: str) -> None:
    environment = copied_packages(tmp_path) | {"MONETIQUE_NATIVE": choice}
    command = [sys.executable, "-m", "switch.cli", "cards"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
