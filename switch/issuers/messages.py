"""What the issuer reads in a request, and what tells a repeat from another request.

    key     MTI class | DE 11 | DE 32 | DE 37 | DE 41 | DE 13    the duplicate key (R4)
    origin  the same without DE 13, which a reversal does not carry

DE 7 is in neither: it may change when a request is repeated (R1).
"""

from typing import Final, NamedTuple

from switch.core import fields as de
from switch.iso8583.codec import View
from switch.issuers.accounts import euro_cents

AMOUNTS: Final = 54  # balances

MANDATORY: Final = (
    de.PROCESSING_CODE, de.AMOUNT, de.TRANSMITTED, de.STAN, de.ACQUIRER, de.RRN, de.TERMINAL, de.CURRENCY,
)  # fmt: skip
MANDATORY_REVERSAL: Final = (de.STAN, de.ACQUIRER, de.RRN, de.TERMINAL, de.ORIGINAL)
MANDATORY_NETWORK: Final = (de.TRANSMITTED, de.STAN, de.NETWORK_CODE)

# DE 3, first two digits → sign of the effect on what the cardholder may spend.
KINDS: Final = {"00": -1, "01": -1, "09": -1, "20": 1, "31": 0, "37": 0}
BALANCE: Final = "31"


class RefusedError(ValueError):
    """A request that is answered without being decided: a result name and why."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result = result


class Request(NamedTuple):
    """A 0100 or 0200, read. `effect_cents` is in euro: negative to hold, positive to credit."""

    key: str
    pan: str
    kind: str
    asked: str  # what a repeat must ask again: kind, amount, currency
    effect_cents: int
    expiry: str  # YYMM, from DE 14 or track 2; "" when neither is there
    pin_block: str  # hex, "" when no PIN was given
    latency_key: str  # what names the transaction whatever STAN the switch gave it: DE 32, 37, 41, 13


def read_request(view: View) -> Request:
    """Read a financial request.

    Raises:
        RefusedError: a mandatory field is missing (30), DE 3 or DE 49 unknown (12), or an amount of zero (13).
    """
    require(view, MANDATORY)
    track_pan, _, track_rest = _text(view, de.TRACK2).replace("D", "=").partition("=")
    pan = _text(view, de.PAN) or track_pan
    if not pan:
        raise RefusedError("format_error", "neither DE 2 nor DE 35 is present")
    kind, amount, currency = _text(view, de.PROCESSING_CODE)[:2], _text(view, de.AMOUNT), _text(view, de.CURRENCY)
    local_date = _text(view, de.LOCAL_DATE)
    return Request(
        key=f"{_origin(view, view.mti[1], _text(view, de.STAN))}|{local_date}",
        pan=pan,
        kind=kind,
        asked=f"{kind}|{amount}|{currency}",
        effect_cents=_effect_cents(kind, amount, currency),
        expiry=_text(view, de.EXPIRY) or track_rest[:4],
        pin_block=_text(view, de.PIN_BLOCK).upper(),
        latency_key="|".join([_text(view, field) for field in (de.ACQUIRER, de.RRN, de.TERMINAL)] + [local_date]),
    )


def origin_of(view: View) -> str:
    """Return the origin that a reversal points at: MTI class and STAN from DE 90, the rest is its own.

    Raises:
        RefusedError: a mandatory field is missing, or DE 90 is not 42 digits (30).
    """
    require(view, MANDATORY_REVERSAL)
    original = _text(view, de.ORIGINAL)
    if len(original) != 42 or not original.isdecimal():
        raise RefusedError("format_error", "DE 90 is not 42 digits")
    return _origin(view, original[1], original[4:10])


def require(view: View, fields: tuple[int, ...]) -> None:
    """Raise `RefusedError` (30) for the first field that is missing."""
    for field in fields:
        if not view.has(field):
            raise RefusedError("format_error", f"DE {field} is mandatory and missing")


def _origin(view: View, mti_class: str, stan: str) -> str:
    acquirer, rrn, terminal = _text(view, de.ACQUIRER), _text(view, de.RRN), _text(view, de.TERMINAL)
    return f"{mti_class}|{stan}|{acquirer:0>11}|{rrn}|{terminal}"


def _effect_cents(kind: str, amount: str, currency: str) -> int:
    if kind not in KINDS:
        raise RefusedError("invalid_transaction", f"DE 3 starts with {kind}")
    if not amount.isdecimal():
        raise RefusedError("format_error", "DE 4 is not a number")
    try:
        cents = euro_cents(int(amount), currency)
    except ValueError as error:
        raise RefusedError("invalid_transaction", f"DE 49: {error}") from None
    if KINDS[kind] and not int(amount):
        raise RefusedError("invalid_amount", "DE 4 is zero")
    return KINDS[kind] * cents


def _text(view: View, field: int) -> str:
    return view.text(field) or ""
