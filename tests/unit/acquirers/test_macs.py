"""MACs of an acquirer's link: published answers, psec, the HSM; and what becomes of messages without a right one."""

import psec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.device import Device
from switch.acquirers.macs import Macs, mac
from switch.cards import testkeys
from switch.iso8583 import dialect

from .conftest import NOW, TAK

KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


def test_published_macs():
    """ISO 9797-1 as FIPS 113 and ANSI X9.19 examples have it; two equal halves make algorithm 1 single DES."""
    assert mac(b"Now is the time for all ", KEY, "3").hex().upper() == "A1C72E74EA3FA9B6"
    assert mac(b"Now is the time for all ", KEY[:8] * 2, "1").hex().upper() == "70A30640CC76DD8B"


@given(st.binary(min_size=1, max_size=100), st.binary(min_size=16, max_size=16))
def test_macs_are_psecs(message, key):
    assert mac(message, key, "1") == psec.mac.generate_cbc_mac(key, message, 1)
    assert mac(message, key, "3") == psec.mac.generate_retail_mac(key[:8], key[8:], message, 1)


@pytest.mark.parametrize("tak", [TAK, TAK + KEY[:8]], ids=["double", "triple"])
@pytest.mark.parametrize("algorithm", ["1", "3"])
def test_macs_are_the_hsms(algorithm, tak):
    message = b"0800" + bytes(range(50))
    key = testkeys.under_test_lmk("TAK", tak.hex().upper())
    command = f"M6001{algorithm}1003{key}{len(message):04X}".encode() + message
    answer = Device(published_test_lmk(), random=bytes).respond(b"HEAD" + command)
    assert answer[4:].decode() == "M700" + mac(message, tak, algorithm).hex().upper()


def test_every_message_ends_in_a_mac(bench):
    bench.macs = Macs(bench.dialect, TAK)
    bench.start(tak=TAK)
    for doc in bench.wait(2):
        bench.answer(doc)
    bench.wait(15)
    seen = set()
    for frame in bench.frames:
        view = bench.dialect.layout.scan(frame)
        number = view.fields()[-1]
        start = view.span(number)[0]
        assert view.text(number) == mac(frame[:start], TAK, "3").hex().upper()
        seen.add((view.mti, number))
    assert seen >= {("0800", 128), ("0100", 64), ("0420", 128)}
    assert bench.acquirer.counters["de39-00"] > 5


@pytest.mark.parametrize("spoilt", [{64: "0" * 16}, {39: "05"}, {64: None}], ids=["mac", "content", "missing"])
def test_an_answer_without_the_right_mac_never_came(bench, spoilt):
    bench.macs = Macs(bench.dialect, TAK)
    doc = bench.one(tak=TAK)
    right = bench.macs.seal({"t": "0110", "39": "00"} | {k: doc[k] for k in ("3", "4", "7", "11", "37", "41")})
    bench.acquirer.receive(bench.conn, bench.dialect.layout.scan(right).patch(spoilt), bench.now)
    assert bench.settle() == []
    assert bench.events[-1]["reason"] == "bad-mac"
    assert (bench.records, bench.acquirer.outstanding()) == ([], 1)
    [reversal] = bench.wait(10.1)
    assert reversal["t"] == "0420"


def test_the_macs_of_repeats_are_the_links(bench):
    for repeat, covered in (("as-sent", b"0421"), ("as-original", b"0420")):
        macs = Macs(bench.dialect, TAK, repeat=repeat)
        doc = {"t": "0421", "11": "000001", "90": "0" * 42}
        frame = macs.seal(doc)
        view = bench.dialect.layout.scan(frame)
        assert view.mti == "0421"
        assert macs.verify(frame)
        original = bench.dialect.layout.encode(doc | {"t": covered.decode(), "128": "0" * 16})
        span = view.span(128)
        assert view.text(128) == mac(original[: span[0]], TAK, "3").hex().upper()


def test_the_mac_of_a_link_of_1993_is_over_the_frame_on_the_wire():
    spoken = dialect.load("iso93-ascii").for_link()
    spoken.at(NOW)
    macs = Macs(spoken, TAK)
    frame = macs.seal({"t": "0800", "7": "0115080000", "11": "000001", "70": "001"})
    view = spoken.wire.scan(frame)
    number = view.fields()[-1]
    assert (view.mti, view.text(number)) == ("1804", mac(frame[: view.span(number)[0]], TAK, "3").hex().upper())
    assert macs.verify(frame)


def test_a_mac_key_is_two_parts_or_three(bench):
    with pytest.raises(ValueError, match="16 or 24 bytes, this one 8"):
        Macs(bench.dialect, TAK[:8])
    assert TAK.hex() not in repr(Macs(bench.dialect, TAK))
