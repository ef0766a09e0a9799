"""A specification of pyiso8583's as a dialect file.

The file encodes and decodes byte for byte as pyiso8583 does with the specification. What a file cannot say is refused,
all of it at once, with the entry: a header, text whose length counts half bytes, two pads.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from switch.documents import DocumentError, Problem
from switch.iso8583.dialect_file import HIGHEST_IN_BINARY, HIGHEST_IN_DIGITS
from switch.iso8583.fields import FIELD_KEYS, Spec, SpecError, compile_spec

Entry = Mapping[str, Any]

# The word for a length prefix of so many bytes. Two bytes of BCD are `lll` as far as that counts.
WORDS: Final[Mapping[str, Mapping[int, str]]] = {
    "text": {1: "l", 2: "ll", 3: "lll", 4: "llll"},
    "bcd": {1: "ll", 2: "lll"},
    "b": {1: "ll", 2: "lll"},
}
MAX_NAME: Final = 80

HEAD: Final = """\
# Made from a specification of pyiso8583's by `monetique dialect import`. Fields are as there: no class is digits alone
# (class = "n") unless the specification says so.
"""
CODES_OF: Final = 2  # characters of DE 39, for which the codes of ISO 8583:1987 are written


def to_toml(spec: Spec, name: str, response_codes: Mapping[str, str], roles: Mapping[str, int]) -> str:
    """Return the dialect file of a specification, with these codes and roles as far as it has fields for them.

    Raises `DocumentError` with all that such a file cannot say.
    """
    try:
        compile_spec(spec)
    except SpecError as error:
        raise DocumentError([(error.reason, ".".join(filter(None, ["$", error.key, error.name])))]) from None
    fields = {key: spec[key] for key in sorted(FIELD_KEYS.keys() & spec.keys(), key=int)}
    problems = [*_section_problems(spec), *(problem for key in fields for problem in _problems(key, fields[key]))]
    if problems:
        raise DocumentError(problems)
    encoding = _most_common([_encoding(entry) for entry in fields.values()])
    length_encoding = _most_common([entry["len_enc"] for entry in fields.values() if entry["len_type"]])
    lines = [
        f"{HEAD}name = {_quoted(name[:MAX_NAME])}",
        f"encoding = {_quoted(encoding)}",
        f"length_encoding = {_quoted(length_encoding)}",
        f"mti_encoding = {_quoted(spec['t']['data_enc'])}",
        f"bitmap_encoding = {_quoted(spec['p']['data_enc'])}",
        f"tertiary_bitmap = {str(bool(spec.get('1', {}).get('tertiary', True))).lower()}",
        "\nfields = [",
        *(f"    {{ {_row(key, entry, encoding, length_encoding)} }}," for key, entry in fields.items()),
        "]\n\n[roles]",
        *(f"{role} = {number}" for role, number in roles.items() if str(number) in fields),
        "\n# The switch's own results, as this network says them in DE 39.\n[response_codes]",
    ]
    if fields.get("39", {}).get("max_len") == CODES_OF and fields["39"]["data_enc"] != "b":
        lines += [f"{result} = {_quoted(code)}" for result, code in response_codes.items()]
    return "\n".join(lines) + "\n"


def _section_problems(spec: Spec) -> Iterator[Problem]:
    if spec.get("h", {}).get("max_len"):
        yield "a header is of the link and not of the dialect: expected max_len 0, and `header` in the [[link]]", "$.h"
    if "1" in spec and spec["1"]["data_enc"] != spec["p"]["data_enc"]:
        yield f"both bitmaps have one encoding: expected {spec['p']['data_enc']}", "$.1.data_enc"


def _problems(key: str, entry: Entry) -> Iterator[Problem]:
    """What a row cannot say of this entry."""
    nibbles = _counts_nibbles(entry)
    words = WORDS.get(entry.get("len_enc", ""), WORDS["text"])
    if entry["len_type"] not in (0, *words):
        yield f"expected a length prefix of at most {max(words)} bytes, found {entry['len_type']}", f"$.{key}.len_type"
    if nibbles and entry["data_enc"] != "b":
        yield "the length of text counts bytes and not half bytes", f"$.{key}.len_count"
    if not entry["max_len"]:
        yield "expected a length of 1 or more, found 0", f"$.{key}.max_len"
    if nibbles and len(pads := _pads(entry)) > 1:
        yield "expected one pad, found both: with two a digit that equals a pad is lost", f"$.{key}.right_pad"
    elif nibbles and not pads and not entry["len_type"] and entry["max_len"] % 2:
        yield "an odd count of half bytes needs a pad", f"$.{key}.left_pad"


def _row(key: str, entry: Entry, encoding: str, length_encoding: str) -> str:
    """The inline table of one field."""
    name = str(entry.get("desc") or f"DE {key}")[:MAX_NAME]
    words = [f"number = {key}", f"name = {_quoted(name)}"]
    if entry.get("class"):
        words.append(f"class = {_quoted(entry['class'])}")
    most = entry["max_len"]
    if entry["len_type"]:
        script = entry["len_enc"]
        word = WORDS.get(script, WORDS["text"])[entry["len_type"]]
        if script == "bcd" and word == "lll" and most > HIGHEST_IN_DIGITS["lll"]:
            word = "llll"
        most = min(most, (HIGHEST_IN_BINARY if script == "b" else HIGHEST_IN_DIGITS)[word])  # no prefix says more
        words.append(f'length = "{word}"')
        if script != length_encoding:
            words.append(f"length_encoding = {_quoted(script)}")
    words.append(f"max_len = {most}")
    if _encoding(entry) != encoding:
        words.append(f"encoding = {_quoted(_encoding(entry))}")
    if _counts_nibbles(entry):
        words += [f'{side} = "{digit}"' for side, digit in _pads(entry).items()]
    if entry.get("track"):
        words.append("track = true")
    return ", ".join(words)


def _encoding(entry: Entry) -> str:
    if entry.get("signed"):
        return "x+bcd"
    return "bcd" if _counts_nibbles(entry) else str(entry["data_enc"])


def _counts_nibbles(entry: Entry) -> bool:
    return bool(entry.get("len_count") == "nibbles")


def _pads(entry: Entry) -> dict[str, str]:
    """The pads that are given, each a hexadecimal digit."""
    sides = {side: str(entry.get(side, ""))[:1].upper() for side in ("left_pad", "right_pad")}
    return {side: digit for side, digit in sides.items() if digit}


def _most_common(words: list[str]) -> str:
    return Counter(words).most_common(1)[0][0] if words else "ascii"


def _quoted(text: str) -> str:
    """A string of TOML; what cannot be printed is a space."""
    return json.dumps("".join(sign if sign.isprintable() else " " for sign in text), ensure_ascii=False)
