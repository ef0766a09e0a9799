"""What is exported for jPOS says the same as the dialect.

The oracle is a GenericPackager in small: it packs a message by nothing but the exported XML, each field class as jPOS's
documentation has it.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from switch.iso8583.codec import EncodeError
from switch.iso8583.dialect import SHIPPED, Dialect, load
from switch.iso8583.fields import HEX_DIGITS
from switch.iso8583.framing import LENGTHS, Framing, Kind
from switch.iso8583.jpos import BEHIND_TPDU, PLAIN, deployment, packager
from tests.support.iso8583_strategies import documents

CLASS = re.compile(r"IF(?P<side>[ABE])?_(?P<prefix>L*)(?P<binary_length>H?)(?P<ebcdic>E?)(?P<kind>[A-Z]+)$")
CODEC = {None: "ascii", "A": "ascii", "B": "ascii", "E": "cp500"}


def bcd(digits: str, *, left: bool) -> bytes:
    odd = len(digits) % 2
    return bytes.fromhex(("0" * odd + digits if left else digits + "0" * odd).replace("=", "D"))


def field(attributes: dict[str, str], text: str) -> bytes:
    """One field, as its class packs it."""
    word = attributes["class"].rpartition(".")[2].replace("HEX", "?")
    match = CLASS.match(word)
    assert match, word
    side, prefix, kind = match["side"], match["prefix"], match["kind"]
    codec = "cp500" if match["ebcdic"] else CODEC[side]
    size = len(text)
    if kind == "BINARY":
        raw = bytes.fromhex(text)
        size = len(raw)
        body = text.encode() if side == "A" and not prefix else raw  # IFA_BINARY alone writes digits
    elif kind == "AMOUNT" and side == "B":
        body = text[:1].encode() + bcd(text[1:], left=attributes["pad"] == "true")
    elif kind in ("NUM", "NUMERIC") and side == "B":
        body = bcd(text, left=attributes["pad"] == "true")
    else:
        assert kind in ("NUM", "NUMERIC", "CHAR", "AMOUNT"), word
        body = text.encode(codec)
    assert size <= int(attributes["length"])
    if not prefix:
        assert size == int(attributes["length"])
        return body
    digits = str(size).zfill(len(prefix))
    if side == "B":
        width = 1 if len(prefix) <= 2 else 2
        return (size.to_bytes(width, "big") if match["binary_length"] else bcd(digits, left=True)) + body
    return digits.encode(codec) + body


def pack(xml: str, doc: dict[str, str]) -> bytes:
    """A message, as a GenericPackager with this description packs it."""
    fields = {int(row.attrib["id"]): row.attrib for row in ElementTree.fromstring(xml).iter("isofield")}
    numbers = sorted(int(key) for key in doc if key.isdecimal() and key != "1")
    highest = 128 if numbers and numbers[-1] > 64 else 64
    bits = sum(1 << (highest - number) for number in ([1] if highest == 128 else []) + numbers)
    bitmap = bits.to_bytes(highest // 8, "big")
    if fields[1]["class"] == "org.jpos.iso.IFA_BITMAP":
        bitmap = bitmap.hex().upper().encode()
    else:
        assert fields[1]["class"] == "org.jpos.iso.IFB_BITMAP"
    assert fields[1]["length"] == "16"
    return field(fields[0], doc["t"]) + bitmap + b"".join(field(fields[n], doc[str(n)]) for n in numbers)


@pytest.mark.parametrize("name", SHIPPED)
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_message_packed_by_the_export_is_the_dialect_s(name: str, data: st.DataObject) -> None:
    dialect = load(name)
    doc = data.draw(documents({key: dict(entry) for key, entry in dialect.spec.items()}))
    for key, text in doc.items():  # characters for us, bytes for jPOS: it can only say hexadecimal digits
        assume(dialect.spec[key]["class"] != "b" or set(text) <= HEX_DIGITS)
    try:
        frame = dialect.layout.encode(doc)
    except EncodeError:
        return
    assert pack(packager(dialect), dialect.layout.decode(frame)) == frame


# jPOS's own iso87binary: class and fields, and the lengths that no rule gives.
BINARY_87 = {
    "IFB_LLNUM": {2, 32, 33, 35, 99, 100},
    "IFB_NUMERIC": {0, *range(3, 28), 53, *range(66, 91)},
    "IFB_AMOUNT": {28, 29, 30, 31, 97},
    "IFB_LLCHAR": {34, 44, 45, 101, 102, 103},
    "IFB_LLLCHAR": {36, *range(46, 49), 54, *range(56, 64), *range(104, 128)},
    "IFB_LLLBINARY": {55},
    "IF_CHAR": {37, 38, 39, 40, 41, 42, 43, 49, 50, 51, 91, 92, 93, 94, 95, 98},
    "IFB_BINARY": {52, 64, 65, 96, 128},
    "IFB_BITMAP": {1},
}
LENGTHS_87 = {0: 4, 1: 16, 2: 19, 28: 9, 35: 37, 36: 104, 52: 8, 53: 16, 54: 120, 55: 999, 65: 1, 90: 42, 93: 6, 97: 17}


def test_iso87_bcd_is_exported_as_the_packager_that_jpos_ships() -> None:
    rows = ElementTree.fromstring(packager(load("iso87-bcd"))).findall("isofield")
    classes: dict[str, set[int]] = {}
    for row in rows:
        classes.setdefault(row.attrib["class"].removeprefix("org.jpos.iso."), set()).add(int(row.attrib["id"]))
    assert classes == BINARY_87
    lengths = {int(row.attrib["id"]): int(row.attrib["length"]) for row in rows}
    assert {number: lengths[number] for number in LENGTHS_87} == LENGTHS_87
    pads = {int(row.attrib["id"]): row.attrib.get("pad") for row in rows}
    assert {pads[number] for number in BINARY_87["IFB_LLNUM"]} == {"false"}
    assert {pads[number] for number in BINARY_87["IFB_NUMERIC"]} == {"true"}


def test_the_flag_of_a_third_bitmap_is_no_field() -> None:
    assert 'id="65"' not in packager(load("iso87-ascii"))
    assert 'id="65"' in packager(load("iso87-bcd"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('length = "lll", encoding = "cp500"', "DE 48: jPOS has no class for ebcdic with a length ascii 3"),
        ('encoding = "utf-16"', "DE 48: jPOS has no class for utf-16 with a length fixed"),
        ('encoding = "bcd", left_pad = "F"', "DE 48: jPOS pads with 0, or with F on the right, not with F here"),
        ('encoding = "bcd", right_pad = "A"', "DE 48: .* not with A here"),
        ('class = "b"', "DE 48: 9 hexadecimal digits are no whole bytes"),
    ],
)
def test_what_jpos_cannot_say_is_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        packager(house(tmp_path, f'{{ number = 48, name = "x", max_len = 9, {row} }}'))


def test_a_third_bitmap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="DE 130: versions of jPOS differ"):
        packager(house(tmp_path, '{ number = 130, name = "x", max_len = 9 }'))


@pytest.mark.parametrize("where", ["mti_encoding", "bitmap_encoding"])
def test_an_encoding_of_the_head_that_jpos_lacks(tmp_path: Path, where: str) -> None:
    with pytest.raises(ValueError, match=r"jPOS has no class for a (message type|bitmap) in utf-8"):
        packager(house(tmp_path, "", f'{where} = "utf-8"'))


def test_an_ebcdic_bitmap_is_either_long_or_short(tmp_path: Path) -> None:
    """jPOS's IFE_BITMAP is of one length; the integration test packs the short one with it."""
    with pytest.raises(ValueError, match=r"IFE_BITMAP always has the second bitmap or never, .* \(DE 128\)"):
        packager(house(tmp_path, "", 'bitmap_encoding = "cp500"'))


def house(tmp_path: Path, row: str, top: str = "") -> Dialect:
    path = tmp_path / "house.toml"
    path.write_text(f'extends = "iso87-ascii"\nname = "a < b & \\"c\\""\n{top}\nfields = [{row}]\n')
    return load(path)


def test_names_are_escaped(tmp_path: Path) -> None:
    dialect = house(tmp_path, '{ number = 48, name = "<&\\"", max_len = 9 }')
    rows = ElementTree.fromstring(packager(dialect)).findall("isofield")
    assert next(row.attrib["name"] for row in rows if row.attrib["id"] == "48") == '<&"'


@pytest.mark.parametrize(
    ("kind", "header", "channel", "attribute"),
    [
        ("len2", "", "PostChannel", None),
        ("len2", "49534F30", "PostChannel", "49534F30"),
        ("len2", "tpdu:6000030000", "NACChannel", "6000030000"),
        ("len2-inclusive", "", "AmexChannel", None),
        ("len2-inclusive", "49534F30", "AmexChannel", "ISO0"),
        ("len4", "", "RawChannel", None),
        ("ascii4", "49534F30", "ASCIIChannel", "ISO0"),
        ("bcd2", "tpdu", "BCDChannel", "6000000000"),
    ],
)
@pytest.mark.parametrize("dials", [True, False])
def test_a_channel_for_a_port(kind: Kind, header: str, channel: str, attribute: str | None, *, dials: bool) -> None:
    xml = deployment("bank", Framing.parse(kind, header), "127.0.0.1", 8599, "cfg/house.xml", dials=dials)
    root = ElementTree.fromstring(xml)
    element = root.find("channel")
    assert element is not None
    assert element.attrib["class"] == f"org.jpos.iso.channel.{channel}"
    assert element.attrib["packager"] == "org.jpos.iso.packager.GenericPackager"
    assert element.attrib.get("header") == attribute
    properties = {row.attrib["name"]: row.attrib["value"] for row in element.findall("property")}
    assert properties.pop("packager-config") == "cfg/house.xml"
    if dials:
        assert root.tag == "channel-adaptor"
        assert properties == {"host": "127.0.0.1", "port": "8599"}
    else:
        assert (root.tag, root.findtext("attr")) == ("server", "8599")
        assert [row.attrib for row in root.findall("property")] == [{"name": "bind-address", "value": "127.0.0.1"}]
    assert (root.findtext("in"), root.findtext("out")) == ("monetique-bank-send", "monetique-bank-receive")


def test_framings_without_a_channel() -> None:
    for kind in LENGTHS:
        for header, table in (("", PLAIN), ("tpdu", BEHIND_TPDU)):
            if kind not in table:
                with pytest.raises(ValueError, match=f"jPOS has no channel for {kind}"):
                    deployment("bank", Framing.parse(kind, header), "h", 1, "f", dials=True)
    with pytest.raises(ValueError, match="NACChannel takes a header of decimal digits, and 60000A0001 has others"):
        deployment("bank", Framing.parse("len2", "tpdu:60000A0001"), "h", 1, "f", dials=True)
    with pytest.raises(ValueError, match="takes its header as characters"):
        deployment("bank", Framing.parse("ascii4", "00FF"), "h", 1, "f", dials=True)
