"""Requests with their answers, and the same transaction on the other leg."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from switch.traces.format import Message

RRN: Final = "37"
TERMINAL: Final = "41"

_Transaction: TypeAlias = tuple[str, str | None, str | None]  # MTI class, RRN, terminal


@dataclass(slots=True, eq=False)
class Exchange:
    """A message, and the one that answered it. What answers nothing known stands by itself."""

    request: Message
    answer: Message | None = None

    @property
    def elapsed_ms(self) -> float | None:
        """From request to answer, as they passed the switch."""
        return None if self.answer is None else (self.answer.t - self.request.t) * 1000


class Exchanges:
    """The latest exchanges, oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_id: dict[int, Exchange] = {}

    def add(self, message: Message) -> Exchange:
        """The exchange that the message begins or ends."""
        exchange = self._by_id.get(message.answers) if message.answers is not None else None
        if exchange is not None:
            exchange.answer = message
            return exchange
        exchange = self._by_id[message.n] = Exchange(message)
        if len(self._by_id) > self._most:
            del self._by_id[next(iter(self._by_id))]
        return exchange

    def latest(self) -> list[Exchange]:
        """All of them."""
        return list(self._by_id.values())

    def legs(self, exchange: Exchange) -> list[Exchange]:
        """It and those of the same transaction: same MTI class, RRN and terminal. By itself without an RRN."""
        transaction = _transaction(exchange)
        if transaction[1] is None:
            return [exchange]
        return [other for other in self._by_id.values() if _transaction(other) == transaction]


def _transaction(exchange: Exchange) -> _Transaction:
    request = exchange.request
    return request.mti[1:2], request.fields.get(RRN), request.fields.get(TERMINAL)
