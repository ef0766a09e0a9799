"""Amounts as people read them. Everywhere else they are integers in minor units, with their currency."""

from typing import Final

CURRENCY_NAMES: Final = {"978": "EUR", "250": "FRF"}  # ISO 4217


def decimal(cents: int) -> str:
    """Write an amount in units; every currency here has two decimals.

    >>> decimal(12345), decimal(-698406), decimal(7)
    ('123.45', '-6984.06', '0.07')
    """
    units, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{units}.{rest:02d}"
