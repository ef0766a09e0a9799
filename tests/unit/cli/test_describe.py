"""`describe`: bytes and hex, with and without a length, whole and broken, never in clear unasked."""

import io
import sys
from pathlib import Path

import pytest

from switch.iso8583.dialect import load
from switch.iso8583.framing import Framing

DOC = {"t": "0100", "2": "4687380000000016", "3": "000000", "11": "000001", "35": "4687380000000016=30122011204926"}
FRAMES = {
    name: load(name).layout.encode(DOC | ({"52": "0123456789ABCDEF"}))
    for name in ("iso87-ascii", "iso87-bcd", "iso87-ebcdic")
}


@pytest.fixture
def describe(monetique, monkeypatch: pytest.MonkeyPatch):
    def run(data: bytes, *words: str):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return monetique("describe", *words)

    return run


@pytest.mark.parametrize("dialect", FRAMES)
@pytest.mark.parametrize(
    "form",
    [
        bytes,
        Framing().wrap,
        lambda frame: frame.hex().encode() + b"\n",
        lambda frame: frame.hex(" ", 2).upper().encode(),
        lambda frame: Framing().wrap(frame).hex().encode(),
        Framing("ascii4").wrap,
        Framing.parse("len2-inclusive", "tpdu").wrap,
        lambda frame: Framing.parse("len4", "tpdu").wrap(frame).hex().encode(),
    ],
)
def test_all_forms_of_input(describe, dialect: str, form) -> None:
    result = describe(form(FRAMES[dialect]), "--json")
    assert (result.status, result.json["dialect"], result.json["error"]) == (0, dialect, None)
    assert result.json["fields"] == {
        "t": "0100",
        "2": "468738******0016",
        "3": "000000",
        "11": "000001",
        "35": None,
        "52": None,
    }


def test_a_message_of_1993_is_read_as_one(describe) -> None:
    """Without DE 12 and the like it could be either; its MTI says which."""
    frame = load("iso93-ascii").layout.encode({"t": "1804", "11": "000001", "24": "801"})
    result = describe(frame, "--json")
    assert (result.status, result.json["dialect"], result.json["fields"]["24"]) == (0, "iso93-ascii", "801")
    assert describe(frame, "--dialect", "iso87-ascii", "--json").json["dialect"] == "iso87-ascii"


def test_a_file(describe, tmp_path: Path) -> None:
    file = tmp_path / "message.bin"
    file.write_bytes(FRAMES["iso87-ascii"])
    assert "System Trace Audit Number" in describe(b"", str(file)).out
    assert describe(b"", str(tmp_path / "none")).status == 2


def test_clear_only_when_asked(describe) -> None:
    assert DOC["2"] not in describe(FRAMES["iso87-ascii"], "--dump").out
    assert DOC["2"] in describe(FRAMES["iso87-ascii"], "--clear").out


def test_broken_input_says_where_and_what_was_read(describe) -> None:
    broken = FRAMES["iso87-ascii"][:60]
    result = describe(broken)
    assert result.status == 1
    assert "undecodable at DE 35" in result.out
    assert "position" in result.out
    assert "Primary Account Number" in result.out
    assert DOC["2"] not in result.out
    error = describe(broken, "--json").json["error"]
    assert error["field"] == "35"


def test_garbage_gets_a_hint(describe) -> None:
    result = describe("0100".encode("cp500") + bytes(60), "--dialect", "iso87-bcd")
    assert result.status == 1
    assert "EBCDIC" in result.out


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_nothing_to_describe(describe, data: bytes) -> None:
    assert describe(data).status == 2


def test_an_unknown_dialect(describe) -> None:
    result = describe(FRAMES["iso87-ascii"], "--dialect", "iso93")
    assert (result.status, "iso87-ascii" in result.err) == (2, True)


# -- what may be a misreading ------------------------------------------------------------------------------------------

# An ASCII message type before a binary bitmap, which no shipped dialect has: DE 2 and DE 22.
FOREIGN = b"303130304000040000000000313634363837333830303030303030303136303531"


@pytest.mark.parametrize("options", [[], ["--dump"], ["--json"], ["--dialect", "iso87-bcd"]])
def test_a_message_of_no_shipped_dialect_shows_nothing(describe, options: list[str]) -> None:
    result = describe(FOREIGN, *options)
    assert result.status == 1
    assert "4687" not in result.out
    assert "3436" not in result.out.replace(" ", "")


def test_a_whole_reading_that_does_not_convince_shows_its_structure(describe) -> None:
    """DE 7 is no date; whoever knows the dialect says so."""
    frame = load("iso87-ascii").layout.encode({"t": "0800", "7": "9999999999", "11": "000001", "70": "301"})
    document = describe(frame, "--json").json
    assert document["fields"] == {"t": "0800", "7": None, "11": None, "70": None}
    assert (document["doubt"], document["error"]) == ("DE 7 is not what that field holds", None)
    assert "--dialect iso87-ascii they are shown" in describe(frame).out
    assert describe(frame, "--dialect", "iso87-ascii", "--json").json["fields"]["7"] == "9999999999"
    assert "9999999999" in describe(frame, "--clear").out


def test_what_is_wholly_hexadecimal_is_hexadecimal(describe) -> None:
    """A BCD message whose last byte is missing is not judged as characters."""
    frame = FRAMES["iso87-bcd"][:-1]
    for dialect in (["--dialect", "iso87-bcd"], []):
        error = describe(frame.hex().encode(), "--json", *dialect).json["error"]
        assert (error["field"], error["reason"]) == ("52", "needs 8 bytes, 7 are left")
        assert error["position"] == len(frame) - 7
    assert "odd number of hexadecimal digits" in describe(FRAMES["iso87-bcd"].hex().encode()[:-1]).out


@pytest.mark.parametrize("words", [[], ["-"]])
def test_standard_input(describe, words: list[str]) -> None:
    assert describe(repr(FRAMES["iso87-bcd"]).encode(), *words, "--json").json["dialect"] == "iso87-bcd"


def test_meanings(describe) -> None:
    frame = load("iso87-ascii").layout.encode(
        {"t": "0110", "3": "000000", "4": "000000001250", "39": "51", "49": "978"}
    )
    assert describe(frame, "--json").json["meanings"] == {
        "t": "authorization response", "3": "purchase", "4": "12.50 EUR", "39": "insufficient funds", "49": "EUR"
    }  # fmt: skip
    assert " 39 Response Code                        51                   insufficient funds" in describe(frame).out
