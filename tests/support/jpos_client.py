"""jPOS as a client: a small Java program, `JposClient.java`, which our export configures.

`make jpos-jars` fetches jPOS, and `make test` tries to; where that or Java is missing, `needs_jpos` skips.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.foreign import Doc

ROOT = Path(__file__).parents[2]
JARS = ROOT / "build" / "jpos"
CLIENT = ROOT / "tests" / "support" / "jpos" / "JposClient.java"
BINARY = ("52", "64", "128")  # what jPOS has as bytes in the dialects of 1987
TIME_LIMIT_S = 120  # the virtual machine compiles the client first, on a busy machine

WHY_NOT = (
    "there is no Java development kit (javac) on the path"
    if shutil.which("javac") is None
    else "jPOS's jars are not in build/jpos: `make jpos-jars` fetches them, with Maven and a network"
    if not list(JARS.glob("jpos-*.jar"))
    else ""
)
needs_jpos = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def _say(doc: Doc) -> str:
    """A message as the Java client reads it."""
    words = [
        f"{key}=x:{text}" if key in BINARY else f"{key}={text.replace(' ', '+')}"
        for key, text in doc.items()
        if key != "t"
    ]
    return " ".join([doc["t"], *words])


def _heard(line: str) -> Doc:
    """The reverse."""
    mti, *words = line.split()
    fields = (word.split("=", 1) for word in words)
    return {"t": mti} | {key: text.removeprefix("x:").replace("+", " ") for key, text in fields}


def converse(folder: Path, link: str, docs: list[Doc]) -> list[Doc]:
    """What jPOS got for these messages over one connection to `link`, exported to `folder`."""
    done = subprocess.run(
        ["java", "-cp", f"{JARS}/*", str(CLIENT), str(folder), link],
        input="".join(f"{_say(doc)}\n" for doc in docs),
        capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [_heard(line) for line in done.stdout.splitlines()]
