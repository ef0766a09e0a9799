"""The core's own results. A dialect's table turns them into DE 39, and an issuer's DE 39 back into them."""

from typing import Final

APPROVED: Final = "approved"
INVALID_TRANSACTION: Final = "invalid_transaction"
INVALID_AMOUNT: Final = "invalid_amount"
FORMAT_ERROR: Final = "format_error"
NOT_PERMITTED_TERMINAL: Final = "not_permitted_terminal"
TOO_LATE: Final = "too_late"
CRYPTOGRAPHIC: Final = "cryptographic"
ISSUER_DOWN: Final = "issuer_down"
NO_ROUTE: Final = "no_route"
DUPLICATE: Final = "duplicate"
MALFUNCTION: Final = "malfunction"

# Host-command error codes that say the HSM itself failed (LMK, internal, unlicensed, disabled), not the PIN block.
HSM_FAULTS: Final = frozenset({"13", "41", "42", "67", "68"})


def of_hsm_error(code: str) -> str:
    """The result for a PIN translation that ended with `code` other than 00.

    >>> of_hsm_error("20"), of_hsm_error("41")
    ('cryptographic', 'malfunction')
    """
    return MALFUNCTION if code in HSM_FAULTS else CRYPTOGRAPHIC
