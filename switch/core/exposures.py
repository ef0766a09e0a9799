"""What the switch has approved for issuers that have not been told of it yet (R12): the risk of standing in."""

from dataclasses import dataclass

from switch.core.transaction import Transaction


@dataclass(slots=True)
class Exposure:
    """One card's: minor units and number of what was approved, and wrong PINs in a row (not kept over a restart)."""

    total: int = 0
    count: int = 0
    wrong_pins: int = 0


class Exposures:
    """By the card's token. Only cards that are configured for standing in ever get an entry."""

    def __init__(self) -> None:
        self._by_token: dict[bytes, Exposure] = {}

    def of(self, token: bytes) -> Exposure:
        """The card's, to read or to change its count of wrong PINs."""
        return self._by_token.setdefault(token, Exposure())

    def add(self, tx: Transaction) -> None:
        """The switch has stood in for `tx`."""
        exposure = self.of(tx.token)
        exposure.total += tx.asked()
        exposure.count += 1

    def remove(self, tx: Transaction) -> None:
        """The issuer has been told of it, or never needs to be."""
        exposure = self.of(tx.token)
        exposure.total -= tx.asked()
        exposure.count -= 1
