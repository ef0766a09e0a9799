"""Composed messages against the contract towards acquirers."""

import pytest

from switch.acquirers.compose import (
    NETWORK_CODES,
    PROCESSING_CODES,
    Sender,
    network,
    repeat_of,
    request,
    reversal_of,
    rrn_of,
)
from switch.iso8583 import dialect

SENDER = Sender("123")
COMPLETE = {"2", "3", "4", "7", "11", "12", "13", "14", "22", "32", "37", "41", "42", "49"}


def composed(kind="purchase", **values):
    fields = {"pan": "4687380000000016", "expiry": "3012", "amount_cents": 10_000, "currency": "978", "stan": 42}
    return request(kind, SENDER, **fields | {"now": 1_800_000_000.0} | values)


@pytest.mark.parametrize("name", ["iso87-ascii", "iso87-bcd"])
@pytest.mark.parametrize("kind", PROCESSING_CODES)
def test_a_request_is_complete_and_encodes(kind, name):
    doc = composed(kind, pin_block=bytes(8))
    assert doc.keys() == COMPLETE | {"t", "52"}
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
