"""Dialects: what ships, and what a file may and may not say."""

from pathlib import Path
from typing import Any

import iso8583
import msgspec
import pytest
from iso8583.specs import default, default_ascii

from switch.documents import DocumentError
from switch.iso8583.dialect import SHIPPED, Dialect, from_spec, load, source
from switch.iso8583.dialect_file import DialectFile, FieldRow

NAMED = 'name = "house"\n'
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
shown = [3, 130]
fields = [
    { number = 48, name = "House data", length = "ll", max_len = 99, length_encoding = "bcd" },
    { number = 130, name = "Beyond", class = "n", max_len = 4 },
]
[response_codes]
wrong_pin = "Q1"
""",
    )
    base = load("iso87-ascii")
    assert own.roles == base.roles
    assert own.shown == {3, 130}
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
        ('extends = "iso"', r'expected iso87-ascii, .* or none, found "iso" - at `\$.extends`'),
        ("extends = 3", r"found a int - at `\$.extends`"),
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


def test_extends_none_is_a_dialect_from_nothing(tmp_path: Path) -> None:
    plain = _load(tmp_path)
    path = tmp_path / "house.toml"
    path.write_text('extends = "none"\n' + path.read_text())
    assert load(path) is not plain
    assert load(path).spec == plain.spec


# One bad document for each key of a dialect file, and more where a key can be wrong in several ways: what is laid over
# iso87-ascii (EXTENDS_93: iso93-ascii), the path, and words of the sentence.
EXTENDS_93 = "# 1993\n"
WRONG = [
    ('name = ""', "$.name", "text of 1 to 80 characters"),
    ("name = 3", "$.name", "found 3"),
    ("colour = 3", "$", "unknown key `colour`"),
    ('encodin = "b"', "$", "did you mean `encoding`?"),
    ('encoding = "klingon"', "$.encoding", "expected b, bcd, x+bcd or a text encoding of Python"),
    ('length_encoding = "x+bcd"', "$.length_encoding", "expected b, bcd or a text encoding of Python"),
    ('length_encoding = "utf-16"', "$.length_encoding", "one byte a digit"),
    ('mti_encoding = "bcd"', "$.mti_encoding", "expected b or a text encoding"),
    ('mti_encoding = "utf-16"', "$.mti_encoding", "one byte a digit"),
    ('bitmap_encoding = "hex"', "$.bitmap_encoding", "expected b or a text encoding"),
    ('tertiary_bitmap = "yes"', "$.tertiary_bitmap", 'expected true or false, found "yes"'),
    ('version = "3"', "$.version", 'expected 0, 1 or 2, found "3"'),
    ("shown = [1]", "$.shown[0]", "a whole number from 2 to 192, found 1"),
    ("shown = [3, 130]", "$.shown[1]", "there is no DE 130"),
    ("shown = [35]", "$.shown[0]", "DE 35 holds card data"),
    ("fields = 3", "$.fields", "expected a list of at least 1, found 3"),
    ("fields = [3]", "$.fields[0]", "expected a table, found 3"),
    ("roles = 3", "$.roles", "expected a table"),
    ("[roles]\noriginals = 91", "$.roles.originals", "in DE 90 alone: expected 90, found 91"),
    ("[roles]\nnetwork_code = 24", "$.roles.network_code", "in DE 70 alone: expected 70, found 24"),
    ("[roles]\noriginal = 90", "$.roles.original", "no role is named original: expected originals, network"),
    ("[roles]\nfunction_code = 24", "$.roles.function_code", "no role is named function_code"),
    ("[roles]\nksn = 130", "$.roles.ksn", "there is no DE 130"),
    ('[roles]\nksn = "53"', "$.roles.ksn", "expected a whole number from 2 to 192"),
    ('[response_codes]\npick_up = "04"', "$.response_codes.pick_up", "no result is named pick_up: expected approved, "),
    ('[response_codes]\nlost = "x!"', "$.response_codes.lost", 'capital letters, found "x!"'),
    ('[response_codes]\nlost = "412"', "$.response_codes.lost", "DE 39 has 2 characters"),
    ('[response_codes]\nwrong_pin = "00"', "$.response_codes.wrong_pin", "00 is approved: expected another"),
    ('[response_codes]\nlost = "10"', "$.response_codes.lost", "10 is partially_approved"),
    (EXTENDS_93 + "[roles]\noriginals = 90", "$.roles.originals", "expected 56, found 90"),
    (EXTENDS_93 + '[response_codes]\nlost = "Q01"', "$.response_codes.lost", "class n"),
    (EXTENDS_93 + 'version = "0"', "$.version", "a conversion is of message types 1xxx"),
    (EXTENDS_93 + "conversion = 3", "$.conversion", "expected a table"),
    (EXTENDS_93 + "[conversion]\nsame = [3]", "$.conversion", "`network` is missing"),
]  # fmt: skip
# The same for a row, here of DE 48.
NUMBER = "number = 48, "
WRONG_ROWS = [
    ("number = 1, max_len = 2", "number", "from 2 to 192, found 1"),
    ("number = 193, max_len = 2", "number", "found 193"),
    ("max_len = 0", "max_len", "from 1 to 65535, found 0"),
    ('max_len = "9"', "max_len", 'found "9"'),
    ("max_len = 2, bits = 3", "", "unknown key `bits`"),
    ('length = "ll"', "", "`max_len` is missing"),
    ('max_len = 2, class = "num"', "class", "expected a, an, ans, as, b, n, ns, x+n or z"),
    ('max_len = 2, length = "long"', "length", "expected fixed, l, ll, lll or llll"),
    ('max_len = 10, length = "l"', "max_len", "the prefix l counts to 9"),
    ('max_len = 255, length = "ll"', "max_len", "the prefix ll counts to 99"),
    ('max_len = 255, length = "ll", length_encoding = "bcd"', "max_len", "counts to 99"),
    ('max_len = 256, length = "ll", length_encoding = "b"', "max_len", "counts to 255"),
    ('max_len = 1000, length = "lll"', "max_len", "counts to 999"),
    ('max_len = 1000, length = "lll", length_encoding = "bcd"', "max_len", "counts to 999"),
    ('max_len = 10000, length = "llll"', "max_len", "counts to 9999"),
    ('max_len = 2, encoding = "klingon"', "encoding", "expected b, bcd, x+bcd or a text encoding"),
    ('max_len = 2, length = "ll", length_encoding = "x"', "length_encoding", "expected b, bcd or a text encoding"),
    ('max_len = 2, length_encoding = "bcd"', "length_encoding", "no length prefix"),
    ('max_len = 3, class = "n", encoding = "bcd"', "", "expected left_pad or right_pad"),
    ('max_len = 3, encoding = "bcd", left_pad = "0", right_pad = "F"', "right_pad", "expected one pad"),
    ('max_len = 3, left_pad = "0"', "left_pad", "only an odd count of BCD digits is padded, and this is ascii"),
    ('max_len = 3, encoding = "bcd", left_pad = "x"', "left_pad", 'one of 0 to 9 and A to F, found "x"'),
    ('max_len = 3, encoding = "bcd", right_pad = "FF"', "right_pad", "one of 0 to 9 and A to F"),
    ('max_len = 2, encoding = "x+bcd"', "encoding", "odd max_len"),
    ('max_len = 9, length = "ll", encoding = "x+bcd"', "encoding", "a fixed, odd max_len"),
    ('max_len = 9, class = "n", encoding = "x+bcd"', "class", "expected class x+n"),
    ("max_len = 9, encoding = 'x+bcd', track = true", "track", "no track"),
    ('max_len = 37, length = "ll", class = "n", track = true', "class", "expected class z"),
    ("max_len = 2, track = 1", "track", "expected true or false, found 1"),
]  # fmt: skip
WRONG += [
    (
        f'fields = [{{ {"" if "number" in row else NUMBER}name = "House", {row} }}]',
        f"$.fields[0].{key}".strip("."),
        words,
    )
    for row, key, words in WRONG_ROWS
]
WRONG += [
    ('fields = [{ number = 48, name = "", max_len = 1 }]', "$.fields[0].name", "text of 1 to 80 characters"),
    (
        'fields = [{ number = 3, name = "x", max_len = 6 }, { number = 3, name = "x", max_len = 6 }]',
        "$.fields[1].number",
        "DE 3 stands twice",
    ),
    (
        'tertiary_bitmap = false\nfields = [{ number = 130, name = "x", max_len = 6 }]',
        "$.fields[0].number",
        "expected tertiary_bitmap = true",
    ),
]


@pytest.mark.parametrize(("text", "path", "words"), WRONG)
def test_what_would_not_be_honoured_is_refused(tmp_path: Path, text: str, path: str, words: str) -> None:
    base = "iso93-ascii" if text.startswith(EXTENDS_93) else "iso87-ascii"
    with pytest.raises(DocumentError) as caught:
        _load_text(tmp_path, f'extends = "{base}"\n{"" if "name =" in text[:7] else NAMED}{text}\n')
    assert {place for _, place in caught.value.problems} == {path}
    assert words in caught.value.problems[0][0]
    assert str(caught.value).endswith(f" - at `{path}`")


def test_every_key_of_a_dialect_file_is_tried() -> None:
    tried = {path.rpartition(".")[2].partition("[")[0] for _, path, _ in WRONG} | {"length_encoding"}
    keys = {field.encode_name for kind in (FieldRow, DialectFile) for field in msgspec.structs.fields(kind)}
    assert keys <= tried | {"response_codes"}


def test_all_problems_are_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        _load_text(tmp_path, 'extends = "cb"\nname = ""\nversion = "3"\nfields = [{ number = 3, max_len = 0 }]')
    paths = [path for _, path in caught.value.problems]
    assert paths == ["$.name", "$.fields[0]", "$.fields[0].max_len", "$.version"]


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(f"fields = {'[' * 5_000}")
    with pytest.raises(DocumentError, match="nested"):
        load(path)
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(DocumentError, match="not UTF-8 text: byte 8"):
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
