"""Any interleaving of messages, repeats, reversals and crashes moves money as a model of one line a message says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.acquirers.compose import repeat_of, reversal_of
from tests.unit.issuers.conftest import Bench, card

KINDS = [("purchase", -1), ("cash", -1), ("refund", 1), ("cashback", -1), ("balance", 0)]
STEPS = st.lists(
    st.tuples(st.sampled_from(["request", "repeat", "reversal", "crash", "snapshot"]), st.integers(0, len(KINDS) - 1)),
    max_size=40,
)
OPENING_CENTS = 60_00  # too little for all of them: some are declined


@pytest.mark.rule("R5", "R10", "I3", "I6")
@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_one_effect_per_key_one_release_per_hold_whatever_happens(steps):
    bench = Bench("iso87-ascii")
    bench.start(card(balance_cents=OPENING_CENTS))
    docs = [bench.doc(kind, 30 + number) for number, (kind, _) in enumerate(KINDS)]
    effect = {number: sign * (30 + number) * 100 for number, (_, sign) in enumerate(KINDS)}
    codes: dict[int, str] = {}
    reversed_: set[int] = set()
    snapshot: bytes | None = None
    for step, number in steps:
        if step == "crash":
            bench.restart(snapshot)
        elif step == "snapshot":
            snapshot = bench.issuer.snapshot()
            bench.committed.clear()
        elif step == "reversal":
            assert bench.send(reversal_of(docs[number]))[0]["39"] == "00"
            reversed_.add(number)
        else:
            doc = docs[number] if step == "request" else repeat_of(docs[number])
            code = bench.send(doc)[0]["39"]
            first = codes.setdefault(number, code)
            assert code == ("68" if first == "00" and number in reversed_ else first)
            assert code != "00" or number not in reversed_
        moved = sum(effect[number] for number, code in codes.items() if code == "00" and number not in reversed_)
        assert bench.available() == OPENING_CENTS + moved


HOLDS = {"preauthorization": 50_00, "increment": 20_00}
POSTINGS = {"completion": 60_00, "shipment": 30_00, "force-post": 15_00}
CHAIN_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "repeat", "reverse", "reduce", "crash", "snapshot"]),
        st.sampled_from([*HOLDS, *POSTINGS]),
        st.integers(1, 4),
    ),
    max_size=40,
)


@given(CHAIN_STEPS)
@settings(max_examples=200, deadline=None)
def test_chains_hold_until_completed_and_postings_stand_until_reversed(steps):
    """Postings count wherever they come, holds only before any completion, and each as far as reversals left it."""
    bench = Bench("iso87-ascii")
    bench.start(card(balance_cents=10_000_00))
    head = bench.doc(euros=50, f25="06")
    docs = {
        "preauthorization": head,
        "increment": bench.follow(bench.doc(euros=20, f25="06"), head),
        "completion": bench.advice(head, 60),
        "shipment": bench.advice(head, 30),
        "force-post": bench.advice(euros=15),
    }
    amounts = HOLDS | POSTINGS
    standing: dict[str, int] = {}  # of what was taken
    voided: set[str] = set()
    held: set[str] = set()
    reduced: set[tuple[str, int]] = set()
    snapshot: bytes | None = None
    for step, name, part in steps:
        doc = docs[name]
        if step == "crash":
            bench.restart(snapshot)
        elif step == "snapshot":
            snapshot = bench.issuer.snapshot()
            bench.committed.clear()
        elif step == "reverse":
            assert bench.send(reversal_of(doc))[0]["39"] == "00"
            voided.add(name)
            if name in standing:
                standing[name] = 0
        elif step == "reduce":
            left = part * 10_00
            code = bench.send(reversal_of(doc) | {"11": "900001", "95": f"{left:012d}" + "0" * 30})[0]["39"]
            if code == "00" and (name, left) not in reduced:
                assert left < standing[name]
                standing[name] = left
                reduced.add((name, left))
            if code == "13":
                assert left >= standing[name]
        else:
            [answer] = bench.send(doc if step == "send" else repeat_of(doc))
            if name in POSTINGS:
                assert answer["39"] == "00"
            if answer["39"] == "00" and name not in standing:
                standing[name] = 0 if name in voided else amounts[name]
                if name in HOLDS:
                    held.add(name)
                elif name != "force-post" and "preauthorization" in standing:
                    held.clear()
        lives = sum(cents for name, cents in standing.items() if name in POSTINGS or name in held)
        assert bench.available() == 10_000_00 - lives
