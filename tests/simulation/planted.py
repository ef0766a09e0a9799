"""Bugs to plant into production code, which the simulator must find within 200 seeds; and the program that does it.

Each has been the downfall of a real switch: an answer that leaves before its record, a duplicate that is forgotten
once, a hold that is released twice.

    MONETIQUE_NATIVE=debug python -m tests.simulation.planted NAME

Compiled rules cannot be changed at run time, so bugs are planted into the same rules as the interpreter runs them, in
a process of their own: `found` starts it and reads what it says.
"""

import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from switch.config import load
from switch.core.advices import Advices
from switch.core.deliveries import Deliveries
from switch.core.endings import Endings
from switch.core.journal import outcome_of
from switch.core.records import KeyChange, Record
from switch.core.recovery import Fold
from switch.core.reversals import Reversals
from switch.core.saf import Entry, Kind, StoreAndForward
from switch.core.schemes import Payment
from switch.core.totals import Totals
from switch.core.transaction import Transaction
from switch.core.transactions import Transactions
from switch.issuers.ledger import Ledger
from switch.issuers.records import Booked, Reversed
from switch.issuers.rules import AFTER_HSM
from switch.native import RULES_COMPILED
from switch.schemes.ocard import Ocard
from switch.simulation.run import run, shortest, trace
from switch.store.frames import find_end

SEEDS = 200
AUTHORIZATIONS = 100


def answer_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(self: Endings, tx: Transaction, now: float, extras: Any = None) -> None:
        self._answer_waiters(tx, now, extras)
        self.context.commit(outcome_of(tx, now))

    monkeypatch.setattr(Endings, "finish", finish)


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
    owe = Deliveries.owe

    def advices_only(self: Deliveries, entry: Entry, now: float) -> None:
        if entry.kind is Kind.ADVICE:
            owe(self, entry, now)

    monkeypatch.setattr(Deliveries, "owe", advices_only)


def reversal_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoreAndForward, "expire", lambda self, now, attempts: self.timers.clear() or [])
    monkeypatch.setattr(Deliveries, "resume", lambda self, issuer, now: None)


def recovery_forgets_early_reversals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reversals, "_remember_unknown", lambda self, asked, code: None)


def completion_releases_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hotel's hold and its bill, both on the account."""
    monkeypatch.setattr(Ledger, "_follow", lambda self, booked: None)


def advice_posted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """An issuer that takes each repeat of an advice for another one."""

    class Forgetful(OrderedDict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            found = super().get(key, default)
            return default if isinstance(found, Booked) and found.advice else found

    monkeypatch.setattr("switch.issuers.ledger.OrderedDict", Forgetful)


def stand_in_overtakes_its_reversal(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = Transaction.stand_in

    def backwards(self: Transaction, *given: Any, **named: Any) -> list[Entry]:
        return stand_in(self, *given, **named)[::-1]

    monkeypatch.setattr(Transaction, "stand_in", backwards)


def dropped_advice_is_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deliveries, "drop", lambda self, entry: None)


def partial_reversal_releases_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeat of it, whose answer was lost, is one more."""
    reverse = Ledger._reverse

    def release_again(self: Ledger, reversal: Reversed) -> None:
        booked = self._latest.get(reversal.origin)
        before = booked.live_cents if booked is not None else 0
        reverse(self, reversal)
        if booked is not None and reversal.standing:
            self._by_reference[booked.account].held_cents += before - booked.live_cents

    monkeypatch.setattr(Ledger, "_reverse", release_again)


def totals_miss_late_reversals(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_back = Totals.taken_back

    def of_today_only(self: Totals, tx: Transaction, amount: int) -> None:
        if tx.business_date == max(self.dates(tx.acquirer_link), default=""):
            taken_back(self, tx, amount)

    monkeypatch.setattr(Totals, "taken_back", of_today_only)


def advice_answered_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = Advices._accept

    def commit_last(self: Advices, *given: Any) -> None:
        later: list[Any] = []
        with monkeypatch.context() as patched:
            patched.setattr(self.context, "commit", later.append, raising=False)
            accept(self, *given)
        for record in later:
            self.context.commit(record)

    monkeypatch.setattr(Advices, "_accept", commit_last)


def restart_forgets_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Fold._apply_other

    def without_keys(self: Fold, record: Record, payload: bytes) -> None:
        if not isinstance(record, KeyChange):
            apply(self, record, payload)

    monkeypatch.setattr(Fold, "_apply_other", without_keys)


def reads_past_a_torn_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that takes what is not whole for the end of everything: it loses the last frame that was."""

    def find_too_little(data: bytes, expected: int) -> Any:
        end = find_end(data, expected)
        if not end.torn_bytes:
            return end
        shorter = find_end(data[: end.offset - 1], expected)
        return shorter._replace(witness=None)

    monkeypatch.setattr("switch.simulation.disk.frames.find_end", find_too_little)


def numbers_weigh_when_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way counts for nothing: two requests at once both pass the limits of a disposable number."""
    monkeypatch.setattr("switch.core.authorizations.weigh", lambda scheme, tx: None)


def numbers_pay_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = Ocard.resolve

    def at_its_site(self: Ocard, mark: int, payment: Payment, now: float) -> Any:
        place = self._sites[self._records.get(mark).place]
        payment.acquirer_id, payment.merchant = place.acquirer_id, place.merchant
        return resolve(self, mark, payment, now)

    monkeypatch.setattr(Ocard, "resolve", at_its_site)


PLANTED: dict[Callable[[pytest.MonkeyPatch], None], set[str]] = {
    answer_before_commit: {"I7"},
    forget_one_duplicate: {"I3"},
    double_release: {"I6"},
    silent_double_release: {"I6", "stopped"},  # the issuer may stumble over it itself
    no_limits: {"I2"},
    no_reversal_after_a_time_out: {"I1", "I5", "R11"},
    reversal_sent_once: {"I1", "I5", "R11"},
    recovery_forgets_early_reversals: {"I7"},
    completion_releases_nothing: {"I1", "I6"},
    advice_posted_twice: {"I3"},
    stand_in_overtakes_its_reversal: {"R13"},
    dropped_advice_is_delivered: {"R13"},
    partial_reversal_releases_twice: {"I2", "I6", "stopped"},  # the issuer may stumble over it itself
    totals_miss_late_reversals: {"I9"},
    advice_answered_before_commit: {"I7"},
    restart_forgets_keys: {"R15"},
    reads_past_a_torn_frame: {"stopped"},
    numbers_weigh_when_answered: {"OC2", "OC3"},
    numbers_pay_anywhere: {"OC1"},
}


class Found(msgspec.Struct):
    """The first seed that failed, and the shortest run that fails in the same invariant."""

    invariant: str
    told: str  # violations, story and hash as a person would see them
    short_invariant: str
    short_struck: list[str]  # the faults that are needed
    short_story: list[str]


def found(name: str, *, shorten: bool = False) -> Found:
    """Plant the bug of that name in a process whose rules are interpreted; what the simulator finds there."""
    command = [sys.executable, "-m", "tests.simulation.planted", name, *["--shorten"] * shorten]
    root = Path(__file__).parents[2]
    environment = os.environ | {"MONETIQUE_NATIVE": "debug"}
    ended = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    return msgspec.json.decode(ended.stdout, type=Found)


def find(name: str, shorten: bool) -> Found:
    """The same in this process, for good."""
    config = load()
    plant = next(plant for plant in PLANTED if plant.__name__ == name)
    plant(pytest.MonkeyPatch())
    failed = next(
        (result for seed in range(SEEDS) if (result := run(config, seed, AUTHORIZATIONS, "heavy")).violations), None
    )
    assert failed is not None, f"not found within {SEEDS} seeds"
    told = "\n".join([repr(failed.violations), *trace(failed), failed.log_sha256])
    short = shortest(config, failed, AUTHORIZATIONS) if shorten else failed
    struck = [str(fault) for fault in short.struck]
    return Found(failed.violations[0].invariant, told, short.violations[0].invariant, struck, trace(short))


if __name__ == "__main__":
    assert not RULES_COMPILED, "MONETIQUE_NATIVE=debug: bugs are planted into rules that the interpreter runs"
    sys.stdout.buffer.write(msgspec.json.encode(find(sys.argv[1], "--shorten" in sys.argv)))
