"""The business order of an authorization: which reason for declining comes first.

    status, expiry, PIN tries ─▶ CVV, CVV2, PIN ─▶ amount limit, count limit, funds

Two tables of rules stand around what only the HSM can verify (`verification`): what is wrong with the card is found
before the HSM is asked, what is wrong with the amount only after the card has proved to be real and the cardholder to
be the one. The card comes before the PIN, so that a forged one costs the cardholder no PIN try. The first that objects
decides. Absent data (CVV2, track, chip data, a PIN) are never a reason.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from switch.issuers.accounts import MAX_TRIES, Account, amount_within
from switch.issuers.messages import PURCHASE, Request


class Case(NamedTuple):
    """One request against one account."""

    request: Request
    account: Account
    at: float
    yymm: str  # of `at`, UTC

    @classmethod
    def of(cls, request: Request, account: Account, at: float) -> "Case":
        """The case at a time, in seconds since the epoch."""
        return cls(request, account, at, f"{datetime.fromtimestamp(at, UTC):%y%m}")


class Verdict(NamedTuple):
    """A result, by the name that the dialect maps to DE 39, and why; `de39` is the code where control has chosen it."""

    result: str
    why: str = ""
    de39: str = ""
    amount: int = 0  # minor units, where less than what was asked is approved


APPROVED: Final = Verdict("approved")


def _declined_by_status(case: Case) -> Verdict | None:
    declined = case.account.behaviour.declined
    return Verdict(declined, f"the card's status is {declined}") if declined else None


def _declined_by_expiry(case: Case) -> Verdict | None:
    expiry = case.account.card.expiry
    if expiry < case.yymm:
        return Verdict("expired", f"the card expired at the end of {expiry} (YYMM)")
    if case.request.expiry not in ("", expiry):
        return Verdict("expired", "the expiry date given is not the card's")
    return None


def _declined_by_pin_tries(case: Case) -> Verdict | None:
    return Verdict("pin_tries", "too many wrong PINs before this request") if case.account.tries >= MAX_TRIES else None


def _declined_by_limit(case: Case) -> Verdict | None:
    if _asked_cents(case) <= max(case.account.spendable_cents(case.at), 0):
        return None
    return Verdict("over_amount_limit", "the amount exceeds what the card may spend today")


def _declined_by_count(case: Case) -> Verdict | None:
    if not _asked_cents(case) or case.account.uses_left(case.at) > 0:
        return None
    return Verdict("over_count_limit", "the card has been used as often as it may be today")


def _declined_by_funds(case: Case) -> Verdict | None:
    """Also the smaller approval, of a card that has one: only goods can be paid in part."""
    available_cents = max(case.account.available_cents, 0)
    if _asked_cents(case) <= available_cents:
        return None
    if case.account.behaviour.partial and available_cents and case.request.kind == PURCHASE:
        amount = amount_within(available_cents, case.request.currency)
        return Verdict("partially_approved", "as much as is available", amount=amount)
    return Verdict("insufficient_funds", "the amount exceeds what is available")


def _asked_cents(case: Case) -> int:
    """What the account must be good for: nothing, where money comes in, none moves, or the card never runs out."""
    return 0 if case.account.behaviour.unlimited else max(-case.request.effect_cents, 0)


Rule = Callable[[Case], Verdict | None]
BEFORE_HSM: Final[tuple[Rule, ...]] = (_declined_by_status, _declined_by_expiry, _declined_by_pin_tries)
AFTER_HSM: Final[tuple[Rule, ...]] = (_declined_by_limit, _declined_by_count, _declined_by_funds)


def first_objection(rules: tuple[Rule, ...], case: Case) -> Verdict | None:
    """Return the verdict of the first rule that has one."""
    return next((verdict for rule in rules if (verdict := rule(case)) is not None), None)
