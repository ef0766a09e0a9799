"""docs/conformance.md: which test holds the switch to which rule, worked out from the tests themselves.

A test says what it is about with a marker, whose arguments are the names in `RULES`, `CODES` and `INVARIANTS`, or at
the beginning of its own name:

    @pytest.mark.rule("R7", "91")
    def test_a_silent_issuer_is_91_and_reversed(…):

    def test_r16_r17_unanswered_is_repeated_unchanged(…):

`python -m tests.support.conformance` writes the page; `tests/unit/test_conformance.py` fails where the page is not what
the tests say, and where `WAITING` is not the list of what has no test. The tests are read, not imported.
"""

import ast
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "conformance.md"

RULES: Final = {
    "R1": "A request (xx00) is decided; its repeat, whose MTI ends one higher, is the same message and answered alike.",
    "R2": "An answer carries DE 2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42 and 49 back as they came, DE 39 always, DE 38 "
    "when approved.",
    "R3": "Answers are matched by MTI class, STAN, DE 37 and DE 41; one that fits nothing is counted and goes nowhere.",
    "R4": "Two requests are one when DE 32, 11, 37, 41, 13 and the MTI's class agree, for a day; DE 7 may differ.",
    "R5": "A repeat of what is finished gets the stored answer, of what is in flight waits with it; the same key with "
    "another card or amount is refused.",
    "R6": "Whoever asks waits longer than who is asked, so that a 91 still finds the acquirer waiting.",
    "R7": "An issuer that does not answer in time is stood in for or given up with 91, and sent a 0420 whose DE 90 "
    "names the original.",
    "R8": "An answer that comes too late is never passed on, and is seen in the log.",
    "R9": "A reversal without its original is acknowledged and remembered; the original is refused when it comes.",
    "R10": "A reversal takes the effect back once and is always acknowledged; a repeat gets the same answer.",
    "R10 DE 95": "A partial reversal leaves the amount that DE 95 says.",
    "R11": "What is owed to an issuer is durable and goes in order: 0420, then 0421 until it is acknowledged; what is "
    "never taken stays visible.",
    "R12": "An advice (0120, 0220) is recorded whatever the balance, and answered 0130 or 0230.",
    "R13": "A reversal beats its queued completion. After a time-out the 0420 goes first; the 0120 of a stand-in has a "
    "STAN of its own, and stays.",
    "R14": "DE 70 of an 0800: 001 signs on, 002 off, 301 is an echo; without a sign-on everything is 91.",
    "R14 echo": "An idle link is tried with echoes; so many unanswered take it down, and what is in flight with it.",
    "R15": "A new key is good beside the old one until its first use or the end of a grace; a wrong check value "
    "changes nothing.",
    "R16": "A cutover changes the business date at one moment; what is in flight, and late reversals, keep theirs.",
    "R17": "0500 and 0520 compare counts and sums; where they differ, DE 66 says so and our own figures go back.",
    "R18": "A field that cannot be read is 30; what is no message, or too long, closes the connection and is counted.",
}

CODES: Final = {
    "00": "approved",
    "05": "do not honour",
    "10": "approved in part",
    "12": "invalid transaction",
    "13": "invalid amount",
    "14": "no such card",
    "30": "format error",
    "41": "lost card",
    "43": "stolen card",
    "51": "not enough funds",
    "54": "expired card",
    "55": "wrong PIN",
    "57": "not permitted to the card",
    "58": "not permitted to the terminal or acquirer",
    "61": "above the amount limit",
    "62": "restricted card",
    "63": "security violation: the MAC or the CVV is wrong",
    "65": "above the count limit",
    "68": "too late",
    "75": "PIN tries used up",
    "88": "cryptographic failure: the PIN block cannot be opened",
    "91": "issuer or switch unavailable",
    "92": "no route",
    "94": "duplicate key with another card or amount",
    "96": "malfunction",
}

INVARIANTS: Final = {
    "I1": "Debits equal credits: what an acquirer was told and did not take back is what the issuer booked.",
    "I2": "No balance goes below zero, no limit is exceeded, holds included.",
    "I3": "One effect per duplicate key.",
    "I4": "A one-time code approves at most once.",
    "I5": "Every request ends: answered, reversed, or owed as a reversal.",
    "I6": "A hold is released once.",
    "I7": "The record is durable before the approval leaves.",
    "I8": "What is final changes only by a reversal or a completion.",
    "I9": "The totals of 0500 and 0520 are those of the records.",
    "OC1": "A disposable number never resolves for another site than its own.",
    "OC2": "What was approved on a number and not reversed is within its cap at every instant.",
    "OC3": "A number for one use has one live approval at most.",
    "OC4": "The acquirer never sees the card behind a number, nor does any log.",
    "OC5": "A number is no card's, is given out once, and its last four digits are not its card's.",
    "OC6": "The card's own limits hold for its numbers too.",
}

# What no test holds yet. It may only shrink.
WAITING: Final = frozenset[str]()

NAMES: Final = RULES.keys() | CODES.keys() | INVARIANTS.keys()

INTRODUCTION: Final = """\
What the switch holds to, and the tests that hold it to it. Written by `python -m tests.support.conformance` from the
tests' markers; a test fails when this page is not up to date. The paths are below `tests/`."""

# "R1, R2: " before a test's sentence: the column beside it says so already.
_OWN_NAMES = re.compile(r"^(?:(?:R|I|OC)\d+(?:, | and )?)+[:.] *")


# A rule or an invariant in the name of a test.
_NAME = re.compile(r"(?:r|i|oc)\d+")


class Test(NamedTuple):
    """A marked test: where it stands (`simulation/test_rules.py::test_…`), its sentence if any, what it is about."""

    place: str
    sentence: str
    names: tuple[str, ...]


class UnknownNameError(ValueError):
    """A marker names what is neither a rule, nor a response code, nor an invariant."""


def collect(tests: Path = ROOT / "tests") -> list[Test]:
    """Every marked test, in the order of files and lines."""
    return [test for file in sorted(tests.rglob("test_*.py")) for test in _in_file(file, tests)]


def _in_file(file: Path, tests: Path) -> Iterator[Test]:
    for function in ast.parse(file.read_text()).body:
        names = tuple(_names(function)) if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ()
        if names:
            assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            place = f"{file.relative_to(tests).as_posix()}::{function.name}"
            if unknown := [name for name in names if name not in NAMES]:
                raise UnknownNameError(f"{place}: no rule, code or invariant is called {unknown[0]!r}; see {__name__}")
            yield Test(place, _sentence(function), names)


def _names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    yield from (word.upper() for word in takewhile(_NAME.fullmatch, function.name.split("_")[1:]))
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.rule":
            yield from (ast.literal_eval(argument).removeprefix("DE39 ") for argument in decorator.args)


def _sentence(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The first line of the docstring; the names of most tests say it already."""
    return _OWN_NAMES.sub("", (ast.get_docstring(function) or "").partition("\n")[0])


def untested(tests: list[Test]) -> frozenset[str]:
    """The names that no test is about."""
    return frozenset(NAMES.difference(*(test.names for test in tests)))


def page(tests: list[Test]) -> str:
    """The document."""
    parts = [
        "# Conformance",
        INTRODUCTION,
        *_section("Rules", RULES, tests),
        *_section("Response codes (DE 39)", CODES, tests),
        *_section("Invariants", INVARIANTS, tests),
    ]
    return "\n\n".join(parts) + "\n"


def _section(heading: str, names: dict[str, str], tests: list[Test]) -> tuple[str, str]:
    rows = [f"| {name} | {statement} | {_cell(name, tests)} |" for name, statement in names.items()]
    return f"## {heading}", "\n".join(["| | what it says | held by |", "|---|---|---|", *rows])


def _cell(name: str, tests: list[Test]) -> str:
    held_by = [_line(test) for test in tests if name in test.names]
    return "<br>".join(held_by) or "**not tested yet**"


def _line(test: Test) -> str:
    return f"`{test.place}`" + (f": {test.sentence.replace('|', '/')}" if test.sentence else "")


if __name__ == "__main__":
    PAGE.write_text(page(collect()))
