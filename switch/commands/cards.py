"""`monetique cards` and `monetique keys`: the published test data, in clear. No other command prints them so."""

import argparse
from typing import TYPE_CHECKING, Any

from switch.commands.common import (
    FINE,
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

if TYPE_CHECKING:
    from switch.config import Card, Config, Key

CARDS_EXAMPLES = """\
  monetique cards                                    what each card is good for
  monetique cards --json | jq -r '.[] | select(.behaviour == "approve") | .pan'
"""

KEYS_EXAMPLES = """\
  monetique keys                                     ZPKs for your client's PIN pad, with their check values
  monetique keys --json | jq '.[] | select(.link == "acquirer")'
"""


def register(subparsers: Subparsers) -> None:
    """Add `cards` and `keys`."""
    cards = add_command(subparsers, "cards", "list the test cards, in clear", show_cards, examples=CARDS_EXAMPLES)
    keys = add_command(subparsers, "keys", "list the links' test keys, in clear", show_keys, examples=KEYS_EXAMPLES)
    for parser in (cards, keys):
        add_config(parser)
        add_json(parser)
    add_data(keys)


def show_cards(args: argparse.Namespace) -> int:
    """The cards that people use; those of the sample traffic are left out."""
    cards = [card_row(card) for card in load_config(args).card if not card.sample]
    if args.json:
        print_json(cards)
    else:
        columns = ("pan", "expiry", "cvv2", "psn", "pin", "issuer", "behaviour", "expect")
        print_table(columns, [[card[column] or "-" for column in columns] for card in cards])
    return FINE


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


def card_row(card: "Card") -> dict[str, Any]:
    """One card of `monetique cards --json`. `expect`: DE 39 of its first 100.00 purchase with the right PIN."""
    return {
        "pan": card.pan,
        "expiry": card.expiry,
        "service_code": card.service_code,
        "track2": card.track2(),
        "cvv2": card.cvv2,
        "psn": card.psn,
        "pin": card.pin,
        "issuer": card.issuer or None,
        "behaviour": card.behaviour,
        "expect": card.expect,
        "stand_in": card.stand_in,
    }


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
