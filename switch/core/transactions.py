"""The table of transactions: what a repeat, a reversal, a completion finds again, and what is forgotten.

Theory of operation. A transaction is an object as long as something may become of it by itself: in flight, or owed to
its issuer, or of a pre-authorization. When it ends without any of these its two records are put on the **shelf**
(`switch.core.shelf`) and the object is dropped, so that a million of them cost what a million short strings cost.

Who looks for a reference sees objects only. What the shelf has under it is **lent**: rebuilt, and chained with the
others of its reference, newest first. When the next message looks for something, or the next transaction ends, what was
lent and has not changed is taken back: its object is dropped, for the records on the shelf still say it all. What did
change (it was reversed, say) stays lent, while its records keep its place among the others of its age. So there are
never two objects of one transaction.

The oldest are forgotten first, past `retention_s` or `limit`: of the shelf's and of the queue of the other finished
ones, whichever is older. Only finished transactions stand in these two, so none in flight is ever forgotten. The shelf
is filled by records alone: it holds the same after a restart, in the same order, whoever has asked for what before.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import inf

from switch.core.shelf import KEY_BYTES, Shelf
from switch.core.states import HELD, OWED
from switch.core.transaction import Transaction

# A pre-authorization is completed days later: hotels and car rentals have seven with the large schemes.
PREAUTHORIZATION_S = 7 * 86_400.0

# Bytes of the shelf for each transaction of the limit: the records of the sample traffic have 245 on the average. Where
# they have more, as with long private data in answers, the oldest are forgotten early.
RECORD_BYTES = 288
LEAST_ROOM = 1 << 20  # more than the two records of any transaction: a frame has 8 KiB at most

# Of the newest transactions, how many are looked through on behalf of one message: 5,000 take some milliseconds.
LOOKED_THROUGH = 5_000

Rebuild = Callable[[bytes, bytes], Transaction]


def _no_rebuild(_first: bytes, _second: bytes) -> Transaction:
    raise NotImplementedError("this table was given no way to rebuild what it shelves")


class Transactions:
    """All authorizations within reach of a repeat or a reversal."""

    def __init__(
        self, limit: int, retention_s: float, rebuild: Rebuild = _no_rebuild, hash_key: bytes = bytes(KEY_BYTES)
    ) -> None:
        self._newest: dict[str, Transaction] = {}  # of each reference, linked to its older ones
        self._by_age: deque[tuple[float, Transaction]] = deque()  # finished ones that are not on the shelf
        self._shelf = Shelf(limit + 1, max(LEAST_ROOM, limit * RECORD_BYTES), hash_key)
        self._lent: dict[int, Transaction] = {}  # by serial of the shelf
        self._borrowed: list[int] = []  # of these, since the last look: to be taken back
        self._limit = limit
        self._retention_s = retention_s
        self._rebuild = rebuild
        self.forgotten_early = 0

    def __len__(self) -> int:
        return len(self._by_age) + len(self._shelf)

    # -- looking for one --------------------------------------------------------------------------------------------

    def knows(self, key: str) -> bool:
        """Is there any entry of this reference?"""
        return self._newest_of(key) is not None

    def find(self, key: str, local_date: str) -> Transaction | None:
        """The entry of this reference and day; one whose day is unknown (a reversal came first) fits any."""
        tx = self._newest_of(key)
        while tx is not None and tx.local_date != local_date and tx.local_date:
            tx = tx.older
        return tx

    def find_original(self, key: str, transmitted: str) -> Transaction | None:
        """What a reversal means: the entry sent at `transmitted` (DE 7), or the newest of this reference.

        One that only remembers an earlier reversal (it has no token) counts where there is no other.
        """
        newest: Transaction | None = None
        tx = self._newest_of(key)
        while tx is not None and tx.transmitted != transmitted:
            if newest is None or (tx.token and not newest.token):
                newest = tx
            tx = tx.older
        return tx or newest

    def find_number(self, key: str, number: int) -> Transaction | None:
        """The entry of this reference with that number of ours."""
        tx = self._newest_of(key)
        while tx is not None and tx.number != number:
            tx = tx.older
        return tx

    def _newest_of(self, key: str) -> Transaction | None:
        if self._borrowed:
            self._take_back()
        serials = self._shelf.find(key)
        if serials:
            for serial in serials:
                self._lend(serial)
        return self._newest.get(key)

    # -- remembering ------------------------------------------------------------------------------------------------

    def add(self, tx: Transaction) -> None:
        """Remember `tx`, among those of its reference by its number: of a new one, that is the newest."""
        key = tx.key or tx.reference
        newer: Transaction | None = None
        older = self._newest.get(key)
        while older is not None and older.number > tx.number:
            newer, older = older, older.older
        tx.older = older
        if newer is None:
            self._newest[key] = tx
        else:
            newer.older = tx

    def finished(self, tx: Transaction, now: float) -> None:
        """`tx` may be forgotten once it is old enough; forget what is."""
        if self._borrowed:
            self._take_back()
        if not self.put_away(tx, now):
            self._by_age.append((now, tx))
        self.expire(now)

    def put_away(self, tx: Transaction, at: float) -> bool:
        """Onto the shelf, if `tx` can be shelved."""
        first, second = tx.intent_record, tx.outcome_record
        tx.intent_record = tx.outcome_record = b""
        if not second or not can_be_shelved(tx):
            return False
        serial = self.shelve(tx.key or tx.reference, at, first, second)
        if tx.is_plain():
            self._forget(tx)
        else:
            self._lent[serial] = tx
        return True

    def shelve(self, key: str, at: float, first: bytes, second: bytes) -> int:
        """Put the records of a transaction on the shelf; where that is full its oldest are forgotten early."""
        if self._borrowed:
            self._take_back()
        serial = self._shelf.put(key, at, first, second)
        while not serial:
            if self._drop():
                self.forgotten_early += 1
            serial = self._shelf.put(key, at, first, second)
        return serial

    def expire(self, now: float) -> None:
        """Forget what is too old, or too much."""
        by_age, shelf = self._by_age, self._shelf
        while True:
            shelved_at, kept_at = shelf.oldest_at, by_age[0][0] if by_age else inf
            oldest_at = shelved_at if shelved_at <= kept_at else kept_at
            if now - oldest_at <= self._retention_s and len(by_age) + len(shelf) <= self._limit:
                return
            if shelved_at <= kept_at:
                if self._drop():
                    self.forgotten_early += now - shelved_at <= self._retention_s
                continue
            _, oldest = by_age.popleft()
            if _is_needed(oldest, now):
                by_age.append((now, oldest))
                return
            self.forgotten_early += now - kept_at <= self._retention_s
            self._forget(oldest)
            if oldest.original is not None:  # else its reversal would name one that is forgotten
                self._forget(oldest.original)

    # -- for the fold of the log ------------------------------------------------------------------------------------

    def restored(self, ended: Iterable[tuple[float, Transaction]], now: float) -> None:
        """The log is folded, and nothing but its shelf has forgotten yet: these have ended too, up to `now`."""
        self._take_back()
        waiting = sorted([*self._by_age, *ended], key=lambda entry: entry[0])
        self._by_age.clear()
        for at, tx in waiting:
            self._by_age.append((at, tx))
            self.expire(at)
        self.expire(now)

    def objects(self) -> list[Transaction]:
        """Those that are not on the shelf, by number."""
        self._take_back()
        shelved = {id(tx) for tx in self._lent.values()}
        return sorted((tx for tx in self._chained() if id(tx) not in shelved), key=lambda tx: tx.number)

    def lent(self) -> list[Transaction]:
        """Those whose beginning is on the shelf and what became of them is not, by number."""
        self._take_back()
        return sorted(self._lent.values(), key=lambda tx: tx.number)

    def newest(self, texts: tuple[str, ...]) -> Iterator[Transaction]:
        """The newest, to be looked at only; of those on the shelf as copies, where one of `texts` stands in a record.

        It is for the words about a message that matched nothing, and looks no further than `LOOKED_THROUGH`.
        """
        self._take_back()
        yield from islice(reversed(self._newest.values()), LOOKED_THROUGH)
        shelf, words = self._shelf, [text.encode("ascii", "replace") for text in texts if text]
        behind = shelf.oldest + len(shelf)
        for serial in range(behind - 1, max(shelf.oldest, behind - LOOKED_THROUGH) - 1, -1):
            first, second = shelf.records(serial)
            if any(word in (first or second) for word in words):
                yield self._rebuild(first, second)

    def shelved(self) -> tuple[int, bytes]:
        """How many records are on the shelf, and all of them, oldest first."""
        return self._shelf.record_count, self._shelf.contents()

    def everything(self) -> Iterator[Transaction]:
        """All of them, in no order; those on the shelf as copies, to be looked at."""
        self._take_back()
        yield from self._chained()
        for serial in range(self._shelf.oldest, self._shelf.oldest + len(self._shelf)):
            if serial not in self._lent:
                yield self._rebuild(*self._shelf.records(serial))

    # -- lending and forgetting -------------------------------------------------------------------------------------

    def _chained(self) -> Iterator[Transaction]:
        for newest in self._newest.values():
            tx: Transaction | None = newest
            while tx is not None:
                yield tx
                tx = tx.older

    def _lend(self, serial: int) -> None:
        """Under its own reference: should two have one hash, the other one is lent too, but not taken for it."""
        if serial not in self._lent:
            self._lent[serial] = tx = self._rebuild(*self._shelf.records(serial))
            self._borrowed.append(serial)
            self.add(tx)

    def _take_back(self) -> None:
        for serial in self._borrowed:
            tx = self._lent[serial]
            if tx.is_plain():
                del self._lent[serial]
                self._forget(tx)
        self._borrowed.clear()

    def _drop(self) -> bool:
        """The oldest leaves the shelf. Is it forgotten? One that is lent goes on as the oldest of the other queue."""
        shelf = self._shelf
        tx = self._lent.pop(shelf.oldest, None)
        if tx is not None:
            self._by_age.appendleft((shelf.oldest_at, tx))
        shelf.drop()
        return tx is None

    def _forget(self, tx: Transaction) -> None:
        key = tx.key or tx.reference
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


def can_be_shelved(tx: Transaction) -> bool:
    """Do its records say by themselves that it has ended for good? Of what may be completed they do not.

    Of what was in the same moment reversed, say, they do: it is the reversal's record that tells more.
    """
    if not tx.issuer_stan:  # a refusal
        return True
    return not tx.preauthorised and tx.hold is not OWED


def _is_needed(tx: Transaction, now: float) -> bool:
    """Is an issuer still to be told of it, or of what belongs together with it? Or is it a hold to be completed?"""
    if tx.original is None and not tx.preauthorised:
        return tx.owes
    return tx.owes or _awaits_completion(tx.head, now) or any(member.owes for member in tx.family())


def _awaits_completion(tx: Transaction, now: float) -> bool:
    """Is it a pre-authorization that is still held?"""
    held = tx.preauthorised and tx.hold is HELD and not tx.completions
    return held and now - tx.decided_at < PREAUTHORIZATION_S
