"""What the sample traffic consists of: which transactions, how often, for how much, and when.

A mix is a table of shares. Transaction number n of an acquirer is drawn from (seed, acquirer, n) alone, so a run
repeats itself whatever the machine does meanwhile. Arrivals are a Poisson process: independent cardholders, whose gaps
are exponential.
"""

from bisect import bisect
from itertools import accumulate
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from switch.profiles.draws import exponential, lognormal, uniform

Kind: TypeAlias = Literal["purchase", "cash", "cashback", "refund", "balance", "verification"]
Pin: TypeAlias = Literal["right", "wrong", "none"]

_MEDIAN_CENTS: Final = 3_200  # calibration: a card payment in France averages some 45 euros, half are below 32
_SIGMA: Final = 0.8
_LARGEST_CENTS: Final = 50_000
_NOTE_CENTS: Final = 1_000  # a cash dispenser's smallest note
_WITHOUT_AMOUNT: Final = ("balance", "verification")


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of transaction and its weight, relative to the others of the mix."""

    weight: Annotated[float, msgspec.Meta(gt=0)]
    kind: Kind
    pin: Pin = "right"
    routed: bool = True  # False: a card whose BIN no issuer has


class Mix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named set of shares."""

    name: str
    shares: Annotated[tuple[Share, ...], msgspec.Meta(min_length=1)]


class Draw(msgspec.Struct, frozen=True):
    """One transaction to be: its share, its amount, which card and which terminal (as numbers in [0, 1))."""

    share: Share
    amount_cents: int
    card: float
    terminal: float


EVERYDAY: Final = Mix(
    name="everyday",
    shares=(
        Share(weight=70, kind="purchase"),
        Share(weight=8, kind="purchase", pin="none"),
        Share(weight=10, kind="cash"),
        Share(weight=2, kind="cashback"),
        Share(weight=2, kind="refund", pin="none"),
        Share(weight=5, kind="balance"),
        Share(weight=1, kind="verification", pin="none"),
        Share(weight=1, kind="purchase", pin="wrong"),
        Share(weight=1, kind="purchase", pin="none", routed=False),
    ),
)


def draw(mix: Mix, seed: int, acquirer: str, number: int) -> Draw:
    """Return transaction `number` of an acquirer's traffic.

    >>> draw(EVERYDAY, 7, "acquirer", 1) == draw(EVERYDAY, 7, "acquirer", 1)
    True
    """
    bounds = list(accumulate(share.weight for share in mix.shares))
    share = mix.shares[bisect(bounds, uniform(seed, acquirer, number, "share") * bounds[-1])]
    return Draw(
        share=share,
        amount_cents=_amount_cents(share.kind, uniform(seed, acquirer, number, "amount")),
        card=uniform(seed, acquirer, number, "card"),
        terminal=uniform(seed, acquirer, number, "terminal"),
    )


def gap_s(rate_per_s: float, seed: int, acquirer: str, number: int) -> float:
    """Return the seconds between arrival `number` and the one before it."""
    return exponential(1.0 / rate_per_s, uniform(seed, acquirer, number, "gap"))


def _amount_cents(kind: Kind, u: float) -> int:
    if kind in _WITHOUT_AMOUNT:
        return 0
    cents = min(max(round(lognormal(_MEDIAN_CENTS, _SIGMA, u)), 1), _LARGEST_CENTS)
    return -(-cents // _NOTE_CENTS) * _NOTE_CENTS if kind == "cash" else cents
