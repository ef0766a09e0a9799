"""How requests end: declined, given up, stood in for, withdrawn, lost in a restart, answered by their issuer.

Each end is logged before anybody is answered: a `Refusal` where nothing had left for an issuer, else an `Outcome`, or a
`StandIn`; what the issuer is owed then follows from the record.
"""

from switch.core import results
from switch.core.context import Context
from switch.core.deliveries import Deliveries
from switch.core.journal import packed_outcome, refusal_of, stand_in_of
from switch.core.saf import Entry
from switch.core.schemes import weigh
from switch.core.states import FINISHED, OWED, WAITING
from switch.core.transaction import NO_CONNECTION, Transaction


class Endings:
    """The last move of every request."""

    def __init__(self, context: Context, deliveries: Deliveries) -> None:
        self.context = context
        self.deliveries = deliveries

    def decline(self, tx: Transaction, result: str, reason: str, why: str, now: float) -> None:
        """The switch itself declines `tx`, which never left for an issuer."""
        context = self.context
        link = context.acquirer_of(tx)
        tx.de39, tx.reason = link.code_of[result], reason
        tx.outcome_record = context.commit(refusal_of(tx, link.spec.name, now))
        self.event("declined", tx, reason, why)
        self._answer_waiters(tx, now)

    def give_up(self, tx: Transaction, result: str, reason: str, why: str, now: float) -> None:
        """Decline `tx`; where it had left, the issuer is owed a reversal."""
        if tx.conn == NO_CONNECTION:
            self.decline(tx, result, reason, why, now)
            return
        tx.de39 = self.context.acquirer_of(tx).code_of[result]
        self.event("timed-out" if result == results.ISSUER_DOWN else "declined", tx, reason, why)
        tx.move_hold(OWED)
        self.finish(tx, now)
        self.deliveries.owe(tx.owe_reversal(now), now)

    def stood_in(self, tx: Transaction, entries: list[Entry], why: str, now: float) -> None:
        """The switch has approved `tx` for its issuer: log it, answer, tell the issuer."""
        self.event("stood-in", tx, "stand-in", why)
        self.context.totals.approved(tx, tx.asked())
        self.context.commit(stand_in_of(tx, now))
        self._answer_waiters(tx, now)
        for entry in entries:
            self.deliveries.owe(entry, now)

    def withdraw(self, tx: Transaction, now: float) -> None:
        """The acquirer reversed `tx` while it was in flight: end it, unanswered; a reversal is owed if it had left."""
        link = self.context.acquirer_of(tx)
        tx.waiters = None
        tx.de39, tx.reason = link.code_of[results.TOO_LATE], "reversed-in-flight"
        self.event("withdrawn", tx, tx.reason, "the acquirer reversed it before its answer")
        if tx.state is WAITING:
            issuer = self.context.issuer_of(tx)
            issuer.in_flight -= 1
            issuer.quarantine.append(tx)
            tx.deadline = now
        if tx.conn == NO_CONNECTION:
            tx.outcome_record = self.context.commit(refusal_of(tx, link.spec.name, now))
            self._answer_waiters(tx, now)
        else:
            tx.move_hold(OWED)
            self.finish(tx, now)

    def recover(self, tx: Transaction, now: float) -> None:
        """After a restart: an intent without outcome. The issuer may have it, the acquirer got no answer."""
        tx.de39 = self.context.acquirer_of(tx).code_of[results.ISSUER_DOWN]
        tx.move_hold(OWED)
        self.context.in_flight += 1
        self.event("timed-out", tx, "lost-in-restart", "forwarded before a restart and not answered: reversed")
        self.finish(tx, now)
        self.deliveries.owe(tx.owe_reversal(now), now)

    def finish(self, tx: Transaction, now: float, extras: dict[int, str] | None = None) -> None:
        """Log the outcome of what an issuer has or may have seen, then answer."""
        tx.outcome_record = self.context.log(packed_outcome(tx, now))
        self._answer_waiters(tx, now, extras)

    def _answer_waiters(self, tx: Transaction, now: float, extras: dict[int, str] | None = None) -> None:
        context = self.context
        tx.move(FINISHED)
        tx.decided_at = now
        if tx.mark:
            weigh(context.scheme, tx)
        for conn, view in tx.waiters or ():
            context.answer(conn, view, tx.de39, tx, extras, True)
        tx.waiters = tx.request = tx.resolved = None
        context.in_flight -= 1
        context.transactions.finished(tx, now)

    def event(self, name: str, tx: Transaction, reason: str, why: str) -> None:
        """One line about `tx`."""
        context = self.context
        issuer = context.issuers.get(tx.issuer_link)
        context.event(
            name, reason, why,
            link=context.acquirer_of(tx).spec.name, issuer=issuer.spec.name if issuer else "",
            mti=tx.mti, stan=tx.stan, issuer_stan=f"{tx.issuer_stan:06d}" if tx.issuer_stan else "",
            rrn=tx.rrn, terminal=tx.terminal, de39=tx.de39,
        )  # fmt: skip
