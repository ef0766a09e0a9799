"""A dialect and a port as jPOS reads them: a field description for its GenericPackager, a deployment file for its Q2.

jPOS has a class for each combination of value and length prefix that it knows, `org.jpos.iso.IFB_LLNUM` for BCD digits
behind one byte of BCD length. `CLASSES` is that table; what stands in none of its rows jPOS cannot say, and the error
names the field. The document type names a DTD that jPOS has built in, so nothing is fetched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from xml.sax.saxutils import quoteattr

from switch.iso8583.dialect import Dialect
from switch.iso8583.framing import Framing, Kind

ASCII: Final = frozenset({"ascii", "us-ascii", "latin-1", "latin1", "iso8859-1", "iso-8859-1"})
EBCDIC: Final = frozenset({"cp500", "500", "ibm500", "ebcdic-cp-be", "ebcdic-cp-ch"})

LAST_FIELD: Final = 128  # how a third bitmap is declared differs between versions of jPOS
TERTIARY_FLAG: Final = 65

# (value, length prefix) → {class of the field: class of jPOS}; "" is any other class. "bcd+F" is BCD of which an odd
# count of digits is padded with F on the right.
CLASSES: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("ascii", "fixed"): {"n": "IFA_NUMERIC", "x+n": "IFA_AMOUNT", "b": "IFA_BINARY", "": "IF_CHAR"},
    ("ascii", "ascii 1"): {"": "IFA_LCHAR"},
    ("ascii", "ascii 2"): {"n": "IFA_LLNUM", "": "IFA_LLCHAR"},
    ("ascii", "ascii 3"): {"n": "IFA_LLLNUM", "": "IFA_LLLCHAR"},
    ("ascii", "ascii 4"): {"": "IFA_LLLLCHAR"},
    ("ascii", "bcd 2"): {"": "IFB_LLCHAR"},
    ("ascii", "bcd 3"): {"": "IFB_LLLCHAR"},
    ("ascii", "bcd 4"): {"": "IFB_LLLLCHAR"},
    ("ascii", "b 1"): {"": "IFB_LLHCHAR"},
    ("ascii", "b 2"): {"": "IFB_LLLHCHAR"},
    ("ebcdic", "fixed"): {"n": "IFE_NUMERIC", "x+n": "IFE_AMOUNT", "b": "IFE_BINARY", "": "IFE_CHAR"},
    ("ascii", "ebcdic 2"): {"": "IFEA_LLCHAR"},
    ("ebcdic", "ascii 2"): {"": "IFAE_LLCHAR"},
    ("ebcdic", "ebcdic 1"): {"n": "IFE_LNUM", "": "IFE_LCHAR"},
    ("ebcdic", "ebcdic 2"): {"n": "IFE_LLNUM", "": "IFE_LLCHAR"},
    ("ebcdic", "ebcdic 3"): {"n": "IFE_LLLNUM", "": "IFE_LLLCHAR"},
    ("ebcdic", "ebcdic 4"): {"": "IFE_LLLLCHAR"},
    ("ebcdic", "b 1"): {"": "IFB_LLHECHAR"},
    ("ebcdic", "b 2"): {"": "IFB_LLLHECHAR"},
    ("b", "fixed"): {"": "IFB_BINARY"},
    ("b", "ascii 1"): {"": "IFA_LBINARY"},
    ("b", "ascii 2"): {"": "IFA_LLBINARY"},
    ("b", "ascii 3"): {"": "IFA_LLLBINARY"},
    ("b", "ascii 4"): {"": "IFA_LLLLBINARY"},
    ("b", "bcd 2"): {"": "IFB_LLBINARY"},
    ("b", "bcd 3"): {"": "IFB_LLLBINARY"},
    ("b", "bcd 4"): {"": "IFB_LLLLBINARY"},
    ("b", "b 1"): {"": "IFB_LLHBINARY"},
    ("b", "b 2"): {"": "IFB_LLLHBINARY"},
    ("b", "ebcdic 1"): {"": "IFE_LBINARY"},
    ("b", "ebcdic 2"): {"": "IFE_LLBINARY"},
    ("b", "ebcdic 3"): {"": "IFE_LLLBINARY"},
    ("b", "ebcdic 4"): {"": "IFE_LLLLBINARY"},
    ("bcd", "fixed"): {"": "IFB_NUMERIC"},
    ("bcd", "bcd 2"): {"": "IFB_LLNUM"},
    ("bcd", "bcd 3"): {"": "IFB_LLLNUM"},
    ("bcd", "b 1"): {"": "IFB_LLHNUM"},
    ("bcd", "b 2"): {"": "IFB_LLLHNUM"},
    ("bcd+F", "fixed"): {"": "IFB_FNUMERIC"},
    ("bcd+F", "bcd 2"): {"": "IFB_FLLNUM"},
    ("bcd+F", "bcd 3"): {"": "IFB_FLLLNUM"},
    ("signed", "fixed"): {"": "IFB_AMOUNT"},
}
MTI_CLASSES: Final = {"ascii": "IFA_NUMERIC", "b": "IFB_NUMERIC", "ebcdic": "IFE_NUMERIC"}
BITMAP_CLASSES: Final = {"ascii": "IFA_BITMAP", "b": "IFB_BITMAP", "ebcdic": "IFE_BITMAP"}
FIRST_BITMAP_ENDS: Final = 64


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel class of jPOS's, and how its `header` attribute is written: "digits" is hexadecimal without A to F."""

    name: str
    header: Literal["hex", "digits", "characters"]


PLAIN: Final[Mapping[Kind, Channel]] = {
    "len2": Channel("PostChannel", "hex"),
    "len2-inclusive": Channel("AmexChannel", "characters"),
    "len4": Channel("RawChannel", "digits"),
    "ascii4": Channel("ASCIIChannel", "characters"),
    "bcd2": Channel("BCDChannel", "digits"),
}
# These swap the addresses of a TPDU in their answers.
BEHIND_TPDU: Final[Mapping[Kind, Channel]] = {
    "len2": Channel("NACChannel", "digits"),
    "bcd2": Channel("BCDChannel", "digits"),
}

PACKAGER_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE isopackager PUBLIC
        "-//jPOS/jPOS Generic Packager DTD 1.0//EN"
        "http://jpos.org/dtd/generic-packager-1.0.dtd">

"""

CLIENT: Final = """\
<channel-adaptor name={name} class="org.jpos.q2.iso.ChannelAdaptor" logger="Q2">
  <channel class="org.jpos.iso.channel.{channel}"
           packager="org.jpos.iso.packager.GenericPackager"{header}
           logger="Q2" realm={name}>
    <property name="packager-config" value={packager}/>
    <property name="host" value={host}/>
    <property name="port" value="{port}"/>
  </channel>
  <in>{text}-send</in>
  <out>{text}-receive</out>
  <reconnect-delay>2000</reconnect-delay>
</channel-adaptor>
"""

SERVER: Final = """\
<server name={name} class="org.jpos.q2.iso.QServer" logger="Q2">
  <attr name="port" type="java.lang.Integer">{port}</attr>
  <property name="bind-address" value={host}/>
  <channel class="org.jpos.iso.channel.{channel}"
           packager="org.jpos.iso.packager.GenericPackager"{header}
           logger="Q2" realm={name}>
    <property name="packager-config" value={packager}/>
  </channel>
  <in>{text}-send</in>
  <out>{text}-receive</out>
</server>
"""


def packager(dialect: Dialect) -> str:
    """The field description of a GenericPackager. Raises `ValueError`, naming the field that jPOS cannot have."""
    numbers = sorted(number for number in dialect.names if not _announces(dialect, number))
    if numbers[-1] > LAST_FIELD:
        raise ValueError(f"DE {numbers[-1]}: versions of jPOS differ in how a third bitmap is declared; leave it out")
    rows = [_mti(dialect), _bitmap(dialect, numbers[-1]), *[_field(number, dialect) for number in numbers]]
    lines = [
        f'  <isofield id="{number}" length="{length}" name={quoteattr(name)} class="org.jpos.iso.{class_}"{pad}/>'
        for number, length, name, class_, pad in rows
    ]
    return PACKAGER_HEAD + "<isopackager>\n" + "\n".join(lines) + "\n</isopackager>\n"


def deployment(link: str, framing: Framing, host: str, port: int, packager_file: str, *, dials: bool) -> str:
    """What a Q2 runs to talk to a link of the switch: a channel that dials it, or a server that it dials.

    Raises `ValueError` where jPOS has no channel with this framing.
    """
    table = BEHIND_TPDU if framing.tpdu else PLAIN
    channel = table.get(framing.kind)
    if channel is None:
        what = f"{framing.kind} behind a TPDU" if framing.tpdu else framing.kind
        raise ValueError(f"jPOS has no channel for {what}; it has some for {', '.join(table)}")
    return (CLIENT if dials else SERVER).format(
        name=quoteattr(f"monetique-{link}"),
        text=f"monetique-{link}",
        channel=channel.name,
        header=_header(framing, channel),
        packager=quoteattr(packager_file),
        host=quoteattr(host),
        port=port,
    )


def _header(framing: Framing, channel: Channel) -> str:
    if not framing.header:
        return ""
    if channel.header != "characters":
        text = framing.header.hex().upper()
        if channel.header == "digits" and not text.isdecimal():
            raise ValueError(f"{channel.name} takes a header of decimal digits, and {text} has others")
        return f'\n           header="{text}"'
    if not (framing.header.isascii() and framing.header.decode("ascii").isprintable()):
        raise ValueError(f"{channel.name} takes its header as characters, and this one has bytes that are none")
    return f"\n           header={quoteattr(framing.header.decode('ascii'))}"


def _announces(dialect: Dialect, number: int) -> bool:
    """Is this no field but the flag of a third bitmap?"""
    return number == TERTIARY_FLAG and bool(dialect.spec.get("1", {}).get("tertiary", True))


Row = tuple[int, int, str, str, str]


def _mti(dialect: Dialect) -> Row:
    value = _value(dialect.spec["t"])
    if value not in MTI_CLASSES:
        raise ValueError(f"jPOS has no class for a message type in {value}")
    return 0, 4, "Message Type", MTI_CLASSES[value], ' pad="true"' if value == "b" else ""


def _bitmap(dialect: Dialect, last: int) -> Row:
    """The class of the bitmap; jPOS's for EBCDIC has a fixed length, where the others read how long it is."""
    value = _value(dialect.spec["p"])
    if value not in BITMAP_CLASSES:
        raise ValueError(f"jPOS has no class for a bitmap in {value}")
    if value == "ebcdic" and last > FIRST_BITMAP_ENDS:
        raise ValueError(
            f"jPOS's IFE_BITMAP always has the second bitmap or never, and this dialect has it with fields above "
            f'{FIRST_BITMAP_ENDS}: expected bitmap_encoding = "b", or no such fields (DE {last})'
        )
    return 1, 8 if value == "ebcdic" else 16, "Bitmap", BITMAP_CLASSES[value], ""


def _field(number: int, dialect: Dialect) -> Row:
    entry = dialect.spec[str(number)]
    value, prefix, length = _value(entry), _prefix(entry), int(entry["max_len"])
    if value == "bcd" and entry.get("right_pad") == "F":
        value = "bcd+F"
    names = CLASSES.get((value, prefix))
    if names is None:
        raise ValueError(f"DE {number}: jPOS has no class for {value} with a length {prefix}")
    class_ = names.get(str(entry.get("class", "")), names[""])
    if class_ in ("IFA_BINARY", "IFE_BINARY"):
        if length % 2:
            raise ValueError(f"DE {number}: {length} hexadecimal digits are no whole bytes")
        length //= 2
    pad = ""
    if value == "bcd+F":
        pad = ' pad="false"'
    elif value in ("bcd", "signed"):
        pad = f' pad="{_pads_left(number, entry)}"'.lower()
    return number, length, dialect.names[number], class_, pad


def _value(entry: Mapping[str, Any]) -> str:
    """How the value stands on the wire, in the words of CLASSES; any other encoding by its name."""
    if entry.get("signed"):
        return "signed"
    return "bcd" if entry.get("len_count") == "nibbles" else _script(str(entry["data_enc"]))


def _prefix(entry: Mapping[str, Any]) -> str:
    """The length prefix in the words of CLASSES: its encoding, and digits or, in binary, bytes."""
    width = int(entry["len_type"])
    if not width:
        return "fixed"
    script = _script(str(entry["len_enc"]))
    if script == "bcd":
        width = 4 if entry["max_len"] > 999 else width + 1  # two bytes hold three digits or four
    return f"{script} {width}"


def _script(encoding: str) -> str:
    name = encoding.lower().replace("_", "-")
    return "ascii" if name in ASCII else "ebcdic" if name in EBCDIC else name


def _pads_left(number: int, entry: Mapping[str, Any]) -> bool:
    """jPOS pads an odd count of digits with 0, left or right."""
    if pads := {entry.get("left_pad"), entry.get("right_pad")} - {None, "", "0"}:
        raise ValueError(f"DE {number}: jPOS pads with 0, or with F on the right, not with {min(map(str, pads))} here")
    return not entry.get("right_pad")
