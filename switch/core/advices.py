"""Advices from acquirers, 0120 and 0220 and their repeats: what has already happened (R12).

An advice is recorded, answered, and told to the issuer by store and forward; balance and limits are not asked. Three
things are advised: the completion of a pre-authorization, which DE 90 names and whose final amount may be less or more
than what is held; a sale that went through without anybody being asked; and, with a DE 39 that is no approval, one
that did not, which moves nothing.
"""

from switch.cards.bins import BinTable
from switch.core import checks, near_misses, results
from switch.core import fields as de
from switch.core.context import Context
from switch.core.deliveries import Deliveries
from switch.core.duplicates import identify, repeated
from switch.core.journal import advice_of, seal_extras
from switch.core.links import AcquirerLink, IssuerLink
from switch.core.saf import Kind
from switch.core.schemes import resolve, weigh_completed
from switch.core.states import State
from switch.core.transaction import Transaction
from switch.iso8583.codec import EncodeError, View


class Advices:
    """The handler of 0120, 0121, 0220 and 0221."""

    def __init__(self, context: Context, deliveries: Deliveries, routes: BinTable) -> None:
        self.context = context
        self.deliveries = deliveries
        self.routes = routes

    def request(self, conn: int, link: AcquirerLink, view: View, now: float) -> None:
        """An advice or its repeat."""
        context = self.context
        pan = checks.pan_of(view)
        failure = checks.advice(view, link, context.spec, pan)
        if failure is not None:
            context.refuse(conn, link, view, *failure)
            return
        tx = identify(link, view, context.vault.token(pan))
        if repeated(context, conn, link, view, tx):
            return
        if context.stalled:
            context.refuse(conn, link, view, results.MALFUNCTION, "log-stalled", context.stalled)
            return
        if context.scheme is not None and (mark := context.scheme.find(pan)):
            found = resolve(context.scheme, mark, link, view, tx, now)
            if isinstance(found, checks.Failure):
                context.refuse(conn, link, view, *found)
                return
            tx.resolved, tx.mark, pan = found, mark, found.pan
        refusal = self._route(tx, pan) or self._completes(tx, view)
        if refusal is not None:
            context.refuse(conn, link, view, *refusal)
            return
        self._accept(conn, link, view, tx, pan, now)

    def _route(self, tx: Transaction, pan: str) -> checks.Failure | None:
        """An advice is refused where nobody can be told of it, or no more can be stored (R11)."""
        context, index = self.context, self.routes.find(pan)
        if index is None:
            return checks.Failure(results.NO_ROUTE, "no-route", f"no route for BIN {pan[:6]}: add a [[route]] for it")
        tx.issuer_link = index
        issuer = context.issuers[index]
        if len(issuer.saf) >= context.spec.max_owed:
            why = (
                f"{len(issuer.saf)} messages are owed to {issuer.name}, the limit (max_owed): send this one again later"
            )
            return checks.Failure(results.MALFUNCTION, "too-much-owed", why)
        return None

    def _completes(self, tx: Transaction, view: View) -> checks.Failure | None:
        """Find the pre-authorization that DE 90 names; one that nobody knows makes the advice stand for itself."""
        named = self.context.original_of(view) if view.has(de.ORIGINAL) else None
        if named is None or not named.preauthorised:
            return None
        original = named.head
        if original.token != tx.token:
            why = "DE 90 names a pre-authorization of another card"
            return checks.Failure(results.INVALID_TRANSACTION, "completion-of-another-card", why)
        if named.taken_back or original.taken_back:
            why = "the pre-authorization that DE 90 names was reversed before"
            return checks.Failure(results.TOO_LATE, "completion-of-reversed", why)
        tx.original = original
        return None

    def _accept(self, conn: int, link: AcquirerLink, view: View, tx: Transaction, pan: str, now: float) -> None:
        context = self.context
        issuer = context.issuer_of(tx)
        stan = issuer.stans.take(tx)
        if stan is None:
            why = f"all STANs of link {issuer.spec.name} are taken"
            context.refuse(conn, link, view, results.MALFUNCTION, "no-stan", why)
            return
        tx.number, tx.issuer_stan, tx.received_at = context.next_number(), stan, now
        tx.sealed_pan = context.vault.sealed(pan, context.epoch, tx.number)
        tx.sealed_fields = seal_fields(context, view, tx)
        entry = tx.owe(Kind.ADVICE, tx.mti, stan, now)
        if not self._fits(conn, link, view, tx, issuer):
            return
        tx.de39 = link.code_of[results.APPROVED]
        if approves(view, link):
            tx.approve(tx.asked())
            if tx.original is not None:
                tx.completes(tx.original)
            context.totals.approved(tx, tx.asked())
        tx.move(State.FINISHED)
        tx.decided_at, tx.resolved = now, None
        if tx.mark:
            weigh_completed(context.scheme, tx)
        unmatched = tx.original is None and view.has(de.ORIGINAL)
        unknown = near_misses.of_original(context, link, view, now) if unmatched else ""
        context.transactions.add(tx)
        context.transactions.finished(tx, now)
        context.commit(advice_of(tx, link.spec.name, issuer.spec.name, now))
        context.counters["advice-recorded"] += 1
        if unknown:
            why = f"{unknown}; the advice stands for itself"
            context.event(
                "advice", "advice-without-original", why, link=link.spec.name, mti=view.mti, stan=tx.stan, rrn=tx.rrn,
                terminal=tx.terminal,
            )  # fmt: skip
        context.answer(conn, view, tx.de39, tx)
        self.deliveries.owe(entry, now)

    def _fits(self, conn: int, link: AcquirerLink, view: View, tx: Transaction, issuer: IssuerLink) -> bool:
        """Can the issuer's dialect carry it? Told at once to its sender, who can still mend it."""
        assert tx.entries is not None
        try:
            self.deliveries.message(tx.entries[0], issuer)
        except EncodeError as error:
            issuer.stans.release(tx.issuer_stan)
            why = f"the advice does not fit the dialect of {issuer.spec.name}: {error}"
            self.context.refuse(conn, link, view, results.FORMAT_ERROR, "does-not-fit-issuer", why)
            return False
        return True


def approves(view: View, link: AcquirerLink) -> bool:
    """Does an advice say that money moved? One without a DE 39 does."""
    code = view.text(de.RESPONSE)
    return code is None or code in (link.code_of[results.APPROVED], *results.OTHER_APPROVALS)


def seal_fields(context: Context, view: View, tx: Transaction) -> bytes:
    """The fields of a message that its issuer is to get along with those that the rules set, sealed for the log."""
    fields = {number: view.text(number) or "" for number in view.fields() if number not in de.NOT_ADVISED}
    if tx.resolved is not None and de.EXPIRY in fields:
        del fields[de.EXPIRY]
        if tx.resolved.expiry is not None:
            fields[de.EXPIRY] = tx.resolved.expiry
    return seal_extras(context.vault, fields, context.epoch, context.next_number())
