"""TPDUs find their way back, in whatever order the answers come."""

from hypothesis import given
from hypothesis import strategies as st

from switch.iso8583 import tpdu
from switch.iso8583.dialect import load
from switch.iso8583.tpdu import Tpdus, swapped

LAYOUT = load("iso87-ascii").layout
OWN = bytes.fromhex("6000000000")


def address(number: int) -> bytes:
    """The TPDU of terminal line `number`, towards address 0003."""
    return bytes.fromhex("600003") + number.to_bytes(2, "big")


def message(mti: str, stan: int, terminal: str | None = "TERM0001") -> bytes:
    return LAYOUT.encode({"t": mti, "11": f"{stan:06}"} | ({"41": terminal} if terminal else {}))


@given(st.permutations(range(12)))
def test_answers_in_any_order_get_their_own(order: list[int]) -> None:
    tpdus = Tpdus(LAYOUT, OWN)
    asked = [(stan, f"TERM000{stan % 3}") for stan in range(12)]
    tpdus.arrived([message("0100", *one) for one in asked], [address(stan) for stan, _ in asked])
    for number in order:
        assert tpdus.before(message("0110", *asked[number])) == swapped(address(number))


def test_the_same_stan_on_two_lines_is_answered_in_order_and_a_reversal_apart() -> None:
    tpdus = Tpdus(LAYOUT, OWN)
    frames = [message("0100", 1), message("0101", 1), message("0421", 1), message("0100", 1, "TERM0002")]
    tpdus.arrived(frames, [address(number) for number in range(4)])
    assert tpdus.before(message("0430", 1)) == swapped(address(2))
    assert tpdus.before(message("0110", 1, "TERM0002")) == swapped(address(3))
    assert [tpdus.before(message("0110", 1)) for _ in range(2)] == [swapped(address(0)), swapped(address(1))]


def test_an_answer_that_nobody_asked_for_goes_to_whoever_spoke_last() -> None:
    tpdus = Tpdus(LAYOUT, OWN)
    assert tpdus.before(message("0110", 1)) == OWN
    tpdus.arrived([message("0800", 1, None), message("0110", 7)], [address(1), address(2)])
    assert tpdus.before(message("0110", 7)) == swapped(address(2))
    assert tpdus.before(message("0810", 1, None)) == swapped(address(1))


def test_what_we_start_carries_our_own() -> None:
    tpdus = Tpdus(LAYOUT, OWN)
    tpdus.arrived([message("0800", 1)], [address(1)])
    assert tpdus.before(message("0800", 1)) == OWN
    assert tpdus.before(message("0420", 2)) == OWN


def test_a_request_that_cannot_be_read_to_its_end_still_gets_its_answer() -> None:
    tpdus = Tpdus(LAYOUT, OWN)
    tpdus.arrived([message("0100", 1)[:-3], message("0100", 2), b"\xff"], [address(1), address(2), address(3)])
    assert tpdus.before(message("0110", 1, None)) == swapped(address(1))


def test_memory_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(tpdu, "MAX_WAITING", 3)
    monkeypatch.setattr(tpdu, "MAX_SAME", 2)
    tpdus = Tpdus(LAYOUT, OWN)
    for stan in range(1, 6):
        tpdus.arrived([message("0100", stan)], [address(stan)])
    for line in range(10, 14):
        tpdus.arrived([message("0100", 5)], [address(line)])
    assert tpdus.before(message("0110", 1)) == swapped(address(13))  # forgotten: whoever spoke last
    assert tpdus.before(message("0110", 3)) == swapped(address(3))
    assert [tpdus.before(message("0110", 5)) for _ in range(2)] == [swapped(address(12)), swapped(address(13))]
