"""A test of the tester: bugs planted into production code, which the simulator must find within 200 seeds.

Each has been the downfall of a real switch: an answer that leaves before its record, a duplicate that is forgotten
once, a hold that is released twice.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from switch.config.tables import Config
from switch.core.authorizations import Authorizations
from switch.core.deliveries import Deliveries
from switch.core.journal import outcome_of
from switch.core.reversals import Reversals
from switch.core.saf import StoreAndForward
from switch.core.transaction import Transaction, Transactions
from switch.issuers.ledger import Ledger
from switch.issuers.records import Booked, Reversed
from switch.issuers.rules import AFTER_HSM
from switch.simulation.run import Result, run, shortest, trace
from switch.store.frames import find_end

SEEDS = 200
AUTHORIZATIONS = 100


def answer_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(self: Authorizations, tx: Transaction, now: float, extras: Any = None) -> None:
        self._answer_waiters(tx, now, extras)
        self.context.commit(outcome_of(tx, now))

    monkeypatch.setattr(Authorizations, "_finish", finish)


def forget_one_duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    find = Transactions.find

    def find_once_not(self: Transactions, key: str, local_date: str) -> Transaction | None:
        tx = find(self, key, local_date)
        if tx is not None and tx.token and not getattr(self, "has_forgotten", False):
            self.has_forgotten = True  # type: ignore[attr-defined]
            return None
        return tx

    monkeypatch.setattr(Transactions, "find", find_once_not)


def double_release(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Ledger.original

    def as_if_not_reversed(self: Ledger, origin: str) -> Booked | None:
        booked = original(self, origin)
        return msgspec.structs.replace(booked, reversed=False) if booked is not None else None

    def release(self: Ledger, reversal: Reversed) -> None:
        booked = self._latest.get(reversal.origin)
        if booked is None:
            self.early.setdefault(reversal.origin, reversal.at)
            return
        booked.reversed = True
        account = self._by_reference[booked.account]
        account.held_cents += min(booked.effect_cents, 0)

    monkeypatch.setattr(Ledger, "original", as_if_not_reversed)
    monkeypatch.setattr(Ledger, "_reverse", release)


def silent_double_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without a trace in the log: only the account itself gives it away."""
    reverse = Ledger._reverse

    def release(self: Ledger, reversal: Reversed) -> None:
        reverse(self, reversal)
        booked = self._latest.get(reversal.origin)
        if booked is not None:
            self._by_reference[booked.account].held_cents += min(booked.effect_cents, 0)

    monkeypatch.setattr(Ledger, "_reverse", release)


def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.issuers.requests.AFTER_HSM", AFTER_HSM[:0])


def no_reversal_after_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deliveries, "owe", lambda self, entry, now: None)


def reversal_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoreAndForward, "expire", lambda self, now, attempts: self.timers.clear() or [])
    monkeypatch.setattr(Deliveries, "resume", lambda self, issuer, now: None)


def recovery_forgets_early_reversals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reversals, "_remember_unknown", lambda self, asked, code: None)


def reads_past_a_torn_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that takes what is not whole for the end of everything: it loses the last frame that was."""

    def find_too_little(data: bytes, expected: int) -> Any:
        end = find_end(data, expected)
        if not end.torn_bytes:
            return end
        shorter = find_end(data[: end.offset - 1], expected)
        return shorter._replace(witness=None)

    monkeypatch.setattr("switch.simulation.disk.frames.find_end", find_too_little)


PLANTED: dict[Callable[[pytest.MonkeyPatch], None], set[str]] = {
    answer_before_commit: {"I7"},
    forget_one_duplicate: {"I3"},
    double_release: {"I6"},
    silent_double_release: {"I6", "stopped"},  # the issuer may stumble over it itself
    no_limits: {"I2"},
    no_reversal_after_a_time_out: {"I1", "I5"},
    reversal_sent_once: {"I1", "I5"},
    recovery_forgets_early_reversals: {"I7"},
    reads_past_a_torn_frame: {"stopped"},
}


def first_failure(config: Config) -> Result:
    for seed in range(SEEDS):
        result = run(config, seed, AUTHORIZATIONS, "heavy")
        if result.violations:
            return result
    raise AssertionError(f"not found within {SEEDS} seeds")


@pytest.mark.rule("I1", "I2", "I3", "I5", "I6", "I7")
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(
    config: Config, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:  # fmt: skip
    plant(monkeypatch)
    assert first_failure(config).violations[0].invariant in PLANTED[plant]


def test_a_failure_is_made_short(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_one_duplicate(monkeypatch)
    failed = first_failure(config)
    short = shortest(config, failed, AUTHORIZATIONS)
    assert short.violations[0].invariant == failed.violations[0].invariant
    kinds = [fault.kind for fault in short.struck]
    assert kinds[-1] == "duplicated"
    assert len(kinds) <= 2
    story = trace(short)
    assert any("duplicated at traffic-" in line for line in story)
    assert "I3 violated" in story[-1]
    assert len(story) < 60
