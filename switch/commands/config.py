"""`monetique config check|show`: what is wrong with a configuration, and what the shipped one says."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from switch.commands.common import (
    FINE,
    USAGE,
    Subparsers,
    add_command,
    add_config,
    add_json,
    load_config,
    print_json,
)

if TYPE_CHECKING:
    from switch.config import Config

EXAMPLES = """\
  monetique config show > bench.toml                 the shipped configuration, with comments, to start from
  monetique config check bench.toml                  exit status 2, and what is wrong, each with its path
  monetique config show --json --config bench.toml   what is in force, bench.toml laid over the shipped one
"""

# Values that `config show --json` leaves out. `monetique keys` and `monetique cards` are there to print them.
SECRET: Final = frozenset({"clear", "under_lmk", "pin", "pvv", "cvv", "cvv2"})


def register(subparsers: Subparsers) -> None:
    """Add `config` with its two actions."""
    parser = add_command(subparsers, "config", "check or show the configuration", show, examples=EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="check|show")
    checked = add_command(actions, "check", "say what is wrong with a file", check, examples=EXAMPLES)
    checked.add_argument("file", type=Path, nargs="?", metavar="FILE", help="default: --config")
    shown = add_command(actions, "show", "print the shipped configuration", show, examples=EXAMPLES)
    for action in (checked, shown):
        add_config(action, addresses=True)
        add_json(action)


def check(args: argparse.Namespace) -> int:
    """Load the file, which makes all checks; say what was found in it."""
    from switch.config import ConfigError

    args.config = args.file or args.config
    try:
        config = load_config(args)
    except ConfigError as error:
        if not args.json:
            raise
        problems = [{"error": what, "path": path} for what, path in error.problems]
        print_json({"file": name(args), "ok": False, **problems[0], "problems": problems})
        return USAGE
    counts = {table: len(getattr(config, table)) for table in ("link", "route", "key", "card", "profile", "issuer")}
    if args.json:
        print_json({"file": name(args), "ok": True, "tables": counts})
    else:
        print(f"{name(args)}: fine: " + ", ".join(f"[[{table}]] {count}" for table, count in counts.items()))
    return FINE


def show(args: argparse.Namespace) -> int:
    """The shipped file as it is; with `--json`, the whole configuration in force, without secrets."""
    from switch.config import DEFAULT_FILE

    if args.json:
        print_json(masked(load_config(args)))
    else:
        sys.stdout.write(DEFAULT_FILE.read_text())
    return FINE


def name(args: argparse.Namespace) -> str:
    """What was checked."""
    return str(args.config or "shipped configuration")


def masked(config: "Config") -> dict[str, Any]:
    """The configuration as plain data: PANs 6+4, no keys but their check values, nothing of PINs and codes."""
    import msgspec

    from switch.cards.masking import mask_pan

    document: dict[str, Any] = msgspec.to_builtins(config)
    for table in ("key", "card"):
        rows = [{key: value for key, value in row.items() if key not in SECRET} for row in document[table]]
        document[table] = [row | {"pan": mask_pan(row["pan"])} if "pan" in row else row for row in rows]
    return document
