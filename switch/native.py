"""Which compiled modules of the switch are in use.

There are two kinds. A module with Cython sources of its own (`_name_c`) has a readable Python twin beside it
(`_name_py.py`) and a chooser module that imports one or the other. A module of `COMPILED` is one Python source, which
runs as it stands and is also compiled, with the types that an augmenting `.pxd` in `ext/` gives its classes: the rules
stand in one place, and the interpreter's run of them is the twin.

The choice is made once, from `MONETIQUE_NATIVE`:

    1       compiled modules of both kinds, and a loud failure where one is missing (so if nothing is said)
    debug   the second kind as the interpreter runs it, for a debugger's breakpoints and for tests that plant bugs; the
            first compiled
    0       twins alone

There is no silent fallback.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path

CHOICE = os.environ.get("MONETIQUE_NATIVE", "1")
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
        """As importlib asks; ImportError where the extension is wanted and was not built."""
        if name not in COMPILED:
            return None
        for place in path or ():
            spec = FileFinder(place, _LOADER).find_spec(name)
            if spec is not None:
                return spec
        raise ImportError(f"{name} is not compiled: run make, or set MONETIQUE_NATIVE=debug", name=name)


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
