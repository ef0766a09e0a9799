"""State as the fold of the log: what `Switch.restore` reads back, and what `Switch.snapshot` writes.

A snapshot is itself a list of records, the shortest that folds to the same state: so there is one way back, not two.
"""

from collections.abc import Iterable, Iterator

import msgspec

from switch.core import link_records, records
from switch.core.context import Context
from switch.core.journal import (
    advice_of,
    delivery_of,
    exhausted_of,
    intent_of,
    outcome_of,
    refusal_of,
    reversal_of,
    stand_in_of,
)
from switch.core.saf import Entry, Fate, Kind
from switch.core.schemes import weigh, weigh_completed
from switch.core.stans import STAN_MAX
from switch.core.states import Hold, State
from switch.core.transaction import Transaction, unknown_original

# STANs left out after a restart: a snapshot has lost the order in which they were given out, and late answers to the
# requests of the last seconds before the crash may still come.
STANS_SKIPPED = 10_000

_encode_snapshot = msgspec.msgpack.Encoder().encode
_decode_snapshot = msgspec.msgpack.Decoder(list[records.Record]).decode


class RecoveryError(ValueError):
    """The log cannot be folded under this configuration; the text says what to do."""


class Fold:
    """Reads records in order into a `Context`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._link_index = {link.name: index for index, link in enumerate(context.spec.links)}
        self._by_number: dict[int, Transaction] = {}
        self._entries: list[Entry] = []  # all that ever came to be owed, in that order
        self._given_up: list[Entry] = []
        self._ended: list[Transaction] = []

    def apply(self, snapshot: bytes | None, payloads: Iterable[bytes]) -> None:
        """The snapshot's records, then those after it."""
        for record in _decode_snapshot(snapshot) if snapshot is not None else ():
            self._apply(record)
        for payload in payloads:
            self._apply(records.decode(payload))
        for entry in sorted(self._given_up, key=lambda entry: entry.ended_at):
            self.context.issuers[entry.tx.issuer_link].exhausted.append(entry)
        self._forget()

    def _forget(self) -> None:
        """Only now, when it is known of each whether something is owed about it."""
        for tx in sorted(self._ended, key=lambda tx: tx.decided_at):
            self.context.transactions.finished(tx, tx.decided_at)

    def unanswered(self) -> list[Transaction]:
        """Intents without an outcome, by number: perhaps at the issuer, certainly not answered."""
        waiting = (tx for tx in self._by_number.values() if tx.state is State.WAITING)
        return sorted(waiting, key=lambda tx: tx.number)

    def owed(self) -> list[Entry]:
        """What no issuer has acknowledged yet, in the order in which it came to be owed."""
        return [entry for entry in self._entries if entry.fate is Fate.OPEN]

    def _apply(self, record: records.Record) -> None:
        match record:
            case records.Intent():
                self._intent(record)
            case records.Outcome():
                self._outcome(record)
            case records.Refusal():
                self._refusal(record)
            case records.Reversal():
                self._reversal(record)
            case records.Advice():
                self._advice(record)
            case records.StandIn():
                self._stand_in(record)
            case records.Delivery():
                self._done(record, Fate.DELIVERED)
            case records.Exhausted():
                self._done(record, Fate.EXHAUSTED)
            case records.Owed():
                self._order(record)
            case records.Instrument():
                self._instrument(record)
            case _:
                link_records.apply(self.context, record, self._link)

    def _link(self, name: str) -> int:
        """The configured link that a record names; without it nothing of that record can be kept true."""
        index = self._link_index.get(name)
        if index is None:
            raise RecoveryError(f"the log speaks of link {name!r}, which the configuration lacks: configure it again")
        return index

    # -- requests and advices ---------------------------------------------------------------------------------------

    def _begin(self, record: records.Intent | records.Refusal | records.Advice) -> Transaction:
        tx = Transaction()
        tx.number, tx.acquirer_id = record.number, record.acquirer_id
        tx.mti = tx.leg_mti = record.mti
        tx.stan, tx.rrn, tx.terminal, tx.local_date = record.stan, record.rrn, record.terminal, record.local_date
        tx.de3, tx.amount, tx.currency = record.processing_code, record.amount, record.currency
        tx.transmitted, tx.token = record.transmitted, record.token
        tx.acquirer_link = self._link(record.link)
        self._by_number[tx.number] = tx
        self.context.transactions.add(tx)
        self.context.last_number = max(self.context.last_number, record.number)
        return tx

    def _forwarded(self, record: records.Intent | records.Advice) -> Transaction:
        tx = self._begin(record)
        tx.merchant, tx.sealed_pan, tx.issuer_stan = record.merchant, record.sealed_pan, record.issuer_stan
        tx.issuer_link = self._link(record.issuer)
        tx.received_at = record.at
        tx.business_date = record.business_date
        tx.original = self._by_number.get(record.original)
        tx.mark = record.mark
        self._used(tx, record.issuer_stan)
        return tx

    def _used(self, tx: Transaction, stan: int) -> None:
        self.context.issuers[tx.issuer_link].stans.last = (stan + STANS_SKIPPED) % STAN_MAX

    def _intent(self, record: records.Intent) -> None:
        tx = self._forwarded(record)
        tx.preauthorised = record.preauthorised
        if tx.original is not None:
            tx.adds_to(tx.original)
        tx.move(State.WAITING)
        self._weigh(tx)

    def _outcome(self, record: records.Outcome) -> None:
        tx = self._by_number[record.number]
        tx.de39, tx.approval = record.de39, record.approval
        tx.sealed_extras, tx.approved_amount = record.sealed_extras, record.approved_amount
        if record.approved:
            tx.approve(int(record.approved_amount or tx.asked))
            self.context.totals.approved(tx)
        elif record.reversal_owed:
            tx.move_hold(Hold.OWED)
            self._entries.append(tx.owe_reversal(record.at))
        self._finished(tx, record.at)

    def _stand_in(self, record: records.StandIn) -> None:
        tx = self._by_number[record.number]
        tx.sealed_fields = record.sealed_fields
        self._entries += tx.stand_in(
            record.issuer_stan, record.approval, record.de39, record.at, reversal_owed=record.reversal_owed
        )
        self._used(tx, record.issuer_stan)
        self.context.exposures.add(tx)
        self.context.totals.approved(tx)
        self._finished(tx, record.at)

    def _advice(self, record: records.Advice) -> None:
        tx = self._forwarded(record)
        tx.sealed_fields, tx.de39 = record.sealed_fields, record.de39
        self._entries.append(tx.owe(Kind.ADVICE, tx.mti, tx.issuer_stan, record.at))
        if record.approved:
            tx.approve(tx.asked)
            if tx.original is not None:
                tx.completes(tx.original)
            self.context.totals.approved(tx)
        self._finished(tx, record.at)

    def _refusal(self, record: records.Refusal) -> None:
        tx = self._begin(record)
        tx.de39, tx.reason, tx.business_date = record.de39, record.reason, record.business_date
        self._finished(tx, record.at)

    def _finished(self, tx: Transaction, at: float) -> None:
        tx.move(State.FINISHED)
        tx.decided_at = at
        if tx.is_advice and tx.mark:
            weigh_completed(self.context.scheme, tx)
        self._weigh(tx)
        self._ended.append(tx)

    # -- of a scheme ------------------------------------------------------------------------------------------------

    def _weigh(self, tx: Transaction, *, taken_back: bool = False) -> None:
        if tx.mark:
            weigh(self.context.scheme, tx, taken_back=taken_back)

    def _instrument(self, record: records.Instrument) -> None:
        scheme = self.context.scheme
        if scheme is None:
            raise RecoveryError("the log holds numbers of a payment scheme that the configuration lacks: put it back")
        clear = self.context.vault.open_bytes(record.sealed) if record.sealed else None
        scheme.keep(record.mark, record.sealed, clear, record.state)

    # -- reversals and what is owed ---------------------------------------------------------------------------------

    def _reversal(self, record: records.Reversal) -> None:
        if record.number == 0:
            self._unknown(record)
            return
        tx = self._by_number[record.number]
        totals = self.context.totals
        if record.amount:
            totals.taken_back(tx, tx.standing - int(record.amount))
            self._entries.append(tx.reduce(record.amount, record.issuer_stan, record.at))
            self._weigh(tx, taken_back=True)
            return
        tx.taken_back = True
        if tx.hold is not Hold.HELD or record.idle:
            return
        totals.taken_back(tx, tx.standing)
        tx.standing = 0
        if record.dropped:
            for entry in tx.unheard():
                self._end(entry, Fate.DROPPED)
            tx.move_hold(Hold.REVERSED)
        else:
            tx.move_hold(Hold.OWED)
            self._entries.append(tx.owe_reversal(record.at))
        self._weigh(tx, taken_back=True)

    def _unknown(self, record: records.Reversal) -> None:
        tx = unknown_original(record.original_mti, record.acquirer_id, record.stan, record.rrn, record.terminal)
        tx.acquirer_link = self._link(record.link)
        tx.de39, tx.decided_at = record.de39, record.at
        self.context.transactions.add(tx)
        self._ended.append(tx)

    def _done(self, record: records.Delivery | records.Exhausted, fate: Fate) -> None:
        tx = self._by_number[record.number]
        key = (record.mti, record.issuer_stan or tx.issuer_stan)
        entry = next(entry for entry in tx.entries or () if (entry.mti, entry.stan) == key and entry.fate is Fate.OPEN)
        self._end(entry, fate)
        if isinstance(record, records.Exhausted):
            entry.attempts, entry.ended_at = record.attempts, record.at
            self._given_up.append(entry)
        elif entry.kind is Kind.REVERSAL and entry.stan == tx.issuer_stan:
            tx.move_hold(Hold.REVERSED)

    def _order(self, record: records.Owed) -> None:
        order = {entry: place for place, entry in enumerate(record.entries)}
        self._entries.sort(key=lambda entry: order.get((entry.tx.number, entry.mti, entry.stan), -1))

    def _end(self, entry: Entry, fate: Fate) -> None:
        entry.fate = fate
        if entry.kind is Kind.ADVICE and entry.tx.stood_in:
            self.context.exposures.remove(entry.tx)


def snapshot(context: Context) -> bytes:
    """The shortest list of records that folds to what `context` holds now."""
    return _encode_snapshot(list(_records_of(context)))


def _records_of(context: Context) -> Iterator[records.Record]:
    """First how every transaction began and ended, then what was taken back of it and what its issuer was told.

    Completions before their pre-authorizations, for what a reversal of these means hangs on what became of those.
    """
    names = [link.name for link in context.spec.links]
    transactions = sorted(context.transactions.everything(), key=lambda tx: tx.number)
    for tx in transactions:
        yield from _beginning_of(tx, names)
    for tx in reversed(transactions):
        if tx.number:
            yield from _rest_of(tx, names)
    owed = [entry for issuer in context.issuers.values() for entry in issuer.saf.entries.values()]
    if owed:
        at = max(entry.at for entry in owed)
        yield records.Owed(at, tuple((entry.tx.number, entry.mti, entry.stan) for entry in owed))
    yield from link_records.records_of(context, names)
    for mark, sealed, state in context.scheme.kept() if context.scheme is not None else ():
        yield records.Instrument(mark, 0.0, sealed, state)


def _beginning_of(tx: Transaction, names: list[str]) -> Iterator[records.Record]:
    acquirer = names[tx.acquirer_link]
    if not tx.token:
        yield reversal_of(tx, acquirer, tx.decided_at, tx.de39)
    elif not tx.issuer_stan:
        if tx.state is State.FINISHED:
            yield refusal_of(tx, acquirer, tx.decided_at)
    elif tx.is_advice:
        yield advice_of(tx, acquirer, names[tx.issuer_link], tx.decided_at)
    else:
        yield intent_of(tx, acquirer, names[tx.issuer_link], tx.received_at)
        if tx.state is State.FINISHED:
            yield stand_in_of(tx, tx.decided_at) if tx.stood_in else outcome_of(tx, tx.decided_at)


def _rest_of(tx: Transaction, names: list[str]) -> Iterator[records.Record]:
    acquirer, entries = names[tx.acquirer_link], tx.entries or []
    for entry in entries:
        if entry.kind is Kind.REDUCTION:
            yield reversal_of(tx, acquirer, entry.at, "", amount=entry.amount, issuer_stan=entry.stan)
    if tx.taken_back:
        at = entries[-1].at if entries else tx.decided_at
        yield reversal_of(tx, acquirer, at, "", dropped=not tx.is_told, idle=tx.hold is Hold.HELD)
    for entry in entries:
        if entry.fate is Fate.DELIVERED:
            yield delivery_of(entry, tx.decided_at, "")
        elif entry.fate is Fate.EXHAUSTED:
            yield exhausted_of(entry)
