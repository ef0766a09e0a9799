"""The shelf: finished transactions as the records that the log has of them, to be found by their reference.

    >>> shelf = Shelf(places=2, room=1000, hash_key=bytes(16))
    >>> shelf.put("10000000001|000001|R00000000001|TERM0001|1", 0.0, b"intent", b"outcome")
    1
    >>> shelf.find("10000000001|000001|R00000000001|TERM0001|1"), shelf.find("another")
    ([1], ())
    >>> shelf.records(1)
    (b'intent', b'outcome')

Nearly every transaction that has ended is never asked for again, and the rest of them seldom: for a repeat or a
reversal. As a Python object it would take 1.3 kB, be walked over by the garbage collector again and again, and be built
anew, one by one, by every restart. Its state is the fold of its records, though, and those are at hand when it ends: so
they are all that is kept, and `switch.core.rebuild` makes the object from them when it is wanted.

The records stand in a **ring** of bytes, in the order in which their transactions ended, each with a **serial**: 1, 2,
3 … without a gap. Beside it stand 40 bytes an entry: the hash of its reference, when it ended, where its bytes are, and
how many serials back the next older entry of the same bucket is. A **bucket** holds the newest serial; its entries are
a chain from newer to older, which ends where a serial has been dropped already. So the oldest is dropped by moving on,
without a look at any chain, and adding one touches its own place and one bucket.

All is allocated at the start for as many `places` and bytes of `room` as there will ever be, and touched only as it is
used. The hash is SipHash-1-3 under a key that comes in, so nobody can choose references that collide, and who runs
under the same key sees the same order.
"""

from typing import TYPE_CHECKING

from switch.core._shelf_rules import KEY_BYTES
from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.core._shelf_py import Shelf
else:
    from switch.core._shelf_c import Shelf

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["IMPLEMENTATION", "KEY_BYTES", "Shelf"]
