"""Which compiled modules of the HSM are in use.

The rule is the one of `switch.native`, which the HSM may not import: `MONETIQUE_NATIVE` decides, and where it is unset
the compiled modules are used if the stamp that `setup.py` writes last is there and fits the sources.
"""

import hashlib
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

STAMP: Final = "built.txt"
CHOOSERS = ("hsm_sim.crypto.pinblock",)


def is_built(package: Path) -> bool:
    """Whether the modules that the stamp in a package's folder names are there, made from the sources that are there.

    The stamp's first line is the suffix of the modules; each further line is the size of a module, or the SHA-256 of a
    source, with its path. A wheel has no `ext/`, so the sources there are not looked for.
    """
    root = package.parent
    try:
        suffix, *lines = (package / STAMP).read_text().splitlines()
        pairs = [line.split(" ", 1) for line in lines]
        return suffix in EXTENSION_SUFFIXES and all(
            expected == (str(path.stat().st_size) if path.suffix == ".so" else _digest(path))
            for expected, path in ((expected, root / name) for expected, name in pairs)
            if not (path.is_relative_to(root / "ext") and not (root / "ext").is_dir())
        )
    except OSError:
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


BY_DEFAULT = not os.environ.get("MONETIQUE_NATIVE")
NATIVE = is_built(Path(__file__).parent) if BY_DEFAULT else os.environ["MONETIQUE_NATIVE"] != "0"


def loaded() -> dict[str, str]:
    """The choice of each chooser module: {module: "native" | "twin"}."""
    for name in CHOOSERS:
        __import__(name)
    return {name: sys.modules[name].IMPLEMENTATION for name in CHOOSERS}
