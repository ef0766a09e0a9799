"""What must hold of every transaction. A rule looks at one case and yields what is wrong with it.

Kinds of findings, between
  acquirer and switch:  unanswered · undecided · not-in-switch · answered-without-outcome · answer-differs ·
                        amount-differs · reversal-lost · reversal-ignored · reversed-unasked
  switch and issuer:    effect-missing · amount-differs · held-though-declined · held-though-reversed · double-effect ·
                        effect-without-intent · orphan-reversal
Without a switch's book, acquirer and issuer are compared directly, with the same kinds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from switch.reconcile.model import (
    ACKNOWLEDGED,
    APPROVED,
    DELIVERED,
    NONE,
    OPEN,
    OWED,
    Booking,
    Books,
    Case,
    expected_cents,
    is_approval,
)
from switch.store.book import Authorization

DOUBLE_EFFECT: Final = "double-effect"
ORPHAN_REVERSAL: Final = "orphan-reversal"

# How long a request may be open without anybody being late: the acquirers' timer of 10 s, and the round trip of the
# reversal that follows it. What is younger counts as unanswered, and is not held against anybody yet.
SETTLED_AFTER_S: Final = 12.0

# DE 39 of what the switch refuses at once, without a record: missing or malformed fields (30), unknown kinds and
# currencies (12), no amount (13), another's DE 32 (58), not signed on (91), a differing duplicate (94), overload (96).
# It remembers nothing of these, since nothing happened.
_REFUSED_AT_ONCE: Final = frozenset({"12", "13", "30", "58", "91", "94", "96"})

# How many effects an issuer may hold for what the switch logged: (outcome, reversal) → fewest, most. Where a reversal
# is owed or nothing is decided, the issuer may have held or released already, or never have heard of it.
_MAY_HOLD: Final = {
    (APPROVED, NONE): (1, 1),
    (APPROVED, OWED): (0, 1),
    (APPROVED, DELIVERED): (0, 0),
    ("declined", NONE): (0, 0),
    ("declined", OWED): (0, 1),
    ("declined", DELIVERED): (0, 0),
    (OPEN, NONE): (0, 1),
}


class Finding(NamedTuple):
    """Something wrong with a case."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What the rules may rely on: all books, and the time."""

    books: Books
    now: float

    def in_motion(self, bookings: list[Booking]) -> bool:
        """Did an issuer change one of these while the books were being read?"""
        return any(booking.sequence > self.books.issuers[booking.issuer].settled for booking in bookings)

    def overdue(self, at: float) -> bool:
        """Should what began at `at` have ended?"""
        return self.now - at > SETTLED_AFTER_S

    def switch_knows(self, at: float) -> bool:
        """Is there a switch's book, and does it go back to `at`?"""
        return self.books.switch is not None and at >= self.books.switch.since


def unanswered(case: Case) -> bool:
    """Has nobody told the acquirer, or the log, how this ended?"""
    seen = case.seen
    waits = seen is not None and seen.de39 is None and seen.reversal != ACKNOWLEDGED
    return waits or any(authorization.outcome == OPEN for authorization in case.authorizations)


def everything_ends(case: Case, scope: Scope) -> Iterator[Finding]:
    """I5: every request ends answered, reversed, or in store and forward."""
    seen = case.seen
    if seen is not None and seen.de39 is None and seen.reversal != ACKNOWLEDGED and scope.overdue(seen.sent_at):
        age_s = scope.now - seen.sent_at
        yield Finding("unanswered", f"sent {age_s:.0f} s ago; no answer, and no acknowledgement of its reversal")
    for authorization in case.authorizations:
        if authorization.outcome == OPEN and scope.overdue(authorization.at):
            age_s = scope.now - authorization.at
            why = f"the switch forwarded it to {authorization.issuer} {age_s:.0f} s ago and logged no outcome; "
            yield Finding("undecided", why + "once started again, it declines and reverses it")


def answers_agree(case: Case, scope: Scope) -> Iterator[Finding]:
    """I7: what an acquirer was answered is what the log says, in code and amount."""
    seen = case.seen
    if seen is None or seen.de39 is None or not scope.switch_knows(seen.sent_at):
        return
    if not case.authorizations:
        if seen.de39 not in _REFUSED_AT_ONCE:
            yield Finding("not-in-switch", f"the acquirer was answered {seen.de39}; the switch logged nothing of it")
        return
    newest = case.authorizations[-1]
    if newest.outcome == OPEN:
        why = f"the acquirer was answered {seen.de39}, and the switch logged the request but no outcome"
        yield Finding("answered-without-outcome", why)
    elif newest.de39 != seen.de39:
        yield Finding("answer-differs", f"the acquirer was answered {seen.de39}; the switch logged {newest.de39}")
    asked = (seen.amount_cents, seen.currency, seen.de3)
    if asked != (newest.amount, newest.currency, newest.de3):
        why = f"the acquirer asked for {_money(*asked)}; the switch logged "
        yield Finding("amount-differs", why + _money(newest.amount, newest.currency, newest.de3))


def reversals_agree(case: Case, scope: Scope) -> Iterator[Finding]:
    """What an acquirer took back is taken back at the switch, and nothing else is."""
    seen = case.seen
    if seen is None or not scope.switch_knows(seen.sent_at):
        return
    approvals = [found for found in case.authorizations if found.outcome == APPROVED]
    if seen.reversal == ACKNOWLEDGED:
        assert scope.books.switch is not None
        if not case.authorizations and case.key not in scope.books.switch.unknown_reversals:
            why = "its reversal was acknowledged; the switch logged neither that nor the request"
            yield Finding("reversal-lost", why)
        if any(found.reversal == NONE for found in approvals):
            yield Finding("reversal-ignored", "its reversal was acknowledged; in the switch's log it stays approved")
    elif seen.reversal == NONE and any(found.reversal != NONE for found in approvals):
        yield Finding("reversed-unasked", "the acquirer took nothing back; the switch reverses its approval")


def effects_agree(case: Case, scope: Scope) -> Iterator[Finding]:
    """The issuer holds what the switch says it holds: one effect for an approval that stands, else none."""
    if scope.in_motion(case.bookings):
        return
    for authorization in case.authorizations:
        issuer = scope.books.issuers.get(authorization.issuer or "")
        if issuer is not None and authorization.at >= issuer.since:
            yield from _effect_agrees(authorization, case.booked(authorization))


def _effect_agrees(authorization: Authorization, bookings: list[Booking]) -> Iterator[Finding]:
    issuer, outcome, reversal = authorization.issuer, authorization.outcome, authorization.reversal
    live = [booking for booking in bookings if booking.live]
    fewest, most = _MAY_HOLD[outcome, reversal]
    expected = expected_cents(authorization.de3, authorization.amount, authorization.currency)
    if outcome == APPROVED and fewest and (not bookings or (expected and not live)):
        why = f"the switch logged {issuer}'s approval; {issuer} has booked " + ("nothing" if bookings else "no request")
        yield Finding("effect-missing", why)
    elif not most and live:
        kind = "held-though-reversed" if reversal == DELIVERED else "held-though-declined"
        said = f"logged {authorization.de39}" if reversal == NONE else "logged the acknowledgement of its reversal"
        yield Finding(kind, f"the switch {said}; {issuer} still holds {_effects(live)}")
    elif outcome == APPROVED and len(live) == 1 and live[0].effect_cents != expected:
        why = f"the switch logged {_money(authorization.amount, authorization.currency, authorization.de3)}; "
        yield Finding("amount-differs", f"{why}{issuer} booked {_effects(live)}, not {expected}")


def one_effect(case: Case, scope: Scope) -> Iterator[Finding]:  # noqa: ARG001 - all rules share a signature
    """I3: at most one effect per duplicate key, which is the case's key and the local date (DE 13)."""
    live_by_date: defaultdict[str, list[Booking]] = defaultdict(list)
    for booking in case.bookings:
        if booking.live:
            live_by_date[booking.key.rpartition("|")[2]].append(booking)
    for local_date, live in live_by_date.items():
        if len(live) > 1:
            issuers = ", ".join(sorted({booking.issuer for booking in live}))
            why = f"one request of {local_date} (MMDD) has {len(live)} effects at {issuers}: {_effects(live)}"
            yield Finding(DOUBLE_EFFECT, why)


def issuers_invent_nothing(case: Case, scope: Scope) -> Iterator[Finding]:
    """What an issuer has booked or reversed, the switch logged before it sent it there."""
    if scope.in_motion(case.bookings):
        return
    never_reversed = all(found.reversal == NONE for found in case.authorizations)
    for booking in case.bookings:
        if not scope.switch_knows(booking.at):
            continue
        if booking.live and not case.authorizations:
            why = f"{booking.issuer} holds {_effects([booking])}; the switch logged no request that went there"
            yield Finding("effect-without-intent", why)
        elif booking.reversed and never_reversed:
            yield Finding(ORPHAN_REVERSAL, f"{booking.issuer} has reversed it; the switch logged no reversal")
    for early in case.early:
        settled = early.sequence <= scope.books.issuers[early.issuer].settled
        if settled and scope.switch_knows(early.at):
            why = f"{early.issuer} took a reversal of a request that it does not know; the switch logged none"
            yield Finding(ORPHAN_REVERSAL, why)


def ends_agree(case: Case, scope: Scope) -> Iterator[Finding]:
    """Where no switch keeps a book: what an acquirer relies on is held at an issuer, and nothing else is."""
    seen = case.seen
    if scope.books.switch is not None or seen is None or not scope.books.issuers:
        return
    live = [booking for booking in case.bookings if booking.live]
    stands = seen.de39 is not None and is_approval(seen.de39) and seen.reversal == NONE
    expected = expected_cents(seen.de3, seen.amount_cents, seen.currency) if stands else 0
    if expected and not live:
        yield Finding("effect-missing", "the acquirer was answered with an approval; no issuer booked anything")
    elif expected and len(live) == 1 and live[0].effect_cents != expected:
        yield Finding("amount-differs", f"{live[0].issuer} booked {_effects(live)}, not {expected}")
    elif live and seen.reversal == ACKNOWLEDGED:
        yield Finding("held-though-reversed", f"its reversal was acknowledged; an issuer holds {_effects(live)}")
    elif live and seen.de39 is not None and not stands:
        why = f"the acquirer was answered {seen.de39}; an issuer holds {_effects(live)}"
        yield Finding("held-though-declined", why)


Rule = Callable[[Case, Scope], Iterator[Finding]]
RULES: Final[tuple[Rule, ...]] = (
    everything_ends,
    answers_agree,
    reversals_agree,
    effects_agree,
    one_effect,
    issuers_invent_nothing,
    ends_agree,
)


def _money(amount: int, currency: str, de3: str) -> str:
    return f"{amount} minor units of {currency} (DE 3 {de3})"


def _effects(bookings: list[Booking]) -> str:
    return " and ".join(str(booking.effect_cents) for booking in bookings) + " euro cents"
