"""The search for secrets finds one in each form, and nothing where there is none."""

import pytest

from switch.iso8583.describe import hexdump
from switch.iso8583.dialect import load
from tests.support.secrets import holders, parts

PAN, TRACK, BLOCK = "4687380000000016", "4687380000000016=3012101", "0123456789ABCDEF"


@pytest.mark.parametrize(
    "content",
    [
        PAN.encode(), b"x" + bytes.fromhex(PAN), bytes.fromhex("1" + PAN + "5"), PAN.encode("cp500"),
        PAN.encode("cp500").hex().encode(), PAN.encode().hex().encode(), PAN.encode("utf-16-le"),
        TRACK.replace("=", "D").encode(), bytes.fromhex(TRACK.replace("=", "D")), BLOCK.lower().encode(),
    ],
)  # fmt: skip
def test_every_form_is_found(content: bytes) -> None:
    assert holders([PAN, TRACK, BLOCK], {"here": b"before" + content + b"after", "there": b"468738******0016"})


def test_half_a_card_number_is_found() -> None:
    assert parts(PAN) == {"46873800", "68738000", "87380000"}
    assert holders(parts(PAN), {"here": b"4687 87380000", "there": b"468738******0016"})


@pytest.mark.parametrize("name", ["iso87-ascii", "iso87-bcd", "iso87-ebcdic"])
def test_a_card_number_is_found_across_the_lines_of_a_dump(name: str) -> None:
    dialect = load(name)
    frame = dialect.layout.encode({"t": "0100", "2": PAN, "11": "000001"})
    assert holders([PAN], {"dump": "\n".join(hexdump(frame, dialect, clear=True)).encode()})
    assert not holders([PAN], {"dump": "\n".join(hexdump(frame, dialect)).encode()})
