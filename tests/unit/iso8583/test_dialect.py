"""Dialects: what ships, and what a file may and may not say."""

from pathlib import Path
from typing import Any

import iso8583
import pytest
from iso8583.specs import default, default_ascii

from switch.iso8583.dialect import SHIPPED, Dialect, from_spec, load, source

FIELDS = [str(number) for number in range(2, 129)]
ON_THE_WIRE = ("data_enc", "len_enc", "len_type", "max_len")

# Our result names and what ISO 8583:1987 networks commonly answer.
DE39 = {
    "approved": "00",
    "partially_approved": "10",
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


# Where a shipped dialect says it in other words.
OTHER_WORDS = {"cb": {"restricted": "57", "duplicate": "12"}}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_dialect_is_complete(name: str) -> None:
    dialect = load(name)
    assert dialect.name == name
    assert set(dialect.names) == set(range(2, 129))
    assert not dialect.shown & {2, 14, 34, 35, 36, 44, 45, 46, 47, 48, 52, 55, 102, 103, *range(59, 64)}
    assert set(dialect.response_codes) == set(DE39)
    assert {len(code) for code in dialect.response_codes.values()} == {dialect.spec["39"]["max_len"]}
    assert load(name) is dialect
    if dialect.version == "0":
        assert dialect.response_codes == DE39 | OTHER_WORDS.get(name, {})
        assert dialect.roles == {"originals": 90, "network_code": 70}
        assert not dialect.shown & set(range(56, 64))


def test_cb_is_iso87_ascii_with_the_french_codes() -> None:
    cb, base = load("cb"), load("iso87-ascii")
    assert cb.spec == base.spec
    meant = {code: name for name, code in cb.response_codes.items()}
    assert (meant["57"], meant["12"]) == ("not_permitted_card", "invalid_transaction")
    assert not set(cb.response_codes.values()) & {"62", "94"}


def test_iso87_ebcdic_differs_from_iso87_ascii_in_encoding_alone_but_for_its_binary_fields() -> None:
    spec, base = load("iso87-ebcdic").spec, load("iso87-ascii").spec
    binary = {52: 8, 55: 999, 64: 8, 65: 8, 96: 8, 128: 8}
    for number in range(2, 129):
        entry = spec[str(number)]
        if number in binary:
            assert (entry["data_enc"], entry["max_len"]) == ("b", binary[number])
        else:
            encodings = {"data_enc": "cp500", "len_enc": "cp500"}
            assert entry == base[str(number)] | encodings


# ISO 8583:1993 where it differs in form from 1987: field → length prefix in characters, length.
FORMS_OF_93 = {
    12: (0, 12), 22: (0, 12), 24: (0, 3), 25: (0, 4), 26: (0, 4), 28: (0, 6), 29: (0, 3), 30: (0, 24), 31: (2, 99),
    39: (0, 3), 43: (2, 99), 44: (2, 99), 46: (3, 204), 53: (2, 48), 56: (2, 35), 57: (0, 3), 58: (2, 11),
    66: (3, 204), 71: (0, 8), 72: (3, 999), 82: (0, 10), 85: (0, 10), 90: (0, 10), 91: (0, 3), 92: (0, 3),
    93: (2, 11), 94: (2, 11), 95: (2, 99), 96: (3, 999), 105: (0, 16), 107: (0, 10), 109: (2, 84),
}  # fmt: skip


def test_iso93_ascii() -> None:
    dialect = load("iso93-ascii")
    assert (dialect.version, dialect.served) == ("1", True)
    spec = dialect.spec
    assert {n: (spec[str(n)]["len_type"], spec[str(n)]["max_len"]) for n in FORMS_OF_93} == FORMS_OF_93
    assert dialect.names[dialect.roles["function_code"]] == "Function Code"
    assert dialect.names[dialect.roles["originals"]] == "Original Data Elements"
    assert dialect.names[dialect.roles["original_amounts"]] == "Amounts, Original"
    frame = dialect.layout.encode(
        {"t": "1430", "11": "000009", "12": "261122093000", "24": "400", "25": "4021", "30": "0" * 24, "39": "400"}
        | {"56": "1100" + "000001" + "261122092955" + "11" + "10000000001"}
    )
    parts = ["1430", "0030018402000100", "000009", "261122093000", "400", "4021", "0" * 24, "400"]
    parts += ["35", "1100", "000001", "261122092955", "11", "10000000001"]
    assert frame == "".join(parts).encode()
    assert dialect.layout.decode(frame)["56"].startswith("1100000001")


def _load_text(tmp_path: Path, text: str) -> Dialect:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_file_that_extends_another_says_what_differs(tmp_path: Path) -> None:
    own = _load_text(
        tmp_path,
        """
extends = "iso87-ascii"
name = "house"
bitmap_encoding = "b"
fields = [
    { number = 48, name = "House data", length = "ll", max_len = 99, length_encoding = "bcd" },
    { number = 130, name = "Beyond", class = "n", max_len = 4 },
]
[roles]
originals = 130
[response_codes]
wrong_pin = "Q1"
""",
    )
    base = load("iso87-ascii")
    assert own.roles == {"originals": 130, "network_code": 70}
    assert own.response_codes == base.response_codes | {"wrong_pin": "Q1"}
    assert own.names == base.names | {48: "House data", 130: "Beyond"}
    message = {"t": "0800", "11": "000001", "48": "AB", "130": "0042"}
    frame = own.layout.encode(message)
    bitmaps = "802000000001000080000000000000004000000000000000"
    assert frame == b"0800" + bytes.fromhex(bitmaps) + b"000001" + b"\x02AB" + b"0042"
    assert frame == iso8583.encode(dict(message), own.spec)[0]
    assert own.layout.decode(frame).items() >= message.items()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "iso"', r"expected one of iso87-ascii, .* - at `\$.extends`"),
        ("extends = 3", r"`\$.extends`"),
        ('extends = "cb"\nfields = [{ number = 3, name = "x", max_len = 0 }]', r"`\$.fields\[0\].max_len`"),
        ('extends = "cb"\nfields = 3', r"`\$.fields`"),
        ('extends = "cb"\nfields = [3]', r"`\$.fields\[0\]`"),
        ('extends = "cb"\nroles = 3', r"`\$.roles`"),
        ('extends = "cb"\nversion = "3"', r"`\$.version`"),
        ('extends = "cb', r"Unterminated string"),
    ],
)
def test_a_wrong_extension_names_the_path(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _load_text(tmp_path, text)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_source_of_a_dialect_is_its_file(tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_bytes(source(name))
    assert load(copy).spec == load(name).spec


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


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(f"fields = {'[' * 5_000}")
    with pytest.raises(ValueError, match="nested"):
        load(path)


def test_no_such_dialect() -> None:
    with pytest.raises(ValueError, match=r"no dialect 'iso93': expected iso87-ascii, .* or the path of a file"):
        load("iso93")
    with pytest.raises(FileNotFoundError):
        load("nowhere/iso93.toml")


@pytest.mark.parametrize("spec", [default, default_ascii])
def test_a_pyiso8583_specification_is_a_dialect(spec: dict[str, dict[str, Any]]) -> None:
    dialect = from_spec(spec, "house")
    assert (dialect.name, dialect.names[3], dialect.response_codes["wrong_pin"]) == ("house", "Processing Code", "55")
    assert dialect.layout.encode({"t": "0800", "70": "301"}).startswith(b"0800")
