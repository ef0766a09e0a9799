"""What a request must have before it is taken as a transaction, and what each lack is answered with.

From the contract towards acquirers: DE 2 (or 35), 3, 4, 7, 11, 12, 13, 14 or 35, 22, 32, 37, 41, 42, 49. A missing one
is a format error (30). The checks run in the order of the table; the first that fails decides.
"""

from typing import Final, NamedTuple

from switch.core import fields as de
from switch.core import results
from switch.core.links import AcquirerLink
from switch.core.specs import SwitchSpec
from switch.iso8583.codec import View

NETWORK: Final = (7, 11, 70)
AUTHORIZATION: Final = (3, 4, 7, 11, 12, 13, 22, 32, 37, 41, 42, 49)
REVERSAL: Final = (3, 4, 7, 11, 32, 37, 41, 42, 49, 90)

# DE 3, first two digits.
WITH_AMOUNT: Final = frozenset({"00", "01", "09", "20"})  # purchase, cash, cashback, refund
WITHOUT_AMOUNT: Final = frozenset({"31", "37"})  # balance, verification


class Failure(NamedTuple):
    """Why a request is refused: the core's result, a stable reason to count by, and a sentence."""

    result: str
    reason: str
    why: str


# ISO/IEC 7812-1: a PAN has up to 19 digits; nothing that is routed has fewer than 12.
PAN_DIGITS: Final = range(12, 20)

ORIGINAL_DIGITS: Final = 42  # DE 90: MTI, STAN, DE 7, acquiring and forwarding institution


def absent(view: View, mandatory: tuple[int, ...]) -> Failure | None:
    """The first mandatory field that `view` lacks."""
    for number in mandatory:
        if not view.has(number):
            return Failure(results.FORMAT_ERROR, "missing-field", f"DE {number} is mandatory and missing")
    return None


def missing(view: View, mandatory: tuple[int, ...]) -> Failure | None:
    """The first mandatory field that `view` lacks, or a card number that is none."""
    failure = absent(view, mandatory)
    if failure is not None:
        return failure
    if not view.has(de.PAN) and not view.has(de.TRACK2):
        return Failure(results.FORMAT_ERROR, "missing-field", "neither DE 2 nor DE 35 is present")
    pan = pan_of(view)
    if len(pan) not in PAN_DIGITS or not (pan.isascii() and pan.isdigit()):
        place = "DE 2" if view.has(de.PAN) else "DE 35"
        return Failure(results.FORMAT_ERROR, "bad-pan", f"{place} holds no card number of 12 to 19 digits")
    return None


def foreign_acquirer(view: View, link: AcquirerLink) -> Failure | None:
    """DE 32 must be the institution's own."""
    if view.text(de.ACQUIRER) == link.spec.institution_id:
        return None
    return Failure(
        results.NOT_PERMITTED_TERMINAL, "foreign-acquirer",
        f"DE 32 is not {link.spec.institution_id}, the institution of link {link.spec.name}",
    )  # fmt: skip


def authorization(view: View, link: AcquirerLink, spec: SwitchSpec) -> Failure | None:
    """The first thing that is wrong with a 0100 or 0200."""
    failure = missing(view, AUTHORIZATION)
    if failure is not None:
        return failure
    if not view.has(de.EXPIRY) and not view.has(de.TRACK2):
        return Failure(results.FORMAT_ERROR, "missing-field", "neither DE 14 nor DE 35 is present")
    failure = foreign_acquirer(view, link)
    if failure is not None:
        return failure
    kind = (view.text(de.PROCESSING_CODE) or "")[:2]
    if kind not in WITH_AMOUNT and kind not in WITHOUT_AMOUNT:
        return Failure(results.INVALID_TRANSACTION, "unknown-processing-code", f"DE 3 starts with {kind}")
    currency = view.text(de.CURRENCY)
    if currency not in spec.currencies:
        return Failure(results.INVALID_TRANSACTION, "unknown-currency", f"DE 49 is {currency}")
    if kind in WITH_AMOUNT and not (view.text(de.AMOUNT) or "").strip("0"):
        return Failure(results.INVALID_AMOUNT, "zero-amount", "DE 4 is zero")
    return None


def reversal(view: View, link: AcquirerLink) -> Failure | None:
    """The first thing that is wrong with a 0400 or 0420."""
    failure = missing(view, REVERSAL) or foreign_acquirer(view, link)
    if failure is not None:
        return failure
    original = view.text(de.ORIGINAL) or ""
    if len(original) != ORIGINAL_DIGITS or not (original.isascii() and original.isdigit()):
        return Failure(results.FORMAT_ERROR, "bad-original", f"DE 90 is not {ORIGINAL_DIGITS} digits")
    return None


def network(view: View, link: AcquirerLink) -> Failure | None:
    """The first thing that is wrong with an 0800; DE 32 is optional there."""
    failure = absent(view, NETWORK)
    if failure is None and view.has(de.ACQUIRER):
        failure = foreign_acquirer(view, link)
    return failure


def pan_of(view: View) -> str:
    """DE 2, or the number in front of track 2's separator."""
    pan = view.text(de.PAN)
    if pan is None:
        track2 = view.text(de.TRACK2) or ""
        pan = track2.replace("D", "=").partition("=")[0]
    return pan
