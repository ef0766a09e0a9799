"""Frames become messages of a masked trace: numbered, matched, and nothing clear in them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.iso8583.dialect import load
from switch.traces.format import Message, TracedLink, encode
from switch.traces.recording import Recording
from tests.support.iso8583_samples import PURCHASE
from tests.support.secrets import holders

LINKS = {
    "acquirer": TracedLink("acquirer", "iso87-ascii", "len2"),
    "issuer-1": TracedLink("issuer", "iso87-bcd", "len2"),
}
ACQUIRER, ISSUER = 0, 1
ASCII, BCD = load("iso87-ascii").layout, load("iso87-bcd").layout
PAN = "4687380000000017"
DOC = {"t": "0100", "2": PAN, "3": "000000", "4": "000000001250", "11": "000001", "41": "TERM0001", "49": "978"}


def recording() -> Recording:
    fresh = Recording(bytes(32))
    fresh.begin(LINKS)
    return fresh


def test_one_authorization_on_both_legs() -> None:
    trace = recording()
    answer = {"t": "0110", "11": "000001", "39": "00", "41": "TERM0001"}
    messages = [
        trace.message(1.0, ACQUIRER, 3, ASCII.encode(DOC), sent=False),
        trace.message(1.1, ISSUER, 1, BCD.encode(DOC | {"11": "000777"}), sent=True),
        trace.message(1.2, ISSUER, 1, BCD.encode(answer | {"11": "000777"}), sent=False),
        trace.message(1.3, ACQUIRER, 3, ASCII.encode(answer), sent=True),
    ]
    assert [(m.n, m.stream, m.leg, m.link, m.from_, m.answers) for m in messages] == [
        (1, 3, "acquirer", "acquirer", "client", None),
        (2, 1, "issuer", "issuer-1", "client", None),
        (3, 1, "issuer", "issuer-1", "server", 2),
        (4, 3, "acquirer", "acquirer", "server", 1),
    ]
    shown = {key: text for key, text in DOC.items() if key != "t"} | {"2": "468738******0017"}
    assert messages[0].fields == shown
    assert messages[1].fields == shown | {"11": "000777"}


def test_equal_cards_have_equal_numbers_whatever_carries_them() -> None:
    trace = recording()
    track = {key: text for key, text in DOC.items() if key != "2"} | {"35": f"{PAN}=30122011234567890"}
    other = DOC | {"2": "4687390000000015"}
    numbers = [trace.message(1.0, ACQUIRER, 1, ASCII.encode(doc), sent=False).card for doc in (DOC, other, track)]
    numbers.append(trace.message(1.0, ISSUER, 1, BCD.encode(DOC), sent=True).card)
    numbers.append(trace.message(1.0, ISSUER, 1, BCD.encode(track), sent=True).card)
    numbers.append(trace.message(1.0, ISSUER, 1, BCD.encode({"t": "0800", "11": "000001"}), sent=True).card)
    assert numbers == [1, 2, 1, 1, 1, None]


def test_a_switch_that_runs_again_numbers_its_connections_anew() -> None:
    trace = recording()
    assert trace.message(1.0, ACQUIRER, 7, ASCII.encode(DOC), sent=False).stream == 7
    trace.begin(LINKS)
    again = trace.message(2.0, ACQUIRER, 1, ASCII.encode(DOC), sent=False)
    assert (again.n, again.stream, again.same_as) == (2, 8, 1)


def test_a_gap_has_an_id_of_its_own() -> None:
    trace = recording()
    assert (trace.gap(1.0, 12).n, trace.message(2.0, ACQUIRER, 1, ASCII.encode(DOC), sent=False).n) == (1, 2)


def test_a_broken_frame_shows_its_fields_without_values() -> None:
    message = recording().message(1.0, ACQUIRER, 1, ASCII.encode(DOC)[:-2], sent=False)
    assert message.problem is not None
    assert "DE 49" in message.problem
    assert (message.mti, message.card) == ("0100", None)
    assert message.fields == dict.fromkeys(("2", "3", "4", "11", "41"))
    assert recording().message(1.0, ACQUIRER, 1, b"\xff" * 9, sent=False).mti == ""


SECRET_FIELDS = {
    "35": f"{PAN}=30122011234567890", "45": f"B{PAN}^PLANTED/CARDHOLDER^3012101", "48": "CODE12345678SECRET",
    "52": "F1E2D3C4B5A69788", "55": "9F2608F1E2D3C4B5A69788", "14": "3012",
}  # fmt: skip


@given(st.sets(st.sampled_from(sorted(SECRET_FIELDS))), st.integers(0, 400), st.sampled_from([0, 1]))
def test_nothing_clear_is_written(fields: set[str], cut: int, link: int) -> None:
    """Whole, cut anywhere, and read in the other link's dialect."""
    doc = DOC | {field: SECRET_FIELDS[field] for field in fields} | {"42": PAN[:15], "43": f"SHOP {PAN}".ljust(40)}
    frame = (ASCII, BCD)[link].encode(doc)
    trace = recording()
    lines = [trace.message(1.0, at, 1, part, sent=False) for part in (frame, frame[:cut]) for at in (ACQUIRER, ISSUER)]
    secrets = {PAN, *(SECRET_FIELDS[field] for field in fields - {"14"})}
    assert holders(secrets, {"trace": b"".join(map(encode, lines))}) == []


def test_the_sample_purchase_keeps_its_secrets() -> None:
    line = encode(recording().message(1.0, ACQUIRER, 1, ASCII.encode(PURCHASE), sent=False))
    assert holders({PURCHASE[key] for key in ("2", "35", "52", "55")}, {"trace": line}) == []


def test_a_dialect_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        Recording(bytes(32)).begin({"acquirer": TracedLink("acquirer", str(tmp_path / "gone.toml"), "len2")})


def test_messages_are_those_of_the_format() -> None:
    assert isinstance(recording().message(1.0, ACQUIRER, 1, ASCII.encode(DOC), sent=False), Message)
