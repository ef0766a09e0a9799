"""The two editions side by side: what each message of 1987 is in 1993, by hand."""

from pathlib import Path

import pytest

from switch.iso8583.codec import FormatError
from switch.iso8583.dialect import Dialect, load, source
from switch.iso8583.edition import year_of
from switch.iso8583.interpreter import Interpreter

NOW = 1_795_219_200.0  # 21 November 2026
RAW = load("iso93-ascii")

ORIGINAL = "0100" + "000007" + "1121115959" + "10000000003" + "0" * 11
ORIGINAL_93 = "1100" + "000007" + "261121115959" + "11" + "10000000003"
REST_OF_95 = "0" * 12 + "D00000000" * 2
SENT = {"7": "1121120000", "11": "000008"}
THEN = {"12": "261121120000"}  # what a request without DE 12 and 13 gets from DE 7


@pytest.fixture
def layout() -> Interpreter:
    dialect = RAW.for_link()
    dialect.at(NOW)
    assert isinstance(dialect.layout, Interpreter)
    return dialect.layout


# Name → a message of the rules, and what it is on the wire.
SAME: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "purchase": (
        {"t": "0100", "4": "000000010000", "12": "130000", "13": "1121", "22": "051", "52": "0123456789ABCDEF"},
        {"t": "1100", "4": "000000010000", "12": "261121130000", "22": "51010151300C", "24": "100"}
        | {"52": "0123456789ABCDEF"},
    ),
    "stripe without PIN": (
        {"t": "0200", "12": "130000", "13": "1121", "22": "022"},
        {"t": "1200", "12": "261121130000", "22": "200101200000", "24": "200"},
    ),
    "keyed": (
        {"t": "0101", "12": "130000", "13": "1121", "22": "012"},
        {"t": "1101", "12": "261121130000", "22": "600100600000", "24": "100"},
    ),
    "pre-authorization": ({"t": "0100", "25": "06"}, {"t": "1100", "24": "101"}),
    "increment": ({"t": "0100", "25": "06", "90": ORIGINAL}, {"t": "1100", "24": "107", "56": ORIGINAL_93}),
    "completion": (
        {"t": "0220", "4": "000000005000", "90": ORIGINAL},
        {"t": "1220", "4": "000000005000", "24": "202", "56": ORIGINAL_93},
    ),
    "force-post": ({"t": "0220", "4": "000000005000"}, {"t": "1220", "4": "000000005000", "24": "200"}),
    "stand-in advice": (
        {"t": "0121", "38": "123456", "39": "00"},
        {"t": "1121", "24": "100", "38": "123456", "39": "000"},
    ),
    "whole reversal": (
        {"t": "0420", "4": "000000010000", "90": ORIGINAL},
        {"t": "1420", "4": "000000010000", "24": "400", "25": "4000", "56": ORIGINAL_93},
    ),
    "reversal of an unanswered request": (
        {"t": "0421", "4": "000000010000", "39": "68", "90": ORIGINAL},
        {"t": "1421", "4": "000000010000", "24": "400", "25": "4021", "56": ORIGINAL_93},
    ),
    "partial reversal": (
        {"t": "0420", "4": "000000010000", "90": ORIGINAL, "95": "000000004000" + REST_OF_95},
        {"t": "1420", "4": "000000004000", "24": "401", "25": "4000", "30": "000000010000" + "0" * 12}
        | {"56": ORIGINAL_93},
    ),
    "approved": ({"t": "0110", "38": "123456", "39": "00"}, {"t": "1110", "38": "123456", "39": "000"}),
    "partly approved": (
        {"t": "0110", "4": "000000004000", "38": "123456", "39": "10"},
        {"t": "1110", "4": "000000004000", "38": "123456", "39": "002"},
    ),
    "no funds": ({"t": "0210", "39": "51"}, {"t": "1210", "39": "116"}),
    "reversal taken": ({"t": "0430", "39": "00"}, {"t": "1430", "39": "400"}),
    "nothing to reverse": ({"t": "0410", "39": "25"}, {"t": "1410", "39": "914"}),
    "sign-on": ({"t": "0800", "70": "001"}, {"t": "1804", "24": "801"}),
    "signed on": ({"t": "0810", "39": "00", "70": "001"}, {"t": "1814", "24": "801", "39": "800"}),
    "key change": ({"t": "0800", "48": "U0123", "70": "101"}, {"t": "1804", "24": "811", "48": "U0123"}),
    "key refused": ({"t": "0810", "39": "63", "70": "101"}, {"t": "1814", "24": "811", "39": "122"}),
    "cutover": ({"t": "0800", "15": "1122", "70": "201"}, {"t": "1804", "15": "261122", "24": "821"}),
    "totals": (
        {"t": "0500", "15": "1121", "50": "978", "76": "0000000003", "88": "0" * 13 + "900", "97": "D" + "0" * 16},
        {"t": "1500", "24": "502", "28": "261121", "50": "978", "76": "0000000003", "88": "0" * 13 + "900"}
        | {"97": "D" + "0" * 16},
    ),
    "in balance": ({"t": "0510", "39": "00", "66": "1"}, {"t": "1510", "24": "500", "39": "500"}),
    "out of balance": ({"t": "0530", "39": "00", "66": "2"}, {"t": "1530", "24": "500", "39": "501"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_both_editions_say_the_same(layout: Interpreter, name: str) -> None:
    ours, theirs = ({**message, **SENT} for message in SAME[name])
    asking = ours["t"][2] in "02"
    theirs = (THEN if asking else {}) | theirs
    wire = RAW.layout.encode(theirs)
    assert RAW.layout.decode(layout.encode(ours)) == RAW.layout.decode(wire)
    heard = layout.decode(wire)
    said = ours | ({"12": "120000", "13": "1121"} if asking and "12" not in ours else {})
    assert {key: heard[key] for key in heard if key.isdecimal() and 1 < int(key) <= 128} | {"t": heard["t"]} == said


def test_what_the_rules_change_is_written_anew(layout: Interpreter) -> None:
    """What came in 1993 is kept beside it, and must not come back where it is no longer true."""
    own = {"t": "1420", "4": "000000004000", "12": "991231235959", "15": "991231", "22": "A1B2C3D4E5F6", "24": "401"}
    own |= {"25": "4351", "30": "000000010000" + "0" * 12, "43": "x" * 50, "56": ORIGINAL_93, "11": "000008"}
    view = layout.scan(RAW.layout.encode(own))

    def written(**patches: str | None) -> dict[str, str]:
        changed = {int(name[1:]): text for name, text in patches.items()}
        doc = RAW.layout.decode(layout.emit("0420", view, layout.mask(range(2, 129)), changed))
        return {key: doc.get(key, "") for key in own}

    assert written() == own
    assert written(f90=ORIGINAL.replace("000007", "000009"))["56"] == ORIGINAL_93.replace("000007", "000009")
    assert written(f12="120000", f13="1121")["12"] == "261121120000"
    assert written(f15="1122")["15"] == "261122"
    assert written(f15=None)["15"] == ""
    assert written(f22="021")["22"] == "21010120000C"
    assert written(f39="68")["25"] == "4021"
    assert written(f43="short".ljust(40))["43"] == "short".ljust(40)
    assert written(f95=None, f4="000000010000")["4"] == "000000010000"


def test_an_answer_repeats_what_was_asked(layout: Interpreter) -> None:
    """Of a partial reversal: DE 4 is what stands, and the date has its year."""
    own = {"t": "1420", "4": "000000004000", "11": "000008", "12": "991231235959", "24": "401"}
    own |= {"30": "000000010000" + "0" * 12, "43": "somewhere", "56": ORIGINAL_93, "57": "123"}
    view = layout.scan(RAW.layout.encode(own))
    answer = layout.emit("0430", view, layout.mask((4, 11, 12, 13)), {39: "00"})
    expected = {"t": "1430", "4": "000000004000", "11": "000008", "12": "991231235959", "39": "400"}
    assert RAW.layout.decode(answer).items() >= expected.items()
    assert not {"24", "30", "43", "56", "57"} & RAW.layout.decode(answer).keys()


def test_the_year_is_the_nearest() -> None:
    new_year = 1_798_761_600.0  # 2027-01-01
    assert [year_of(day, new_year) for day in ("1231", "0101", "0630", "0704")] == ["26", "27", "27", "26"]
    assert [year_of(day, NOW) for day in ("0229", "1399")] == ["26", "26"]  # days that there are not
    assert year_of("0229", 1_835_395_200.0) == "28"  # 2028-02-28


def test_a_frame_of_1987_is_told_apart(layout: Interpreter) -> None:
    with pytest.raises(FormatError, match="MTI: expected a message type 1xxx, position 0") as caught:
        layout.scan(load("iso87-ascii").layout.encode({"t": "0800", "11": "000001"}))
    assert (caught.value.partial.mti, caught.value.partial.text(11)) == ("0800", "000001")


def house(tmp_path: Path, text: str) -> Dialect:
    path = tmp_path / "house.toml"
    path.write_text(f'extends = "iso93-ascii"\nname = "house"\n{text}')
    return load(path)


def test_a_dialect_of_ones_own(tmp_path: Path) -> None:
    """Its response codes come before the shipped table of action codes."""
    link = house(tmp_path, '[response_codes]\nrestricted = "125"').for_link()
    wire = load("iso93-ascii").layout
    assert wire.decode(link.layout.encode({"t": "0110", "39": "62"}))["39"] == "125"
    assert link.layout.decode(wire.encode({"t": "1110", "39": "125"}))["39"] == "62"
    assert (link.name, link.response_codes["approved"], link.version) == ("house", "00", "0")


def test_a_dialect_that_cannot_be_converted(tmp_path: Path) -> None:
    path = tmp_path / "plain.toml"
    path.write_text('extends = "iso87-ascii"\nname = "plain"\nversion = "1"')
    assert not load(path).served
    with pytest.raises(ValueError, match=r"message types 1xxx, .* - at `\$.conversion`"):
        load(path).for_link()
    lines = source("iso93-ascii").decode().splitlines()
    path.write_text("\n".join(line for line in lines if "number = 126" not in line))
    with pytest.raises(ValueError, match=r"there is no DE 126 - at `\$.conversion.same\[79\]`"):
        load(path)
    path.write_text("\n".join(line for line in lines if not line.startswith("do_not_honor")))
    with pytest.raises(ValueError, match=r"at `\$.response_codes.do_not_honor`"):
        load(path).for_link()
