"""From books to the verdict: every rule on every case, counts of each side, and what disagrees."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from switch.acquirers.records import AcquirerRecord
from switch.reconcile.cases import assemble
from switch.reconcile.model import (
    ACKNOWLEDGED,
    DELIVERED,
    EXHAUSTED,
    OWED,
    Booking,
    Books,
    Case,
    is_advice,
    is_approval,
)
from switch.reconcile.rules import DOUBLE_EFFECT, ORPHAN_REVERSAL, RULES, Finding, Scope, unanswered
from switch.store.book import Authorization

# Disagreements that are listed: enough to see a pattern, and still one document that a person can read. The first of
# what is left out says how many there are.
MAX_LISTED: Final = 100

# What a disagreement quotes from each book.
_OF_ACQUIRER: Final = ("sent_at", "de3", "amount_cents", "currency", "de39", "reversal", "reversal_de39")
_OF_SWITCH: Final = (
    "number", "at", "mti", "de3", "amount", "currency", "issuer", "de39", "outcome", "reversal", "approved_amount",
    "standing_amount", "stand_in_stan",
)  # fmt: skip
_OF_ISSUER: Final = ("issuer", "at", "de39", "effect_cents", "reversed", "completed")


def verdict_of(books: Books, now: float) -> dict[str, Any]:
    """Compare `books` as of `now`; the shape is that of `switch.reconcile.reconcile`."""
    scope, kinds, open_cases = Scope(books, now), Counter[str](), 0
    listed: list[dict[str, Any]] = []
    for case in assemble(books):
        open_cases += unanswered(case)
        for rule in RULES:
            for finding in rule(case, scope):
                kinds[finding.kind] += 1
                if len(listed) < MAX_LISTED:
                    listed.append(_disagreement(case, finding))
    if kinds.total() > MAX_LISTED:
        listed.append(_rest(kinds))
    return {
        "verdict": "violated" if kinds else "clean",
        "acquirer": _acquirer(books),
        "switch": _switch(books),
        "issuer": _issuer(books),
        "unanswered": open_cases,
        "double_effects": kinds[DOUBLE_EFFECT],
        "orphan_reversals": kinds[ORPHAN_REVERSAL],
        "disagreements": listed,
    }


def _acquirer(books: Books) -> dict[str, Any]:
    """Each request counts once: reversed, approved, declined or unanswered."""
    if books.acquirer is None:
        return {"present": False}
    ends: Counter[str] = Counter()
    for record in books.acquirer:
        if record.reversal == ACKNOWLEDGED:
            ends["reversed"] += 1
        elif record.de39 is None:
            ends["unanswered"] += 1
        else:
            ends["approved" if is_approval(record.de39) else "declined"] += 1
    counts = {end: ends[end] for end in ("approved", "declined", "reversed", "unanswered")}
    return {"present": True, "requests": len(books.acquirer)} | counts


def _switch(books: Books) -> dict[str, Any]:
    """Authorizations by outcome, and how many of them were reversed at the issuer, or are owed that."""
    if books.switch is None:
        return {"present": False}
    outcomes = Counter(found.outcome for found in books.switch.authorizations)
    reversals = Counter(found.reversal for found in books.switch.authorizations)
    messages = Counter(
        ("advice" if is_advice(message.mti) else "reversal", message.state)
        for found in books.switch.authorizations
        for message in found.owed
    )
    return {
        "present": True,
        "requests": outcomes.total(),
        **{outcome: outcomes[outcome] for outcome in ("approved", "declined", "refused", "open")},
        "reversed": reversals[DELIVERED],
        "owed": reversals[OWED],
        "advices": sum(is_advice(found.mti) for found in books.switch.authorizations),
        "stood_in": sum(found.stand_in_stan is not None for found in books.switch.authorizations),
        "advices_owed": messages["advice", OWED],
        "exhausted": messages["advice", EXHAUSTED] + messages["reversal", EXHAUSTED],
        "unknown_reversals": len(books.switch.unknown_reversals),
    }


def _issuer(books: Books) -> dict[str, Any]:
    """All issuers together; `absent` are those to whom the switch forwarded, and whose book is not here."""
    bookings = [one for issuer in books.issuers.values() for same in issuer.bookings.values() for one in same]
    routed = {found.issuer for found in books.switch.authorizations if found.issuer} if books.switch else set()
    return {
        "present": bool(books.issuers),
        "books": sorted(books.issuers),
        "absent": sorted(routed - books.issuers.keys()),
        "requests": len(bookings),
        "approved": sum(is_approval(booking.de39) for booking in bookings),
        "declined": sum(not is_approval(booking.de39) for booking in bookings),
        "reversed": sum(booking.reversed for booking in bookings),
        "live": sum(booking.live for booking in bookings),
        "live_cents": sum(booking.effect_cents for booking in bookings if booking.live),
        "early_reversals": sum(len(issuer.early) for issuer in books.issuers.values()),
    }


def _disagreement(case: Case, finding: Finding) -> dict[str, Any]:
    """What is wrong, where, and what each book says. Nothing in it is secret: card numbers are masked or left out."""
    key, seen = case.key, case.seen
    place = f"acquirer {key.acquirer_id}, terminal {key.terminal}, RRN {key.rrn}, STAN {key.stan}"
    return {
        "kind": finding.kind,
        "acquirer_id": key.acquirer_id,
        "terminal": key.terminal,
        "rrn": key.rrn,
        "stan": key.stan,
        "why": f"{place}: {finding.why}",
        "acquirer": _facts(seen, _OF_ACQUIRER) if seen else None,
        "switch": [_facts(found, _OF_SWITCH) for found in case.authorizations],
        "issuer": [_facts(booking, _OF_ISSUER) for booking in case.bookings],
    }


def _facts(source: AcquirerRecord | Authorization | Booking, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}


def _rest(kinds: Counter[str]) -> dict[str, Any]:
    """The last entry of a list that is too long, in the shape of the others."""
    total = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    why = f"{kinds.total() - MAX_LISTED} more; in all {total}"
    places = dict.fromkeys(("acquirer_id", "terminal", "rrn", "stan"), "")
    return {"kind": "more", **places, "why": why, "acquirer": None, "switch": [], "issuer": []}
