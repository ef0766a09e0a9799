"""`monetique simulate`: the whole bench on virtual time, under faults drawn from a seed, with checkers watching."""

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from switch.commands.common import FAILED, FINE, Subparsers, add_command, add_json, outline, print_json

if TYPE_CHECKING:
    from switch.simulation.run import Result

EXAMPLES = """\
  monetique simulate --seed 7                              100 authorizations under heavy faults
  monetique simulate --seed 7 --authorizations 10000 --faults light
  monetique simulate --seed 7 --json | jq .log_sha256      the same seed, the same logs, to the bit

A seed that fails is run again with fewer requests and faults; the shortest run that still fails is printed.
"""


def register(subparsers: Subparsers) -> None:
    """Add `simulate`."""
    parser = add_command(subparsers, "simulate", "run the bench on virtual time, under faults", run, examples=EXAMPLES)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of traffic, latencies and faults (default 1)")
    parser.add_argument(
        "--authorizations", type=positive, default=100, metavar="M", help="requests that are sent (default 100)"
    )
    parser.add_argument(
        "--faults", choices=("none", "light", "heavy"), default="heavy", help="how much goes wrong (default heavy)"
    )
    add_json(parser)


def positive(text: str) -> int:
    """The type of a count."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1, not {number}")
    return number


def run(args: argparse.Namespace) -> int:
    """Run the seed, make a failure short, print."""
    from switch.config import load
    from switch.simulation.run import run as run_seed
    from switch.simulation.run import shortest, trace

    config = load()
    result = run_seed(config, args.seed, args.authorizations, args.faults)
    story = trace(shortest(config, result, args.authorizations)) if result.violations else []
    document = document_of(result, args.authorizations)
    if args.json:
        print_json(document | {"trace": story})
    else:
        print(f"verdict: {result.verdict}")
        print("\n".join(outline({key: value for key, value in document.items() if key != "verdict"})))
        if story:
            print("shortest run that still fails:\n  " + "\n  ".join(story))
    return FAILED if result.violations else FINE


def document_of(result: "Result", authorizations: int) -> dict[str, Any]:
    """What `--json` prints, but for the trace."""
    return {
        "seed": result.seed,
        "authorizations": authorizations,
        "faults": result.faults,
        "verdict": result.verdict,
        "log_sha256": result.log_sha256,
        "violations": [violation._asdict() for violation in result.violations],
        "struck": dict(sorted(Counter(fault.kind for fault in result.struck).items())),
    }
