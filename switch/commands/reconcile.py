"""`monetique reconcile`: do the books of acquirers, switch and issuers agree?"""

import argparse

from switch.commands.common import (
    FAILED,
    FINE,
    USAGE,
    CommandError,
    Subparsers,
    add_command,
    add_data,
    add_json,
    print_json,
)

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
    from switch.reconcile import reconcile
    from switch.reconcile.books import BooksError
    from switch.reconcile.report import report
    from switch.store.log import LogError
    from switch.terminal import width

    try:
        result = reconcile(args.data)
    except (BooksError, LogError) as error:
        raise CommandError(str(error), USAGE) from error
    if args.json:
        print_json(result)
    else:
        print(f"verdict: {result['verdict']}")
        print("\n".join(report(result, width())))
    return FAILED if result["verdict"] == "violated" else FINE
