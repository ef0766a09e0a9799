"""`monetique control`: change a bench that runs, through the control sockets in its data directory.

People write `control issuer-1 decline 20%`: the issuer comes before what it is to do. argparse wants the action first,
so `action_first` turns such a command line into `control decline issuer-1 20%`. Both orders are understood.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from switch.cards.money import CURRENCY_NAMES, decimal
from switch.commands.cardarg import HELP, find_card, secret
from switch.commands.common import (
    FINE,
    UNREACHABLE,
    USAGE,
    CommandError,
    Subparsers,
    add_command,
    add_config,
    add_data,
    add_json,
    load_config,
    number_from_0,
    outline,
    print_json,
    print_table,
    refuse_shared,
    seconds_above_0,
)
from switch.commands.status import print_status

EXAMPLES = """\
  monetique control reset                            balances, PIN tries and limits as on the first day
  monetique control arm --card approve --next 2 --de39 05
  monetique control issuer-1 decline 20% --de39 51   a fifth of what issuer-1 would approve is declined; 0% ends it
  monetique control profile issuer-1 nigeria-2019    answers as late as that profile says; docs/latency.md lists them
  monetique control link issuer-1 down --for 10
  monetique control link issuer-1 slow 200
  monetique control hsm stall 5                      the HSM answers nothing for five seconds
  monetique control cutover                          the next business day, now: issuers get 0800/201, then 0520
  monetique control totals                           what was approved and reversed, by link, day and currency
  monetique control latencies --json                 per hop, since the start: a difference of two is a run
  monetique control status                           links, hops, counters; --json for programs
"""

SHARE = """\
Decline a share of the requests that a simulated issuer would approve, drawn by the configuration's seed. Advices,
reversals and armed cards are not touched. Like the profile, it lasts until `0%` or until the issuer restarts.
"""

SWITCH = "switch"
MOVEMENTS = ("debits", "debits_reversed", "credits", "credits_reversed")
HSM = "hsm"


def register(subparsers: Subparsers) -> None:
    """Add `control` and its actions."""
    parser = add_command(subparsers, "control", "change a bench that runs", status, examples=EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, summary: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        return add_command(actions, name, summary, run, examples=examples_of(name))

    resetting = add_command(
        actions, "reset", "reset balances, PIN tries and limits", reset, examples=examples_of("reset")
    )
    arming = action("arm", "decide a card's next answers", arm)
    arming.add_argument("--card", type=secret, required=True, metavar="CARD", help=HELP)
    arming.add_argument("--next", type=count, default=1, metavar="N", help="how many answers (1); 0 disarms it")
    arming.add_argument("--de39", type=response_code, required=True, metavar="CC", help="the DE 39 to answer with")
    declining = action("decline", "decline a share of the approvals", decline)
    declining.usage = "monetique control ISSUER decline PERCENT [--de39 CC] [--data DIR] [--json]"
    declining.description = SHARE
    declining.add_argument("issuer", metavar="ISSUER", help="the name of an [[issuer]]")
    declining.add_argument(
        "percent", type=percentage, metavar="PERCENT", help="from 0%% to 100%%, such as 20%% or 0.5%%"
    )
    declining.add_argument("--de39", type=response_code, default="05", metavar="CC", help="with this DE 39 (05)")
    profiling = action("profile", "change how late an issuer answers", profile)
    profiling.add_argument("issuer", metavar="ISSUER", help="the name of an [[issuer]]")
    profiling.add_argument("name", metavar="NAME", help="a latency profile; lasts until the issuer restarts")
    linking = action("link", "take a link down or up, or slow it", link)
    linking.add_argument("name", metavar="NAME")
    linking.add_argument("change", choices=("down", "up", "slow"))
    linking.add_argument("ms", type=number_from_0, nargs="?", metavar="MS", help="with slow: the delay; 0 ends it")
    linking.add_argument("--for", dest="for_s", type=seconds_above_0, metavar="SECONDS", help="undo it then")
    stalling = action("hsm", "stall the HSM", stall)
    stalling.add_argument("change", choices=("stall",))
    stalling.add_argument("seconds", type=number_from_0, metavar="SECONDS", help="0 ends it")
    asking = action("status", "counters, link states, latencies", status)
    cutting = add_command(
        actions, "cutover", "begin the next business day on all links", cutover, examples=examples_of("cutover")
    )
    adding = action("totals", "show the reconciliation totals", totals)
    histograms = action("latencies", "histograms of each hop since the start", latencies)
    for each in (resetting, arming, declining, profiling, linking, stalling, asking, cutting, adding, histograms):
        add_config(each, used=each in (resetting, arming, declining, profiling, asking))
        add_data(each)
        add_json(each)


def examples_of(action: str) -> str:
    """The lines of EXAMPLES about one action.

    >>> print(examples_of("cutover").split("  ")[1])
    monetique control cutover
    """
    lines = EXAMPLES.splitlines(keepends=True)
    return "".join(line for line in lines if action in line.split()[2:4])


def count(text: str) -> int:
    """The type of `--next`."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"a number of answers, not {text!r}")
    return int(text)


def percentage(text: str) -> float:
    """The type of PERCENT: 20%."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?%", text) or float(text[:-1]) > 100:
        raise argparse.ArgumentTypeError(f"a percentage from 0% to 100%, such as 20% or 0.5%, not {text!r}")
    return float(text[:-1])


def action_first(argv: Sequence[str]) -> list[str]:
    """Return a command line with `control ISSUER decline …` as `control decline ISSUER …`, and `profile` likewise.

    >>> action_first(["control", "issuer-1", "decline", "20%", "--de39", "51"])
    ['control', 'decline', 'issuer-1', '20%', '--de39', '51']
    >>> action_first(["control", "link", "decline", "down"])
    ['control', 'link', 'decline', 'down']
    """
    match list(argv):
        case ["control", "link" | "decline" | "profile", *_]:  # what follows is a name, whichever it is
            pass
        case ["control", issuer, "decline" | "profile" as action, *rest]:
            return ["control", action, issuer, *rest]
    return list(argv)


def response_code(text: str) -> str:
    """The type of `--de39`."""
    if not re.fullmatch(r"[0-9A-Z]{2}", text):
        raise argparse.ArgumentTypeError(f"DE 39 has two digits or capitals, not {text!r}")
    return text


def reset(args: argparse.Namespace) -> int:
    """Every simulated issuer forgets what happened."""
    return report(args, {name: ask(args, name, {"command": "reset"}) for name in issuers(args)})


def arm(args: argparse.Namespace) -> int:
    """The card's issuer answers the next N authorizations with this DE 39."""
    card = find_card(load_config(args), args.card)
    if not card.issuer:
        raise CommandError("no issuer has this card; see `monetique cards`", USAGE)
    document = {"command": "arm", "card": card.pan, "next": args.next, "de39": args.de39}
    return report(args, {card.issuer: ask(args, card.issuer, document)})


def decline(args: argparse.Namespace) -> int:
    """The issuer declines a share of what it would approve."""
    document = {"command": "decline", "percent": args.percent, "de39": args.de39}
    return report(args, {args.issuer: ask_issuer(args, args.issuer, document)})


def profile(args: argparse.Namespace) -> int:
    """The issuer answers as late as another profile says."""
    document = {"command": "profile", "name": args.name}
    return report(args, {args.issuer: ask_issuer(args, args.issuer, document)})


def link(args: argparse.Namespace) -> int:
    """Change one of the switch's links."""
    if (args.change == "slow") != (args.ms is not None):
        raise CommandError("link NAME slow takes a delay in milliseconds, up and down take none", USAGE)
    document: dict[str, Any] = {"command": "link", "name": args.name, "action": args.change}
    if args.ms is not None:
        document["ms"] = args.ms
    if args.for_s is not None:
        document["for_s"] = args.for_s
    return report(args, {SWITCH: ask(args, SWITCH, document)})


def stall(args: argparse.Namespace) -> int:
    """The HSM takes commands and answers none, for a while."""
    document = {"command": args.change, "seconds": args.seconds}
    return report(args, {HSM: ask(args, HSM, document)})


def cutover(args: argparse.Namespace) -> int:
    """All links go to the next business day."""
    return report(args, {SWITCH: ask(args, SWITCH, {"command": "cutover"})})


def totals(args: argparse.Namespace) -> int:
    """What is reconciled: a row for each link, business day and currency. Amounts in minor units."""
    answer = ask(args, SWITCH, {"command": "totals"})
    if args.json:
        print_json({"business_dates": answer["business_dates"], "totals": answer["totals"]})
    elif answer["totals"]:
        print_totals(answer["totals"])
    else:
        print("nothing was approved yet")
    return FINE


def print_totals(rows: list[dict[str, Any]]) -> None:
    """A line for each link, day, currency and kind of movement, and for what is owed in the end."""
    lines: list[list[object]] = []
    for row in rows:
        place = [row["link"], row["business_date"], CURRENCY_NAMES.get(row["currency"], row["currency"])]
        moved = ((name, row[name], row[f"{name}_amount"]) for name in MOVEMENTS if row.get(name))
        lines += [[*place, name.replace("_", " "), count, decimal(cents)] for name, count, cents in moved]
        lines.append([*place, "net", "", decimal(row.get("net", 0))])
    print_table(("link", "day", "currency", "moved", "count", "amount"), lines)


def status(args: argparse.Namespace) -> int:
    """What the switch and the issuers say about themselves."""
    answers = {name: ask(args, name, {"command": "status"}) for name in (SWITCH, *issuers(args))}
    if args.json:
        return report(args, answers)
    print_status(answers)
    return FINE


def latencies(args: argparse.Namespace) -> int:
    """Each hop's histogram since the switch started."""
    hops = ask(args, SWITCH, {"command": "latencies"})["latencies"]
    if args.json:
        print_json(hops)
    else:
        rows = [[hop, told["count"], *(ms(told["buckets"], percent) for percent in (50, 90, 99))]
                for hop, told in hops.items()]  # fmt: skip
        print_table(("hop", "count", "p50 ms", "p90 ms", "p99 ms"), rows)
    return FINE


def ms(buckets: list[tuple[float, int]], percent: float) -> str:
    """A percentile in milliseconds."""
    from switch.net.recent import percentile_us

    return f"{percentile_us(dict(buckets), percent) / 1000:.3f}"


def issuers(args: argparse.Namespace) -> Iterator[str]:
    """The names of the simulated issuers."""
    return (issuer.name for issuer in load_config(args).issuer)


def ask_issuer(args: argparse.Namespace, name: str, document: dict[str, Any]) -> dict[str, Any]:
    """One request to a simulated issuer that runs; a name that none has is wrong usage."""
    from switch.net.control import socket_path

    known = list(issuers(args))
    if name not in known and (name in (SWITCH, HSM) or not socket_path(args.data, name).exists()):
        why = f"no simulated issuer is named {name!r}; there is {', '.join(known) or 'none'}"
        raise CommandError(f"{why}; an issuer of your own decides for itself", USAGE)
    return ask(args, name, document)


def ask(args: argparse.Namespace, part: str, document: dict[str, Any], waits_s: float = 0.0) -> dict[str, Any]:
    """One request to one part's control socket; `waits_s` is how long the part itself may wait for somebody else."""
    from switch.net.control import ANSWER_WITHIN_S, ControlError, request, socket_path

    refuse_shared(args.data)
    try:
        return request(socket_path(args.data, part), document, ANSWER_WITHIN_S + waits_s)
    except ControlError as error:
        raise CommandError(f"{part}: {error}", USAGE if error.reachable else UNREACHABLE) from None


def report(args: argparse.Namespace, answers: dict[str, dict[str, Any]]) -> int:
    """What each part answered."""
    if args.json:
        print_json(answers)
    else:
        for part, answer in answers.items():
            details = {key: value for key, value in answer.items() if key != "ok"}
            print("\n".join([f"{part}: done", *outline(details)]))
    return FINE
