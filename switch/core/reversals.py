"""Reversals from acquirers: 0400, 0420 and their repeats, whole or down to an amount (R9, R10, R13).

A reversal is acknowledged as soon as it is durable, whatever became of its original: an advice is recorded, never
refused on business grounds (R1). If the issuer may hold something, it is told by store and forward, on the same
connection and in the same order as the original, so a balance asked for afterwards is right. What the issuer has only
been going to be told (a completion, an approval that the switch gave for it) is dropped from the queue instead. A
pre-authorization and its completions are one purchase: the reversal of the first takes back the others, and a
completion that was dropped takes its pre-authorization, and what was added to that, with it.
"""

from dataclasses import dataclass

from switch.cards.masking import mask_pan
from switch.core import checks, near_misses, results
from switch.core import fields as de
from switch.core.context import Context
from switch.core.deliveries import Deliveries
from switch.core.endings import Endings
from switch.core.journal import reversal_of
from switch.core.links import AcquirerLink
from switch.core.saf import Kind
from switch.core.schemes import weigh
from switch.core.states import Hold, State
from switch.core.transaction import Transaction, unknown_original
from switch.iso8583.codec import View


@dataclass(slots=True)
class Asked:
    """One request of an acquirer."""

    link: AcquirerLink
    view: View
    now: float


class Reversals:
    """The handler of 0400, 0401, 0420 and 0421."""

    def __init__(self, context: Context, deliveries: Deliveries, ends: Endings) -> None:
        self.context = context
        self.deliveries = deliveries
        self.ends = ends

    def request(self, conn: int, link: AcquirerLink, view: View, now: float) -> None:
        """An acquirer takes something back."""
        context = self.context
        failure = checks.reversal(view, link)
        if failure is not None:
            context.refuse(conn, link, view, *failure)
            return
        asked = Asked(link, view, now)
        tx = context.original_of(view)
        if tx is None or not tx.token:
            result = link.spec.unknown_reversal
            if tx is None:
                self._remember_unknown(asked, link.code_of[result])
            else:
                self._event(asked, "from-memory", "its original has not come since: acknowledged again", "repeat")
        elif tx.token != context.vault.token(checks.pan_of(view)):
            result = link.spec.unknown_reversal
            why = f"its original was made with another card than {mask_pan(checks.pan_of(view))}: nothing done"
            self._event(asked, "reversal-of-another-card", why)
        else:
            standing = (view.text(de.REPLACEMENT) or "")[: checks.AMOUNT_DIGITS]
            result = self._reduce(tx, asked, standing) if standing.strip("0") else self._take_back(tx, asked)
        context.answer(conn, view, link.code_of[result], None)

    # -- wholly -----------------------------------------------------------------------------------------------------

    def _take_back(self, tx: Transaction, asked: Asked) -> str:
        """Log the reversal, once, and see to it that the issuer holds nothing (R10)."""
        if tx.taken_back:
            self._repeated(asked)
            return results.APPROVED
        tx.taken_back = True
        for completion in tx.completions or ():
            if not completion.taken_back:
                self._take_back(completion, asked)
        if tx.state is not State.FINISHED:
            self.ends.withdraw(tx, asked.now)
            self._commit(tx, asked)
            if tx.hold is Hold.OWED:
                self.deliveries.owe(tx.owe_reversal(asked.now), asked.now)
        elif tx.hold is Hold.HELD and not tx.released:
            self._release(tx, asked)
        else:
            self._commit(tx, asked, idle=tx.hold is Hold.HELD)
        return results.APPROVED

    def _release(self, tx: Transaction, asked: Asked) -> None:
        """The issuer holds it, or is going to be told of it."""
        self.context.totals.taken_back(tx, tx.standing)
        tx.standing = 0
        unheard = tx.unheard()
        self._commit(tx, asked, dropped=bool(unheard))
        if not unheard:
            tx.move_hold(Hold.OWED)
            self._weigh(tx)
            self.deliveries.owe(tx.owe_reversal(asked.now), asked.now)
            return
        tx.move_hold(Hold.REVERSED)
        self._weigh(tx)
        for entry in unheard:
            self.deliveries.drop(entry)
        original = tx.original
        if tx.is_advice and original is not None and not original.released:
            for held in original.family():
                if held.hold is Hold.HELD:
                    self._take_back(held, asked)

    # -- in part ----------------------------------------------------------------------------------------------------

    def _reduce(self, tx: Transaction, asked: Asked, standing: str) -> str:
        """DE 95: only so much stands from now on."""
        context, amount = self.context, int(standing)
        if any(entry.kind is Kind.REDUCTION and entry.amount == standing for entry in tx.entries or ()):
            self._repeated(asked)
            return results.APPROVED
        if tx.hold is not Hold.HELD or tx.released:
            self._event(asked, "nothing-to-reduce", f"its original {_why_nothing(tx)}: nothing done")
            return results.INVALID_TRANSACTION
        if amount >= tx.standing:
            why = f"DE 95 lets {amount} minor units stand, and no more than {tx.standing} stand now: nothing done"
            self._event(asked, "reversal-exceeds", why)
            return results.INVALID_AMOUNT
        issuer = context.issuer_of(tx)
        stan = issuer.stans.take(tx)
        if stan is None:
            self._event(asked, "no-stan", f"all STANs of link {issuer.spec.name} are taken")
            return results.MALFUNCTION
        context.totals.taken_back(tx, tx.standing - amount)
        entry = tx.reduce(standing, stan, asked.now)
        self._weigh(tx)
        code = asked.link.code_of[results.APPROVED]
        context.commit(reversal_of(tx, asked.link.spec.name, asked.now, code, amount=standing, issuer_stan=stan))
        self.deliveries.owe(entry, asked.now)
        return results.APPROVED

    # -- without original -------------------------------------------------------------------------------------------

    def _remember_unknown(self, asked: Asked, code: str) -> None:
        """R9: an entry without a card refuses the original, should it come after its reversal."""
        context, view = self.context, asked.view
        original = view.text(de.ORIGINAL) or ""
        why = near_misses.of_original(context, asked.link, view, asked.now)
        tx = unknown_original(
            original[:4], view.text(de.ACQUIRER) or "", original[4:10], view.text(de.RRN) or "",
            view.text(de.TERMINAL) or "",
        )  # fmt: skip
        tx.acquirer_link, tx.de39, tx.decided_at = asked.link.index, code, asked.now
        context.transactions.add(tx)
        context.transactions.finished(tx, asked.now)
        context.commit(reversal_of(tx, asked.link.spec.name, asked.now, code))
        self._event(asked, "reversal-without-original", f"{why}; remembered, to refuse the original should it come")

    def _weigh(self, tx: Transaction) -> None:
        if tx.mark:
            weigh(self.context.scheme, tx, taken_back=True)

    def _commit(self, tx: Transaction, asked: Asked, *, dropped: bool = False, idle: bool = False) -> None:
        code = asked.link.code_of[results.APPROVED]
        self.context.commit(reversal_of(tx, asked.link.spec.name, asked.now, code, dropped=dropped, idle=idle))

    def _repeated(self, asked: Asked) -> None:
        self.context.counters["reversal-repeated"] += 1
        why = "its original was reversed before, as far as this asks for: acknowledged again, nothing is done twice"
        self._event(asked, "from-memory", why, "repeat")

    def _event(self, asked: Asked, reason: str, why: str, name: str = "reversal") -> None:
        stan, rrn, terminal = (asked.view.text(number) or "" for number in (de.STAN, de.RRN, de.TERMINAL))
        self.context.event(name, reason, why, link=asked.link.spec.name, stan=stan, rrn=rrn, terminal=terminal)


def _why_nothing(tx: Transaction) -> str:
    """Why nothing is held of `tx`."""
    if tx.taken_back:
        return "was reversed wholly before"
    if tx.released:
        return "is a pre-authorization that was completed"
    if tx.state is not State.FINISHED:
        return "is not answered yet"
    return f"was not approved: its DE 39 is {tx.de39}"
