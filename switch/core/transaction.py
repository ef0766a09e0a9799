"""One authorization as the core remembers it, and the table that finds it again.

While in flight it keeps the request itself (with its PIN block, in memory only); once finished just what a repeat, a
reversal or a late answer needs.
"""

from collections import deque
from collections.abc import Iterator

from switch.core.states import HOLD_MOVES, STATE_MOVES, Hold, State
from switch.iso8583.codec import View

NO_LINK = -1


class Transaction:
    """An authorization. Times are seconds as passed in; 0.0 where that hop did not happen."""

    __slots__ = (
        "acquirer_id", "acquirer_link", "amount", "answered_at", "approval", "approved", "currency", "de3",
        "de39", "deadline", "decided_at", "forwarded_at", "hold", "hsm_answered_at", "hsm_asked_at",
        "issuer_answered_at", "issuer_link", "issuer_stan", "local_date", "merchant", "mti", "number",
        "older", "reason", "received_at", "request", "rrn", "sealed_extras", "sealed_pan", "stan", "state",
        "taken_back", "terminal", "token", "transmitted", "waiters",
    )  # fmt: skip

    def __init__(self) -> None:
        self.number = 0
        self.state = State.NEW
        self.hold = Hold.NONE
        self.acquirer_link = NO_LINK
        self.issuer_link = NO_LINK
        self.issuer_stan = 0
        self.mti = self.acquirer_id = self.stan = self.rrn = self.terminal = self.local_date = ""
        self.de3 = self.amount = self.currency = self.transmitted = self.merchant = ""
        self.token = self.sealed_pan = self.sealed_extras = b""
        self.de39 = self.approval = self.reason = ""
        self.request: View | None = None
        self.waiters: list[tuple[int, View]] | None = None
        self.older: Transaction | None = None
        self.approved = False  # by the issuer
        self.taken_back = False  # by the acquirer, with a reversal
        self.deadline = 0.0
        self.received_at = self.hsm_asked_at = self.hsm_answered_at = self.forwarded_at = 0.0
        self.issuer_answered_at = self.decided_at = self.answered_at = 0.0

    def move(self, state: State) -> None:
        """Go to `state`, if the table of `switch.core.states` allows it."""
        assert (self.state, state) in STATE_MOVES, f"{self.state.name} cannot become {state.name}"
        self.state = state

    def move_hold(self, hold: Hold) -> None:
        """The same for what the issuer may hold."""
        assert (self.hold, hold) in HOLD_MOVES, f"hold {self.hold.name} cannot become {hold.name}"
        self.hold = hold

    @property
    def reference(self) -> str:
        """See `reference`."""
        return reference(self.acquirer_id, self.stan, self.rrn, self.terminal, self.mti)


def reference(acquirer_id: str, stan: str, rrn: str, terminal: str, mti: str) -> str:
    """What a repeat and a reversal share with their original (R4): DE 32, 11, 37, 41 and the MTI's class.

    The local date, DE 13, belongs to the duplicate key too, but a reversal does not carry it: `Transactions` keeps
    equal references of different days in a chain, newest first.
    """
    return f"{acquirer_id}|{stan}|{rrn}|{terminal}|{mti[1]}"


def unknown_original(mti: str, acquirer_id: str, stan: str, rrn: str, terminal: str) -> Transaction:
    """R9: what is remembered of a reversal that came without, or before, its original: no card, no day."""
    tx = Transaction()
    tx.mti, tx.acquirer_id, tx.stan, tx.rrn, tx.terminal = mti, acquirer_id, stan, rrn, terminal
    tx.move(State.FINISHED)
    return tx


class Transactions:
    """All authorizations within reach of a repeat or a reversal; oldest forgotten first, past `retention_s` or `limit`.

    An entry in flight is never forgotten: only finished ones stand in the queue of age.
    """

    def __init__(self, limit: int, retention_s: float) -> None:
        self._newest: dict[str, Transaction] = {}
        self._by_age: deque[tuple[float, Transaction]] = deque()
        self._limit = limit
        self._retention_s = retention_s
        self.forgotten_early = 0

    def __len__(self) -> int:
        return len(self._by_age)

    def knows(self, key: str) -> bool:
        """Is there any entry of this reference?"""
        return key in self._newest

    def find(self, key: str, local_date: str) -> Transaction | None:
        """The entry of this reference and day; one whose day is unknown (a reversal came first) fits any."""
        tx = self._newest.get(key)
        while tx is not None and tx.local_date != local_date and tx.local_date:
            tx = tx.older
        return tx

    def find_original(self, key: str, transmitted: str) -> Transaction | None:
        """What a reversal means: the entry sent at `transmitted` (DE 7), or the newest of this reference.

        One that only remembers an earlier reversal (it has no token) counts where there is no other.
        """
        newest: Transaction | None = None
        tx = self._newest.get(key)
        while tx is not None and tx.transmitted != transmitted:
            if newest is None or (tx.token and not newest.token):
                newest = tx
            tx = tx.older
        return tx or newest

    def add(self, tx: Transaction) -> None:
        """Remember `tx`, newest of its reference."""
        key = tx.reference
        tx.older = self._newest.get(key)
        self._newest[key] = tx

    def finished(self, tx: Transaction, now: float) -> None:
        """`tx` may be forgotten once it is old enough; forget what is."""
        by_age = self._by_age
        by_age.append((now, tx))
        while by_age and (now - by_age[0][0] > self._retention_s or len(by_age) > self._limit):
            finished_at, oldest = by_age.popleft()
            if oldest.hold is Hold.OWED:  # its reversal still waits for the issuer
                by_age.append((now, oldest))
                break
            self.forgotten_early += now - finished_at <= self._retention_s
            self._forget(oldest)

    def everything(self) -> Iterator[Transaction]:
        """All of them, in no order."""
        for newest in self._newest.values():
            tx: Transaction | None = newest
            while tx is not None:
                yield tx
                tx = tx.older

    def _forget(self, tx: Transaction) -> None:
        key = tx.reference
        link = self._newest.get(key)
        if link is tx:
            if tx.older is None:
                del self._newest[key]
            else:
                self._newest[key] = tx.older
            return
        while link is not None and link.older is not tx:
            link = link.older
        if link is not None:
            link.older = tx.older
