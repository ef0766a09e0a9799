"""What `monetique control` changes of an issuer that runs: how late it answers, and how many approvals it declines.

Neither is written to the log. Like a link that was taken down, both last until the issuer restarts, which then behaves
as it was told at its start; what was declined meanwhile is booked and stays declined.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from switch.profiles.draws import uniform

# An answer with one of these is no decline: the first approves, the second needs a smaller amount in DE 4.
_NO_DECLINES: Final = ("approved", "partially_approved")


class Declining(NamedTuple):
    """A share of the requests that would be approved is declined instead.

    >>> str(Declining(12.5, "51"))
    '12.5% with 51'
    """

    percent: float
    de39: str

    @classmethod
    def of(cls, percent: float, de39: str, response_codes: Mapping[str, str]) -> Self:
        """Check both values; `response_codes` is the dialect's table, DE 39 by result.

        Raises:
            ValueError: a percentage outside 0 to 100, or a code that the dialect does not decline with.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"a share is a percentage from 0% to 100%, not {percent:g}%")
        known = sorted({code for result, code in response_codes.items() if result not in _NO_DECLINES})
        if de39 not in known:
            raise ValueError(f"DE 39 = {de39} declines nothing in this issuer's dialect; there is {', '.join(known)}")
        return cls(percent, de39)

    def __str__(self) -> str:
        return f"{self.percent:g}% with {self.de39}"

    def takes(self, *transaction: object) -> bool:
        """Return whether the draw that belongs to these words falls into the share."""
        return 100 * uniform(*transaction, "declined by control") < self.percent
