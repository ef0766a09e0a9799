"""The core's own results. A dialect's table turns them into DE 39, and an issuer's DE 39 back into them."""

from typing import Final

APPROVED: Final = "approved"
PARTIALLY_APPROVED: Final = "partially_approved"
UNKNOWN_ORIGINAL: Final = "unknown_original"
INVALID_TRANSACTION: Final = "invalid_transaction"
INVALID_AMOUNT: Final = "invalid_amount"
FORMAT_ERROR: Final = "format_error"
NOT_PERMITTED_TERMINAL: Final = "not_permitted_terminal"
INSUFFICIENT_FUNDS: Final = "insufficient_funds"
WRONG_PIN: Final = "wrong_pin"
PIN_TRIES: Final = "pin_tries"
EXPIRED: Final = "expired"
SECURITY: Final = "security"
TOO_LATE: Final = "too_late"
CRYPTOGRAPHIC: Final = "cryptographic"
ISSUER_DOWN: Final = "issuer_down"
NO_ROUTE: Final = "no_route"
DUPLICATE: Final = "duplicate"
MALFUNCTION: Final = "malfunction"

# Of payment schemes; where a dialect has no code for one, it is an invalid transaction.
NO_SUCH_CARD: Final = "no_such_card"
NOT_PERMITTED_CARD: Final = "not_permitted_card"
OVER_AMOUNT_LIMIT: Final = "over_amount_limit"
RESTRICTED: Final = "restricted"
OVER_COUNT_LIMIT: Final = "over_count_limit"

# What a dialect must have a code for, so that no rule finds itself without words.
NEEDED: Final = (
    APPROVED,
    UNKNOWN_ORIGINAL,
    INVALID_TRANSACTION,
    INVALID_AMOUNT,
    FORMAT_ERROR,
    NOT_PERMITTED_TERMINAL,
    INSUFFICIENT_FUNDS,
    WRONG_PIN,
    PIN_TRIES,
    EXPIRED,
    SECURITY,
    TOO_LATE,
    CRYPTOGRAPHIC,
    ISSUER_DOWN,
    NO_ROUTE,
    DUPLICATE,
    MALFUNCTION,
)

APPROVALS: Final = frozenset({APPROVED, PARTIALLY_APPROVED})

# DE 39 by which ISO 8583:1987 approves in yet other words: honour with identification, VIP, update track 3. This switch
# does not serve them, but an issuer that sends one holds something. (10, partly, where a dialect has no name for it.)
OTHER_APPROVALS: Final = frozenset({"08", "10", "11", "16"})

# Host-command error codes that say the HSM itself failed (LMK, internal, unlicensed, disabled), not the PIN block.
HSM_FAULTS: Final = frozenset({"13", "41", "42", "67", "68"})


def of_hsm_error(code: str) -> str:
    """The result for a PIN translation that ended with `code` other than 00.

    >>> of_hsm_error("20"), of_hsm_error("41")
    ('cryptographic', 'malfunction')
    """
    return MALFUNCTION if code in HSM_FAULTS else CRYPTOGRAPHIC
