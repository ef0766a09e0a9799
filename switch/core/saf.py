"""Store and forward: reversals that an issuer must be told of until it acknowledges them (R7, R11).

A reversal goes out as 0420, then as 0421 at doubling intervals, until the issuer's 0430. Entries keep their order;
they survive a restart because the log knows which intents still owe one.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from switch.core import fields as de
from switch.core.transaction import Transaction

# Reversals on their way to one issuer at once: a round trip of 100 ms still lets a thousand a second through.
WINDOW = 100


@dataclass
class Entry:
    """One reversal owed to an issuer: the canonical text of its fields, and when it is sent next."""

    tx: Transaction
    fields: dict[int, str]
    attempts: int = 0
    wait_s: float = 0.0

    @property
    def key(self) -> str:
        """See `saf_key`."""
        return saf_key(self.fields[de.STAN], self.fields[de.RRN], self.fields[de.TERMINAL])


def saf_key(stan: str, rrn: str, terminal: str) -> str:
    """What the issuer's 0430 is matched by: most reversals share their original's STAN, so 37 and 41 decide (R3)."""
    return f"{stan}|{rrn}|{terminal}"


@dataclass
class StoreAndForward:
    """The queue of one issuer link. `entries` stand in the order in which the reversals came to be owed.

        waiting ──sent──▶ unacknowledged ──0430──▶ done
           ▲                    │
           └──timer, refused────┘

    A window bounds what is unacknowledged, so that an issuer that comes back is not drowned in what it missed.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    waiting: deque[str] = field(default_factory=deque)
    unacknowledged: set[str] = field(default_factory=set)
    timers: list[tuple[float, str]] = field(default_factory=list)  # heap of (repeat at, key); stale ones are skipped

    def __len__(self) -> int:
        return len(self.entries)

    def owe(self, tx: Transaction, fields: dict[int, str]) -> Entry:
        """Queue the reversal of `tx`, made of `fields`."""
        entry = Entry(tx, fields)
        self.entries[entry.key] = entry
        self.waiting.append(entry.key)
        return entry

    def restart(self) -> None:
        """A new connection: all that is owed is to be sent on it, in order."""
        self.timers.clear()
        self.unacknowledged.clear()
        self.waiting = deque(self.entries)

    def sendable(self) -> Iterator[Entry]:
        """What may be sent now, oldest first; the caller says `sent` of each before it asks for the next."""
        while self.waiting and len(self.unacknowledged) < WINDOW:
            entry = self.entries.get(self.waiting.popleft())
            if entry is not None:
                yield entry

    def sent(self, entry: Entry, now: float, first_wait_s: float, longest_wait_s: float) -> None:
        """`entry` has just been sent: repeat it after a wait that doubles each time."""
        entry.attempts += 1
        entry.wait_s = min(longest_wait_s, entry.wait_s * 2 or first_wait_s)
        self.unacknowledged.add(entry.key)
        heappush(self.timers, (now + entry.wait_s, entry.key))

    def find(self, stan: str, rrn: str, terminal: str) -> Entry | None:
        """The entry that a 0430 answers; None when nothing waits for it."""
        return self.entries.get(saf_key(stan, rrn, terminal))

    def acknowledge(self, entry: Entry) -> None:
        """`entry` is done."""
        del self.entries[entry.key]
        self.unacknowledged.discard(entry.key)

    def refused(self, entry: Entry) -> None:
        """`entry` was not taken: its timer goes on, others may be sent meanwhile."""
        self.unacknowledged.discard(entry.key)

    def expire(self, now: float) -> None:
        """Let those wait again whose repeat is due."""
        while self.timers and self.timers[0][0] <= now:
            key = heappop(self.timers)[1]
            if key in self.entries:
                self.unacknowledged.discard(key)
                self.waiting.append(key)

    def next_deadline(self) -> float | None:
        """When the next repeat is due."""
        while self.timers and self.timers[0][1] not in self.entries:
            heappop(self.timers)
        return self.timers[0][0] if self.timers else None
