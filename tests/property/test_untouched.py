"""DE 55 and the fields that the switch knows nothing of cross it as they came, between any two dialects, both ways.

The core with one acquirer and one issuer; frames are written and read by pyiso8583. Chip data are bytes: where a
dialect has characters they are written as hexadecimal text.
"""

from functools import cache
from itertools import count, product
from typing import Any

import iso8583
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.cards.vault import Vault
from switch.core.effects import ANSWER, FORWARD, SEND
from switch.core.specs import LinkSpec, RouteSpec, SwitchSpec
from switch.core.switch import Switch
from switch.iso8583.dialect import SHIPPED, load
from tests.support.foreign import SPECS, Doc

ACQUIRER, ISSUER = 1, 2
NOW = 1_795_219_200.0
PAIRS = list(product(SHIPPED, SHIPPED))

# The fields nobody here looks into. 1993 has given DE 56 to 58 a meaning of its own, so they go no further than 1987.
UNKNOWN = range(56, 64)
UNKNOWN_TO_BOTH = range(59, 64)

MAX_ICC_BYTES = 255  # of the narrowest: 510 hexadecimal digits in iso87-ascii, 255 bytes in iso93-ascii

characters = st.text(st.characters(max_codepoint=0x7F), min_size=1, max_size=60)
icc = st.one_of(st.binary(min_size=1, max_size=40), st.binary(min_size=MAX_ICC_BYTES, max_size=MAX_ICC_BYTES))


class Between:
    """A switch between two institutions that speak these dialects, both signed on."""

    def __init__(self, acquirer: str, issuer: str) -> None:
        self.acquirer, self.issuer = acquirer, issuer
        self.stans = count(1)
        links = tuple(
            LinkSpec(role, role, load(name).for_link(), "10000000001", zpk="U" + "0" * 32)
            for role, name in (("acquirer", acquirer), ("issuer", issuer))
        )
        self.switch = Switch(SwitchSpec(links, (RouteSpec("4", "issuer"),)), Vault(bytes(32), bytes(32)), 1)
        self.switch.connected(ISSUER, 1, NOW)
        self.hear(ISSUER, self.issuer, approval(read(self.issuer, self.said(SEND))))
        self.switch.connected(ACQUIRER, 0, NOW)
        sign_on = {"t": "0800", "7": "1121120000", "11": "000000", "70": "001"}
        if edition_93(acquirer):
            sign_on = {"t": "1804", "7": "1121120000", "11": "000000", "12": "261121120000", "24": "801"}
        self.hear(ACQUIRER, self.acquirer, sign_on)
        self.switch.take_effects()

    def hear(self, conn: int, dialect: str, doc: Doc) -> None:
        self.switch.receive(conn, bytes(iso8583.encode(dict(doc), SPECS[dialect])[0]), NOW)

    def said(self, kind: Any) -> bytes:
        """The one frame among the effects."""
        effects = self.switch.take_effects()
        frames = [effect[2] for effect in effects if effect[0] == kind]
        assert len(frames) == 1, effects
        return bytes(frames[0])

    def purchase(self, sent: Doc, answered: Doc) -> tuple[Doc, Doc]:
        """What the issuer gets of a request with the fields `sent`, and the acquirer of its answer with `answered`."""
        stan = next(self.stans)
        request = {
            "t": "0100", "2": "4687380000000003", "3": "000000", "4": "000000010000", "7": "1121120000",
            "11": f"{stan:06d}", "12": "120000", "13": "1121", "14": "2812", "22": "051", "32": "10000000001",
            "37": f"{stan:012d}", "41": "TERM0001", "42": "MERCHANT0000001", "49": "978",
        }  # fmt: skip
        if edition_93(self.acquirer):
            del request["13"]
            request |= {"t": "1100", "12": "261121120000", "22": "51010151314C", "24": "100"}
        self.hear(ACQUIRER, self.acquirer, request | sent)
        forwarded = read(self.issuer, self.said(FORWARD))
        self.hear(ISSUER, self.issuer, approval(forwarded) | {"38": "123456"} | answered)
        return forwarded, read(self.acquirer, self.said(ANSWER))


def read(dialect: str, frame: bytes) -> Doc:
    return iso8583.decode(frame, SPECS[dialect])[0]


def edition_93(dialect: str) -> bool:
    return load(dialect).version == "1"


def approval(request: Doc) -> Doc:
    """The answer that accepts a request, in the edition of the request."""
    mti = request["t"]
    code = "00" if mti[0] == "0" else {"1": "000", "8": "800"}[mti[1]]
    kept = {key: request[key] for key in ("2", "3", "4", "7", "11", "12", "37", "41", "49") if key in request}
    return kept | {"t": f"{mti[:2]}1{mti[3]}", "39": code}


@cache
def between(acquirer: str, issuer: str) -> Between:
    return Between(acquirer, issuer)


def chip(dialect: str, data: bytes) -> str:
    """The text of DE 55 to pyiso8583: bytes as hexadecimal; in iso87-bcd characters, whose wire is the bytes."""
    return data.decode("latin-1") if SPECS[dialect]["55"]["data_enc"] == "latin-1" else data.hex().upper()


@pytest.fixture(autouse=True, scope="module")
def bytes_in_bcd() -> Any:
    """pyiso8583 takes what jPOS calls characters for ASCII; any byte may come there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SPECS["iso87-bcd"], "55", SPECS["iso87-bcd"]["55"] | {"data_enc": "latin-1"})
        yield


@pytest.mark.parametrize(("acquirer", "issuer"), PAIRS)
@given(sent=icc, answered=icc)
@settings(max_examples=12, deadline=None)
def test_chip_data_both_ways(acquirer: str, issuer: str, sent: bytes, answered: bytes) -> None:
    forwarded, answer = between(acquirer, issuer).purchase({"55": chip(acquirer, sent)}, {"55": chip(issuer, answered)})
    assert forwarded["55"] == chip(issuer, sent)
    assert answer["55"] == chip(acquirer, answered)


@pytest.mark.parametrize(("acquirer", "issuer"), PAIRS)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_unknown_fields_both_ways(acquirer: str, issuer: str, data: st.DataObject) -> None:
    unknown = UNKNOWN_TO_BOTH if edition_93(acquirer) or edition_93(issuer) else UNKNOWN
    some = st.dictionaries(st.sampled_from([str(number) for number in unknown]), characters)
    sent, answered = data.draw(some), data.draw(some)
    forwarded, answer = between(acquirer, issuer).purchase(sent, answered)
    both = [str(number) for number in unknown]
    assert {key: forwarded[key] for key in both if key in forwarded} == sent
    assert {key: answer[key] for key in both if key in answer} == answered


@given(text=st.text(st.characters(max_codepoint=0x7F), min_size=1, max_size=510))
@settings(max_examples=20, deadline=None)
def test_text_that_is_no_hexadecimal_crosses_where_both_have_characters(text: str) -> None:
    forwarded, answer = between("iso87-ascii", "cb").purchase({"55": text}, {"55": text})
    assert (forwarded["55"], answer["55"]) == (text, text)
