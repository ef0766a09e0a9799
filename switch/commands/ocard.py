"""`monetique ocard`: disposable numbers given out, shown, cancelled, listed, while the bench runs.

Beneath it are ISO 8583 file actions, 0302, over an acquirer link that may (docs/schemes/ocard.md); the list comes from
the switch's control socket. A number is shown in clear once, when it is given out, and wherever `--clear` asks for it.
"""

import argparse
import re
import time
from datetime import UTC, datetime
from typing import Any, Final

from switch.cards.masking import mask_pan
from switch.commands.cardarg import HELP, WORDS, card_number, secret
from switch.commands.common import (
    FAILED,
    FINE,
    USAGE,
    CommandError,
    Subparsers,
    add_command,
    add_config,
    add_data,
    add_json,
    load_config,
    outline,
    port,
    print_json,
    print_table,
)
from switch.commands.control import SWITCH, ask
from switch.commands.send import amount_cents, open_session

EXAMPLES = """\
  monetique ocard issue --card approve --max 300.00 --currency EUR --uses 1 --valid 30d --site demo-shop
  monetique ocard issue --card @number --max 50 --uses many --site other-shop --json
  monetique ocard show - --clear < vpan              a number from standard input; the process list shows none
  monetique ocard cancel @vpan                       or from a file
  monetique ocard list
"""

CODES: Final = {"EUR": "978", "FRF": "250"}
NAMES: Final = {code: name for name, code in CODES.items()}
UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
HIDDEN: Final = "***"


def register(subparsers: Subparsers) -> None:
    """Add `ocard` and its actions."""
    parser = add_command(subparsers, "ocard", "give out and manage disposable numbers", listing, examples=EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    issuing = add_command(actions, "issue", "give out a number for a card", issue, examples=EXAMPLES)
    issuing.add_argument("--card", type=secret, required=True, metavar="CARD", help=f"the card that pays: {HELP}")
    issuing.set_defaults(shows_card_numbers=True)  # the one time that the number is given out
    issuing.add_argument("--expiry", metavar="YYMM", help="the card's (default: as configured, else not said)")
    issuing.add_argument("--max", type=amount_cents, required=True, metavar="AMOUNT", help="what may be spent in all")
    issuing.add_argument("--currency", choices=tuple(CODES), default="EUR", help="of --max (EUR)")
    issuing.add_argument("--uses", choices=("1", "many"), default="1", help="purchases (1)")
    issuing.add_argument("--valid", type=seconds, default=30 * UNITS_S["d"], metavar="TIME", help="30d, 12h, 90m (30d)")
    issuing.add_argument("--site", required=True, metavar="NAME", help="the [[site]] where it may be spent")
    showing = add_command(actions, "show", "show a number, masked", show, examples=EXAMPLES)
    showing.add_argument("--clear", action="store_true", help="in clear")
    cancelling = add_command(actions, "cancel", "cancel a number for good", cancel, examples=EXAMPLES)
    for action in (showing, cancelling):
        action.add_argument("vpan", type=secret, metavar="VPAN", help=f"as it is, {WORDS}")
    everything = add_command(actions, "list", "list all numbers, masked", listing, examples=EXAMPLES)
    for action in (issuing, showing, cancelling):
        action.add_argument("--link", help="the acquirer link to use (default: the first with file_actions)")
        action.add_argument("--port", type=port, help="default: the link's, in use or configured")
        action.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help=argparse.SUPPRESS)
        action.set_defaults(terminal="OCARD001", merchant="")
    for action in (issuing, showing, cancelling, everything):
        add_config(action, addresses=action is not everything, used=action is not everything)
        add_data(action)
        add_json(action)


def seconds(text: str) -> int:
    """The type of `--valid`: 30d, 12h, 90m, 3600s."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"a time is a number and s, m, h or d: {text!r}")
    return int(found[1]) * UNITS_S[found[2]]


def issue(args: argparse.Namespace) -> int:
    """Ask for a number and show it, this once, in clear."""
    from switch.schemes.ocard import MANY, ONE, SITE, USES, VALIDITY_S, joined

    config = load_config(args)
    pan = card_number(config, args.card)
    known = (card.expiry for card in config.card if card.pan == pan)
    expiry = args.expiry or next(known, "")
    terms = {SITE: args.site, USES: ONE if args.uses == ONE else MANY, VALIDITY_S: str(args.valid)}
    fields = {"4": f"{args.max:012d}", "48": joined(terms), "49": CODES[args.currency]}
    told = act(args, "add", pan, fields | ({"14": expiry} if expiry else {}))
    keys = ("vpan", "expiry", "cvv2", "max", "currency", "uses", "valid_until", "site")
    return report(args, {key: told[key] for key in keys})


def show(args: argparse.Namespace) -> int:
    """What became of a number."""
    return report(args, shown(act(args, "inquire", args.vpan, {}), clear=args.clear))


def cancel(args: argparse.Namespace) -> int:
    """End it; what was spent stands, and refunds still reach the card."""
    return report(args, shown(act(args, "delete", args.vpan, {}), clear=False))


def listing(args: argparse.Namespace) -> int:
    """All numbers, masked."""
    rows = [
        {
            "vpan": row["vpan"], "site": row["site"], "max": amount(row["max_cents"]),
            "used": amount(row["used_cents"]), "currency": NAMES[row["currency"]], "uses": row["uses"],
            "valid_until": moment(row["valid_until"]), "state": row["state"],
        }
        for row in ask(args, SWITCH, {"command": "numbers"})["numbers"]
    ]  # fmt: skip
    if args.json:
        print_json(rows)
    elif rows:
        print_table([name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
    else:
        print("no number was given out yet")
    return FINE


def act(args: argparse.Namespace, kind: str, number: str, fields: dict[str, str]) -> dict[str, Any]:
    """One 0302 and what its 0312 says."""
    from switch.acquirers import compose
    from switch.commands.session import stan_of
    from switch.iso8583.codec import EncodeError

    config = load_config(args)
    if args.link is None:
        args.link = next((link.name for link in config.link if link.role == "acquirer" and link.file_actions), None)
    if args.link is None:
        raise CommandError("no acquirer link has file_actions = true", USAGE)
    with open_session(args, config) as session:
        session.sign_on()
        now = time.time()
        try:
            doc = compose.file_action(
                kind, session.sender, file_name=config.ocard.file_name, number=number, stan=stan_of(now), now=now,
                fields=fields,
            )  # fmt: skip
            answer = session.exchange(doc)
        except EncodeError as error:
            raise CommandError(f"{session.dialect.name} cannot say that: {error}", USAGE) from None
        if answer.de39 != session.dialect.response_codes["approved"]:
            why = f"refused with DE 39 = {answer.de39}; the switch's log says why"
            raise CommandError(why, FAILED)
    return read(answer.answer.text(4) or "", answer.answer.text(48) or "", answer.answer.text(49) or "")


def read(cap: str, private: str, currency: str) -> dict[str, Any]:
    """DE 4, 48 and 49 of an 0312, as people say it."""
    from switch.schemes.ocard import CVV2, EXPIRY, NUMBER, ONE, SITE, STATE, UNTIL, USED, USES, elements

    told = elements(private)
    return {
        "vpan": told[NUMBER],
        "expiry": told[EXPIRY],
        "cvv2": told[CVV2],
        "max": amount(int(cap)),
        "used": amount(int(told[USED])),
        "currency": NAMES[currency],
        "uses": ONE if told[USES] == ONE else "many",
        "valid_until": moment(float(told[UNTIL])),
        "site": told[SITE],
        "state": told[STATE],
    }


def shown(told: dict[str, Any], *, clear: bool) -> dict[str, Any]:
    """The same, with what would let somebody pay hidden unless asked for."""
    return told if clear else told | {"vpan": mask_pan(told["vpan"]), "expiry": HIDDEN, "cvv2": HIDDEN}


def amount(cents: int) -> str:
    """12345 → 123.45."""
    return f"{cents // 100}.{cents % 100:02d}"


def moment(at: float) -> str:
    """Seconds since the epoch as UTC, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def report(args: argparse.Namespace, told: dict[str, Any]) -> int:
    """One number."""
    if args.json:
        print_json(told)
    else:
        print("\n".join(outline(told, "")))
    return FINE
