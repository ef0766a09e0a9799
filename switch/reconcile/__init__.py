"""The verdict: do acquirers, switch and issuers tell the same story about every transaction?

    DATA/acquirer.jsonl      what the acquirers saw      ─┐
    DATA/switch/log ─▶ book  what the switch logged      ─┼─▶ cases ─▶ rules ─▶ verdict
    DATA/<issuer>/log        what the issuers booked     ─┘

`books` reads the three, `cases` brings together what they say about one transaction, `rules` are the sentences that
must hold of it, `verdict` counts and sums up. Only `books` touches the disk.

Theory of operation. Each side's record is durable before the next side can act on it: the issuer books before it
answers, the switch logs before it answers, and only then does the acquirer see anything. So the books are read from
the acquirers' end to the issuers', and whatever stands in one must stand in those read after it. In the other
direction a book read later may know more: how far each issuer's log reached before the others were read is noted, and
what came after that proves things but accuses nobody. So the verdict holds on a bench that runs, too.

The rules follow money. An approval that an acquirer saw and did not reverse is exactly one effect at the issuer, of
that amount; whatever was declined, or reversed and acknowledged, is none. A reversal that the switch still owes to an
issuer is in store and forward: reported as owed, and not held against anybody.

Transactions that no acquirer's book knows are compared between switch and issuers alone: a foreign client, which may
well share an institution and its terminals with the bench's own traffic, keeps no book here.
"""

import time
from pathlib import Path
from typing import Any

from switch.reconcile.books import read_books
from switch.reconcile.verdict import verdict_of


def reconcile(data: Path, now: float | None = None) -> dict[str, Any]:
    """Compare the books under the data directory `data`, as of `now` (seconds since the epoch; by default, now).

    The answer has the keys of `monetique reconcile --json`: verdict ("clean" or "violated"), acquirer, switch and
    issuer (counts), unanswered, double_effects, orphan_reversals (counts), disagreements (a list, see `verdict`).

    Raises:
        BooksError: there is no book here at all, or a line of one is unreadable.
        LogError: a log is damaged.
    """
    return verdict_of(read_books(data), time.time() if now is None else now)
