"""The parser of the command line: argparse with short errors and suggestions.

An error is two lines, what is wrong and where the help is. argparse itself prints the whole usage first, ten lines for
`send`, and reads `--carrd funds` as an unknown option and a positional argument: here a misspelled option is found
before anything else is made of the words after it.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from switch.spelling import did_you_mean

USAGE: Final = 2
_MISSING: Final = "the following arguments are required: "


class Parser(argparse.ArgumentParser):
    """A parser for the whole command or for one subcommand; subparsers are of this class too."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse does, but what nobody knows is an error of the parser it was meant for."""
        words = sys.argv[1:] if args is None else list(args)
        self._check_options(words)
        found, extras = super().parse_known_args(words, namespace)
        if extras:
            self.error(f"too many arguments: {' '.join(extras)}")
        return found, extras

    def _check_options(self, words: Sequence[str]) -> None:
        known = self._option_string_actions
        for word in words:
            if word == "--" or (self.actions and not word.startswith("-")):
                return  # what follows are arguments, or belongs to the subcommand
            name = word.partition("=")[0]
            if name.startswith("--") and not any(option.startswith(name) for option in known):
                hint = did_you_mean(name, (option for option in known if option.startswith("--")))
                if self.actions and not hint:
                    hint = f": options follow the {self.actions[0]}"
                self.error(f"there is no option {name}{hint}")

    @property
    def actions(self) -> list[str]:
        """What the next word is called, and which words it may be; empty where no subcommand follows."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return [str(action.metavar), *action.choices]
        return []

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """A word that is none of the choices, and what was probably meant."""
        choices = [str(choice) for choice in action.choices or ()]
        if not choices or value in (action.choices or ()):
            return
        hint = did_you_mean(str(value), choices)
        rest = "" if hint else f"; there is {', '.join(choices)}"
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"there is no {str(action.metavar).lower()} {value!r}{hint}{rest}")
        raise argparse.ArgumentError(action, f"{value!r} is not one of them{hint}{rest}")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the help is, and exit with status 2."""
        if message.startswith(_MISSING):
            missing = message.removeprefix(_MISSING)
            which = f": one of {', '.join(self.actions[1:])}" if missing in self.actions[:1] else ""
            message = f"{missing} is missing{which}"
        sys.stderr.write(f"{self.prog}: {message}\nsee {self.prog} --help\n")
        sys.exit(USAGE)
