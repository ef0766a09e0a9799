"""Dialects: what ships, and what a file may and may not say."""

from pathlib import Path
from typing import Any

import pytest
from iso8583.specs import default, default_ascii

from switch.iso8583.dialect import SHIPPED, Dialect, from_spec, load

FIELDS = [str(number) for number in range(2, 129)]
ON_THE_WIRE = ("data_enc", "len_enc", "len_type", "max_len")

# Our result names and what ISO 8583:1987 networks commonly answer.
DE39 = {
    "approved": "00",
    "do_not_honor": "05",
    "invalid_transaction": "12",
    "invalid_amount": "13",
    "no_such_card": "14",
    "unknown_original": "25",
    "format_error": "30",
    "lost": "41",
    "stolen": "43",
    "insufficient_funds": "51",
    "expired": "54",
    "wrong_pin": "55",
    "not_permitted_card": "57",
    "not_permitted_terminal": "58",
    "over_amount_limit": "61",
    "restricted": "62",
    "security": "63",
    "over_count_limit": "65",
    "too_late": "68",
    "pin_tries": "75",
    "cryptographic": "88",
    "issuer_down": "91",
    "no_route": "92",
    "duplicate": "94",
    "malfunction": "96",
}

MINIMAL = """
name = "house"
fields = [
    {{ number = 3, name = "Processing code", class = "n", max_len = 6 }},
    {{ number = 37, name = "Reference", {row} }},
    {{ number = 90, name = "Originals", class = "n", max_len = 42 }},
]
{top}
[roles]
originals = {originals}
[response_codes]
approved = {approved}
"""


def test_iso87_ascii_is_default_ascii_in_every_field() -> None:
    spec = load("iso87-ascii").spec
    assert set(spec) == set(default_ascii) - {"h"} | {"h"}
    for key in ("h", "t", "p", "1", *FIELDS):
        assert {name: spec[key][name] for name in ON_THE_WIRE} == {
            name: default_ascii[key][name] for name in ON_THE_WIRE
        }
    assert [spec[key]["desc"] for key in FIELDS] == [default_ascii[key]["desc"] for key in FIELDS]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_dialect_is_complete(name: str) -> None:
    dialect = load(name)
    assert dialect.name == name
    assert dialect.response_codes == DE39
    assert dialect.roles == {"originals": 90, "network_code": 70}
    assert set(dialect.names) == set(range(2, 129))
    assert not dialect.shown & {2, 14, 34, 35, 36, 44, 45, 46, 47, 48, 52, 55, 102, 103, *range(56, 64)}
    assert load(name) is dialect


def _load(tmp_path: Path, **changes: str) -> Dialect:
    values = {"row": 'class = "an", max_len = 12', "top": "", "originals": "90", "approved": '"00"'} | changes
    path = tmp_path / "house.toml"
    path.write_text(MINIMAL.format(**values), encoding="utf-8")
    return load(path)


def test_a_dialect_of_ones_own(tmp_path: Path) -> None:
    house = _load(
        tmp_path, row='length = "lll", encoding = "cp500", length_encoding = "bcd", max_len = 12', top="shown = [3]"
    )
    assert house.layout.encode({"t": "0100", "37": "AB"}) == b"01000000000008000000" + bytes.fromhex("0002C1C2")
    assert house.shown == {3}
    assert house.names[37] == "Reference"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row": "max_len = 0"}, r"`\$.fields\[1\].max_len`"),
        ({"row": "max_len = 2, bits = 3"}, r"unknown field `bits` - at `\$.fields\[1\]`"),
        ({"row": 'max_len = 2, length = "long"'}, r"`\$.fields\[1\].length`"),
        ({"row": 'max_len = 2, encoding = "klingon"'}, r"unknown encoding 'klingon' - at `\$.fields\[1\].encoding`"),
        ({"row": 'max_len = 2, length = "ll", length_encoding = "x"'}, r"`\$.fields\[1\].length_encoding`"),
        ({"row": 'max_len = 2, encoding = "x+bcd"'}, r"`\$.fields\[1\].encoding`"),
        ({"row": "max_len = 2, left_pad = 'x'"}, r"`\$.fields\[1\].left_pad`"),
        ({"top": 'mti_encoding = "klingon"'}, r"unknown encoding 'klingon' - at `\$.mti_encoding`"),
        ({"top": "colour = 3"}, r"unknown field `colour`"),
        ({"originals": "91"}, r"there is no DE 91 - at `\$.roles.originals`"),
        ({"approved": '"yes!"'}, r"`\$.response_codes\[...\]`"),
    ],
)
def test_a_wrong_file_names_the_path(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _load(tmp_path, **changes)


def test_a_field_may_not_stand_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.toml"
    row = '{ number = 3, name = "x", max_len = 6 }'
    path.write_text(f'name = "x"\nfields = [{row}, {row}]\n[roles]\n[response_codes]\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"DE 3 stands twice - at `\$.fields\[1\].number`"):
        load(path)


def test_no_such_dialect() -> None:
    with pytest.raises(ValueError, match="no dialect 'iso93': expected iso87-ascii, iso87-bcd or the path of a file"):
        load("iso93")
    with pytest.raises(FileNotFoundError):
        load("nowhere/iso93.toml")


@pytest.mark.parametrize("spec", [default, default_ascii])
def test_a_pyiso8583_specification_is_a_dialect(spec: dict[str, dict[str, Any]]) -> None:
    dialect = from_spec(spec, "house")
    assert (dialect.name, dialect.names[3], dialect.response_codes["wrong_pin"]) == ("house", "Processing Code", "55")
    assert dialect.layout.encode({"t": "0800", "70": "301"}).startswith(b"0800")
