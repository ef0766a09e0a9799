"""What the issuer reads in a message, and what tells a repeat from another request.

    key     MTI class | DE 11 | DE 32 | DE 37 | DE 41 | DE 13    the duplicate key (R4)
    origin  the same without DE 13, which a reversal does not carry

DE 7 is in neither: it may change when a request is repeated (R1).
"""

import re
from typing import Final, NamedTuple

from switch.core import fields as de
from switch.core.checks import KNOWN_KINDS, ORIGINAL_DIGITS, ORIGINAL_ORDER
from switch.iso8583.codec import View
from switch.issuers.accounts import euro_cents

PRIVATE: Final = 48

MANDATORY: Final = (
    de.PROCESSING_CODE, de.AMOUNT, de.TRANSMITTED, de.STAN, de.ACQUIRER, de.RRN, de.TERMINAL, de.CURRENCY,
)  # fmt: skip
MANDATORY_REVERSAL: Final = (de.STAN, de.ACQUIRER, de.RRN, de.TERMINAL, de.ORIGINAL)
MANDATORY_NETWORK: Final = (de.TRANSMITTED, de.STAN, de.NETWORK_CODE)
MANDATORY_RECONCILIATION: Final = (de.TRANSMITTED, de.STAN)

# DE 3, first two digits → sign of the effect on what the cardholder may spend.
KINDS: Final = {"00": -1, "01": -1, "09": -1, "20": 1, "31": 0, "37": 0}
PURCHASE: Final = "00"
CASHBACK: Final = "09"
BALANCE: Final = "31"

_AMOUNT_ELEMENT: Final = re.compile(r"[0-9]{2}([0-9]{2})[0-9]{3}[CD]([0-9]{12})")  # DE 54: type, amount
_ELEMENT_DIGITS: Final = 20
_CASH_PART: Final = "40"  # DE 54, amount type
_CVV2_ELEMENT: Final = ("92", 3)  # DE 48: tag and length
_ELEMENT_HEAD: Final = 4  # DE 48: digits of a tag and a length
_TRACK_DATES: Final = 7  # track 2 behind its separator: expiry, service code
_TRACK_CVV: Final = slice(12, 15)  # and behind PVKI and PVV


class RefusedError(ValueError):
    """A request that is answered without being decided: a result name and why."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result = result


class Request(NamedTuple):
    """A request or an advice, read. `effect_cents` is in euro: negative to hold, positive to credit."""

    key: str
    pan: str
    kind: str
    asked: str  # what a repeat must ask again: kind, amount, currency
    amount: int  # minor units of `currency`
    currency: str
    effect_cents: int
    expiry: str  # YYMM, from DE 14 or track 2; "" when neither is there
    dates: str  # expiry and service code on track 2; "" without its CVV
    cvv: str  # at the end of track 2; "" when it was not given
    cvv2: str  # in DE 48
    pin_block: str  # hex, "" when no PIN was given
    preauthorised: bool
    original: str  # origin of what DE 90 names, "" when it names nothing
    day: str  # DE 15, "" when it is not there
    latency_key: str  # what names the transaction whatever STAN the switch gave it: DE 32, 37, 41, 13


def read_request(view: View) -> Request:
    """Read a financial request.

    Raises:
        RefusedError: a mandatory field is missing or DE 54 or 90 malformed (30), DE 3 or DE 49 unknown (12), an amount
            of zero, or a cashback with more cash than amount (13).
    """
    request = _read(view)
    if KINDS[request.kind] and not request.amount:
        raise RefusedError("invalid_amount", f"DE 4 is zero, and DE 3 = {request.kind} moves money")
    if request.kind == CASHBACK and _cash_part(view) > request.amount:
        raise RefusedError("invalid_amount", "the cash in DE 54 is more than DE 4")
    return request


def read_advice(view: View) -> Request:
    """Read a 0120 or 0220. It is not judged (R12): an amount of zero completes a pre-authorization of which nothing
    was used. DE 25 in a 0220 says what was pre-authorized, not what is to be.

    Raises:
        RefusedError: a mandatory field is missing or DE 90 malformed (30), DE 3 or DE 49 unknown (12).
    """
    request = _read(view)
    return request if view.mti[1] == "1" else request._replace(preauthorised=False)


def _read(view: View) -> Request:
    require(view, MANDATORY)
    track_pan, _, track_rest = _text(view, de.TRACK2).replace("D", "=").partition("=")
    pan = _text(view, de.PAN) or track_pan
    if not pan:
        raise RefusedError("format_error", "neither DE 2 nor DE 35 is present")
    kind, amount, currency = _text(view, de.PROCESSING_CODE)[:2], _text(view, de.AMOUNT), _text(view, de.CURRENCY)
    local_date, cvv = _text(view, de.LOCAL_DATE), track_rest[_TRACK_CVV]
    return Request(
        key=f"{_origin(view, view.mti[1], _text(view, de.STAN))}|{local_date}",
        pan=pan,
        kind=kind,
        asked=f"{kind}|{amount}|{currency}",
        effect_cents=_effect_cents(kind, amount, currency),
        amount=int(amount),
        currency=currency,
        expiry=_text(view, de.EXPIRY) or track_rest[:4],
        dates=track_rest[:_TRACK_DATES] if len(cvv) == 3 else "",
        cvv=cvv if len(cvv) == 3 else "",
        cvv2=cvv2_of(_text(view, PRIVATE)),
        pin_block=_text(view, de.PIN_BLOCK).upper(),
        preauthorised=view.text(de.CONDITION) == de.PREAUTHORISED,
        original=_named(view) if view.has(de.ORIGINAL) else "",
        day=_text(view, de.BUSINESS_DATE),
        latency_key="|".join([_text(view, field) for field in (de.ACQUIRER, de.RRN, de.TERMINAL)] + [local_date]),
    )


def origin_of(view: View) -> str:
    """Return the origin that a reversal points at: MTI class and STAN from DE 90, the rest is its own.

    Raises:
        RefusedError: a mandatory field is missing, or DE 90 is not 42 digits (30).
    """
    require(view, MANDATORY_REVERSAL)
    return _named(view)


def standing_after(view: View) -> int:
    """What a reversal leaves of its original, in minor units: the first part of DE 95; 0 for a whole reversal.

    Raises:
        RefusedError: DE 95 does not start with twelve digits (30).
    """
    replacement = view.text(de.REPLACEMENT)
    if replacement is None:
        return 0
    actual = replacement[:12]
    if len(actual) != 12 or not actual.isdecimal():
        raise RefusedError("format_error", "DE 95 does not start with twelve digits")
    return int(actual)


def cvv2_of(private: str) -> str:
    """The CVV2 in DE 48, element 92; "" where there is none, or where DE 48 holds something else altogether.

    >>> cvv2_of("9203123"), cvv2_of("2002XX9203123"), cvv2_of("920412345"), cvv2_of("anything")
    ('123', '123', '', '')
    """
    at = 0
    while private[at : at + _ELEMENT_HEAD].isdecimal() and len(private) >= at + _ELEMENT_HEAD:
        tag, length = private[at : at + 2], int(private[at + 2 : at + _ELEMENT_HEAD])
        value = private[at + _ELEMENT_HEAD : at + _ELEMENT_HEAD + length]
        if (tag, length) == _CVV2_ELEMENT and len(value) == length and value.isdecimal():
            return value
        at += _ELEMENT_HEAD + length
    return ""


def require(view: View, fields: tuple[int, ...]) -> None:
    """Raise `RefusedError` (30) for the fields that are missing."""
    missing = [str(field) for field in fields if not view.has(field)]
    if missing:
        raise RefusedError("format_error", f"mandatory and missing: DE {', '.join(missing)}")


def _named(view: View) -> str:
    """The origin of what DE 90 names; DE 32, 37 and 41 are shared with it."""
    original = _text(view, de.ORIGINAL)
    if len(original) != ORIGINAL_DIGITS or not original.isdecimal():
        raise RefusedError("format_error", f"DE 90 is not {ORIGINAL_DIGITS} digits: {ORIGINAL_ORDER}")
    return _origin(view, original[1], original[4:10])


def _origin(view: View, mti_class: str, stan: str) -> str:
    acquirer, rrn, terminal = _text(view, de.ACQUIRER), _text(view, de.RRN), _text(view, de.TERMINAL)
    return f"{mti_class}|{stan}|{acquirer:0>11}|{rrn}|{terminal}"


def _effect_cents(kind: str, amount: str, currency: str) -> int:
    if kind not in KINDS:
        raise RefusedError("invalid_transaction", f"DE 3 starts with {kind}; {KNOWN_KINDS}")
    if not amount.isdecimal():
        raise RefusedError("format_error", "DE 4 is not a number")
    try:
        cents = euro_cents(int(amount), currency)
    except ValueError as error:
        raise RefusedError("invalid_transaction", f"DE 49: {error}") from None
    return KINDS[kind] * cents


def _cash_part(view: View) -> int:
    """The cash of a cashback, of all elements of DE 54 that say so."""
    text = _text(view, de.AMOUNTS)
    elements = [
        _AMOUNT_ELEMENT.fullmatch(text[at : at + _ELEMENT_DIGITS]) for at in range(0, len(text), _ELEMENT_DIGITS)
    ]
    cash = 0
    for element in elements:
        if element is None:
            raise RefusedError("format_error", "DE 54 is not made of elements of 20 characters: types, currency, sign")
        if element[1] == _CASH_PART:
            cash += int(element[2])
    return cash


def _text(view: View, field: int) -> str:
    return view.text(field) or ""
