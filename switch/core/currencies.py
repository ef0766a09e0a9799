"""Euro and French franc, in minor units: 1 euro is 6.55957 francs (Council Regulation (EC) No 2866/98)."""

from typing import Final

EURO: Final = "978"
FRANC: Final = "250"
FRANCS_PER_EURO_E5: Final = 655_957


def converted(amount: int, currency: str, into: str) -> int:
    """An amount in another currency, halves up.

    >>> converted(10_000, "250", "978"), converted(1_524, "978", "250"), converted(7, "978", "978")
    (1524, 9997, 7)
    """
    if currency == into:
        return amount
    if (currency, into) == (FRANC, EURO):
        return (amount * 200_000 + FRANCS_PER_EURO_E5) // (2 * FRANCS_PER_EURO_E5)
    if (currency, into) == (EURO, FRANC):
        return (amount * 2 * FRANCS_PER_EURO_E5 + 100_000) // 200_000
    raise ValueError(f"from {currency} to {into}: only 978 and 250 are converted")
