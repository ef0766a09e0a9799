"""`monetique keys`: the links' published test keys, in clear (no other command prints them), and their exchange."""

import argparse
from typing import TYPE_CHECKING, Any

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
    print_json,
    print_table,
    running_ports,
)
from switch.commands.control import SWITCH, ask

if TYPE_CHECKING:
    from switch.config import Config, Key

EXAMPLES = """\
  monetique keys                                     ZPKs for your client's PIN pad, with their check values
  monetique keys --json | jq '.[] | select(.link == "acquirer")'
  monetique keys exchange issuer-1                   a new zone PIN key with that institution, by 0800/101
"""

EXCHANGE_EXAMPLES = """\
  monetique keys exchange issuer-1                   the simulated issuer takes it
  monetique keys exchange acquirer --json            with the acquirer that is signed on there; `send` uses it too
"""

HSM_S = 2.0  # as long as the switch's HSM client waits


def register(subparsers: Subparsers) -> None:
    """Add `keys`."""
    listing = add_command(subparsers, "keys", "list the links' test keys, in clear", show_keys, examples=EXAMPLES)
    listing.set_defaults(shows_card_numbers=True)  # a key may pass for one
    actions = listing.add_subparsers(metavar="ACTION")
    exchanging = add_command(
        actions, "exchange", "exchange a link's zone PIN key while the bench runs", exchange, examples=EXCHANGE_EXAMPLES
    )  # fmt: skip
    exchanging.add_argument("name", metavar="LINK")
    for parser in (listing, exchanging):
        add_config(parser)
        add_data(parser)
        add_json(parser)


def exchange(args: argparse.Namespace) -> int:
    """A new key, made by the HSM and taken by the partner; its check value is told, itself it is not."""
    from switch.config import find_link

    try:
        link = find_link(load_config(args), args.name)
    except LookupError as error:
        raise CommandError(str(error), USAGE) from None
    document = {"command": "exchange-key", "name": args.name}
    answer = ask(args, SWITCH, document, HSM_S + link.timeout_s)
    if args.json:
        print_json({"link": args.name, **{name: answer[name] for name in ("done", "kcv", "why")}})
    else:
        print(f"{answer['why']}, check value {answer['kcv']}" if answer["done"] else answer["why"])
    return FINE if answer["done"] else FAILED


def show_keys(args: argparse.Namespace) -> int:
    """Every key of every link; the ports are those in use while the bench runs."""
    config = load_config(args)
    ports = running_ports(args.data)
    keys = [key_row(config, key, ports) for key in config.key]
    if args.json:
        print_json(keys)
    else:
        columns = ("link", "role", "port", "dialect", "institution_id", "type", "key", "kcv")
        print_table(columns, [[key[column] for column in columns] for key in keys])
    return FINE


def key_row(config: "Config", key: "Key", ports: dict[str, int]) -> dict[str, Any]:
    """One key of `monetique keys --json`, with the link it is of."""
    from switch.config import check_value, find_link, under_lmk

    link = find_link(config, key.link)
    return {
        "link": link.name,
        "role": link.role,
        "port": ports.get(link.name, link.port),
        "framing": link.framing,
        "header": link.header,
        "dialect": link.dialect,
        "institution_id": link.institution_id,
        "acquirer_id": link.institution_id if link.role == "acquirer" else None,
        "type": key.type,
        "key": key.clear,
        "kcv": check_value(key),
        "under_lmk": under_lmk(key),
    }
