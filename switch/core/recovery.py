"""State as the fold of the log: what `Switch.restore` reads back, and what `Switch.snapshot` writes.

A snapshot is itself a list of records, the shortest that folds to the same state: so there is one way back, not two.
"""

from collections.abc import Iterable, Iterator

import msgspec

from switch.core import records
from switch.core.context import Context
from switch.core.days import begin_day
from switch.core.journal import intent_of, outcome_of, refusal_of, reversal_of
from switch.core.links import AcquirerLink, Closing, IssuerLink
from switch.core.stans import STAN_MAX
from switch.core.states import Hold, State
from switch.core.totals import COUNTS, SUMS, Figures
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

    def apply(self, snapshot: bytes | None, payloads: Iterable[bytes]) -> None:
        """The snapshot's records, then those after it."""
        for record in _decode_snapshot(snapshot) if snapshot is not None else ():
            self._apply(record)
        for payload in payloads:
            self._apply(records.decode(payload))

    def unanswered(self) -> list[Transaction]:
        """Intents without an outcome: perhaps at the issuer, certainly not answered."""
        return [tx for tx in self._by_number.values() if tx.state is State.WAITING]

    def owed(self) -> list[Transaction]:
        """Those whose reversal no issuer has acknowledged yet, in the order of the log."""
        return [tx for tx in self._by_number.values() if tx.hold is Hold.OWED]

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
            case records.Delivery():
                self._by_number[record.number].move_hold(Hold.REVERSED)
            case records.KeyChange():
                party = self._party(record.link)
                party.keys.change(record.key, record.kcv, record.at, party.spec.key_grace_s)
            case records.Cutover():
                begin_day(self.context, record)
            case records.Closing():
                self._closing(record)
            case records.Totals():
                self._totals(record)

    def _link(self, name: str) -> int:
        """The configured link that a record names; without it nothing of that record can be kept true."""
        index = self._link_index.get(name)
        if index is None:
            raise RecoveryError(f"the log speaks of link {name!r}, which the configuration lacks: configure it again")
        return index

    def _begin(self, record: records.Intent | records.Refusal) -> Transaction:
        tx = Transaction()
        tx.number, tx.mti, tx.acquirer_id = record.number, record.mti, record.acquirer_id
        tx.stan, tx.rrn, tx.terminal, tx.local_date = record.stan, record.rrn, record.terminal, record.local_date
        tx.de3, tx.amount, tx.currency = record.processing_code, record.amount, record.currency
        tx.transmitted, tx.token = record.transmitted, record.token
        tx.acquirer_link = self._link(record.link)
        self._by_number[tx.number] = tx
        self.context.transactions.add(tx)
        self.context.last_number = max(self.context.last_number, record.number)
        return tx

    def _intent(self, record: records.Intent) -> None:
        tx = self._begin(record)
        tx.merchant, tx.sealed_pan, tx.issuer_stan = record.merchant, record.sealed_pan, record.issuer_stan
        tx.issuer_link = self._link(record.issuer)
        tx.received_at = record.at
        tx.move(State.WAITING)
        self.context.issuers[tx.issuer_link].stans.last = (record.issuer_stan + STANS_SKIPPED) % STAN_MAX

    def _outcome(self, record: records.Outcome) -> None:
        tx = self._by_number[record.number]
        tx.de39, tx.approval = record.de39, record.approval
        tx.sealed_extras = record.sealed_extras
        tx.approved = record.approved
        if record.approved:
            tx.move_hold(Hold.HELD)
        elif record.reversal_owed:
            tx.move_hold(Hold.OWED)
        self._finished(tx, record.at)

    def _refusal(self, record: records.Refusal) -> None:
        tx = self._begin(record)
        tx.de39, tx.reason = record.de39, record.reason
        self._finished(tx, record.at)

    def _reversal(self, record: records.Reversal) -> None:
        if record.number == 0:
            tx = unknown_original(record.original_mti, record.acquirer_id, record.stan, record.rrn, record.terminal)
            tx.acquirer_link = self._link(record.link)
            tx.de39, tx.decided_at = record.de39, record.at
            self.context.transactions.add(tx)
            self.context.transactions.finished(tx, record.at)
            return
        tx = self._by_number[record.number]
        tx.taken_back = True
        if tx.hold is Hold.HELD:
            tx.move_hold(Hold.OWED)

    def _party(self, name: str) -> AcquirerLink | IssuerLink:
        index = self._link(name)
        return self.context.acquirers.get(index) or self.context.issuers[index]

    def _closing(self, record: records.Closing) -> None:
        closings = self.context.issuers[self._link(record.link)].closings
        found = next((closing for closing in closings if closing.closed == record.closed), None)
        if record.done and found is not None:
            closings.remove(found)
        elif not record.done and found is None:
            closings.append(Closing(record.closed, record.opened, settle_at=record.at))

    def _totals(self, record: records.Totals) -> None:
        figures = Figures(
            dict(zip(COUNTS, record.counts, strict=True)), dict(zip(SUMS, record.sums, strict=True))
        )  # fmt: skip
        self.context.totals.replace(self._link(record.link), record.business_date, record.currency, figures)

    def _finished(self, tx: Transaction, at: float) -> None:
        tx.move(State.FINISHED)
        tx.decided_at = at
        self.context.transactions.finished(tx, at)


def snapshot(context: Context) -> bytes:
    """The shortest list of records that folds to what `context` holds now."""
    return _encode_snapshot(list(_records_of(context)))


def _records_of(context: Context) -> Iterator[records.Record]:
    names = [link.name for link in context.spec.links]
    for tx in sorted(context.transactions.everything(), key=lambda tx: tx.number):
        if not tx.token:
            yield reversal_of(tx, names[tx.acquirer_link], tx.decided_at, tx.de39)
        elif tx.issuer_stan:
            yield intent_of(tx, names[tx.acquirer_link], names[tx.issuer_link], tx.received_at)
            if tx.state is State.FINISHED:
                yield outcome_of(tx, tx.decided_at)
        elif tx.state is State.FINISHED:
            yield refusal_of(tx, names[tx.acquirer_link], tx.decided_at)
        if tx.number and tx.taken_back:
            yield reversal_of(tx, names[tx.acquirer_link], tx.decided_at, "")
        if tx.hold is Hold.REVERSED:
            yield records.Delivery(tx.number, tx.decided_at, "")
    yield from _of_links(context, names)


def _of_links(context: Context, names: list[str]) -> Iterator[records.Record]:
    """Keys, days, and at the very end the totals, which replace what the transactions before them add up to."""
    parties: list[AcquirerLink | IssuerLink] = [*context.acquirers.values(), *context.issuers.values()]
    for party in parties:
        keys, name = party.keys, party.spec.name
        if keys.changed_at:
            yield records.KeyChange(keys.changed_at, name, keys.previous, "")
            yield records.KeyChange(keys.changed_at, name, keys.current, keys.kcv)
    for link in context.acquirers.values():
        if link.business_date:
            yield records.Cutover(0.0, link.spec.name, link.business_date, link.cutover_reference)
    for issuer in context.issuers.values():
        for closing in issuer.closings:
            yield records.Closing(0.0, issuer.spec.name, closing.closed, closing.opened, done=False)
    for index, business_date, currency, figures in context.totals.everything():
        counts, sums = tuple(figures.counts.values()), tuple(figures.sums.values())
        yield records.Totals(0.0, names[index], business_date, currency, counts, sums)
