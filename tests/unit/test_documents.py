"""What is said of a document that does not fit its type: all of it, in words, and no secret."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from switch.config import Config
from switch.documents import SECRET, DocumentError, one_of, problems_of, read
from switch.iso8583.dialect_file import DialectFile

KEY = "0123456789ABCDEF0123456789ABCDEF"
CIRCLE = {"shape": "circle", "radius": 0}
Pin = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}$", description="4 digits", extra=SECRET)]


class Circle(msgspec.Struct, tag="circle", tag_field="shape", forbid_unknown_fields=True):
    radius: Annotated[float, msgspec.Meta(gt=0, le=10)]


class Square(msgspec.Struct, tag="square", tag_field="shape", forbid_unknown_fields=True):
    side: int


class Table(msgspec.Struct, forbid_unknown_fields=True):
    pin: Pin = "0000"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    word: Literal["one", "two"] = "one"
    digit: Literal["1", "3"] = "1"
    flag: bool = False
    names: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("a",)
    forms: tuple[Circle | Square, ...] = ()
    codes: dict[Pin, Pin] = msgspec.field(default_factory=dict)
    note: str | None = None


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ({"port": 70_000}, [("expected a whole number from 0 to 65535, found 70000", "$.port")]),
        ({"port": "80"}, [('expected a whole number from 0 to 65535, found "80"', "$.port")]),
        ({"count": 0}, [("expected a whole number of 1 or more, found 0", "$.count")]),
        ({"count": True}, [("expected a whole number of 1 or more, found true", "$.count")]),
        ({"word": "three"}, [('expected one or two, found "three"', "$.word")]),
        ({"digit": 3}, [("expected 1 or 3, in quotes, found 3", "$.digit")]),
        ({"flag": 1}, [("expected true or false, found 1", "$.flag")]),
        ({"names": []}, [("expected a list of at least 1, found a list of 0", "$.names")]),
        ({"names": ["a", 3]}, [("expected text, found 3", "$.names[1]")]),
        ({"note": {}}, [("expected text, found a table", "$.note")]),
        ({"prot": 1}, [("unknown key `prot`: did you mean `port`?", "$")]),
        (
            {"forms": [CIRCLE, {"shape": "line"}, {"side": 1}, {"shape": "square", "sid": 1}]},
            [
                ("expected a number up to 10 and above 0, found 0", "$.forms[0].radius"),
                ("`shape` says which kind it is: expected circle or square", "$.forms[1].shape"),
                ("`shape` says which kind it is: expected circle or square", "$.forms[2].shape"),
                ("unknown key `sid`: did you mean `side`?", "$.forms[3]"),
                ("`side` is missing: expected a whole number", "$.forms[3]"),
            ],
        ),
        # Nothing secret: neither what is marked, nor a key or a card number in the place of something else.
        ({"pin": "12x4"}, [("expected 4 digits, found 4 characters", "$.pin")]),
        ({"pin": 7068}, [("expected 4 digits, found a number", "$.pin")]),
        ({"word": KEY}, [("expected one or two, found 32 characters", "$.word")]),
        ({"flag": 4687380000000016}, [("expected true or false, found a number", "$.flag")]),
        ({"codes": {"12345": "1234"}}, [("expected 4 digits, found 5 characters", "$.codes.12345")]),
        ({KEY: 1}, [(f"unknown key `(32 characters)`: expected {one_of(Table.__struct_fields__)}", "$")]),
        ({"port": -1, "flag": 0}, [("expected a whole number from 0 to 65535, found -1", "$.port"),
                                   ("expected true or false, found 0", "$.flag")]),
    ],
)  # fmt: skip
def test_problems(document: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert list(problems_of(document, Table)) == problems
    with pytest.raises(DocumentError) as caught:
        read(document, Table)
    assert caught.value.problems == tuple(problems)
    assert str(caught.value) == "{} - at `{}`".format(*problems[0])


def test_a_document_that_fits() -> None:
    assert read({"port": 80, "forms": [{"shape": "square", "side": 2}]}, Table).forms == (Square(2),)


@pytest.mark.parametrize("kind", [DialectFile, Config])
def test_every_pattern_has_its_words(kind: type[msgspec.Struct]) -> None:
    """So that no error is a regular expression."""

    def wordless(node: object) -> list[object]:
        if isinstance(node, list):
            return [found for item in node for found in wordless(item)]
        if not isinstance(node, dict):
            return []
        own = [node] if isinstance(node.get("pattern"), str) and "description" not in node else []
        return own + [found for item in node.values() for found in wordless(item)]

    assert wordless(msgspec.json.schema(kind)) == []
