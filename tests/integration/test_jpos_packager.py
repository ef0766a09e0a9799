"""Every class of jPOS's that an export names packs as the dialect encodes: jPOS itself is asked, class by class."""

import subprocess
from pathlib import Path

from switch.iso8583.dialect import load
from switch.iso8583.jpos import CLASSES, packager
from tests.support.jpos_client import JARS, ROOT, TIME_LIMIT_S, needs_jpos

PACK = ROOT / "tests" / "support" / "jpos" / "JposPack.java"
ENCODINGS = {"ascii": "ascii", "ebcdic": "cp500", "b": "b", "bcd": "bcd", "bcd+F": "bcd", "signed": "x+bcd"}
LENGTHS = {"1": "l", "2": "ll", "3": "lll", "4": "llll"}
HIGHEST = {"l": 9, "ll": 99, "lll": 999, "llll": 9999}
HEAD = """
name = "house"
response_codes = {}
roles = {}
"""


def row(value: str, prefix: str, class_: str) -> tuple[str, str]:
    """A field of that kind in TOML, and a value for it."""
    script, _, width = prefix.partition(" ")
    text = {"n": "468", "x+n": "C00000012", "b": "0102"}.get(class_, "4A6")
    text = {"b": "0102", "bcd": "468", "bcd+F": "468", "signed": "C00000012"}.get(value, text)
    words = {"class": class_ or "ans", "encoding": ENCODINGS[value]}
    if prefix == "fixed":
        size = len(text) // 2 if value == "b" else len(text)
    else:
        words["length"] = LENGTHS[str(2 * int(width))] if script == "b" else LENGTHS[width]
        words["length_encoding"] = {"ebcdic": "cp500"}.get(script, script)
        size = 99 if script == "b" else HIGHEST[words["length"]]
    if value in ("bcd", "bcd+F"):
        words["right_pad"] = "F" if value == "bcd+F" else "0"
    rest = ", ".join(f'{key} = "{word}"' for key, word in words.items())
    return f'{{ number = 48, name = "x", max_len = {size}, {rest} }}', text


@needs_jpos
def test_each_class_packs_as_the_dialect_encodes(tmp_path: Path) -> None:
    kinds = [(value, prefix, class_) for (value, prefix), names in CLASSES.items() for class_ in names]
    heads = [(kind, "") for kind in kinds]
    heads += [(("ascii", "fixed", ""), f'mti_encoding = "{script}"\nbitmap_encoding = "{script}"\n') for script in
              ("b", "cp500")]  # fmt: skip
    asked, expected = [], []
    for index, ((value, prefix, class_), head) in enumerate(heads):
        field, text = row(value, prefix, class_)
        (tmp_path / "house.toml").write_text(f"{head}{HEAD}fields = [{field}]\n")
        dialect = load(tmp_path / "house.toml")
        description = tmp_path / f"{index}.xml"
        description.write_text(packager(dialect))
        value_for_jpos = f"x:{text}" if text == "0102" else text
        asked.append(f"{description} 48 {value_for_jpos}")
        expected.append(f"{dialect.layout.encode({'t': '0100', '48': text}).hex().upper()} {value_for_jpos}")
    done = subprocess.run(
        ["java", "-cp", f"{JARS}/*", str(PACK)],
        input="".join(f"{line}\n" for line in asked),
        capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert dict(zip(heads, done.stdout.splitlines(), strict=True)) == dict(zip(heads, expected, strict=True))
