"""State as the fold of the log: what `Switch.restore` reads back, and what `Switch.snapshot` writes.

A snapshot is itself a list of records, the shortest that folds to the same state: so there is one way back, not two.

Most records are an intent or the outcome of one, and end on the shelf as they are. Of these the fold reads at a glance
(`switch.core.glance`) what it counts and where they belong; what is less ordinary is decoded, and becomes an object.
"""

from collections.abc import Iterable, Iterator

import msgspec

from switch.core import link_records, rebuild, records
from switch.core.context import Context
from switch.core.digits import decimal
from switch.core.glance import Asked, Ended, Glance
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
from switch.core.transaction import Transaction, reference_of, unknown_original

# STANs left out after a restart: a snapshot has lost the order in which they were given out, and late answers to the
# requests of the last seconds before the crash may still come.
STANS_SKIPPED = 10_000

_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_ARRAY = b"\xdd"  # MessagePack's array whose length has four bytes


class RecoveryError(ValueError):
    """The log cannot be folded under this configuration; the text says what to do."""


class Fold:
    """Reads records in order into a `Context`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._glance = Glance()
        self._open: dict[int, Asked] = {}  # ordinary intents without an outcome so far
        self._by_number: dict[int, Transaction] = {}  # those that cannot be on the shelf, or were changed since
        self._entries: list[Entry] = []  # all that ever came to be owed, in that order
        self._given_up: list[Entry] = []
        self._ended: list[tuple[float, Transaction]] = []
        self._ended_at = 0.0  # the last of all
        self._in_snapshot = False
        self._counted = Transaction()  # what `Totals` asks of one, filled in anew for each that is not made an object

    def apply(self, snapshot: bytes | None, payloads: Iterable[bytes]) -> None:
        """The snapshot's records, then those after it."""
        self._in_snapshot = True
        for raw in _split(snapshot) if snapshot is not None else ():
            self._apply(bytes(raw))
        self._in_snapshot = False
        for payload in payloads:
            self._apply(payload)
        for number in list(self._open):
            self._object(number)
        for entry in sorted(self._given_up, key=lambda entry: entry.ended_at):
            self.context.issuer_of(entry.tx).exhausted.append(entry)
        # Only now is it known of each whether something is owed about it.
        self.context.transactions.restored(self._ended, self._ended_at)

    def unanswered(self) -> list[Transaction]:
        """Intents without an outcome, by number: perhaps at the issuer, certainly not answered."""
        waiting = (tx for tx in self._by_number.values() if tx.state is State.WAITING)
        return sorted(waiting, key=lambda tx: tx.number)

    def owed(self) -> list[Entry]:
        """What no issuer has acknowledged yet, in the order in which it came to be owed."""
        return [entry for entry in self._entries if entry.fate is Fate.OPEN]

    def _apply(self, payload: bytes) -> None:
        asked = self._glance.asked(payload)
        if asked is not None:
            self._put_aside(asked)
            return
        ended = self._glance.ended(payload)
        asked = self._open.pop(ended.number, None) if ended is not None else None
        if ended is not None and asked is not None:
            self._shelve(asked, ended, payload)
        else:
            self._apply_other(records.decode(payload), payload)

    def _apply_other(self, record: records.Record, payload: bytes) -> None:
        match record:
            case records.Intent():
                self._intent(record, payload)
            case records.Outcome():
                self._answered(self._object(record.number), record, payload)
            case records.Refusal():
                self._refusal(record, payload)
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
        index = self.context.link_index.get(name)
        if index is None:
            raise RecoveryError(f"the log speaks of link {name!r}, which the configuration lacks: configure it again")
        return index

    # -- requests ---------------------------------------------------------------------------------------------------

    def _put_aside(self, asked: Asked) -> None:
        """Until its outcome comes, to go to the shelf with it."""
        self._link(asked.link)
        self._used(asked.number, self._link(asked.issuer), asked.issuer_stan)
        self._open[asked.number] = asked

    def _shelve(self, asked: Asked, ended: Ended, payload: bytes) -> None:
        """With its outcome it goes there, and no object is made of it, not for `Totals` either."""
        if ended.approved:
            tx, index_of = self._counted, self.context.link_index
            tx.acquirer_link, tx.issuer_link = index_of[asked.link], index_of[asked.issuer]
            tx.business_date, tx.currency, tx.de3 = asked.business_date, asked.currency, asked.processing_code
            amount = ended.approved_amount or asked.amount
            self.context.totals.approved(tx, decimal(amount) if amount else 0)
        self.context.transactions.shelve(asked.key, ended.at, asked.record, payload)
        self._ended_at = ended.at

    def _intent(self, record: records.Intent, payload: bytes) -> None:
        """One that is an object from the start."""
        self._link(record.link)
        self._used(record.number, self._link(record.issuer), record.issuer_stan)
        self._waits(record, payload)

    def _waits(self, record: records.Intent, payload: bytes) -> None:
        tx = rebuild.asked(record, self._link(record.link), self._link(record.issuer))
        tx.intent_record = payload
        tx.original = self._by_number.get(record.original)
        if tx.original is not None:
            tx.adds_to(tx.original)
        self._begun(tx)
        self._weigh(tx)

    def _answered(self, tx: Transaction, record: records.Outcome, payload: bytes) -> None:
        rebuild.answer(tx, record)
        if record.approved:
            self.context.totals.approved(tx, tx.standing)
        elif record.reversal_owed:
            tx.move_hold(Hold.OWED)
            self._entries.append(tx.owe_reversal(record.at))
        tx.outcome_record = payload
        self._finished(tx, record.at)

    def _refusal(self, record: records.Refusal, payload: bytes) -> None:
        self._link(record.link)
        self.context.last_number = max(self.context.last_number, record.number)
        key = reference_of(record.acquirer_id, record.stan, record.rrn, record.terminal, record.mti)
        self.context.transactions.shelve(key, record.at, b"", payload)
        self._ended_at = record.at

    def _object(self, number: int) -> Transaction:
        """The transaction of an intent, or another that is not on the shelf."""
        asked = self._open.pop(number, None)
        if asked is not None:
            record = records.decode(asked.record)
            assert isinstance(record, records.Intent), "what was read as one"
            self._waits(record, asked.record)
        return self._by_number[number]

    def _begun(self, tx: Transaction) -> None:
        self._by_number[tx.number] = tx
        self.context.transactions.add(tx)

    def _used(self, number: int, issuer: int, stan: int) -> None:
        """The log has STANs in the order in which they were given out; a snapshot only the numbers they went to."""
        context = self.context
        if number > context.last_number:
            context.last_number = number
        elif self._in_snapshot:
            return
        link = context.issuers[issuer]
        link.stans.last = (stan + STANS_SKIPPED) % STAN_MAX

    def _finished(self, tx: Transaction, at: float) -> None:
        rebuild.finish(tx, at)
        if tx.is_advice and tx.mark:
            weigh_completed(self.context.scheme, tx)
        self._weigh(tx)
        self._ended_at = at
        if self.context.transactions.put_away(tx, at):
            del self._by_number[tx.number]
        else:
            self._ended.append((at, tx))

    # -- what the switch decided, what acquirers advised of ---------------------------------------------------------

    def _stand_in(self, record: records.StandIn) -> None:
        tx = self._object(record.number)
        tx.sealed_fields = record.sealed_fields
        self._entries += tx.stand_in(
            record.issuer_stan, record.approval, record.de39, record.at, reversal_owed=record.reversal_owed
        )
        self._used(record.number, tx.issuer_link, record.issuer_stan)
        self.context.exposures.add(tx)
        self.context.totals.approved(tx, tx.asked())
        self._finished(tx, record.at)

    def _advice(self, record: records.Advice) -> None:
        tx = rebuild.forwarded(record, self._link(record.link), self._link(record.issuer))
        tx.original = self._by_number.get(record.original)
        self._used(record.number, tx.issuer_link, record.issuer_stan)
        self._begun(tx)
        tx.sealed_fields, tx.de39 = record.sealed_fields, record.de39
        self._entries.append(tx.owe(Kind.ADVICE, tx.mti, tx.issuer_stan, record.at))
        if record.approved:
            tx.approve(tx.asked())
            if tx.original is not None:
                tx.completes(tx.original)
            self.context.totals.approved(tx, tx.asked())
        self._finished(tx, record.at)

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
        tx, totals = self._reversed(record), self.context.totals
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

    def _reversed(self, record: records.Reversal) -> Transaction:
        """What it names, from the shelf if need be: there it stays lent, for it changes now."""
        tx = self._by_number.get(record.number)
        if tx is None:
            key = reference_of(record.acquirer_id, record.stan, record.rrn, record.terminal, record.original_mti)
            tx = self.context.transactions.find_number(key, record.number)
            if tx is None:
                why = f"the log speaks of transaction {record.number}, too old for max_transactions now"
                raise RecoveryError(f"{why}: set it as high as it was until the next snapshot")
            self._by_number[record.number] = tx
        return tx

    def _unknown(self, record: records.Reversal) -> None:
        tx = unknown_original(record.original_mti, record.acquirer_id, record.stan, record.rrn, record.terminal)
        tx.acquirer_link = self._link(record.link)
        tx.de39, tx.decided_at = record.de39, record.at
        self.context.transactions.add(tx)
        self._ended.append((record.at, tx))

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
    """The shortest list of records that folds to what `context` holds now.

    First the objects among the transactions: how each began and ended, what was taken back of it and what its issuer
    was told. Then the shelf, as it is, and what became of those that were lent from it for good.
    """
    names = [link.name for link in context.spec.links]
    transactions = context.transactions
    count, shelved = transactions.shelved()
    before = [records.encode(record) for record in _records_of(transactions.objects(), names)]
    after = [records.encode(record) for record in _records_after(context, names)]
    head = _ARRAY + (len(before) + count + len(after)).to_bytes(4, "big")
    return b"".join((head, *before, shelved, *after))


def _records_of(transactions: list[Transaction], names: list[str]) -> Iterator[records.Record]:
    """Of one that stands alone everything at once, so that the shelf cannot drop it before it is changed; of families
    completions before their pre-authorizations, for what a reversal of these means hangs on what became of those."""
    families = []
    for tx in transactions:
        yield from _beginning_of(tx, names)
        if tx.original is None and tx.additions is None and tx.completions is None:
            yield from _rest_of(tx, names)
        else:
            families.append(tx)
    for tx in reversed(families):
        yield from _rest_of(tx, names)


def _records_after(context: Context, names: list[str]) -> Iterator[records.Record]:
    for tx in reversed(context.transactions.lent()):
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
