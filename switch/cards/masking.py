"""Showing a card number: at most its first six and last four digits (PCI DSS 3.4.1)."""

FIRST, LAST = 6, 4

# The shortest number of which ISO/IEC 7812-1 makes a PAN; below it, first six and last four would show nearly all.
MIN_PAN_DIGITS = 12


def mask_pan(pan: str) -> str:
    """The number as 6 + 4; what is no card number shows nothing, or from eight digits on the last four.

    >>> mask_pan("4687380000001234"), mask_pan("12345678901"), mask_pan("1234567")
    ('468738******1234', '*******8901', '*******')

    Anything but digits is hidden whole, since it may be a track or a misread field:

    >>> mask_pan("4687380000001234=2812")
    '*********************'
    """
    if not (pan.isascii() and pan.isdecimal()):
        return "*" * len(pan)
    if len(pan) >= MIN_PAN_DIGITS:
        return pan[:FIRST] + "*" * (len(pan) - FIRST - LAST) + pan[-LAST:]
    if len(pan) >= 2 * LAST:
        return "*" * (len(pan) - LAST) + pan[-LAST:]
    return "*" * len(pan)
