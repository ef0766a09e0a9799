"""The fold of records that are read at a glance and of those that are decoded: one state, whichever way each went."""

from collections.abc import Callable
from functools import cache

import msgspec
import pytest

from switch.cards.vault import Vault
from switch.config import load
from switch.config.build import switch_spec
from switch.core import recovery
from switch.core.context import Context
from switch.core.records import Intent, Outcome, encode
from switch.core.recovery import Fold, RecoveryError
from switch.core.specs import SwitchSpec

DAY = "261121"
LATER_FIELDS = 3  # of an intent, that records of before there were pre-authorizations lack

Change = Callable[[bytes], bytes]


@cache
def spec() -> SwitchSpec:
    return switch_spec(load())


def context() -> Context:
    return Context(spec(), Vault(bytes(32), bytes(32)), 1)


def intent(number: int) -> Intent:
    return Intent(
        number, 1e9 + number, "acquirer", "0100", "10000000001", f"{number:06d}", f"R{number:011d}", "TERM0001",
        "1121", "000000", "000000002000", "978", "1121120000", "MERCHANT0000001", bytes(16), bytes(44), "issuer-1",
        number + 700, DAY,
    )  # fmt: skip


def outcome(number: int) -> Outcome:
    """Every third is declined, every fourth approved in part."""
    approved = number % 3 > 0
    part = "000000000500" if approved and number % 4 == 0 else ""
    return Outcome(number, 2e9 + number, "00" if approved else "51", "123456", b"", approved, False, part)


def as_it_is(payload: bytes) -> bytes:
    return payload


def of_an_older_version(payload: bytes) -> bytes:
    """Without the fields that came later."""
    elements = msgspec.msgpack.decode(payload)
    return msgspec.msgpack.encode(elements[:-LATER_FIELDS] if elements[0] == 1 else elements[:-1])


def of_a_newer_version(payload: bytes) -> bytes:
    """With a field that nobody knows yet."""
    return msgspec.msgpack.encode([*msgspec.msgpack.decode(payload), "unknown"])


@pytest.mark.parametrize("first", [as_it_is, of_an_older_version, of_a_newer_version])
@pytest.mark.parametrize("second", [as_it_is, of_a_newer_version])
def test_all_ways_lead_to_one_state(first: Change, second: Change) -> None:
    numbers = range(1, 40)
    begun = {number: first(encode(intent(number))) for number in numbers}
    ended = {number: second(encode(outcome(number))) for number in reversed(numbers)}
    folded, plain = context(), context()
    Fold(folded).apply(None, [*begun.values(), *ended.values()])
    Fold(plain).apply(None, [*(encode(intent(n)) for n in numbers), *(encode(outcome(n)) for n in reversed(numbers))])
    assert folded.transactions.shelved() == (78, b"".join(begun[number] + ended[number] for number in ended))
    assert [(*key, each.named()) for *key, each in folded.totals.everything()] == [
        (*key, each.named()) for *key, each in plain.totals.everything()
    ]
    assert folded.issuers.keys() == plain.issuers.keys()
    for index, issuer in folded.issuers.items():
        assert issuer.stans.last == plain.issuers[index].stans.last
    assert folded.last_number == plain.last_number == 39
    for number in numbers:
        key = f"10000000001|{number:06d}|R{number:011d}|TERM0001|1"
        tx = folded.transactions.find_number(key, number)
        assert tx is not None
        assert (tx.de39, tx.issuer_stan, tx.decided_at) == (outcome(number).de39, number + 700, 2e9 + number)


def test_a_part_of_the_amount_is_what_counts() -> None:
    folded = context()
    Fold(folded).apply(None, [encode(intent(4)), encode(outcome(4))])
    [figures] = {each.named()["debits_amount"] for *_, each in folded.totals.everything()}
    assert figures == 500


def test_an_intent_that_waits_becomes_an_object_at_the_end() -> None:
    folded = context()
    fold = Fold(folded)
    fold.apply(None, [encode(intent(1)), encode(intent(2)), encode(outcome(1))])
    assert [tx.number for tx in fold.unanswered()] == [2]
    last = (intent(2).issuer_stan + recovery.STANS_SKIPPED) % 999_999
    assert last in {issuer.stans.last for issuer in folded.issuers.values()}


def test_the_stan_of_the_last_intent_counts_whichever_becomes_an_object() -> None:
    """One that owes a reversal becomes an object at its outcome, when later STANs have been given out."""
    folded = context()
    owing = Outcome(1, 2e9, "91", "", b"", False, True)
    Fold(folded).apply(None, [encode(intent(1)), encode(intent(2)), encode(owing)])
    last = (intent(2).issuer_stan + recovery.STANS_SKIPPED) % 999_999
    assert last in {issuer.stans.last for issuer in folded.issuers.values()}


def test_a_link_that_is_configured_no_more_is_named() -> None:
    for change in ({"link": "elsewhere"}, {"issuer": "elsewhere"}):
        with pytest.raises(RecoveryError, match="'elsewhere', which the configuration lacks"):
            Fold(context()).apply(None, [encode(msgspec.structs.replace(intent(1), **change))])
