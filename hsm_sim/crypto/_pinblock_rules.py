"""What both implementations of the PIN-block formats share."""

BLOCK_BYTES = 8
ACCOUNT_DIGITS = 12  # the rightmost digits of the PAN without its check digit

# ISO 9564-1: a PIN has four to twelve digits.
MIN_PIN = 4
MAX_PIN = 12


class PinBlockError(ValueError):
    """A deciphered block that is not one of the given format: wrong key, wrong account or garbage."""
