"""The business order of an authorization: which reason for declining comes first.

Two tables of rules stand around the PIN, which only the HSM can verify: what is wrong with the card is found before the
HSM is asked, what is wrong with the amount only after the cardholder has proved to be the one. The first rule that
objects decides. Absent data (CVV2, track, chip data, a PIN) are never a reason.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from switch.core import results
from switch.issuers.accounts import MAX_TRIES, Account
from switch.issuers.messages import Request


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
    """A result, by the name that the dialect maps to DE 39, and why; `armed_de39` stands above the dialect's code."""

    result: str
    why: str = ""
    armed_de39: str = ""


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


def _declined_by_funds(case: Case) -> Verdict | None:
    if _asked_cents(case) <= max(case.account.available_cents, 0):
        return None
    return Verdict("insufficient_funds", "the amount exceeds what is available")


def _asked_cents(case: Case) -> int:
    """What the account must be good for: nothing, where money comes in, none moves, or the card never runs out."""
    return 0 if case.account.behaviour.unlimited else max(-case.request.effect_cents, 0)


Rule = Callable[[Case], Verdict | None]
BEFORE_PIN: Final[tuple[Rule, ...]] = (_declined_by_status, _declined_by_expiry, _declined_by_pin_tries)
AFTER_PIN: Final[tuple[Rule, ...]] = (_declined_by_limit, _declined_by_funds)


def first_objection(rules: tuple[Rule, ...], case: Case) -> Verdict | None:
    """Return the verdict of the first rule that has one."""
    return next((verdict for rule in rules if (verdict := rule(case)) is not None), None)


def judge_pin(reply: bytes | None, tries: int) -> tuple[int, Verdict | None]:
    """Judge the HSM's answer to EC, `ED` and an error code, after `tries` wrong PINs: the tries now, and the objection.

    01 is a wrong PIN: 55, and 75 when it was the last try. Another error says that the block or a key is bad, not that
    the cardholder is wrong (88); no answer at all is our own trouble (96). Neither counts a try.

    >>> judge_pin(b"ED00", 2), judge_pin(b"ED01", 0)[0], judge_pin(b"ED20", 1)[1].result
    ((0, None), 1, 'cryptographic')
    """
    if reply is None:
        return tries, Verdict(results.MALFUNCTION, "no HSM, or no answer in time")
    code = reply[2:4].decode("ascii", "replace")
    if code == "00":
        return 0, None
    if code != "01":
        return tries, Verdict(results.of_hsm_error(code), f"the HSM answered {code} to the PIN verification")
    tries += 1
    return tries, Verdict("wrong_pin" if tries < MAX_TRIES else "pin_tries", f"wrong PIN number {tries} in a row")
