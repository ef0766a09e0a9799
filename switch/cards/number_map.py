"""The card-number map: which record belongs to a card number? Made for ten million of them.

    >>> numbers = NumberMap(hash_key=bytes(16))
    >>> numbers.insert("4687380000000016", 7)
    >>> numbers.find("4687380000000016"), numbers.find("4687380000000024")
    (7, None)
    >>> numbers.delete("4687380000000016"), len(numbers)
    (7, 0)

A number of 12 to 19 digits is packed into 64 bits, all lengths one after the other: 000000000000 is 1, 999999999999 is
10¹², 0000000000000 is 10¹² + 1 and so on, up to 1.1 × 10¹⁹. Leading zeros count, and 0 is left for an empty slot.

The entries, 12 bytes each, stand in **tables** of 64 KiB with linear probing. The hash is keyed (SipHash-1-3, as
Python's own of bytes; the key comes in), so nobody can choose numbers that collide, and who runs under a given key
always sees the same order. Its high 32 bits choose the slot, its low ones the table.

The map grows by one table at a time: linear hashing with two partial expansions (Larson 1980). Tables form **groups**
of two. In turn, each group is dealt out to three tables, then, in a second round, each to four; after that these count
as twice as many groups of two. So loads differ by no more than a half, the map takes 21 to 22 bytes an entry at every
size, nothing but one group is ever there twice, and an insert waits at most for that (14,000 entries, less than a
millisecond). Which of its tables a number is in follows from two bits of the hash, t, and whether eight others are
below two thirds:

    two tables    t mod 2
    three         2 if t is 2 or 3 and they are, else t mod 2
    four          t

A deletion moves later entries of the run back into the gap: there are no tombstones, and a map that lives long is as
fast as a new one. Tables do not go away, because a number that dies makes room for the next.

Most of a lookup is waiting for memory, a good part of it for the page tables. Native tables therefore stand in huge
pages (madvise(2), where the kernel has them), all but the first 32, so that a small map takes only what it touches.

What `find`, `find_in`, `find_many`, `delete` and `probes` are given and is no card number is simply not in the map.
"""

from typing import TYPE_CHECKING

from switch.cards._number_map_rules import ABSENT, KEY_BYTES
from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.cards._number_map_py import NumberMap
else:
    from switch.cards._number_map_c import NumberMap

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["ABSENT", "IMPLEMENTATION", "KEY_BYTES", "NumberMap"]
