"""Numbers drawn from names: the randomness of the bench.

A draw depends on what it is for, never on when or in which order it is made: the words that name it are hashed, and the
hash is read as a uniform number. So an issuer answers transaction 4711 as slowly on a busy machine as on an idle one,
in the simulator as on the wire, and a seed printed by a failure is enough to repeat it. A shared generator cannot do
that: whoever draws first takes the other's number.
"""

from hashlib import blake2b
from math import exp, log
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()
_BITS: Final = 53  # a double holds no more
_STEP: Final = 2.0**-_BITS


def uniform(*words: object) -> float:
    """Return the number strictly between 0 and 1 that belongs to these words.

    >>> uniform(1, "issuer-1", "000001") == uniform(1, "issuer-1", "000001")
    True
    >>> uniform(1, "ab", "c") == uniform(1, "a", "bc")
    False
    """
    digest = blake2b("\x1f".join(map(str, words)).encode(), digest_size=8).digest()
    return ((int.from_bytes(digest, "big") >> (64 - _BITS)) + 0.5) * _STEP


def exponential(mean: float, u: float) -> float:
    """Map a uniform number to an exponential one: the gap between two arrivals of a Poisson process.

    >>> round(exponential(2.0, 0.5), 4)  # the median is mean × ln 2
    1.3863
    """
    return -mean * log(u)


def lognormal(median: float, sigma: float, u: float) -> float:
    """Map a uniform number to a log-normal one, `sigma` being the deviation of its natural logarithm.

    >>> lognormal(95.0, 0.45, 0.5)
    95.0
    """
    return median * exp(sigma * _NORMAL.inv_cdf(u))
