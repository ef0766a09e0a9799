"""Which message answers which, and which repeats which, as an onlooker can tell.

An answer comes from the other side of the same stream, has the MTI class and the STAN of its request (DE 11), and
differs in none of `ECHOED`, as far as both have them. Where several requests fit, a request and its repeats, the oldest
is answered first. A repeat is a request of the same link and side whose MTI, `ECHOED` fields and STAN are the same, the
last digit of the MTI aside; without an RRN (DE 37) the transmission time (DE 7) has to be the same too, for STANs wrap.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from switch.iso8583.tpdu import is_asking
from switch.traces.format import Side

STAN: Final = 11
TRANSMITTED: Final = 7
RRN: Final = 37
ECHOED: Final = (32, RRN, 41)

MAX_WAITING: Final = 100_000  # requests without an answer: as many as the switch has in flight at most
MAX_REMEMBERED: Final = 100_000  # requests that a repeat may name: a repeat follows within minutes

Text: TypeAlias = Callable[[int], str | None]  # of a field
_Echoed: TypeAlias = tuple[str | None, ...]
_Exchange: TypeAlias = tuple[int, Side, str, str]  # stream, who asked, MTI class, STAN


class Match(NamedTuple):
    """The ids of the messages that a message belongs to."""

    answers: int | None = None
    same_as: int | None = None


class Matcher:
    """Is told every message in its order.

    >>> matcher = Matcher()
    >>> matcher.match(1, 7, "acquirer", "client", "0100", {11: "000001", 41: "TERM0001"}.get)
    Match(answers=None, same_as=None)
    >>> matcher.match(2, 7, "acquirer", "client", "0101", {11: "000001", 41: "TERM0001"}.get)
    Match(answers=None, same_as=1)
    >>> matcher.match(3, 7, "acquirer", "server", "0110", {11: "000001"}.get)
    Match(answers=1, same_as=None)
    """

    def __init__(self) -> None:
        self._waiting: dict[_Exchange, list[tuple[int, _Echoed]]] = {}
        self._waiting_count = 0
        self._seen: dict[tuple[object, ...], int] = {}

    def match(self, n: int, stream: int, link: str, side: Side, mti: str, text: Text) -> Match:
        """What message `n` belongs to; `text` gives its fields."""
        stan = text(STAN)
        if stan is None or len(mti) != 4:
            return Match()
        echoed = tuple(text(field) for field in ECHOED)
        if is_asking(mti):
            self._wait(n, (stream, side, mti[1], stan), echoed)
            time = text(TRANSMITTED) if text(RRN) is None else None
            return Match(same_as=self._repeated(n, (link, side, mti[:3], stan, echoed, time)))
        asker: Side = "server" if side == "client" else "client"
        return Match(answers=self._answered((stream, asker, mti[1], stan), echoed))

    def _wait(self, n: int, exchange: _Exchange, echoed: _Echoed) -> None:
        self._waiting.setdefault(exchange, []).append((n, echoed))
        self._waiting_count += 1
        if self._waiting_count > MAX_WAITING:
            self._waiting_count -= len(self._waiting.pop(next(iter(self._waiting))))

    def _repeated(self, n: int, key: tuple[object, ...]) -> int | None:
        first = self._seen.setdefault(key, n)
        if len(self._seen) > MAX_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return None if first == n else first

    def _answered(self, exchange: _Exchange, echoed: _Echoed) -> int | None:
        waiting = self._waiting.get(exchange, [])
        for index, (n, asked) in enumerate(waiting):
            if all(None in pair or pair[0] == pair[1] for pair in zip(asked, echoed, strict=True)):
                del waiting[index]
                self._waiting_count -= 1
                if not waiting:
                    del self._waiting[exchange]
                return n
        return None
