"""Messages shown to people: what may be seen, and that nothing else is."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.cards.masking import mask_pan
from switch.iso8583.codec import FormatError
from switch.iso8583.describe import describe, hexdump, values
from switch.iso8583.dialect import Dialect, load
from tests.support.iso8583_samples import PURCHASE, SHORT_PURCHASE
from tests.support.secrets import holders

SECRETS = {
    "34": "9" * 20,
    "36": "8" * 20,
    "45": "B4687380000000003^TEST/CARD^2812",
    "46": "SECRET46",
    "48": "CVV2=737 CODE 112233",
    "60": "SECRET60",
    "102": "ACCOUNT4711",
    "103": "ACCOUNT4712",
    "120": "SECRET120",
}


@pytest.fixture(params=["iso87-ascii", "iso87-bcd"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return load(request.param)


def test_one_line_a_field(dialect: Dialect) -> None:
    lines = describe(dialect.layout.encode(SHORT_PURCHASE), dialect)
    assert lines[0] == "  t Message type                         0100                 authorization request"
    assert lines[2] == "  3 Processing Code                      000000               purchase"
    assert lines[3] == "  4 Amount, Transaction                  000000010000         100.00 EUR"
    assert lines[1] == "  2 Primary Account Number (PAN)         468738******0003"
    assert lines[5] == " 11 System Trace Audit Number            000001"
    assert lines[8] == " 14 Date, Expiration                     4 characters"
    assert len(lines) == len(SHORT_PURCHASE)


def test_secrets_are_never_shown(dialect: Dialect) -> None:
    doc = SHORT_PURCHASE | SECRETS
    frame = dialect.layout.encode(doc)
    text = "\n".join(describe(frame, dialect) + describe(dialect.layout.scan(frame), dialect))
    dump = "\n".join(hexdump(frame, dialect))
    for field in ("14", "35", "52", "55", *SECRETS):
        assert doc[field] not in text
        assert doc[field] not in dump
    for shown in (text, dump):
        assert "87380000" not in shown.replace(" ", "")
        assert "112233" not in shown


def test_clear_shows_everything(dialect: Dialect) -> None:
    frame = dialect.layout.encode(SHORT_PURCHASE)
    lines = describe(frame, dialect, clear=True)
    texts = [text.replace("=", "D") if dialect.name == "iso87-bcd" else text for text in SHORT_PURCHASE.values()]
    assert [line[41 : 41 + len(text)] for line, text in zip(lines, texts, strict=True)] == texts
    dumped = "".join(line[6:54].replace(" ", "") for line in hexdump(frame, dialect, clear=True))
    assert bytes.fromhex(dumped) == frame


def test_a_dump_keeps_its_shape(dialect: Dialect) -> None:
    frame = dialect.layout.encode(SHORT_PURCHASE)
    lines = hexdump(frame, dialect)
    assert [line[:4] for line in lines] == [f"{at:04X}" for at in range(0, len(frame), 16)]
    assert sum(line[6:54].count("**") for line in lines) == sum(
        end - start for start, end in (dialect.layout.scan(frame).span(n) or (0, 0) for n in (2, 14, 35, 52, 55))
    )


def test_a_frame_that_slipped_shows_no_value() -> None:
    """Bit 2 lost: the card number's digits would pass for DE 3 and DE 4."""
    dialect = load("iso87-ascii")
    frame = dialect.layout.encode(PURCHASE)
    slipped = frame[:4] + b"3" + frame[5:]
    lines = describe(slipped, dialect)
    assert lines[-1].startswith("undecodable at DE ")
    assert not any("4687" in line or "3800" in line for line in lines)
    assert not any(character in line[6:54] for line in hexdump(slipped, dialect) for character in "0123456789ABCDEF")


def test_a_partial_view_says_what_was_read() -> None:
    dialect = load("iso87-ascii")
    with pytest.raises(FormatError) as caught:
        dialect.layout.scan(dialect.layout.encode(PURCHASE)[:60])
    assert describe(caught.value.partial, dialect) == [
        "  t Message type                         0100                 authorization request",
        "  2 Primary Account Number (PAN)         468738******0003",
        "  3 Processing Code                      6 characters",
        "  4 Amount, Transaction                  12 characters",
    ]
    assert describe(b"01", dialect)[0].endswith("unreadable")


def test_an_unknown_field_fails_closed() -> None:
    dialect = dataclasses.replace(load("iso87-ascii"), shown=frozenset())
    lines = describe(dialect.layout.encode(PURCHASE), dialect)
    assert all(line.endswith("characters") for line in lines[2:])


def test_control_characters_reach_no_terminal() -> None:
    dialect = load("iso87-ascii")
    frame = dialect.layout.encode({"t": "0100", "41": "\x1b[2J\r\nAB"})
    assert describe(frame, dialect)[1].endswith(".[2J..AB")


@given(st.text(max_size=40))
def test_a_mask_shows_six_and_four_at_most(pan: str) -> None:
    masked = mask_pan(pan)
    assert len(masked) == len(pan)
    assert sum(character != "*" for character in masked) <= 10
    if not (pan.isascii() and pan.isdecimal()):
        assert set(masked) <= {"*"}


@pytest.mark.parametrize(
    ("pan", "masked"),
    [
        ("4687380000001234", "468738******1234"),
        ("468738000000000012", "468738********0012"),
        ("123456789012", "123456**9012"),
        ("12345678901", "*******8901"),
        ("12345678", "****5678"),
        ("1234567", "*******"),
        ("4687380000001234=", "*****************"),
        ("", ""),
    ],
)
def test_mask_pan(pan: str, masked: str) -> None:
    assert mask_pan(pan) == masked


PAN_1 = "4916338506082832"  # Luhn-valid, without the zeros that stand in any amount


@pytest.mark.parametrize(
    ("field", "text", "shown"),
    [
        (42, "123456789012345", None),  # its check digit is wrong: a merchant's number
        (43, f"SHOP {PAN_1} PARIS FR".ljust(40), "SHOP 491633******2832 PARIS FR".ljust(40)),
        (90, PAN_1.ljust(42, "0"), "*" * 42),
        (90, "0100" + "000001" + "1130221812" + PAN_1 + "000000", "01000000011130221812" + "*" * 22),
        (90, "0100" + "000001" + "1130221812" + "00012345678" + "0" * 11, None),  # the message's own DE 32
        (95, "000000123400" + "000000000000" + "C00000000" * 2, None),
    ],
)  # fmt: skip
def test_a_card_number_where_values_are_shown(field: int, text: str, shown: str | None) -> None:
    dialect = load("iso87-ascii")
    frame = dialect.layout.encode({"t": "0420", "11": "000001", "32": "12345678", str(field): text})
    assert values(dialect.layout.scan(frame), dialect)[field] == (text if shown is None else shown)
    assert PAN_1[:8] not in "\n".join(describe(frame, dialect))
    assert not holders([PAN_1], {"dump": "\n".join(hexdump(frame, dialect)).encode()})


def test_the_messages_own_card_number_stands_nowhere_else() -> None:
    """Not even half of it, in a field that may hold eight digits."""
    dialect = load("iso87-ascii")
    frame = dialect.layout.encode({"t": "0100", "2": PAN_1, "41": PAN_1[:8], "42": "MERCHANT0000001"})
    assert values(dialect.layout.scan(frame), dialect)[41] is None
    assert PAN_1[:8] not in "\n".join([*describe(frame, dialect), *(line[55:] for line in hexdump(frame, dialect))])


def test_values_side_by_side_do_not_make_it_up_in_a_dump() -> None:
    dialect = load("iso87-ascii")
    doc = {"t": "0100", "2": PAN_1, "41": f"TERM{PAN_1[:4]}", "42": f"{PAN_1[4:8]}MERCHANT001"}
    characters = "".join(line[55:] for line in hexdump(dialect.layout.encode(doc), dialect))
    assert "TERM********MERCHANT001" in characters


def test_a_card_number_in_other_characters_than_the_dialects() -> None:
    dialect = load("iso87-ebcdic")
    doc = {"t": "0100", "43": f"{PAN_1} SHOP".ljust(40).encode().decode("cp500")}
    frame = dialect.layout.encode(doc)
    assert values(dialect.layout.scan(frame), dialect)[43] is None
    assert not holders([PAN_1], {"dump": "\n".join(hexdump(frame, dialect)).encode()})


@pytest.mark.parametrize("mti", ["3031", "0900", "0160", "0106", "0000", "1100"])
def test_a_message_type_that_cannot_be_one_is_no_reading(mti: str) -> None:
    dialect = load("iso87-ascii")
    frame = dialect.layout.encode({"t": mti, "11": "000001"})
    assert describe(frame, dialect) == [
        "  t Message type                         unreadable",
        "undecodable at MTI: expected a message type 0xxx, position 0",
    ]
    assert set("".join(line[6:54] for line in hexdump(frame, dialect))) <= {"*", " "}


def test_only_the_structure() -> None:
    dialect = load("iso87-ascii")
    lines = describe(dialect.layout.encode(SHORT_PURCHASE), dialect, structure=True)
    assert lines[1] == "  2 Primary Account Number (PAN)         16 characters"
    assert all(line.endswith("characters") for line in lines[1:])


@pytest.mark.parametrize("between", [".", "/", "_", ":", ",", "|", "  ", " - "])
def test_a_card_number_in_groups_of_any_kind(between: str) -> None:
    dialect = load("iso87-ascii")
    groups = between.join(("4687", "3912", "3456", "7894"))
    frame = dialect.layout.encode({"t": "0100", "11": "000001", "43": groups.ljust(40)})
    assert values(dialect.layout.scan(frame), dialect)[43] is None
    assert not any("3912" in line for line in (*describe(frame, dialect), *hexdump(frame, dialect)))
