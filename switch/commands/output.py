"""The last net under the commands: no card number on standard output or standard error, whoever writes it.

`switch.cli` puts it under every command. Exempt are `--clear` and the commands that exist to show card numbers, which
say `shows_card_numbers`: `cards`, `keys` and `ocard issue`. What is taken for a card number: `switch.cards.masking`.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

import msgspec

from switch.cards.masking import without_card_numbers
from switch.terminal import is_utf8


class MaskedStream:
    """A text stream that masks what is written to it; in all else it is `plain`, the stream beneath."""

    def __init__(self, plain: TextIO) -> None:
        self.plain = plain

    def write(self, text: str) -> int:
        """Write the text without its card numbers; the length of what was given."""
        self.plain.write(without_card_numbers(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


@contextlib.contextmanager
def masked() -> Iterator[None]:
    """Herein, standard output and standard error are masked."""
    out, err = (cast(TextIO, MaskedStream(stream)) for stream in (sys.stdout, sys.stderr))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


def may_show_card_numbers(args: argparse.Namespace) -> bool:
    """Does this command show card numbers on purpose?"""
    return getattr(args, "clear", False) or getattr(args, "shows_card_numbers", False)


def write_json(document: Any) -> None:
    """Write a document to standard output, in ASCII where that is not UTF-8. Only its texts are masked: a number with
    stars in it would be no JSON."""
    stream: Any = sys.stdout
    if isinstance(stream, MaskedStream):
        document, stream = _masked_texts(msgspec.to_builtins(document)), stream.plain
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    if not (text.isascii() or is_utf8(stream)):
        text = json.dumps(json.loads(text), indent=2)
    stream.write(text + "\n")


def _masked_texts(document: Any) -> Any:
    if isinstance(document, str):
        return without_card_numbers(document)
    if isinstance(document, dict):
        return {_masked_texts(key): _masked_texts(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_masked_texts(one) for one in document]
    return document
