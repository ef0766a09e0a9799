"""Card numbers as arguments: what stands on a command line stands in the process list, for everybody to read.

So wherever a command takes a card number, it takes these too:

    -          one line of standard input
    @FILE      the first line of a file
    approve    a card of the configuration, by what it is for (`monetique cards`)
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from switch.commands.common import USAGE, CommandError
from switch.spelling import did_you_mean

if TYPE_CHECKING:
    from switch.config import Card, Config

WORDS: Final = "- (a line of standard input) or @FILE, which keep it out of the process list"
HELP: Final = f"a card by what it is for (`monetique cards`), or a card number: as it is, {WORDS}"

MAX_LINE: Final = 256  # the longest track has 104 characters


def secret(text: str) -> str:
    """The type of an argument that may hold a card number or a track: the text, or the line that it points to."""
    try:
        if text == "-":
            return _line(sys.stdin.readline(MAX_LINE), "standard input")
        if text.startswith("@"):
            with Path(text[1:]).open(encoding="utf-8") as file:
                return _line(file.readline(MAX_LINE), text[1:])
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[1:]}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise argparse.ArgumentTypeError("the line with the card number is not text") from None
    return text


def _line(line: str, place: str) -> str:
    if not line.strip():
        raise argparse.ArgumentTypeError(f"{place}: expected a card number in the first line")
    return line.strip()


def find_card(config: "Config", wanted: str) -> "Card":
    """The card with that number, or the first with that behaviour. Raises CommandError."""
    for card in config.card:
        if wanted in (card.pan, card.behaviour):
            return card
    known = sorted({card.behaviour for card in config.card})
    hint = did_you_mean(wanted, known)
    raise CommandError(f"no such card among `monetique cards`{hint}; behaviours: {', '.join(known)}", USAGE)


def card_number(config: "Config", wanted: str) -> str:
    """A card number as it is, or that of the card with this behaviour. Raises CommandError."""
    return wanted if wanted.isdecimal() else find_card(config, wanted).pan
