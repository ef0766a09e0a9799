"""What goes to issuers and comes back: each message rests on what is durable, and keeps its order.

Messages about one card that are owed by store and forward leave in the order in which they came to be owed, each when
the one before it is acknowledged (R11); so the reversal of a request that nobody answered goes before the advice that
the switch approved it itself (R13).
"""

from collections.abc import Mapping

from switch.simulation.invariants.issuer_log import IssuerLog
from switch.simulation.invariants.names import (
    APPROVALS,
    APPROVED,
    REVERSAL,
    is_advice,
    origin_of,
    standing_of,
    transaction_of_frame,
)
from switch.simulation.invariants.switch_log import DROPPED, OPEN, Debt, Logged, SwitchLog, Violate
from switch.simulation.wiretap import Doc


class IssuerWire:
    """The wires between the switch and issuers, but for network messages and reconciliation."""

    def __init__(self, switch: SwitchLog, issuers: Mapping[str, IssuerLog], violate: Violate) -> None:
        self._switch = switch
        self._issuers = issuers
        self._violate = violate

    def forwarded(self, issuer: str, doc: Doc) -> None:
        """I7, R11, R13, R16: the switch sends to an issuer."""
        transaction = transaction_of_frame(doc)
        if doc[0][1] != REVERSAL and not is_advice(doc[0]):
            logged = self._switch.at_issuer.get((issuer, doc[11], doc[37]))
            if logged is None:
                self._violate("I7", "a request went to its issuer before its intent was durable", transaction)
            else:
                self._check_day(doc, logged)
                self._check_original(doc, logged)
            return
        debt = self._debt(issuer, doc)
        if debt is None:
            why = "a reversal or advice went to its issuer before it was durable that it is owed"
            self._violate("I7", why, transaction)
        elif debt.state == DROPPED:
            self._violate("R13", "an advice went to its issuer after it was dropped for its reversal", transaction)
        else:
            self._check_day(doc, debt.logged)
            self._check_owed(doc, debt)
            self._check_order(debt)

    def _debt(self, issuer: str, doc: Doc) -> Debt | None:
        return self._switch.debts.get((issuer, doc[0][1], doc[11], doc[37]))

    def _check_day(self, doc: Doc, logged: Logged) -> None:
        if logged.day and doc.get(15) != logged.day[2:]:
            why = "a message to an issuer carries another day than that of its acceptance"
            self._violate("R16", why, logged.key.transaction)

    def _check_owed(self, doc: Doc, debt: Debt) -> None:
        if doc[0][1] != REVERSAL:
            self._check_original(doc, debt.logged)
        elif (doc[90][4:10], standing_of(doc)) != (debt.leg, debt.standing):
            why = "a reversal names another request, or another amount, than is owed"
            self._violate("I7", why, debt.logged.key.transaction)

    def _check_original(self, doc: Doc, logged: Logged) -> None:
        """An increment or completion names the pre-authorization as this issuer knows it."""
        if logged.original and doc.get(90, "")[4:10] != self._switch.by_number[logged.original].leg:
            self._violate("I7", "a message names another pre-authorization than its own", logged.key.transaction)

    def _check_order(self, debt: Debt) -> None:
        if debt.state != OPEN:
            return  # acknowledged while its repeat waited for the disk
        first = self._switch.queues[debt.logged.issuer, debt.logged.token][0]
        if first is debt:
            return
        if first.logged is debt.logged and first.mti[1] == REVERSAL:
            why = "the advice of a request overtook the reversal of the same"
            self._violate("R13", why, debt.logged.key.transaction)
        else:
            why = f"a message overtook one about its card that was owed before it, STAN {first.stan}"
            self._violate("R11", why, debt.logged.key.transaction)

    def answered(self, issuer: str, doc: Doc) -> None:
        """I7 of issuers: an approval rests on a booking, an acknowledgement on a reversal."""
        if doc[39] not in APPROVALS:
            return
        log, transaction = self._issuers[issuer], transaction_of_frame(doc)
        if doc[0][1] == REVERSAL:
            debt = self._debt(issuer, doc)
            if debt is None or not _is_released(log, debt, doc):
                self._violate("I7", "an issuer acknowledged a reversal before it was durable", transaction)
            return
        booking = log.bookings.get(origin_of(doc, doc[0][1], doc[11]))
        if booking is None or (not booking.advice and booking.de39 != doc[39]):
            self._violate("I7", "an issuer's approval left before it was durable", transaction)
        elif doc[39] != APPROVED and 4 in doc and int(doc[4]) != booking.amount:
            self._violate("I7", "an issuer's partial approval says another amount than it booked", transaction)


def _is_released(log: IssuerLog, debt: Debt, doc: Doc) -> bool:
    origin = origin_of(doc, debt.logged.key.mti_class, debt.leg)
    booking = log.bookings.get(origin)
    if origin in log.early:
        return True
    if booking is None:
        return False
    return booking.reversed or booking.completed or (debt.standing > 0 and debt.standing in booking.reductions)
