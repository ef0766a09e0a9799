"""The card-number map: which record belongs to a card number? Made for ten million of them, a lookup being one cache miss.

    >>> numbers = NumberMap(hash_key=bytes(16))
    >>> numbers.insert("4687380000000016", 7)
    >>> numbers.find("4687380000000016"), numbers.find("4687380000000024")
    (7, None)
    >>> numbers.delete("4687380000000016"), len(numbers)
    (7, 0)

A number of 12 to 19 digits is packed into 64 bits, all lengths one after the other: 000000000000 is 1, 999999999999 is
10¹², 0000000000000 is 10¹² + 1 and so on, up to 1.1 × 10¹⁹. Leading zeros count, and 0 is left for an empty slot.

The entries, 12 bytes each, stand in open-addressing tables with linear probing, the **segments**. The hash is keyed
(SipHash-1-3, as Python's own of bytes; the key comes in), so nobody can choose numbers that collide, and who runs under a
given key always sees the same order. Its low bits choose the segment by linear hashing (Litwin 1980), its high
32 bits the slot. Growth has two forms, and each touches one segment only: a segment that is three quarters full gets
a larger table, and with every 2048 entries one segment is dealt out to itself and a new one at the end. So no
insert waits for the whole map to be rehashed, and there are never two copies of it. A deletion moves later entries of
the run back into the gap: there are no tombstones, and a map that lives long is as fast as a new one. Tables do not shrink,
because a number that dies makes room for the next one.

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
