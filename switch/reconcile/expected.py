"""What an issuer must hold of what the switch logged, under each STAN that the issuer knows it by.

Bounds, not a figure: as long as a message is owed to the issuer, it may have acted on it already or not. An approval
that stands is held exactly; one that is owed its reversal, or that is an advice still owed itself, is held or not; a
declined one that is owed a reversal may be held for as much as was asked. Of a pre-authorization nothing is left once
its completion was delivered. What was given up (exhausted) binds nobody: it is a finding of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from switch.reconcile.model import APPROVED, DELIVERED, DROPPED, NONE, OPEN, euro_effect
from switch.store.book import Authorization

_SETTLED: Final = (DELIVERED, DROPPED)
_REVERSAL: Final = "0420"


class Expected(NamedTuple):
    """Of one leg: the effects between which the issuer's must lie, in euro cents, and why."""

    stan: int
    least: int
    most: int
    booked: bool  # must the issuer know of it?
    ended: str  # "reversed", "completed" or "declined": why nothing may be held; "" when something may

    def allows(self, cents: int) -> bool:
        """Is that within the bounds?"""
        return self.least <= cents <= self.most


def expected_of(found: Authorization, completions: Sequence[Authorization]) -> Iterator[Expected]:
    """Each leg of `found`; `completions` are those of the pre-authorization that it is or adds to."""
    assert found.issuer_stan is not None
    leg = found.stand_in_stan or found.issuer_stan
    if leg != found.issuer_stan:  # the request had left before the switch stood in
        settled = _settled(found, _REVERSAL, found.issuer_stan)
        yield _bounds(found, found.issuer_stan, () if settled else (found.amount,), "reversed")
    yield _of_leg(found, leg, completions)


def _of_leg(found: Authorization, leg: int, completions: Sequence[Authorization]) -> Expected:
    if found.outcome != APPROVED:
        settled = found.outcome != OPEN and found.reversal in (NONE, *_SETTLED)
        return _bounds(
            found, leg, () if settled else (found.amount,), "declined" if found.reversal == NONE else "reversed"
        )
    approved, standing = found.approved_amount, found.standing_amount
    whole = found.amount if approved is None else approved
    stands = whole if standing is None or found.reversal != NONE else standing
    if found.reversal in _SETTLED:
        return _bounds(found, leg, (), "reversed")
    if any(_settled(completion, completion.mti, completion.issuer_stan) for completion in completions):
        return _bounds(found, leg, (), "completed")
    waits = found.reversal != NONE or bool(completions) or not _told(found, leg)
    reducing = any(message.amount is not None and message.state not in _SETTLED for message in found.owed)
    if waits:
        return _bounds(found, leg, (whole,), "")
    return _bounds(found, leg, (whole, stands) if reducing else (stands, stands), "")


def _told(found: Authorization, leg: int) -> bool:
    """Does its issuer know of it? Of a request that it approved, surely."""
    return all(m.state == DELIVERED for m in found.owed if m.mti != _REVERSAL and m.issuer_stan == leg)


def _settled(found: Authorization, mti: str, stan: int | None) -> bool:
    """Has what was owed in that message reached the issuer? Nothing owed counts as so."""
    return all(m.state in _SETTLED for m in found.owed if (m.mti, m.issuer_stan, m.amount) == (mti, stan, None))


def _bounds(found: Authorization, leg: int, amounts: tuple[int, ...], ended: str) -> Expected:
    """No amounts: nothing may be held. One: that, or less. Two: between them."""
    effects = [euro_effect(found.de3, amount, found.currency) for amount in amounts] + [0] * (len(amounts) < 2)
    must_know = len(amounts) == 2
    return Expected(leg, min(effects), max(effects), must_know, "" if amounts else ended)
