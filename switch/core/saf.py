"""Store and forward: what an issuer must be told until it acknowledges it (R7, R11).

Three kinds of messages are owed: a reversal of what the issuer may hold, a reversal of a part of it, and an advice of
what has happened without it. Each goes out, then again as a repeat at doubling intervals, until the issuer's 0430,
0130 or 0230. They survive a restart because the log knows what was owed and what was acknowledged.

    OPEN ──acknowledged──▶ DELIVERED
      ├─────given up─────▶ EXHAUSTED      after so many attempts: left to people
      └─────dropped──────▶ DROPPED        an advice that was reversed before it had ever left (R13)

Messages of one card keep the order in which they came to be owed: the next one leaves when the one before it is done.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from switch.core import fields as de

if TYPE_CHECKING:
    from switch.core.transaction import Transaction

# Messages on their way to one issuer at once: a round trip of 100 ms still lets a thousand a second through.
WINDOW = 100


class Kind(IntEnum):
    """What an entry tells."""

    REVERSAL = 0  # nothing of it stands
    REDUCTION = 1  # a partial reversal: so much of it stands
    ADVICE = 2  # it has happened


class Fate(IntEnum):
    """What became of an entry."""

    OPEN = 0
    DELIVERED = 1
    EXHAUSTED = 2
    DROPPED = 3


@dataclass(eq=False, slots=True)
class Entry:
    """One message owed about `tx`, under the STAN `stan` of the issuer's leg."""

    tx: "Transaction"
    kind: Kind
    mti: str  # 0420, 0120 or 0220
    stan: int
    at: float  # when it came to be owed
    amount: str = ""  # of a reduction: what stands after it
    fate: Fate = Fate.OPEN
    attempts: int = 0
    wait_s: float = 0.0
    ended_at: float = 0.0  # when it was given up
    maybe_sent: bool = False  # before a restart: then it goes out as a repeat

    @property
    def untouched(self) -> bool:
        """Is it certain that the issuer has not heard of it?"""
        return self.attempts == 0 and not self.maybe_sent


def saf_key(mti: str, stan: str, rrn: str, terminal: str, match: tuple[int, ...]) -> str:
    """What an acknowledgement is matched by: class, STAN, and DE 37 and 41 where the link's `match` has them (R3)."""
    return f"{mti[1]}|{stan}|{rrn if de.RRN in match else ''}|{terminal if de.TERMINAL in match else ''}"


@dataclass
class StoreAndForward:
    """The queues of one issuer, one a card.

        ready ──sent──▶ under way ──acknowledged──▶ done, the next of its card is ready
          ▲                  │
          └──timer, refused──┘

    A window bounds what is under way, so that an issuer that comes back is not drowned in what it missed.
    """

    match: tuple[int, ...] = (de.RRN, de.TERMINAL)
    entries: dict[str, Entry] = field(default_factory=dict)  # all that are open, by key
    cards: dict[bytes, deque[Entry]] = field(default_factory=dict)  # by token, in the order they came to be owed
    ready: deque[bytes] = field(default_factory=deque)  # cards whose first entry may be sent
    under_way: set[str] = field(default_factory=set)
    timers: list[tuple[float, str]] = field(default_factory=list)  # heap of (repeat at, key); stale ones are skipped

    def __len__(self) -> int:
        return len(self.entries)

    def _key(self, entry: Entry) -> str:
        return saf_key(entry.mti, f"{entry.stan:06d}", entry.tx.rrn, entry.tx.terminal, self.match)

    def owe(self, entry: Entry) -> None:
        """Queue `entry` behind what is owed about its card."""
        self.entries[self._key(entry)] = entry
        token = entry.tx.token
        queue = self.cards.setdefault(token, deque())
        queue.append(entry)
        if len(queue) == 1:
            self.ready.append(token)

    def restart(self) -> None:
        """A new connection: all that is owed is to be sent on it, in order."""
        self.timers.clear()
        self.under_way.clear()
        self.ready = deque(self.cards)

    def sendable(self) -> Iterator[Entry]:
        """What may be sent now, oldest first; the caller says `sent` of each before it asks for the next."""
        while self.ready and len(self.under_way) < WINDOW:
            queue = self.cards.get(self.ready.popleft())
            if queue and self._key(queue[0]) not in self.under_way:
                yield queue[0]

    def sent(self, entry: Entry, now: float, first_wait_s: float, longest_wait_s: float) -> None:
        """`entry` has just been sent: repeat it after a wait that doubles each time."""
        entry.attempts += 1
        entry.wait_s = min(longest_wait_s, entry.wait_s * 2 or first_wait_s)
        self.under_way.add(self._key(entry))
        heappush(self.timers, (now + entry.wait_s, self._key(entry)))

    def find(self, mti: str, stan: str, rrn: str, terminal: str) -> Entry | None:
        """The open entry that an acknowledgement of this MTI answers; None when nothing waits for it."""
        return self.entries.get(saf_key(mti, stan, rrn, terminal, self.match))

    def end(self, entry: Entry, fate: Fate) -> None:
        """`entry` is done, one way or the other: the next of its card may be sent."""
        entry.fate = fate
        token = entry.tx.token
        queue = self.cards[token]
        was_first = queue[0] is entry
        queue.remove(entry)
        del self.entries[self._key(entry)]
        self.under_way.discard(self._key(entry))
        if not queue:
            del self.cards[token]
        elif was_first:
            self.ready.append(token)

    def refused(self, entry: Entry) -> None:
        """`entry` was not taken: its timer goes on, those of other cards may be sent meanwhile."""
        self.under_way.discard(self._key(entry))

    def expire(self, now: float, attempts: int) -> list[Entry]:
        """Make those ready again whose repeat is due; returns those that have had all their `attempts`."""
        exhausted = []
        while self.timers and self.timers[0][0] <= now:
            entry = self.entries.get(heappop(self.timers)[1])
            if entry is None:
                continue
            self.under_way.discard(self._key(entry))
            if entry.attempts >= attempts:
                exhausted.append(entry)
            else:
                self.ready.append(entry.tx.token)
        return exhausted

    def next_deadline(self) -> float | None:
        """When the next repeat is due."""
        while self.timers and self.timers[0][1] not in self.entries:
            heappop(self.timers)
        return self.timers[0][0] if self.timers else None
