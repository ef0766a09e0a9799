"""`monetique version`: the release, the Python, and whether each native module is compiled code or its twin."""

import argparse
import platform
from importlib.metadata import entry_points, version

from switch.commands.common import FAILED, FINE, CommandError, Subparsers, add_command, add_json, print_json

GROUP = "monetique.native"
DISTRIBUTION = "monetique"

EXAMPLES = """\
  monetique version --json
  MONETIQUE_NATIVE=0 monetique version               everything on the twins in plain Python
"""


def register(subparsers: Subparsers) -> None:
    """Add `version`."""
    parser = add_command(subparsers, "version", "say what is installed and loaded", show, examples=EXAMPLES)
    add_json(parser)


def show(args: argparse.Namespace) -> int:
    """Print it; a native module that is wanted but not there is an error, never a silent twin."""
    modules = native_modules()
    if args.json:
        print_json({"version": version(DISTRIBUTION), "python": platform.python_version(), "native": modules})
    else:
        print(f"{DISTRIBUTION} {version(DISTRIBUTION)}, Python {platform.python_version()}")
        print("\n".join(summary(modules)))
    return FINE


def summary(modules: dict[str, str]) -> list[str]:
    """How many modules are compiled, and the names of those that differ from the rest.

    >>> summary({"a": "native", "b": "native", "c": "twin"})
    ['native: 2 modules, twins: 1', '  twin: c']
    """
    native = [name for name, loaded in modules.items() if loaded == "native"]
    twins = [name for name, loaded in modules.items() if loaded != "native"]
    kind, fewer = ("twin", twins) if len(twins) <= len(native) else ("native", native)
    return [f"native: {len(native)} modules, twins: {len(twins)}", *(f"  {kind}: {name}" for name in fewer)]


def native_modules() -> dict[str, str]:
    """{module: "native" | "twin"}, of all packages that have native modules. Raises CommandError."""
    modules: dict[str, str] = {}
    for entry in entry_points(group=GROUP):
        try:
            modules |= entry.load()()
        except ImportError as error:
            why = f"the native modules of {entry.name} are not there ({error}): run make, or set MONETIQUE_NATIVE=0"
            raise CommandError(why, FAILED) from None
    return dict(sorted(modules.items()))
