"""What the sample traffic consists of: which transactions, how often, for how much, and when.

A mix is a table of shares. A share is a kind of transaction, and what follows it at the shop: a hotel adds to its
pre-authorization and completes it, a fuel pump completes less than it held, a cashier takes back what went wrong.

Transaction number n of an acquirer is drawn from (seed, acquirer, n) alone, so a run
repeats itself whatever the machine does meanwhile. Arrivals are a Poisson process: independent cardholders, whose gaps
are exponential.
"""

from bisect import bisect
from itertools import accumulate
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from switch.profiles.draws import exponential, lognormal, uniform

Kind: TypeAlias = Literal[
    "purchase", "cash", "cashback", "refund", "balance", "verification",
    "preauth",  # held until it is completed
    "advice", "force-post",  # approved at the terminal, told by 0120 or 0220 afterwards
]  # fmt: skip
Pin: TypeAlias = Literal["right", "wrong", "none"]
Entry: TypeAlias = Literal["chip", "track2", "cvv2"]

# What follows a transaction, step by step. The first four are for a pre-authorization.
Step: TypeAlias = Literal[
    "increment",  # a further 0100 that adds to it
    "complete", "complete-less", "complete-more",  # the 0220 for all that is held, for less, for more
    "reduce",  # a partial reversal of what was approved last and stands
    "reverse",  # a whole reversal of it
]  # fmt: skip

_MEDIAN_CENTS: Final = 3_200  # calibration: a card payment in France averages some 45 euros, half are below 32
_SIGMA: Final = 0.8
_LARGEST_CENTS: Final = 50_000
_NOTE_CENTS: Final = 1_000  # a cash dispenser's smallest note
_CASHBACK_NOTES: Final = 4  # at most, over the counter
_WITHOUT_AMOUNT: Final = ("balance", "verification")


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of transaction and its weight, relative to the others of the mix."""

    weight: Annotated[float, msgspec.Meta(gt=0)]
    kind: Kind
    pin: Pin = "right"
    routed: bool = True  # False: a card whose BIN no issuer has
    entry: Entry = "chip"  # the stripe was read, or the number keyed in with the code on the back
    then: tuple[Step, ...] = ()


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
    cash_cents: int = 0  # the part of a cashback's amount that is paid out


# One request and its answer: with the next table 85 in a hundred of everyday's.
_PLAIN: Final = (
    Share(weight=48, kind="purchase"),
    Share(weight=5, kind="purchase", pin="none"),
    Share(weight=10, kind="cash"),
    Share(weight=3, kind="cashback"),
    Share(weight=2, kind="refund", pin="none"),
    Share(weight=5, kind="balance"),
    Share(weight=1, kind="verification", pin="none"),
    Share(weight=1, kind="purchase", pin="wrong"),
    Share(weight=1, kind="purchase", pin="none", routed=False),
)

# The same, with the card read or given otherwise.
_ENTRIES: Final = (
    Share(weight=5, kind="purchase", entry="track2"),
    Share(weight=4, kind="purchase", pin="none", entry="cvv2"),
)

# Several messages to one transaction, or one that asks for nothing: the other 15.
_FLOWS: Final = (
    Share(weight=3, kind="preauth", then=("complete",)),
    Share(weight=2, kind="preauth", then=("increment", "complete")),
    Share(weight=1.5, kind="preauth", then=("complete-less",)),
    Share(weight=1, kind="preauth", then=("complete-more",)),
    Share(weight=0.5, kind="preauth", then=("complete-less", "complete-less")),
    Share(weight=0.5, kind="preauth", then=("complete", "reverse", "reverse")),
    Share(weight=0.5, kind="preauth", then=("reverse",)),
    Share(weight=0.5, kind="preauth", then=("increment", "reverse", "reverse")),
    Share(weight=1.5, kind="purchase", then=("reduce",)),
    Share(weight=0.5, kind="purchase", then=("reduce", "reverse")),
    Share(weight=1.5, kind="purchase", then=("reverse",)),
    Share(weight=1, kind="force-post", pin="none"),
    Share(weight=0.5, kind="advice", pin="none"),
    Share(weight=0.5, kind="force-post", pin="none", then=("reverse",)),
)

# How much heavier the flows weigh in `everything`: about half of its transactions.
_MORE: Final = 6

PLAIN: Final = Mix(name="plain", shares=_PLAIN)
EVERYDAY: Final = Mix(name="everyday", shares=_PLAIN + _ENTRIES + _FLOWS)
EVERYTHING: Final = Mix(
    name="everything",
    shares=_PLAIN + _ENTRIES + tuple(msgspec.structs.replace(share, weight=_MORE * share.weight) for share in _FLOWS),
)
MIXES: Final = {mix.name: mix for mix in (PLAIN, EVERYDAY, EVERYTHING)}


def draw(mix: Mix, seed: int, acquirer: str, number: int) -> Draw:
    """Return transaction `number` of an acquirer's traffic.

    >>> draw(EVERYDAY, 7, "acquirer", 1) == draw(EVERYDAY, 7, "acquirer", 1)
    True
    """
    bounds = list(accumulate(share.weight for share in mix.shares))
    share = mix.shares[bisect(bounds, uniform(seed, acquirer, number, "share") * bounds[-1])]
    cash_cents = 0
    if share.kind == "cashback":
        cash_cents = (1 + int(uniform(seed, acquirer, number, "cash") * _CASHBACK_NOTES)) * _NOTE_CENTS
    return Draw(
        share=share,
        amount_cents=_amount_cents(share.kind, uniform(seed, acquirer, number, "amount")) + cash_cents,
        card=uniform(seed, acquirer, number, "card"),
        terminal=uniform(seed, acquirer, number, "terminal"),
        cash_cents=cash_cents,
    )


def gap_s(rate_per_s: float, seed: int, acquirer: str, number: int) -> float:
    """Return the seconds between arrival `number` and the one before it."""
    return exponential(1.0 / rate_per_s, uniform(seed, acquirer, number, "gap"))


def until_next_step_s(mean_s: float, seed: int, acquirer: str, number: int, step: int) -> float:
    """Return the seconds until step `step` of what follows transaction `number`."""
    return exponential(mean_s, uniform(seed, acquirer, number, "wait", step))


def share_of(seed: int, acquirer: str, number: int, step: int) -> float:
    """Return which share of its amount a step is about, between 0 and 1: less by so much, or more."""
    return uniform(seed, acquirer, number, "part", step)


def _amount_cents(kind: Kind, u: float) -> int:
    if kind in _WITHOUT_AMOUNT:
        return 0
    cents = min(max(round(lognormal(_MEDIAN_CENTS, _SIGMA, u)), 1), _LARGEST_CENTS)
    return -(-cents // _NOTE_CENTS) * _NOTE_CENTS if kind == "cash" else cents
