"""Any interleaving of requests, repeats, reversals and crashes moves money as a model of one line a request says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.acquirers.compose import repeat_of, reversal_of
from tests.unit.issuers.conftest import Bench, card

STEPS = st.lists(
    st.tuples(st.sampled_from(["request", "repeat", "reversal", "crash", "snapshot"]), st.integers(0, 4)), max_size=40
)
KINDS = [("purchase", -1), ("cash", -1), ("refund", 1), ("cashback", -1), ("balance", 0)]
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
