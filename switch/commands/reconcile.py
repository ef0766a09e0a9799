"""`monetique reconcile`: do the books of acquirers, switch and issuers agree?"""

import argparse
from typing import Any

from switch.commands.common import FAILED, FINE, Subparsers, add_command, add_data, add_json, print_json

EXAMPLES = """\
  monetique reconcile                                exit status 1 if the books disagree
  monetique reconcile --data .monetique --json | jq .disagreements
"""


def register(subparsers: Subparsers) -> None:
    """Add `reconcile`."""
    parser = add_command(subparsers, "reconcile", "compare the books of all sides", run, examples=EXAMPLES)
    add_data(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Compare, print, and fail where money went astray."""
    from switch.net.reconcile import reconcile

    result = reconcile(args.data)
    if args.json:
        print_json(result)
    else:
        print("\n".join(lines(result)))
    return FAILED if result["verdict"] == "violated" else FINE


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people: the verdict, then a line for each book and figure."""
    return [f"verdict: {result['verdict']}", *(f"{key}: {value}" for key, value in result.items() if key != "verdict")]
