"""What a switch that is behind, or whose log has failed, does with requests: refuse what is new, keep what is owed."""

import pytest

from switch.config import load, switch_spec
from switch.core import effects
from switch.core.effects import COMMIT, EVENT, SEND
from tests.bench.core import ACQUIRER_CONN, NOW, Bench, of

SPEC = switch_spec(load())


@pytest.fixture
def bench() -> Bench:
    """A switch whose links are signed on."""
    return Bench(SPEC)


def altered(bench: Bench, frame: bytes, **fields: str) -> bytes:
    doc = bench.layout.decode(frame) | {name.removeprefix("f"): value for name, value in fields.items()}
    return bench.layout.encode(doc)


def test_new_requests_are_refused_and_the_rest_is_given_back(bench: Bench) -> None:
    first, second, third = bench.purchases(3)
    bench.switch.receive(ACQUIRER_CONN, first, NOW)
    bench.switch.take_effects()
    advice = altered(bench, third, t="0420", f90="0100" + "0" * 38)
    kept, answers = bench.switch.refuse_new(ACQUIRER_CONN, [first, second, b"0100 is cut off", advice, third])
    assert kept == [first, b"0100 is cut off", advice]  # the first is known: its repeat must get its own answer
    documents = [bench.layout.decode(answer) for answer in answers]
    asked = [bench.layout.decode(frame) for frame in (second, third)]
    assert [(doc["t"], doc["39"], doc["11"], doc["37"]) for doc in documents] == [
        ("0110", "96", doc["11"], doc["37"]) for doc in asked
    ]
    assert bench.switch.take_effects() == []  # neither recorded nor remembered
    assert bench.switch.counters["de39-96"] == 2
    bench.switch.receive(ACQUIRER_CONN, second, NOW)
    assert any(effect[0] == effects.HSM for effect in bench.switch.take_effects())  # the same one, later, is taken


def test_who_has_not_signed_on_is_told_so_by_the_rules(bench: Bench) -> None:
    bench.switch.connected(99, 0, NOW)
    requests = bench.purchases(1)
    assert bench.switch.refuse_new(99, requests) == (requests, [])


def test_while_nothing_can_be_recorded_nothing_is_decided(bench: Bench) -> None:
    bench.switch.stall("the log has failed")
    request, other = bench.purchases(2)
    reversal = altered(bench, other, t="0420", f90="0100" + "0" * 38)
    for frame in (request, reversal):
        bench.switch.receive(ACQUIRER_CONN, frame, NOW)
    taken = bench.switch.take_effects()
    assert [effect[0] for effect in taken] == [SEND, EVENT, EVENT]  # 96; the reversal is left to its repeat
    assert bench.layout.decode(taken[0][2])["39"] == "96"
    bench.switch.stall("")
    bench.switch.receive(ACQUIRER_CONN, reversal, NOW)
    assert COMMIT in [effect[0] for effect in bench.switch.take_effects()]


def test_an_issuer_that_falls_behind_gets_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    issuers = bench.switch._context.issuers.values()
    for issuer in issuers:
        issuer.window.limit = 64
    forwarded = 0
    for request in bench.purchases(70):
        left = bench.translated(of(bench.received([request]), effects.HSM))
        forwarded += len(of(left, effects.FORWARD))
    assert forwarded == 64
    assert bench.switch.counters["issuer-busy"] == 6
    assert bench.switch.counters["de39-91"] == 6
