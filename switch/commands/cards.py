"""`monetique cards`: the published test cards, in clear."""

import argparse
from typing import TYPE_CHECKING, Any

from switch.commands.common import (
    FINE,
    Subparsers,
    add_command,
    add_config,
    add_json,
    load_config,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from switch.config import Card

EXAMPLES = """\
  monetique cards                                    what each card is good for
  monetique cards --json | jq -r '.[] | select(.behaviour == "approve") | .pan'
"""


def register(subparsers: Subparsers) -> None:
    """Add `cards`."""
    cards = add_command(subparsers, "cards", "list the test cards, in clear", show_cards, examples=EXAMPLES)
    cards.set_defaults(shows_card_numbers=True)
    add_config(cards)
    add_json(cards)


def show_cards(args: argparse.Namespace) -> int:
    """The cards that people use; those of the sample traffic are left out."""
    cards = [card_row(card) for card in load_config(args).card if not card.sample]
    if args.json:
        print_json(cards)
    else:
        columns = ("pan", "expiry", "cvv2", "psn", "pin", "issuer", "behaviour", "expect")
        print_table(columns, [[card[column] or "-" for column in columns] for card in cards])
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
