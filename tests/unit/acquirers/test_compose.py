"""Composed messages against the contract towards acquirers."""

import pytest

from switch.acquirers.compose import (
    NETWORK_CODES,
    PROCESSING_CODES,
    Sender,
    completion,
    incremental,
    network,
    partial_reversal_of,
    reconciliation,
    repeat_of,
    request,
    reversal_of,
    rrn_of,
)
from switch.iso8583 import dialect

SENDER = Sender("123")
COMPLETE = {"2", "3", "4", "7", "11", "12", "13", "14", "22", "32", "37", "41", "42", "49"}

ADDED = {"preauth": {"25"}, "advice": {"38", "39"}, "force-post": {"38", "39"}}


def composed(kind="purchase", **values):
    fields = {"pan": "4687380000000016", "expiry": "3012", "amount_cents": 10_000, "currency": "978", "stan": 42}
    return request(kind, SENDER, **fields | {"now": 1_800_000_000.0} | values)


@pytest.mark.parametrize("name", ["iso87-ascii", "iso87-bcd"])
@pytest.mark.parametrize("kind", PROCESSING_CODES)
def test_a_request_is_complete_and_encodes(kind, name):
    doc = composed(kind, pin_block=bytes(8))
    assert doc.keys() == COMPLETE | {"t", "52"} | ADDED.get(kind, set())
    layout = dialect.load(name).layout
    assert layout.decode(layout.encode(doc)).items() >= doc.items()


def test_without_a_pin_there_is_no_de_52():
    assert composed().keys() == COMPLETE | {"t"}
    assert composed()["22"] != composed(pin_block=bytes(8))["22"]


def test_times_are_utc():
    doc = composed()  # 2027-01-15 08:00:00 UTC
    assert (doc["7"], doc["12"], doc["13"]) == ("0115080000", "080000", "0115")


@pytest.mark.rule("R7")
def test_a_reversal_carries_its_original():
    doc = composed(pin_block=bytes(8))
    reversal = reversal_of(doc)
    assert reversal.keys() == {"t", "2", "3", "4", "7", "11", "32", "37", "41", "42", "49", "90"}
    assert reversal["90"] == "0100" + "000042" + "0115080000" + "00000000123" + "00000000000"
    assert reversal_of(repeat_of(doc))["90"] == reversal["90"]
    assert [repeat_of(reversal)["t"], reversal_of(doc, "0400")["t"]] == ["0421", "0400"]


def test_network_messages():
    for kind, code in NETWORK_CODES.items():
        doc = network(kind, SENDER, stan=7, now=0.0)
        assert (doc["t"], doc["11"], doc["70"], doc["32"]) == ("0800", "000007", code, "123")


def test_rrns_differ_by_stan_second_and_day():
    now = 1_800_000_000.0
    rrns = {rrn_of(now + days * 86_400 + seconds, stan) for days in range(3) for seconds in range(3) for stan in (1, 2)}
    assert len(rrns) == 18
    assert {len(rrn) for rrn in rrns} == {12}


TRACK2 = "4687380000000016=30122011204912345"


@pytest.mark.parametrize("name", ["iso87-ascii", "iso87-bcd"])
def test_what_follows_a_read_stripe_has_number_and_expiry_only(name):
    original = composed("preauth", track2=TRACK2, pin_block=bytes(8))
    assert original.keys() == COMPLETE - {"2", "14"} | {"t", "25", "35", "52"}
    layout = dialect.load(name).layout
    for doc in (
        incremental(original, 500, stan=43, now=1_800_000_010.0),
        completion(original, 10_500, stan=44, now=1_800_000_020.0, approval="A1B2C3"),
    ):
        assert (doc["2"], doc["14"], doc["22"]) == ("4687380000000016", "3012", "010")
        assert doc.keys() & {"35", "52", "48"} == set()
        assert doc["90"] == "0100" + "000042" + "0115080000" + "00000000123" + "00000000000"
        assert doc["37"] == original["37"]
        assert layout.decode(layout.encode(doc)).items() >= doc.items()
    assert completion(original, 1, stan=44, now=0.0, mti="0120").keys().isdisjoint({"38", "25"})


@pytest.mark.parametrize("name", ["iso87-ascii", "iso87-bcd"])
def test_other_messages_encode(name):
    layout = dialect.load(name).layout
    bought = composed(cvv2="407", cash_cents=2_000)
    assert (bought["48"], bought["54"]) == ("9203407", "0040978D000000002000")
    figures = {"74": f"{1:010d}", "86": f"{100:016d}", "97": f"C{100:016d}"}
    for doc in (
        bought,
        partial_reversal_of(bought, 4_000, 1_800_000_100.0),
        reconciliation(SENDER, figures, stan=1, now=0.0, date="0731", currency="978", mti="0520"),
        network("cutover", SENDER, stan=2, now=0.0, date="0801"),
        network("key-change", SENDER, stan=3, now=0.0, code="161") | {"48": "U" + "0" * 38},
    ):
        assert layout.decode(layout.encode(doc)).items() >= doc.items()


def test_a_partial_reversal_says_what_stands():
    doc = partial_reversal_of(composed(), 4_000, 1_800_000_100.0)
    assert (doc["4"], doc["95"]) == ("000000010000", "000000004000" + "0" * 12 + "D00000000" + "D00000000")
    assert (doc["11"], doc["7"], doc["12"], doc["13"]) == ("000042", "0115080000", "080140", "0115")
