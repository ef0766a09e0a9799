"""Which compiled modules of the switch are in use.

There are two kinds. A module with Cython sources of its own (`_name_c`) has a readable Python twin beside it
(`_name_py.py`) and a chooser module that imports one or the other. A module of `COMPILED` is one Python source, which
runs as it stands and is also compiled, with the types that an augmenting `.pxd` in `ext/` gives its classes: the rules
stand in one place, and the interpreter's run of them is the twin.

The choice is made once, when this module is imported, from `MONETIQUE_NATIVE`:

    unset   compiled modules if the stamp of a whole build is there and fits the sources, else twins; `twins_because`
            says why, and the commands that run for long print it
    1       compiled modules of both kinds, and an error where they are not there
    debug   the second kind as the interpreter runs it, for a debugger's breakpoints and for tests that plant bugs; the
            first compiled
    0       twins alone

Where 1 or debug cannot be had, `problem` is the sentence that the commands end with, and every import of a native
module raises ImportError with it.

`setup.py` writes the stamp last, when all modules are in their places: its first line is the suffix of this Python's
modules, and each further line is the size of a module, or the SHA-256 of a source, with its path. A wheel has no
`ext/`, so the sources there are not looked for.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Final

VARIABLE: Final = "MONETIQUE_NATIVE"
STAMP: Final = "built.txt"


def why_not_native(package: Path) -> str | None:
    """Why the native modules of a package cannot be used, from the stamp in its folder; None when they can."""
    try:
        suffix, *lines = (package / STAMP).read_text().splitlines()
    except OSError:
        return "the native modules are not built"
    if suffix not in EXTENSION_SUFFIXES:
        return "the native modules were built for another Python"
    root = package.parent
    for line in lines:
        expected, path = line.split(" ", 1)
        if path.startswith("ext/") and not (root / "ext").is_dir():
            continue
        try:
            found = _size_or_digest(root / path)
        except OSError:
            return f"{path} is missing"
        if found != expected:
            return f"{path} has changed since the native modules were built"
    return None


def _size_or_digest(path: Path) -> str:
    if path.name.endswith(tuple(EXTENSION_SUFFIXES)):
        return str(path.stat().st_size)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _choose() -> tuple[str, str | None, str | None]:
    """The choice; why it fell on the twins where nobody asked for them; why what was asked for cannot be had."""
    asked = os.environ.get(VARIABLE, "")
    if asked == "0":
        return asked, None, None
    if asked not in ("", "1", "debug"):
        return "1", None, f"{VARIABLE} is 1 (compiled), 0 (Python twins) or debug, not {asked!r}"
    why = why_not_native(Path(__file__).parent)
    if not asked:
        return ("1" if why is None else "0"), why, None
    problem = f"{VARIABLE}={asked} asks for native modules, but {why}: run make build, or unset it"
    return asked, None, problem if why is not None else None


CHOICE, twins_because, problem = _choose()
NATIVE = CHOICE != "0"
RULES_COMPILED = NATIVE and CHOICE != "debug"

# Chooser modules; each has an attribute `IMPLEMENTATION`, "native" or "twin".
CHOOSERS = (
    "switch.cards.number_map",
    "switch.core.glance",
    "switch.core.packing",
    "switch.core.shelf",
    "switch.iso8583.codec",
    "switch.iso8583.compat",
    "switch.iso8583.frames",
    "switch.store.splitting",
    "switch.store.syncing",
)

# Python sources that are compiled too: one for every `.pxd` in `ext/` that augments a `.py`.
COMPILED = (
    "switch.cards.bins",
    "switch.cards.disposable",
    "switch.cards.number_records",
    "switch.cards.vault",
    "switch.core.authorizations",
    "switch.core.checks",
    "switch.core.context",
    "switch.core.digits",
    "switch.core.duplicates",
    "switch.core.endings",
    "switch.core.file_actions",
    "switch.core.journal",
    "switch.core.links",
    "switch.core.overload",
    "switch.core.part",
    "switch.core.rebuild",
    "switch.core.recovery",
    "switch.core.schemes",
    "switch.core.stans",
    "switch.core.switch",
    "switch.core.totals",
    "switch.core.transaction",
    "switch.core.transactions",
    "switch.core.window",
    "switch.core.zonekeys",
    "switch.iso8583.dates",
    "switch.iso8583.framing",
    "switch.net.clock",
    "switch.net.commits",
    "switch.net.connections",
    "switch.net.effects",
    "switch.net.hsm",
    "switch.net.latencies",
    "switch.net.marks",
    "switch.schemes.ocard",
    "switch.store.file",
)

_LOADER = (ExtensionFileLoader, EXTENSION_SUFFIXES) if RULES_COMPILED else (SourceFileLoader, [".py"])


class CompiledFinder:
    """Finds the modules of `COMPILED`, and nothing else: the extension or the source, as was chosen."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG004
        """As importlib asks. Raises ImportError where a native module is wanted and cannot be had."""
        native = name.startswith("switch.") and name.endswith("_c")
        if problem is not None and (native or name in COMPILED):
            raise ImportError(f"{name}: {problem}", name=name)
        if name not in COMPILED:
            return None
        for place in path or ():
            spec = FileFinder(place, _LOADER).find_spec(name)
            if spec is not None:
                return spec
        raise ImportError(f"{name} is not compiled: run make build, or set {VARIABLE}=0", name=name)


def install() -> None:
    """Let every import go by the choice."""
    if CompiledFinder not in sys.meta_path:
        sys.meta_path.insert(0, CompiledFinder)


def loaded() -> dict[str, str]:
    """What is in use of each module: {module: "native" | "twin"}."""
    for name in (*CHOOSERS, *COMPILED):
        __import__(name)
    choices = {name: sys.modules[name].IMPLEMENTATION for name in CHOOSERS}
    return choices | {name: _how(sys.modules[name].__file__ or "") for name in COMPILED}


def _how(file: str) -> str:
    return "twin" if Path(file).suffix == ".py" else "native"
