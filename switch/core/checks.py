"""What a request must have before it is taken as a transaction, and what each lack is answered with.

From the contract towards acquirers: DE 2 (or 35), 3, 4, 7, 11, 12, 13, 14 or 35, 22, 32, 37, 41, 42, 49. A missing one
is a format error (30); so is a date or time that there is not, or a message that contradicts itself. The checks run in
the order of the table; the first that fails decides, and names all fields that fail it.

A variable field of length 0 counts as absent. Dates of a reversal are not judged: money that may be held must come free
(R10, R11), and nothing that a reversal does depends on them.
"""

import re
from typing import Final, NamedTuple

from switch.cards.masking import mask_pan
from switch.core import fields as de
from switch.core import results
from switch.core.digits import is_decimal, leading_two
from switch.core.links import AcquirerLink
from switch.core.specs import SwitchSpec
from switch.iso8583.codec import FieldMask, View
from switch.iso8583.dates import is_month_day, is_time, is_year_month

NETWORK: Final = FieldMask((7, 11, 70))
AUTHORIZATION: Final = FieldMask((3, 4, 7, 11, 12, 13, 22, 32, 37, 41, 42, 49))
ADVICE: Final = FieldMask((3, 4, 7, 11, 12, 13, 22, 32, 37, 41, 42, 49))
FIELDS: Final = range(2, 129)
DATES: Final = (de.LOCAL_DATE, de.BUSINESS_DATE, de.CONVERSION_DATE, de.CAPTURE_DATE)
MISSING: Final = "missing-field"
FILE_ACTION: Final = FieldMask((2, 7, 11, 32, 37, 41, 91))
REVERSAL: Final = FieldMask((3, 4, 7, 11, 32, 37, 41, 42, 49, 90))

# By DE 3, first two digits: does it move money? Purchase, cash, cashback, refund; balance, verification.
MOVES: Final = {0: True, 1: True, 9: True, 20: True, 31: False, 37: False}
KNOWN_KINDS: Final = "known are 00 purchase, 01 cash, 09 cashback, 20 refund, 31 balance, 37 verification"


class Failure(NamedTuple):
    """Why a request is refused: the core's result, a stable reason to count by, and a sentence."""

    result: str
    reason: str
    why: str


# ISO/IEC 7812-1: a PAN has up to 19 digits; nothing that is routed has fewer than 12.
SHORTEST_PAN: Final = 12
LONGEST_PAN: Final = 19

AMOUNT_DIGITS: Final = 12
ACCOUNT_DIGITS: Final = 12
EXPIRY_DIGITS: Final = 4  # YYMM
AMOUNT_ELEMENT: Final = 20  # DE 54
ADDITIONAL_AMOUNT: Final = re.compile(r"[0-9]{4}[0-9A-Z]{3}[CD][0-9]{12}")
CASHBACK_AMOUNT: Final = "40"  # amount type

ORIGINAL_DIGITS: Final = 42  # DE 90
ORIGINAL_ORDER: Final = "the order is MTI (4 digits), STAN (6), DE 7 (10), DE 32 (11), forwarding institution (11)"


def absent(view: View, mandatory: FieldMask) -> Failure | None:
    """All mandatory fields that `view` lacks."""
    if not view.lacks(mandatory):
        return None
    return lacking(None, enumerated([number for number in FIELDS if number in mandatory and not view.has(number)]))


def enumerated(numbers: list[int]) -> str:
    """Say that fields are missing.

    >>> enumerated([42])
    'DE 42 is mandatory and missing'
    >>> enumerated([22, 41, 42])
    'DE 22, 41 and 42 are mandatory and missing'
    """
    *first, last = map(str, numbers)
    return (
        f"DE {', '.join(first)} and {last} are mandatory and missing"
        if first
        else f"DE {last} is mandatory and missing"
    )


def lacking(failure: Failure | None, why: str) -> Failure:
    """A field is missing: `why`, and whatever else has been found to be missing before."""
    return Failure(results.FORMAT_ERROR, MISSING, f"{failure.why}; {why}" if failure else why)


def missing(view: View, mandatory: FieldMask, pan: str) -> Failure | None:
    """The mandatory fields that `view` lacks, or a card number, `pan_of` it, that is none."""
    failure = absent(view, mandatory)
    if not pan and not view.text(de.TRACK2):
        return lacking(failure, "neither DE 2 nor DE 35 is present")
    if failure is not None:
        return failure
    if not SHORTEST_PAN <= len(pan) <= LONGEST_PAN or not is_decimal(pan):
        place = "DE 2" if view.text(de.PAN) else "DE 35"
        return Failure(results.FORMAT_ERROR, "bad-pan", f"{place} holds no card number of 12 to 19 digits")
    return None


def foreign_acquirer(view: View, link: AcquirerLink) -> Failure | None:
    """DE 32 must be the institution's own."""
    institution = view.text(de.ACQUIRER)
    if institution == link.institution_id:
        return None
    if not institution:
        return lacking(None, enumerated([de.ACQUIRER]))
    return Failure(
        results.NOT_PERMITTED_TERMINAL, "foreign-acquirer",
        f"DE 32 is {view.text(de.ACQUIRER)}, institution_id of link {link.spec.name} is {link.spec.institution_id}",
    )  # fmt: skip


def authorization(view: View, link: AcquirerLink, spec: SwitchSpec, pan: str) -> Failure | None:
    """The first thing that is wrong with a 0100 or 0200 of `pan`."""
    failure = missing(view, AUTHORIZATION, pan)
    track, expiry = view.text(de.TRACK2), view.text(de.EXPIRY)
    if not track and expiry is None and (failure is None or failure.reason == MISSING):
        failure = lacking(failure, "neither DE 14 nor DE 35 is present")
    if failure is None:
        failure = impossible_dates(view, expiry)
    if failure is None and track:
        failure = track_disagrees(track, expiry, pan)
    return failure or foreign_acquirer(view, link) or business(view, spec)


def advice(view: View, link: AcquirerLink, spec: SwitchSpec, pan: str) -> Failure | None:
    """The first thing that is wrong with a 0120 or 0220: its form, for what has happened is not judged (R12)."""
    failure = missing(view, ADVICE, pan) or impossible_dates(view, view.text(de.EXPIRY)) or foreign_acquirer(view, link)
    if failure is None and view.has(de.ORIGINAL):
        failure = bad_original(view)
    return failure or business(view, spec)


def impossible_dates(view: View, expiry: str | None) -> Failure | None:
    """Dates and times that there are not. A year is only in `expiry`, DE 14, so 29 February is always a day."""
    sent, time, date = view.text(de.TRANSMITTED), view.text(de.LOCAL_TIME), view.text(de.LOCAL_DATE)
    if (
        (sent is None or (is_month_day(sent) and is_time(sent, 4)))
        and (time is None or is_time(time))
        and (date is None or is_month_day(date))
        and (expiry is None or is_year_month(expiry))
        and (not view.has(de.BUSINESS_DATE) or is_month_day(view.text(de.BUSINESS_DATE) or ""))
        and (not view.has(de.CONVERSION_DATE) or is_month_day(view.text(de.CONVERSION_DATE) or ""))
        and (not view.has(de.CAPTURE_DATE) or is_month_day(view.text(de.CAPTURE_DATE) or ""))
    ):
        return None  # as nearly all
    bad = []
    if sent is not None and not (is_month_day(sent) and is_time(sent, 4)):
        bad.append("DE 7 is no date and time, MMDDhhmmss")
    if time is not None and not is_time(time):
        bad.append("DE 12 is no time, hhmmss")
    if expiry is not None and not is_year_month(expiry):
        bad.append("DE 14 is no expiry date, YYMM")
    for number in DATES:
        if view.has(number) and not is_month_day(view.text(number) or ""):
            bad.append(f"DE {number} is no date, MMDD")  # noqa: PERF401 - compiled without a scope of its own
    return Failure(results.FORMAT_ERROR, "impossible-date", "; ".join(bad))


def track_disagrees(track: str, expiry: str | None, pan: str) -> Failure | None:
    """Track 2 must speak of the card and the expiry date that DE 2 and DE 14 speak of, where they are there."""
    digits = len(pan)
    same = len(track) > digits and track[digits] == "=" and track.startswith(pan)
    if same and (expiry is None or (len(expiry) == EXPIRY_DIGITS and track.startswith(expiry, digits + 1))):
        return None  # as nearly all
    on_track, _, rest = track.replace("D", "=").partition("=")
    if on_track != pan:
        why = f"DE 35 and DE 2 hold different card numbers: {mask_pan(on_track)} and {mask_pan(pan)}"
        return Failure(results.FORMAT_ERROR, "track-disagrees", why)
    if expiry is not None and expiry != rest[:EXPIRY_DIGITS]:
        return Failure(results.FORMAT_ERROR, "track-disagrees", "DE 35 and DE 14 hold different expiry dates")
    return None


def business(view: View, spec: SwitchSpec) -> Failure | None:
    """Kind, currency and amounts."""
    code = view.text(de.PROCESSING_CODE) or ""
    moves = MOVES.get(leading_two(code))
    if moves is None:
        return Failure(
            results.INVALID_TRANSACTION, "unknown-processing-code", f"DE 3 starts with {code[:2]}; {KNOWN_KINDS}"
        )
    currency = view.text(de.CURRENCY)
    if currency not in spec.currencies:
        why = f"DE 49 is {currency}; this switch takes {' and '.join(spec.currencies)} (currencies)"
        return Failure(results.INVALID_TRANSACTION, "unknown-currency", why)
    if moves and is_zero(view.text(de.AMOUNT) or ""):
        return Failure(results.INVALID_AMOUNT, "zero-amount", f"DE 4 is zero, and DE 3 = {code} moves money")
    return bad_amounts(view) if view.has(de.AMOUNTS) else None


def is_zero(amount: str) -> bool:
    """No digit but zeros; nothing counts as zero.

    >>> is_zero("000000000000"), is_zero("000000000100"), is_zero(""), is_zero("0" * 16)
    (True, False, True, True)
    """
    for digit in amount:  # noqa: SIM110 - asked of each request: a tenth of the price of all()
        if digit != "0":
            return False
    return True


def bad_amounts(view: View) -> Failure | None:
    """DE 54: whole elements; the cash of a cashback is a part of the amount."""
    amounts = view.text(de.AMOUNTS) or ""
    elements = [amounts[at : at + AMOUNT_ELEMENT] for at in range(0, len(amounts), AMOUNT_ELEMENT)]
    if not all(ADDITIONAL_AMOUNT.fullmatch(element) for element in elements):
        why = "DE 54 is not made of account type, amount type, currency, C or D and twelve digits"
        return Failure(results.FORMAT_ERROR, "bad-amounts", why)
    cash = sum(int(element[8:]) for element in elements if element[2:4] == CASHBACK_AMOUNT)
    if cash > int(view.text(de.AMOUNT) or "0"):
        why = f"the cash in DE 54 is {cash} minor units, more than DE 4, {view.text(de.AMOUNT)}"
        return Failure(results.INVALID_AMOUNT, "cashback-exceeds", why)
    return None


def reversal(view: View, link: AcquirerLink) -> Failure | None:
    """The first thing that is wrong with a 0400 or 0420."""
    failure = missing(view, REVERSAL, pan_of(view)) or foreign_acquirer(view, link)
    if failure is not None:
        return failure
    failure = bad_original(view)
    if failure is None and view.has(de.REPLACEMENT):
        standing = (view.text(de.REPLACEMENT) or "")[:AMOUNT_DIGITS]
        if len(standing) != AMOUNT_DIGITS or not is_decimal(standing):
            failure = Failure(results.FORMAT_ERROR, "bad-replacement", "DE 95 does not start with twelve digits")
    return failure


def file_action(view: View, link: AcquirerLink) -> Failure | None:
    """The first thing that is wrong with an 0302."""
    failure = missing(view, FILE_ACTION, pan_of(view)) or impossible_dates(view, None) or foreign_acquirer(view, link)
    if failure is None and not link.spec.file_actions:
        why = f"link {link.spec.name} may not change files: its file_actions is false"
        failure = Failure(results.NOT_PERMITTED_TERMINAL, "file-action-not-permitted", why)
    return failure


def bad_original(view: View) -> Failure | None:
    """DE 90 must name a message."""
    original = view.text(de.ORIGINAL) or ""
    if len(original) != ORIGINAL_DIGITS or not is_decimal(original):
        why = f"DE 90 is not {ORIGINAL_DIGITS} digits but {len(original)} characters: {ORIGINAL_ORDER}"
        return Failure(results.FORMAT_ERROR, "bad-original", why)
    return None


def network(view: View, link: AcquirerLink) -> Failure | None:
    """The first thing that is wrong with an 0800; DE 32 is optional there."""
    failure = absent(view, NETWORK) or impossible_dates(view, None)
    if failure is None and view.text(de.ACQUIRER):
        failure = foreign_acquirer(view, link)
    return failure


def pan_of(view: View) -> str:
    """DE 2, or the number in front of track 2's separator."""
    pan = view.text(de.PAN)
    if not pan:
        track2 = view.text(de.TRACK2) or ""
        pan = track2.replace("D", "=").partition("=")[0]
    return pan


def expiry_of(view: View) -> str:
    """DE 14, or the four digits behind track 2's separator."""
    expiry = view.text(de.EXPIRY)
    if expiry is None:
        track2 = view.text(de.TRACK2) or ""
        expiry = track2.replace("D", "=").partition("=")[2][:EXPIRY_DIGITS]
    return expiry


def account_number(pan: str) -> str:
    """The twelve digits that an ISO-0 block is bound to: rightmost, without the check digit.

    >>> account_number("43219876543210987")
    '987654321098'
    """
    account = pan[-13:-1]
    return account if len(account) == ACCOUNT_DIGITS else account.rjust(ACCOUNT_DIGITS, "0")
