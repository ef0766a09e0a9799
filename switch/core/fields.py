"""ISO 8583 data elements that the rules read, by their 1987 numbers, and the sets the rules speak of."""

from typing import Final

PAN: Final = 2
PROCESSING_CODE: Final = 3
AMOUNT: Final = 4
TRANSMITTED: Final = 7  # MMDDhhmmss, UTC
STAN: Final = 11
LOCAL_TIME: Final = 12
LOCAL_DATE: Final = 13
EXPIRY: Final = 14
BUSINESS_DATE: Final = 15  # MMDD
CONVERSION_DATE: Final = 16
CAPTURE_DATE: Final = 17
CONDITION: Final = 25
ACQUIRER: Final = 32
TRACK2: Final = 35
RRN: Final = 37
APPROVAL: Final = 38
RESPONSE: Final = 39
TERMINAL: Final = 41
MERCHANT: Final = 42
PRIVATE: Final = 48  # elements: tag, length (two digits each), value
CURRENCY: Final = 49
SETTLEMENT_CURRENCY: Final = 50
PIN_BLOCK: Final = 52
AMOUNTS: Final = 54  # additional ones: elements of 20 characters
SETTLEMENT_CODE: Final = 66  # 1 in balance, 2 out of balance
NETWORK_CODE: Final = 70
ORIGINAL: Final = 90
FILE_UPDATE: Final = 91
REPLACEMENT: Final = 95  # amounts that stand after a partial reversal
FILE_NAME: Final = 101

PREAUTHORISED: Final = "06"  # DE 25

# R2: what a response echoes when the request had it.
ECHOED: Final = (
    PAN, PROCESSING_CODE, AMOUNT, TRANSMITTED, STAN, LOCAL_TIME, LOCAL_DATE,
    ACQUIRER, RRN, TERMINAL, MERCHANT, CURRENCY,
)  # fmt: skip

# What never crosses the switch as it came: the STAN is ours, the PIN block is translated, a MAC covers one leg only.
REPLACED: Final = (STAN, PIN_BLOCK, 64, 128)

# Sensitive authentication data, and what a response has no business to carry: never stored, never sent back.
NEVER_ANSWERED: Final = (14, TRACK2, 36, 45, PIN_BLOCK, 53, 64, 128)

# What an advice does not take along to the issuer: what names it, which the rules set anew, and what may hold secrets
# that a stored message must not (PCI DSS 3.3.1): tracks, the PIN block, private data with a CVV2, chip data.
NOT_ADVISED: Final = (
    PAN, PROCESSING_CODE, AMOUNT, TRANSMITTED, STAN, BUSINESS_DATE, ACQUIRER, TRACK2, 36, RRN, TERMINAL, MERCHANT,
    45, 48, CURRENCY, PIN_BLOCK, 53, 55, 64, ORIGINAL, 128,
)  # fmt: skip

# What a reversal carries of its original.
REVERSED: Final = (
    PAN, PROCESSING_CODE, AMOUNT, TRANSMITTED, STAN, ACQUIRER, RRN, TERMINAL, MERCHANT, CURRENCY,
)  # fmt: skip
