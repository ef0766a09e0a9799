"""What must hold of every transaction. A rule looks at one case and yields what is wrong with it.

Kinds of findings, between
  acquirer and switch:  unanswered · undecided · not-in-switch · answered-without-outcome · answer-differs ·
                        amount-differs · reversal-lost · reversal-ignored · reversed-unasked
  switch and issuer:    effect-missing · amount-differs · held-though-declined · held-though-reversed · double-effect ·
                        effect-without-intent · orphan-reversal · held-though-completed · exhausted
Without a switch's book, acquirer and issuer are compared directly, with the same kinds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from switch.acquirers.records import AcquirerRecord
from switch.reconcile.expected import Expected, expected_of
from switch.reconcile.model import (
    ACKNOWLEDGED,
    APPROVED,
    DROPPED,
    EXHAUSTED,
    NONE,
    OPEN,
    Booking,
    Books,
    Case,
    euro_effect,
    is_advice,
    is_approval,
    is_reversed,
)
from switch.store.book import Authorization

DOUBLE_EFFECT: Final = "double-effect"
ORPHAN_REVERSAL: Final = "orphan-reversal"

# How long a request may be open without anybody being late: the acquirers' timer of 10 s, and the round trip of the
# reversal that follows it. What is younger counts as unanswered, and is not held against anybody yet.
SETTLED_AFTER_S: Final = 12.0

# DE 39 of what the switch refuses at once, without a record: missing or malformed fields (30), unknown kinds and
# currencies (12), no amount (13), another's DE 32 (58), a bad MAC (63), something reversed before (68), not signed on
# (91), a differing duplicate (94), overload (96); and an advice for any reason. It remembers nothing of these, since
# nothing happened.
_REFUSED_AT_ONCE: Final = frozenset({"12", "13", "30", "58", "63", "68", "91", "94", "96"})


class Finding(NamedTuple):
    """Something wrong with a case."""

    kind: str
    why: str


@dataclass(frozen=True)
class Scope:
    """What the rules may rely on: all books, and the time."""

    books: Books
    now: float

    @cached_property
    def _completions(self) -> dict[int, list[Authorization]]:
        """Approved completions that were not dropped before anybody was told, by number of the pre-authorization."""
        found: defaultdict[int, list[Authorization]] = defaultdict(list)
        for authorization in self.books.switch.authorizations if self.books.switch is not None else ():
            if authorization.original is not None and not authorization.preauthorised:
                found[authorization.original].append(authorization)
        return found

    def completions_of(self, found: Authorization) -> list[Authorization]:
        """Those that stand in the place of a pre-authorization, or of what was added to it."""
        if not found.preauthorised:
            return []
        completions = self._completions.get(found.original or found.number, [])
        return [one for one in completions if one.outcome == APPROVED and one.reversal != DROPPED]

    def chained(self, found: Authorization) -> bool:
        """Is it reversed with what it completes, or with what completes it? Their acquirer reversed the other one."""
        return found.original is not None or bool(self._completions.get(found.number))

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
        if seen.de39 not in _REFUSED_AT_ONCE and (is_approval(seen.de39) or not is_advice(seen.mti)):
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
    approved = newest.approved_amount
    if approved is not None and seen.approved_cents not in (None, approved):
        why = f"the acquirer was told of {seen.approved_cents} minor units; the switch logged an approval of {approved}"
        yield Finding("amount-differs", why)


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
    elif seen.reversal == NONE and any(found.reversal != NONE and not scope.chained(found) for found in approvals):
        yield Finding("reversed-unasked", "the acquirer took nothing back; the switch reverses its approval")
    elif seen.reversal == NONE and seen.partial_reversal != "pending":
        yield from _parts_agree(seen, [found for found in approvals if found.reversal == NONE])


def _parts_agree(seen: AcquirerRecord, approvals: list[Authorization]) -> Iterator[Finding]:
    """What partial reversals left is the same on both sides."""
    for found in approvals:
        if None not in (seen.standing_cents, found.standing_amount) and seen.standing_cents != found.standing_amount:
            why = f"for the acquirer {seen.standing_cents} minor units of it stand, for the switch "
            yield Finding("amount-differs", f"{why}{found.standing_amount}")


def effects_agree(case: Case, scope: Scope) -> Iterator[Finding]:
    """The issuer holds what the switch says it holds: of an approval what stands, under one STAN, else nothing."""
    if scope.in_motion(case.bookings):
        return
    for authorization in case.authorizations:
        issuer = scope.books.issuers.get(authorization.issuer or "")
        if issuer is not None and authorization.at >= issuer.since:
            for expected in expected_of(authorization, scope.completions_of(authorization)):
                yield from _effect_agrees(authorization, expected, case.booked(authorization, expected.stan))


def _effect_agrees(authorization: Authorization, expected: Expected, bookings: list[Booking]) -> Iterator[Finding]:
    issuer = authorization.issuer
    live = [booking for booking in bookings if booking.live]
    cents = sum(booking.effect_cents for booking in live)
    if expected.booked and (not bookings or (not live and not expected.allows(0))):
        why = f"the switch logged {issuer}'s approval; {issuer} has booked " + ("nothing" if bookings else "no request")
        yield Finding("effect-missing", why)
    elif expected.ended and live:
        said = {
            "declined": f"logged {authorization.de39}",
            "reversed": "logged the acknowledgement of its reversal",
            "completed": "logged the acknowledgement of its completion",
        }[expected.ended]
        yield Finding(f"held-though-{expected.ended}", f"the switch {said}; {issuer} still holds {_effects(live)}")
    elif len(live) == 1 and not expected.allows(cents):
        bounds = f"{expected.least}" + (f" to {expected.most}" if expected.most != expected.least else "")
        why = f"the switch logged {_money(authorization.amount, authorization.currency, authorization.de3)}; "
        yield Finding("amount-differs", f"{why}{issuer} holds {_effects(live)}, not {bounds}")


def nothing_is_given_up(case: Case, scope: Scope) -> Iterator[Finding]:  # noqa: ARG001 - all rules share a signature
    """R11: what an issuer never took is left to people, who must be told."""
    for authorization in case.authorizations:
        for message in authorization.owed:
            if message.state == EXHAUSTED:
                why = f"{authorization.issuer} never took the {message.mti} with STAN {message.issuer_stan:06d}"
                yield Finding("exhausted", f"{why}, in {message.attempts} attempts: tell it by other means")


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
    never_reversed = not any(is_reversed(found) for found in case.authorizations)
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
    completed = any(booking.completed for booking in case.bookings)
    stands = seen.de39 is not None and is_approval(seen.de39) and seen.reversal == NONE and not completed
    amounts = (seen.standing_cents, seen.approved_cents, seen.amount_cents)
    amount = next(amount for amount in amounts if amount is not None)
    expected = euro_effect(seen.de3, amount, seen.currency) if stands else 0
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
    nothing_is_given_up,
    one_effect,
    issuers_invent_nothing,
    ends_agree,
)


def _money(amount: int, currency: str, de3: str) -> str:
    return f"{amount} minor units of {currency} (DE 3 {de3})"


def _effects(bookings: list[Booking]) -> str:
    return " and ".join(str(booking.effect_cents) for booking in bookings) + " euro cents"
