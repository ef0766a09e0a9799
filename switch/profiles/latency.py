"""How long an institution takes to answer.

No public distribution of card-authorization latency exists; timers, averages and decline rates do. So a profile is
data that cites where each number is from, and calls the rest calibration. An answer's delay is the sum of its hops,
each constant, log-normal ("well-modeled as right-sided, log-normal curves", HomeAway on five gateways) or a mixture of
log-normals: a body, a slow path and a near-timeout. Nothing is cut off at a timer: a draw of seven seconds really is
an answer after seven seconds, late, and it is the switch's business to cope with it.
"""

from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Annotated, TypeAlias

import msgspec

from switch.profiles.draws import lognormal, uniform

# Beyond these a number is a slip of the pen, and the arithmetic of a draw would overflow.
MAX_MS = 86_400_000.0  # a day
MAX_SIGMA = 10.0  # one draw in six is then 22,000 times the median
MAX_WEIGHT = 1e9

Milliseconds = Annotated[float, msgspec.Meta(gt=0, le=MAX_MS)]
Sigma = Annotated[float, msgspec.Meta(gt=0, le=MAX_SIGMA)]


class Constant(msgspec.Struct, frozen=True, tag="constant", tag_field="shape", forbid_unknown_fields=True):
    """Always the same: a cable, a processor without a queue."""

    ms: Annotated[float, msgspec.Meta(ge=0, le=MAX_MS)]

    def draw_ms(self, *words: object) -> float:  # noqa: ARG002 - the shapes share one signature
        return self.ms


class Lognormal(msgspec.Struct, frozen=True, tag="lognormal", tag_field="shape", forbid_unknown_fields=True):
    """A body with a long right tail: half of the draws lie below `median_ms`."""

    median_ms: Milliseconds
    sigma: Sigma

    def draw_ms(self, *words: object) -> float:
        return lognormal(self.median_ms, self.sigma, uniform(*words, "size"))


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One component of a mixture and how often it is taken, relative to its siblings."""

    weight: Annotated[float, msgspec.Meta(gt=0, le=MAX_WEIGHT)]
    median_ms: Milliseconds
    sigma: Sigma


class Mixture(msgspec.Struct, frozen=True, tag="mixture", tag_field="shape", forbid_unknown_fields=True):
    """Mostly one log-normal, sometimes another."""

    parts: Annotated[tuple[Part, ...], msgspec.Meta(min_length=1)]

    def draw_ms(self, *words: object) -> float:
        bounds = list(accumulate(part.weight for part in self.parts))
        at = uniform(*words, "part") * bounds[-1]
        part = next(part for part, bound in zip(self.parts, bounds, strict=True) if at < bound)
        return lognormal(part.median_ms, part.sigma, uniform(*words, "size"))


Hop: TypeAlias = Constant | Lognormal | Mixture


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named latency: the sum of its hops, and where its figures come from."""

    name: str
    source: str
    hops: tuple[Hop, ...] = ()

    def draw_ms(self, seed: int, issuer: str, transaction: str) -> float:
        """Return the delay of one transaction in milliseconds; it depends on these three words alone.

        >>> profile("issuer-europe").draw_ms(7, "issuer-1", "000001")
        321.02070160866504
        """
        return sum(hop.draw_ms(seed, issuer, transaction, number) for number, hop in enumerate(self.hops))


class _Shipped(msgspec.Struct, forbid_unknown_fields=True):
    profile: tuple[Profile, ...]


@cache
def shipped() -> dict[str, Profile]:
    """The profiles that come with the package, by name."""
    text = files("switch.profiles").joinpath("latency.toml").read_bytes()
    return {profile.name: profile for profile in msgspec.toml.decode(text, type=_Shipped).profile}


def profile(name: str) -> Profile:
    """Return a shipped profile.

    Raises:
        ValueError: no such profile; the text lists those there are.
    """
    try:
        return shipped()[name]
    except KeyError:
        raise ValueError(f"no latency profile {name!r}; there are: {', '.join(sorted(shipped()))}") from None
